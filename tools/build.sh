#!/bin/sh
# Builds csock in one of the house's ways, into build/<way>:
#
#   release    as users get it: for the demo and the benchmarks
#   plain      with debug information, warnings as errors, and the C tests
#   py-plain   the extension without any reach into CPython's insides, as an unknown CPython has it;
#              and without counters
#   asan       the same as plain under AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan       core and C tests under ThreadSanitizer
#   clang      the same as plain, by clang
#   coverage   core and C tests, counting lines for gcov
#   fuzz       the fuzz targets, core and extension by clang, for libFuzzer and both sanitizers
#
# The Python package then stands in build/<way>/site, the C library in build/<way>/prefix. Needs
# tools/setup.sh to have run. No network.
set -eu
cd "$(dirname "$0")/.."

way=${1:?release, plain, py-plain, asan, tsan, clang, coverage or fuzz}
dir=build/$way
top=$(pwd)
log=build/build-$way.log
PATH=$top/build/venv/bin:$PATH # for ninja

meson() {
    build/venv/bin/python -m mesonbuild.mesonmain "$@"
}

case $way in
    release) options="--buildtype=release -Dextension=enabled -Dtests=disabled" ;;
    plain) options="--buildtype=debugoptimized -Dextension=enabled -Dtests=enabled" ;;
    py-plain) options="--buildtype=debugoptimized -Dextension=enabled -Dtests=disabled
        -Dplain_python=true -Dstats=false" ;;
    asan) options="--buildtype=debug -Doptimization=1 -Dextension=enabled -Dtests=enabled
        -Db_sanitize=address,undefined -Db_lundef=false"
        export CFLAGS="-fno-sanitize-recover=undefined -fno-omit-frame-pointer" ;;
    tsan) options="--buildtype=debug -Doptimization=1 -Dextension=disabled -Dtests=enabled
        -Db_sanitize=thread -Db_lundef=false" ;;
    clang) options="--buildtype=debugoptimized -Dextension=enabled -Dtests=enabled"
        export CC=clang ;;
    coverage) options="--buildtype=debug -Doptimization=0 -Dextension=disabled -Dtests=enabled
        -Db_coverage=true" ;;
    fuzz) options="--buildtype=debug -Doptimization=1 -Dextension=enabled -Dtests=disabled
        -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true"
        CC=$(tools/fuzz_clang.sh) || { echo "build: no clang with libFuzzer here" >&2; exit 1; }
        # Methods are called through the one type that CPython's tables have.
        export CC CFLAGS="-fno-sanitize-recover=undefined -fno-sanitize=function
            -fno-omit-frame-pointer" ;;
    *) echo "build: no such way: $way" >&2; exit 2 ;;
esac

build() {
    # For another Python than before all is built anew: ninja would go on with the old one.
    cmp -s build/venv/csock-python $dir/csock-python || rm -rf $dir
    [ -f $dir/build.ninja ] || meson setup $dir $options -Dwerror=true \
        --prefix="$top/$dir/prefix" --libdir=lib \
        -Dpython.platlibdir="$top/$dir/site" -Dpython.purelibdir="$top/$dir/site" || return 1
    cp build/venv/csock-python $dir/ || return 1
    meson compile -C $dir && meson install -C $dir --no-rebuild --quiet
}

echo "build: $way"
build >$log 2>&1 || {
    grep -E -A5 'error|ERROR|FAILED' $log >&2 || tail -n 30 $log >&2
    echo "build: $way failed (all of it: $log)" >&2
    exit 1
}
