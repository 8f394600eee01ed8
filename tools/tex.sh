#!/bin/sh
# The TeX that a test compiles explanations with: installed where that can be done without asking,
# on Debian as root; elsewhere the test is skipped, and this says how to have it.
command -v latex > /dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
  { apt-get update && apt-get install -y --no-install-recommends texlive-latex-base; } \
    > /dev/null 2>&1 && exit 0
fi
echo "no TeX, so one test is skipped: sudo apt-get install texlive-latex-base" >&2
