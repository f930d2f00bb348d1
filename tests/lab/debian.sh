#!/bin/sh
# csock on Pythons newer than this machine's: a Debian sid in a folder, with CPython 3.14 and 3.15
# and their own tests. Builds csock there for each, from a copy of this checkout as it is.
#
# sid.sh [part...]   conformance: tests/conformance/run.py for each Python (suites: $SUITES)
#                    py: csock's own tests
#                    by default conformance
#
# As root, for debootstrap and chroot. Environment:
#   CSOCK_SID   the folder (default build/sid); what is there is used again
#   PYTHONS     versions (default "3.14 3.15"), as Debian sid has them
#   SUITES      of tests/conformance/suites.toml (default: all)
#
# The status is 0 if all went well for each Python, 1 if not, 77 if this machine lacks something.
set -eu
cd "$(dirname "$0")/../.."
top=$(pwd)

folder=${CSOCK_SID:-build/sid}
versions=${PYTHONS:-3.14 3.15}
parts=${*:-conformance}

[ "$(id -u)" = 0 ] || { echo "sid: needs root, for chroot" >&2; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
command -v debootstrap >/dev/null || apt-get install -y -q debootstrap >/dev/null ||
    { echo "sid: no debootstrap" >&2; exit 77; }

[ -n "${CSOCK_OWN_MOUNTS:-}" ] ||
    CSOCK_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"

. tools/chroot.sh
mkdir -p "$folder"
root=$(cd "$folder" && pwd)/root

say() {
    echo "sid: $*"
}
stop() { # text, log
    tail -n 20 "$2" >&2
    say "$1 (all of it: $2)" >&2
    exit 77
}

if [ ! -e "$root/complete" ]; then
    say "debootstrap into $root"
    rm -rf --one-file-system "$root"
    chroot_debootstrap sid "$root" ca-certificates \
        >"$folder/debootstrap.log" 2>&1 || stop "debootstrap failed" "$folder/debootstrap.log"
    touch "$root/complete"
fi
chroot_mounts "$root"
chroot_settings "$root"

packages="gcc libc6-dev pkg-config netbase make git iproute2 procps openssl"
for version in $versions; do
    packages="$packages python$version python$version-dev python$version-venv
        libpython$version-testsuite"
done
if [ "$(cat "$root/packages" 2>/dev/null)" != "$packages" ]; then
    say "installing $(echo $packages)"
    # Snapshots of sid, which mirrors may serve, outlive the date in their lists.
    {
        chroot_inside "$root" update-ca-certificates &&
            chroot_inside "$root" apt-get -q -o Acquire::Check-Valid-Until=false update &&
            chroot_inside "$root" env DEBIAN_FRONTEND=noninteractive \
                apt-get -q -y install --no-install-recommends $packages
    } >"$folder/apt.log" 2>&1 || stop "apt-get failed" "$folder/apt.log"
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
    chroot_inside "$root" sh -euc "cd /srv/csock-$1; export PYTHON=python$1; $2"
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

# With warnings as errors, and the C tests built, too.
own_tests() { # version
    in_copy "$1" "tools/setup.sh test; build/venv/bin/python tools/run_tests.py c py"
}

status=0
for version in $versions; do
    copy "$version"
    for part in $parts; do
        say "python$version: $part"
        case $part in
            conformance) conformance "$version" || status=1 ;;
            py) own_tests "$version" || status=1 ;;
            *) echo "sid: no such part: $part" >&2; exit 2 ;;
        esac
    done
done
[ $status = 0 ] && say "all went well" || say "FAILED"
exit $status
