#!/bin/sh
# What tests the core, under the sanitizers of the compiler: addresses and undefined behaviour, then
# threads. Needs an environment that `make test` has made, and GCC or Clang on Linux.
#     tools/sanitize.sh [address|thread]
set -eu
python=$PWD/.venv/bin/python
compiler=${CXX:-g++}

run() {
  kind=$1 flags=$2 library=$3
  place=$PWD/build/sanitize/$kind
  mkdir -p "$place"
  # -O1: what is instrumented, and not what the optimiser leaves of it
  export CXX="$compiler" CXXFLAGS="$flags -O1 -g -fno-omit-frame-pointer"
  "$python" -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps \
    --upgrade --target "$place/site" -Cbuild-dir="$place/cmake" \
    -Ccmake.define.CMAKE_CXX_FLAGS_RELEASE= -Cinstall.strip=false .
  # an environment that imports this build, and everything else from the usual one
  "$python" -m venv --without-pip "$place/venv"
  packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  own=$("$place/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  printf '%s\n%s\n' "$place/site" "$packages" > "$own/sanitize.pth"
  echo "tests under the $kind sanitizer"
  # CPython keeps memory to its end, so leaks are not looked for; OpenBLAS is not instrumented;
  # without -R the thread sanitizer does not find room on kernels that scatter addresses widely
  # and the address sanitizer finds no exceptions where Python loads the C++ library later; and
  # a test of how much memory is needed would count what they note of each byte
  env LD_PRELOAD="$($compiler -print-file-name="$library") $($compiler -print-file-name=libstdc++.so)" \
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    TSAN_OPTIONS=halt_on_error=1 OPENBLAS_NUM_THREADS=1 \
    setarch "$(uname -m)" -R "$place/venv/bin/python" -m pytest -q -n 2 --dist worksteal \
    -p no:cacheprovider -m "not exhaustive" \
    --deselect tests/training/test_sparse.py::test_much_less_memory_than_a_dense_array \
    tests/engine tests/training tests/distributed/test_pieces.py \
    tests/tables/test_one_row.py tests/tables/test_encoding.py
}

# Of undefined behaviour, all but what would be asked at each load and store of a kernel, whose
# unrolled tiles would take half an hour to compile; the address sanitizer looks at these.
undefined=bounds,integer-divide-by-zero,shift,signed-integer-overflow,float-cast-overflow,return
undefined=$undefined,unreachable,bool,enum

case ${1:-both} in
  address | both) run address "-fsanitize=address,$undefined -fno-sanitize-recover=all" libasan.so ;;
esac
case ${1:-both} in
  thread | both) run thread "-fsanitize=thread" libtsan.so ;;
esac
