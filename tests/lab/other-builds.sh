#!/bin/sh
# The C library with another C library or another word size: built, and its C tests run. musl, m32
# (32-bit x86), m32-clang; all of them without an argument.
#
# Needs musl-tools, gcc-multilib and clang (apt), and Debian's source of cmocka, which it fetches
# with apt and compiles. All of it goes into build/other-builds, and another run there keeps what
# was fetched. WAY/tests.json in that folder is what tools/run_tests.py says of it.
#
# Exit status 77: this machine lacks something that the script does not install.
set -eu
cd "$(dirname "$0")/../.."
top=$(pwd)
folder=$top/build/other-builds
PATH=$top/build/venv/bin:$PATH # for ninja
mkdir -p "$folder"

missing() {
    echo "other-builds: no $1; apt-get install $2" >&2
    exit 77
}

# Sources stand beside packages in the mirrors that this machine uses, if not in its lists.
fetch_cmocka() {
    [ -e "$folder/cmocka/src/cmocka.c" ] && return
    echo "other-builds: fetching the source of cmocka"
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n 's/^deb /deb-src /p' >"$folder/apt/own.list"
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed 's/^Types:.*/Types: deb-src/' >"$folder/apt/own.sources"
    mkdir -p "$folder/apt/parts"
    cp "$folder/apt/own.list" "$folder/apt/own.sources" "$folder/apt/parts"
    options="-o Dir::Etc::sourcelist=- -o Dir::Etc::sourceparts=$folder/apt/parts
        -o Dir::State::lists=$folder/apt/lists -o Dir::Cache=$folder/apt -o APT::Sandbox::User="
    (
        cd "$folder/apt"
        apt-get $options update && apt-get $options source cmocka
    ) >"$folder/apt.log" 2>&1 || { tail -n 5 "$folder/apt.log" >&2; exit 77; }
    rm -rf "$folder/cmocka"
    mv "$folder"/apt/cmocka-*/ "$folder/cmocka"
}

# cmocka WAY COMMAND...: a static library and its .pc in WAY/cmocka, by that compiler.
cmocka() {
    to=$folder/$1/cmocka
    shift
    fetch_cmocka
    mkdir -p "$to"
    : >"$to/config.h"
    have="ASSERT_H INTTYPES_H SETJMP_H SIGNAL_H STDINT_H STRINGS_H STRING_H SYS_STAT_H SYS_TYPES_H
        TIME_H UNISTD_H STRUCT_TIMESPEC SIGLONGJMP SETJMP SIGNAL STRSIGNAL SNPRINTF VSNPRINTF
        CLOCK_GETTIME CLOCK_REALTIME GCC_THREAD_LOCAL_STORAGE MALLOC_H"
    for what in $have; do
        echo "#define HAVE_$what 1" >>"$to/config.h"
    done
    "$@" -w -O2 -D_GNU_SOURCE -DHAVE_CONFIG_H -I"$to" -I"$folder/cmocka/include" \
        -c "$folder/cmocka/src/cmocka.c" -o "$to/cmocka.o"
    rm -f "$to/libcmocka.a"
    ar rcs "$to/libcmocka.a" "$to/cmocka.o"
    cat >"$to/cmocka.pc" <<EOF
Name: cmocka
Description: as built here
Version: 1.1.5
Libs: -L$to -lcmocka
Cflags: -I$folder/cmocka/include
EOF
}

# build WAY COMMAND: by meson, with COMMAND as the compiler, and the tests.
build() {
    way=$1
    export CC="$2"
    echo "other-builds: $way"
    [ -f "$folder/$way/build/build.ninja" ] || build/venv/bin/python -m mesonbuild.mesonmain setup \
        "$folder/$way/build" --buildtype=debugoptimized -Dwerror=true -Dextension=disabled \
        -Dtests=enabled >"$folder/$way.log" 2>&1 || { tail -n 20 "$folder/$way.log"; exit 1; }
    ninja -C "$folder/$way/build" >"$folder/$way.log" 2>&1 || {
        grep -E -A5 'error|FAILED' "$folder/$way.log" | head -n 60
        exit 1
    }
    build/venv/bin/python tools/run_tests.py --json "$folder/$way/tests.json" \
        --built "$folder/$way/build" c || status=1
}

# The kernel's headers, which musl-gcc does not look for where the other C library has them.
kernel_headers() {
    mkdir -p "$1"
    ln -sfn /usr/include/linux "$1/linux"
    ln -sfn /usr/include/asm-generic "$1/asm-generic"
    ln -sfn "/usr/include/$(gcc -print-multiarch)/asm" "$1/asm"
}

run() {
    unset CFLAGS PKG_CONFIG_LIBDIR
    mkdir -p "$folder/$1"
    case $1 in
    musl)
        command -v musl-gcc >/dev/null || missing musl-gcc musl-tools
        cmocka musl musl-gcc
        kernel_headers "$folder/musl/headers"
        export CFLAGS="-isystem $folder/musl/headers"
        ;;
    m32 | m32-clang)
        echo 'int main(void) { return 0; }' |
            gcc -m32 -x c -o "$folder/$1/probe" - 2>/dev/null || missing "32-bit libc" gcc-multilib
        cmocka "$1" gcc -m32
        ;;
    esac
    case $1 in *clang) command -v clang >/dev/null || missing clang clang ;; esac
    export PKG_CONFIG_LIBDIR="$folder/$1/cmocka"
    case $1 in
    musl) build musl musl-gcc ;;
    m32) build m32 "gcc -m32" ;;
    m32-clang) build m32-clang "clang -m32" ;;
    *) echo "other-builds: no such build: $1" >&2; exit 2 ;;
    esac
}

status=0
for way in ${*:-musl m32 m32-clang}; do
    run "$way"
done
exit $status
