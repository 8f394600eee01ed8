#!/bin/sh
# The browser that tests open pages in: installed where that can be done without asking, on Debian
# as root; elsewhere those tests are skipped, and this says how to have it.
command -v chromium > /dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
  { apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } \
    > /dev/null 2>&1 && exit 0
fi
echo "no Chromium, so the tests of pages are skipped: sudo apt-get install chromium" >&2
