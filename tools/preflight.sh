#!/bin/sh
# What a build needs, looked for before anything is made: in one line what is missing, and the one
# command that brings it.
#     tools/preflight.sh PYTHON
python=$1

if [ "$(uname)" = Darwin ]; then
  bring="xcode-select --install; brew install python"
elif command -v dnf > /dev/null; then
  bring="sudo dnf install python3 python3-devel gcc-c++ make"
else
  bring="sudo apt-get install python3 python3-venv python3-dev g++ make"
fi

missing() {
  echo "chainrule can't be built: $1; try: ${2:-$bring}" >&2
  exit 1
}

command -v "$python" > /dev/null || missing "there is no '$python'"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') ||
  missing "'$python' does not run"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  missing "Python must be 3.11 or newer, got $version" "make PYTHON=python3.11, or a newer one"
"$python" -c 'import ensurepip, venv' 2> /dev/null ||
  missing "Python $version has no venv (with pip)"
"$python" -c 'import os, sysconfig as s, sys
sys.exit(not os.path.exists(os.path.join(s.get_path("include"), "Python.h")))' ||
  missing "Python $version has no headers (Python.h)"

# The compiler that CMake will take: the one of CXX, or the first of these.
compiler=${CXX:-}
for name in c++ g++ clang++; do
  [ -n "$compiler" ] || ! command -v $name > /dev/null || compiler=$name
done
[ -n "$compiler" ] || missing "there is no C++ compiler"
scratch=$(mktemp -d) || missing "there is no room for a temporary file" "free some space"
trap 'rm -rf "$scratch"' EXIT
echo '#include <atomic>
int main() { std::atomic<int> one{1}; one.wait(0); }' > "$scratch/line.cpp"
# CXX may hold a launcher or flags, so it is split into words
$compiler -std=c++20 "$scratch/line.cpp" -o "$scratch/line" 2> /dev/null && "$scratch/line" ||
  missing "'$compiler' does not compile C++20 (g++ 11, clang 14 or newer)${CXX:+, as CXX says}"

room=$(df -Pk . | awk 'NR == 2 {print $4}')
[ "$room" -ge 1500000 ] || missing "1.5 GB of disk are needed, $((room / 1000)) MB are free" "free some space"
