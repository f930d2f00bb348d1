#!/bin/sh
# Tries what `make dist` has put into build/dist, as users get it: each file in a minimal Debian or
# Ubuntu of its own, wheels where there is no compiler. As root, for debootstrap and chroot.
#
# tools/check_dist.sh [version...]    the wheels of these Pythons, by default of all
#
#   SHA256SUMS            names every file, and each is what it says
#   wheels                auditwheel agrees with the name; tools/dist/check_wheel.sh
#   wheels for aarch64    the same under qemu-user, of versions that a Debian for arm64 has
#   sdist, C archive      tools/dist/check_sources.sh, in the one Debian of these with a compiler
#
# Environment:
#   CSOCK_DIST    the files (default build/dist)
#   CSOCK_CACHE   where minimal installations are kept (default ~/.cache/csock)
#
# A line for each file ends it, for what could not be tried, too. The status is 1 if something
# failed, 77 if nothing could be tried. While wheels for aarch64 are tried, the kernel starts
# programs of that machine by qemu (binfmt_misc), if it does not do so already.
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)
. tools/chroot.sh

chroot_own_mounts check-dist "$0" "$@"

dist=$(realpath -m "${CSOCK_DIST:-build/dist}")
[ -e "$dist/SHA256SUMS" ] || { echo "check-dist: nothing in $dist; make dist" >&2; exit 1; }
versions=${*:-$chroot_pythons}
folder=$(mktemp -d /var/tmp/csock-check.XXXXXX)
mkdir -p build
log=build/check-dist.log
: >"$log"
: >"$folder/results"
rm -f build/check-dist.passed
format= # what binfmt_misc was told
emulate=all # the first emulated wheel has CPython's tests run on it, which take minutes then

say() {
    echo "check-dist: $*"
}
result() { # file, words
    echo "$1: $2" >>"$folder/results"
    say "$1: $2"
}
failed() { # file, what went wrong
    tail -n 25 "$log" >&2
    result "$1" "FAILED: $2 (all of it: $log)"
}
binfmt_end() {
    [ -z "$format" ] || echo -1 >"/proc/sys/fs/binfmt_misc/$format"
    format=
}
trap binfmt_end EXIT
trap 'exit 1' HUP INT TERM

# ------------------------------------------------------------ without installing

sums() {
    (cd "$dist" && sha256sum -c --quiet SHA256SUMS) >>"$log" 2>&1 || {
        failed SHA256SUMS "a sum is another"
        return
    }
    for file in "$dist"/*; do
        case ${file##*/} in SHA256SUMS) continue ;; esac
        grep -q "  ${file##*/}\$" "$dist/SHA256SUMS" || {
            failed SHA256SUMS "${file##*/} is not in it"
            return
        }
    done
    result SHA256SUMS "well"
}

# Whether auditwheel finds that it runs wherever its name says, and code has its frame pointers.
audited() { # wheel
    name=${1##*/}
    tag=${name##*-}
    build/venv/bin/python -m auditwheel show "$1" >"$folder/audit" 2>&1
    cat "$folder/audit" >>"$log"
    tr '\n' ' ' <"$folder/audit" | grep -q "platform tag: \"${tag%.whl}\"" || return 1
    case $tag in *_x86_64.whl) ;; *) return 0 ;; esac
    rm -rf "$folder/unpacked"
    mkdir "$folder/unpacked"
    build/venv/bin/python -m zipfile -e "$1" "$folder/unpacked"
    build/venv/bin/python tools/frames.py "$folder/unpacked"/csock/*.so >>"$log" 2>&1
}

# -------------------------------------------------------------------- wheels

# What is copied to where a file is tried: nothing of the sources.
bring() { # root, file
    mkdir -p "$1/srv/check"
    cp -r tools/dist/check_wheel.sh tools/dist/check_wheel.py tools/dist/check_sources.sh \
        tests/conformance "$2" "$1/srv/check/"
}

packages_for() { # version...
    echo netbase iproute2 openssl procps
    for version; do
        echo "python$version python$version-venv libpython$version-testsuite"
    done
}

wheel_in() { # root, wheel, version, patience, all or short, words
    name=${2##*/}
    rm -rf "$1/srv/check"
    bring "$1" "$2"
    say "$name"
    chroot_inside "$1" sh /srv/check/check_wheel.sh "/srv/check/$name" "$3" "$4" "$5" \
        >"$folder/said" 2>&1 && went=0 || went=$?
    cat "$folder/said" >>"$log"
    if [ $went = 0 ]; then
        result "$name" "well, $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' "$1/etc/os-release")$6"
    else
        failed "$name" "$(tail -n 1 "$folder/said")"
    fi
}

wheels_of() { # version, machine
    short=$(echo "$1" | tr -d .)
    find "$dist" -name "csock-*-cp$short-*_$2.whl" | sort
}

