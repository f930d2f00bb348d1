#!/bin/sh
# Builds what users install, into build/dist: sdist, wheels, the C library's source archive, a list
# of what is in them (SBOM) and SHA256SUMS. As root, for debootstrap and chroot: each wheel is built
# by a Python of its version, in a minimal installation of the Debian or Ubuntu that has it.
#
# tools/dist.sh [version...]    of Pythons: 3.11 3.12 3.13 3.14 3.15, by default all of these
#
# Environment: CSOCK_CACHE   where minimal installations are kept (default ~/.cache/csock)
#
# From the last commit; what is changed and not committed is left out, and said. Status 77: this
# machine lacks something.
set -eu
cd "$(dirname "$0")/.."
top=$(pwd)
. tools/chroot.sh

chroot_own_mounts dist "$0" "$@"

versions=${*:-$chroot_pythons}
for v in $versions; do
    chroot_python_suite "$v" >/dev/null ||
        { echo "dist: no suite is known that has Python $v" >&2; exit 2; }
done
python=build/venv/bin/python
out=$top/build/dist
folder=$(mktemp -d /var/tmp/csock-dist.XXXXXX)
mkdir -p build
log=build/dist.log
: >"$log"

say() {
    echo "dist: $*"
}
stop() { # status, text
    tail -n 20 "$log" >&2
    say "$2 (all of it: $log; what was made stays in $folder)" >&2
    exit "$1"
}

sources() {
    git clone -q --no-hardlinks . "$folder/clone"
    [ -z "$(git status --porcelain)" ] || say "what is not committed is left out"
    version=$(sed -n "s/^  version: '\(.*\)',/\1/p" "$folder/clone/meson.build")
    say "csock $version, $(git log -1 --format='%h %s')"
    rm -rf "$out"
    mkdir -p "$out"
    "$python" -m build --sdist --outdir "$out" "$folder/clone" >>"$log" 2>&1 ||
        stop 1 "the sdist failed"
    # The C library alone: no Python is needed to build it but meson's.
    git -C "$folder/clone" archive --prefix="libcsock-$version/" --output="$folder/c.tar" HEAD -- \
        CHANGELOG.md LICENSE README.md core docs examples/c include meson.build \
        meson_options.txt tests/c tools/docs tools/install_hint.sh tools/strip_lto.sh
    xz -9 <"$folder/c.tar" >"$out/libcsock-$version.tar.xz"
}

wheels() { # suite, version...
    suite=$1
    shift
    root=$folder/$suite
    say "wheels on $suite: $*"
    chroot_minimal "$suite" "$root" >>"$log" 2>&1 || stop 77 "$suite could not be had"
    packages=
    for version; do
        packages="$packages python$version python$version-dev python$version-venv"
    done
    chroot_inside "$root" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
        --no-install-recommends $packages >>"$log" 2>&1 || stop 77 "$suite: apt-get failed"
    cp tools/dist/wheels.sh tools/requirements-wheels.txt "$out/"*.tar.gz "$root/srv/"
    chroot_inside "$root" sh -c 'sh /srv/wheels.sh /srv/csock-*.tar.gz /srv/out "$@"' sh "$@" ||
        { cat "$root/srv/wheels/log" >>"$log"; stop 1 "$suite: building failed"; }
    mv "$root/srv/out/"*.whl "$out/"
    chroot_end "$root"
}

tools/setup.sh dist
sources
for suite in $(chroot_python_suites $versions); do
    wheels "$suite" $(chroot_pythons_of "$suite" $versions)
done
"$python" tools/dist/sbom.py "$out"
(cd "$out" && sha256sum ./* | sed 's,\./,,' >"$folder/sums" && mv "$folder/sums" SHA256SUMS)
rm -rf --one-file-system "$folder"
ls -l "$out"
say "all of it is in $out"
