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
#   FILES                 files of Python tests, for py and tsan
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
    off=$(echo ${MODULES_OFF:-})
    [ ! -e "$folder/$way/complete" ] || [ "$(cat "$folder/$way/complete")" != "$off" ] || return 0
    fetch_source
    say "building CPython ($way)"
    rm -rf "$folder/$way" "$folder/build-$way"
    mkdir -p "$folder/build-$way"
    {
        tar -xf "$folder"/source/python3.13_*.orig.tar.?z -C "$folder/build-$way" \
            --strip-components=1 &&
            (cd "$folder/build-$way" &&
                if [ -n "$off" ]; then
                    printf '*disabled*\n%s\n' "$off" >Modules/Setup.local
                fi &&
                ./configure -q --disable-gil --prefix="$folder/$way" --with-ensurepip=no "$@" &&
                make -s -j "$jobs" &&
                make -s install PYTHON_FOR_BUILD=:) # without compiling each module
    } >"$folder/build-$way.log" 2>&1 || stop "CPython ($way) failed" "$folder/build-$way.log"
    rm -rf "$folder/build-$way"
    echo "$off" >"$folder/$way/complete"
}

plain_python() {
    build_python plain
    venv=$folder/venv
    wanted=$(grep -hE '^(build|meson|ninja|pytest|hypothesis)' tools/requirements*.txt)
    [ "$(cat "$venv/wanted" 2>/dev/null)" != "$wanted" ] || return 0
    say "making $venv"
    {
        rm -rf "$venv" && "$folder/plain/bin/python3.13t" -m venv "$venv" &&
            "$venv/bin/python" -m pip install --disable-pip-version-check \
            --only-binary :all: $wanted
    } >"$folder/venv.log" 2>&1 || stop "no virtual environment" "$folder/venv.log"
    echo "$wanted" >"$venv/wanted"
}

# clang's, because gcc's knows no fences. Its symbols are the executable's, not a library's.
tsan_python() {
    command -v "$clang" >/dev/null || {
        say "no $clang; apt-get install clang-14 libclang-rt-14-dev llvm-14" >&2
        exit 77
    }
    # The build runs what it has built, and finds races of its own there. Modules that the tests of
    # sockets do not import are left out: this takes long enough.
    unused="_decimal _sqlite3 _hashlib _curses _curses_panel _tkinter _dbm _gdbm readline
        _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _multibytecodec
        _interpreters _interpchannels _interpqueues _lsprof _zoneinfo pyexpat _elementtree _bz2
        _lzma"
    TSAN_OPTIONS="exitcode=0 report_bugs=0" CC=$clang OPT="-O1 -DNDEBUG -g1" MODULES_OFF=$unused \
        build_python tsan --with-thread-sanitizer --disable-test-modules
}

# ------------------------------------------------------------------- csock for them

# meson runs in the plain Python for both: what it asks about a Python is the same for both.
build_csock() { # way, environment and options...
    way=$1
    shift
    say "building csock ($way)"
    site=$folder/csock-$way/site
    {
        [ -f "$folder/csock-$way/build/build.ninja" ] ||
            env PATH="$venv/bin:$PATH" "$@" "$venv/bin/python" -m mesonbuild.mesonmain setup \
                "$folder/csock-$way/build" -Dextension=enabled -Dtests=disabled -Dwerror=true \
                --prefix="$folder/csock-$way/prefix" --libdir=lib \
                -Dpython.platlibdir="$site" -Dpython.purelibdir="$site" $options
        env PATH="$venv/bin:$PATH" "$venv/bin/python" -m mesonbuild.mesonmain install \
            -C "$folder/csock-$way/build" --quiet
    } >"$folder/csock-$way.log" 2>&1 || {
        tail -n 20 "$folder/csock-$way.log" >&2
        say "csock ($way) failed (all of it: $folder/csock-$way.log)" >&2
        exit 1
    }
    ls "$site"/csock/_core.cpython-313t-*.so >/dev/null
}

plain_csock() {
    plain_python
    options=--buildtype=release build_csock plain CC=gcc
}

tsan_csock() {
    plain_python
    tsan_python
    options="--buildtype=debug -Doptimization=1 -Db_sanitize=thread -Db_lundef=false" \
        build_csock tsan CC="$clang"
}

# What needs another Python's version or a GIL skips itself.
py() {
    plain_csock
    PYTHON_GIL=0 PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" tools/run_tests.py \
        --json "$folder/tests.json" --built "$folder/csock-plain" py
}

# Without the spreading of addresses, which that runtime of clang's does not always bear. A race is
# a report in a file of its own, whichever process found it, and no exit status is lost.
tsan() {
    tsan_csock
    rm -rf "$folder/races"
    mkdir "$folder/races"
    went=0
    options="suppressions=$top/tests/lab/free-threaded.supp:log_path=$folder/races/race"
    for file in ${FILES:-tests/py/test_free_threaded.py tests/py/test_streams.py
        tests/py/test_shortcuts.py tests/py/test_waiting.py tests/py/test_spurious_readiness.py
        tests/py/test_blocking_mode.py tests/py/test_closing.py tests/py/test_closing_signals.py
        tests/py/test_closing_programs.py tests/py/test_reader_threads.py
        tests/py/test_tls_threads.py tests/py/test_tls_closing.py}; do
        echo "--- $file (ThreadSanitizer)"
        PYTHON_GIL=0 PYTHONPATH=$site:$venv/lib/python3.13t/site-packages \
            PYTHONDONTWRITEBYTECODE=1 TSAN_OPTIONS="$options:exitcode=0:history_size=4" \
            CSOCK_TSAN=1 timeout --kill-after=10 900 setarch "$(uname -m)" -R \
            "$folder/tsan/bin/python3.13t" -m pytest -q --no-header -rfE \
            "$file" || went=1
    done
    count=$(cat "$folder"/races/* 2>/dev/null | grep -c '^WARNING: ThreadSanitizer' || :)
    say "reports of ThreadSanitizer: $count ($folder/races)"
    cat "$folder"/races/* 2>/dev/null | grep '^SUMMARY' | sort | uniq -c || :
    [ "$went" = 0 ] && [ "$count" = 0 ]
}

conformance() {
    plain_csock
    PYTHON_GIL=0 "$venv/bin/python" tests/conformance/run.py \
        --python "$folder/plain/bin/python3.13t" --site "$site" \
        --out "$folder/conformance" --env=PYTHON_GIL=0 \
        --suites "${SUITES:-test_socket,test_timeout,test_socketserver}"
}

bench() {
    plain_csock
    PYTHON_GIL=0 PYTHONPATH=$site BENCH_BUILD=$folder/bench "$venv/bin/python" bench/table.py \
        --only "${ROWS:-4,5,8,21}" --rounds "${ROUNDS:-15}"
}

status=0
for part in $parts; do
    say "$part"
    case $part in
        py | tsan | conformance | bench) $part || status=1 ;;
        build) plain_csock && tsan_csock || status=1 ;;
        *) echo "free-threaded: no such part: $part" >&2; exit 2 ;;
    esac
done
[ $status = 0 ] && say "all went well" || say "FAILED"
exit $status
