#!/bin/sh
# csock on a CPython without a GIL: builds one from the source of Debian's python3.13, and a second
# one under ThreadSanitizer, then csock for each, from this checkout as it is.
#
# free-threaded.sh [part...]   py: csock's own tests
#                              tsan: threads on shared sockets, all of it under ThreadSanitizer
#                              conformance: test_socket and others, stock against csock ($SUITES)
#                              bench: what one thread and two do, and single calls
#                              by default py, tsan, conformance, bench
#
# Environment:
#   CSOCK_FREE_THREADED   the folder (default build/free-threaded); what is there is used again
#   SUITES                of tests/conformance/suites.toml (default test_socket and kin)
#   JOBS                  compilers at once (default: one for each processor)
#
# Needs apt-get for the source (no root), and gcc; the part tsan needs clang and its runtime. The
# status is 0 if all went well, 1 if not, 77 if this machine lacks something.
set -eu
cd "$(dirname "$0")/../.."
top=$(pwd)

mkdir -p "${CSOCK_FREE_THREADED:-build/free-threaded}"
folder=$(cd "${CSOCK_FREE_THREADED:-build/free-threaded}" && pwd)
parts=${*:-py tsan conformance bench}
clang=${CLANG:-clang-14}
jobs=${JOBS:-$(nproc)}

. tools/chroot.sh # for the mirror's name

say() {
    echo "free-threaded: $*"
}
stop() { # text, log
    tail -n 20 "$2" >&2
    say "$1 (all of it: $2)" >&2
    exit 77
}

# ------------------------------------------------------------------- the Pythons

# With lists and settings of its own: the machine's apt sources stay as they are.
fetch_source() {
    [ ! -e "$folder/source/complete" ] || return 0
    say "fetching the source of python3.13"
    rm -rf "$folder/source"
    mkdir -p "$folder/source/lists/partial" "$folder/source/parts"
    cat >"$folder/source/parts/trixie.sources" <<END
Types: deb-src
URIs: $(chroot_mirror)
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
    apt="apt-get -q -o Dir::Etc::SourceList=/dev/null -o Acquire::Check-Valid-Until=false
        -o Dir::Etc::SourceParts=$folder/source/parts -o Dir::State::Lists=$folder/source/lists
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
    (cd "$folder/source" && $apt update && $apt source --download-only python3.13) \
        >"$folder/fetch.log" 2>&1 || stop "apt-get source failed" "$folder/fetch.log"
    touch "$folder/source/complete"
}

# CPython's own tree, without Debian's changes: those are about where Debian puts things.
build_python() { # way, configure's arguments...
    way=$1
    shift
    [ ! -e "$folder/$way/complete" ] || return 0
    fetch_source
    say "building CPython ($way)"
    rm -rf "$folder/$way" "$folder/build-$way"
    mkdir -p "$folder/build-$way"
    {
        tar -xf "$folder"/source/python3.13_*.orig.tar.?z -C "$folder/build-$way" \
            --strip-components=1 &&
            (cd "$folder/build-$way" &&
                ./configure -q --disable-gil --prefix="$folder/$way" --with-ensurepip=no "$@" &&
                make -s -j "$jobs" &&
                make -s install COMPILEALL_OPTS="-q -x .")
    } >"$folder/build-$way.log" 2>&1 || stop "CPython ($way) failed" "$folder/build-$way.log"
    rm -rf "$folder/build-$way"
    touch "$folder/$way/complete"
}

plain_python() {
    build_python plain
    venv=$folder/venv
    wanted=$(cat tools/requirements.txt; grep -E '^(pytest|hypothesis)' tools/requirements-test.txt)
    [ "$(cat "$venv/wanted" 2>/dev/null)" != "$wanted" ] || return 0
    say "making $venv"
    {
        rm -rf "$venv" && "$folder/plain/bin/python3.13t" -m venv "$venv" &&
            "$venv/bin/python" -m pip install --disable-pip-version-check $wanted
    } >"$folder/venv.log" 2>&1 || stop "no virtual environment" "$folder/venv.log"
    echo "$wanted" >"$venv/wanted"
}

# clang's, because gcc's knows no fences. Its symbols are the executable's, not a library's.
tsan_python() {
    command -v "$clang" >/dev/null || {
        say "no $clang; apt-get install clang-14 libclang-rt-14-dev llvm-14" >&2
        exit 77
    }
    # The build runs what it has built, and finds races of its own there.
    TSAN_OPTIONS="exitcode=0 report_bugs=0" CC=$clang build_python tsan --with-thread-sanitizer
}