# The machine that the wheels of a suite are tried on.
native() { # suite, version...
    suite=$1
    shift
    root=$folder/$suite
    say "a fresh $suite: Python $*"
    chroot_minimal "$suite" "$root" >>"$log" 2>&1 &&
        chroot_inside "$root" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
            --no-install-recommends $(packages_for "$@") >>"$log" 2>&1 || return 77
    for version; do
        for wheel in $(wheels_of "$version" x86_64); do
            wheel_in "$root" "$wheel" "$version" 1 all ""
        done
    done
    chroot_end "$root" || say "$root could not be taken away"
}

# Sets `qemu`; the kernel is told of it, unless it knows already.
emulator() {
    qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || {
        apt-get install -y -q --no-install-recommends qemu-user-static >>"$log" 2>&1 || :
        qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || return 77
    }
    files=/proc/sys/fs/binfmt_misc
    [ -e $files/register ] || mount -t binfmt_misc binfmt_misc $files 2>>"$log" || return 77
    for known in $files/*aarch64*; do
        ! grep -qs '^flags: .*F' "$known" || return 0
    done
    magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":csock-aarch64-$$:M::$magic:$mask:$qemu:F" >$files/register 2>>"$log" ||
        return 77
    format=csock-aarch64-$$
}

emulated() { # suite, version...
    suite=$1
    shift
    root=$folder/$suite-arm64
    say "a $suite for arm64, under qemu: Python $*"
    chroot_foreign "$suite" arm64 "$root" "$(packages_for "$@" | tr -s ' \n' ,)" >>"$log" 2>&1 ||
        return 77
    for version; do
        for wheel in $(wheels_of "$version" aarch64); do
            words=" for arm64, emulated"
            [ $emulate = all ] || words="$words, without test_socket"
            wheel_in "$root" "$wheel" "$version" 10 $emulate "$words"
            emulate=short
        done
    done
    chroot_end "$root" || say "$root could not be taken away"
}

# ------------------------------------------------------------------- sources

sources() {
    suite=$(chroot_python_suite "${versions%% *}")
    root=$folder/$suite-sources
    say "a fresh $suite with a compiler"
    chroot_minimal "$suite" "$root" >>"$log" 2>&1 &&
        chroot_inside "$root" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
            --no-install-recommends gcc libc6-dev python3-dev python3-venv meson pkg-config \
            xz-utils openssl netbase >>"$log" 2>&1 || return 77
    for kind in sdist library; do
        case $kind in
            sdist) file=$(echo "$dist"/*.tar.gz) ;;
            *) file=$(echo "$dist"/*.tar.xz) ;;
        esac
        bring "$root" "$file"
        say "${file##*/}"
        chroot_inside "$root" sh /srv/check/check_sources.sh $kind "/srv/check/${file##*/}" \
            >"$folder/said" 2>&1 && went=0 || went=$?
        cat "$folder/said" >>"$log"
        [ $went = 0 ] && result "${file##*/}" "well, $suite" ||
            failed "${file##*/}" "$(tail -n 1 "$folder/said")"
    done
    chroot_end "$root" || say "$root could not be taken away"
}

# ---------------------------------------------------------------- all of it

left_out() { # suite, machine, why
    for v in $(chroot_pythons_of "$1" $versions); do
        for wheel in $(wheels_of "$v" "$2"); do
            result "${wheel##*/}" "left out: $3"
        done
    done
}

tools/setup.sh dist
suites=$(chroot_python_suites $versions)
sums
for v in $versions; do
    wheels=$(wheels_of "$v" '*')
    [ -n "$wheels" ] || result "Python $v" "FAILED: there is no wheel for it"
    for wheel in $wheels; do
        audited "$wheel" || failed "${wheel##*/}" "auditwheel or frame pointers"
    done
done
for suite in $suites; do
    native "$suite" $(chroot_pythons_of "$suite" $versions) ||
        left_out "$suite" x86_64 "no $suite to be had"
done
sources || for file in "$dist"/*.tar.*; do result "${file##*/}" "left out: no mirror"; done
for suite in $suites; do
    some=$(for v in $(chroot_pythons_of "$suite" $versions); do wheels_of "$v" aarch64; done)
    [ -n "$some" ] || continue
    emulator || { left_out "$suite" aarch64 "no qemu-user, or no binfmt_misc"; continue; }
    emulated "$suite" $(chroot_pythons_of "$suite" $versions) ||
        left_out "$suite" aarch64 "no $suite for arm64"
done
binfmt_end

say "all of it:"
sed 's/^/    /' "$folder/results"
if grep -q ': FAILED' "$folder/results"; then
    say "FAILED; what there is of it stays in $folder" >&2
    exit 1
fi
grep -q ': well' "$folder/results" || exit 77
# For tools/release_check.py: these files, and no others, have all been tried.
[ $# != 0 ] || grep -q ': left out' "$folder/results" ||
    cp "$dist/SHA256SUMS" build/check-dist.passed
rm -rf --one-file-system "$folder"
