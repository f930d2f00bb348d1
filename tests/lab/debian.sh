#!/bin/sh
# csock on another Debian, or an Ubuntu, in a folder: with its compiler, its C library and its
# Python, on this machine's kernel. From a copy of this checkout as it is; another run there goes on
# with what is installed and built.
#
# debian.sh SUITE[/ARCH] [part...]   SUITE bookworm, trixie, sid or noble; ARCH one that this
#                                    machine runs, such as i386
# A part is                conformance: tests/conformance/run.py (suites: $SUITES)
#                          any of tools/run_tests.py: lint c py …
#                          by default conformance
#
# As root, for debootstrap and chroot. Environment:
#   CSOCK_DEBIAN   the folder (default build/debian/SUITE[-ARCH]); what is there is used again
#   PYTHONS        versions (default: those that the suite has)
#   SUITES         of tests/conformance/suites.toml (default: all)
#   FILES          files of Python tests, for py (default: all)
#   FRESH          if set, nothing of an earlier run is used
#   CSOCK_ROOT     for other-machine.sh: a root that is made and mounted already
#
# Leaves conformance-VERSION and tests-VERSION.json, run_tests.py's counts, in the folder. The
# status is 0 if all went well for each Python, 1 if not, 77 if this machine lacks something.
set -eu
cd "$(dirname "$0")/../.."

where=${1:?SUITE[/ARCH], such as sid}
shift
suite=${where%/*} arch=${where#"$suite"} arch=${arch#/}
parts=${*:-conformance}

. tools/chroot.sh
versions=$(chroot_pythons_of "$suite" $chroot_pythons)
[ -n "$versions" ] || { echo "debian: no such suite: $suite" >&2; exit 2; }
versions=${PYTHONS:-$versions}
chroot_own_mounts debian "$0" "$where" $parts
folder=${CSOCK_DEBIAN:-build/debian/$suite${arch:+-$arch}}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
root=${CSOCK_ROOT:-$folder/root}

say() {
    echo "$where: $*"
}
stop() { # text, log
    tail -n 20 "$2" >&2
    say "$1 (all of it: $2)" >&2
    exit 77
}

if [ -n "${CSOCK_ROOT:-}" ]; then
    :
elif [ ! -e "$root/complete" ] || [ -n "${FRESH:-}" ]; then
    say "a new $suite in $root"
    rm -rf --one-file-system "$root"
    { chroot_unpacked "$suite" "$root" "$arch" && chroot_begin "$root"; } \
        >"$folder/debootstrap.log" 2>&1 || stop "it could not be had" "$folder/debootstrap.log"
    touch "$root/complete"
else
    chroot_mounts "$root"
    chroot_settings "$root"
fi

# What tells a program, and pip, that it is a 32-bit machine where the kernel has 64 bits.
personality=
[ "$arch" != i386 ] || personality="setarch i686"

packages="gcc libc6-dev pkg-config netbase make git iproute2 procps openssl"
for version in $versions; do
    packages="$packages python$version python$version-dev python$version-venv"
    case " $parts " in *" conformance "*) packages="$packages libpython$version-testsuite" ;; esac
done
if [ "$(cat "$root/packages" 2>/dev/null)" != "$packages" ]; then
    say "installing $(echo $packages)"
    chroot_inside "$root" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y install --no-install-recommends $packages >"$folder/apt.log" 2>&1 ||
        stop "apt-get failed" "$folder/apt.log"
    echo "$packages" >"$root/packages"
fi

# A copy for each Python, with what is changed and not yet committed; what was built there stays.
copy() { # version
    mkdir -p "$root/srv/csock-$1"
    (cd "$root/srv/csock-$1" && find . -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +)
    git ls-files -z --cached --others --exclude-standard |
        tar --null -T - --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C "$root/srv/csock-$1"
}

in_copy() { # version, command of the shell
    chroot_inside "$root" $personality sh -euc "cd /srv/csock-$1
        export PYTHON=python$1 CSOCK_EMULATED='${CSOCK_EMULATED:-}' FILES='${FILES:-}'; $2"
}

conformance() { # version
    in_copy "$1" "tools/setup.sh demo; tests/lab/build_for.sh build/venv build/release
        build/venv/bin/python tests/conformance/run.py --python /usr/bin/python$1 \
            --site build/release/site --out build/conformance --suites '${SUITES:-}'" && went=0 ||
        went=$?
    rm -rf "$folder/conformance-$1"
    cp -r "$root/srv/csock-$1/build/conformance" "$folder/conformance-$1" 2>/dev/null || :
    return $went
}

# With warnings as errors.
own_tests() { # version, suites
    rm -f "$folder/tests-$1.json" "$root/srv/csock-$1/build/tests.json"
    in_copy "$1" "tools/setup.sh test
        build/venv/bin/python tools/run_tests.py --json build/tests.json $2" && went=0 || went=$?
    cp "$root/srv/csock-$1/build/tests.json" "$folder/tests-$1.json" || went=1
    return $went
}

status=0
own=
for part in $parts; do
    [ "$part" = conformance ] || own="$own $part"
done
for version in $versions; do
    copy "$version"
    case " $parts " in
        *" conformance "*)
            say "python$version: conformance"
            conformance "$version" || status=1 ;;
    esac
    if [ -n "$own" ]; then
        say "python$version:$own"
        own_tests "$version" "$own" || status=1
    fi
done
[ $status = 0 ] && say "all went well" || say "FAILED"
exit $status
