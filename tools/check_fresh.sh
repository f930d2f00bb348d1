#!/bin/sh
# Runs `make demo` and `make test` on a machine as fresh as it gets: a minimal Debian 12 with
# nothing but git and make besides the base, and a clone of this checkout's last commit. As root.
#
# tools/check_fresh.sh [folder]    by default one under /var/tmp; removed when both went well
#
# Packages come from where this machine gets its own: /etc/apt is read for the mirror and for
# settings, pip's configuration likewise.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)

. "$top/tools/chroot.sh"
root=${1:-/var/tmp/csock-fresh.$$}

[ "$(id -u)" = 0 ] || { echo "check-fresh: needs root, for chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || apt-get install -y -q debootstrap

# Mounts of this script are its own, and go when it ends.
[ -n "${CSOCK_OWN_MOUNTS:-}" ] ||
    CSOCK_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"

say() {
    echo "check-fresh: $*"
}

trap '[ $? = 0 ] || say "FAILED; what there is of it stays in $root"' EXIT
say "debootstrap into $root"
debootstrap --variant=minbase --include=git,make bookworm "$root" "$(chroot_mirror)" \
    >"$root.log" 2>&1 || { tail "$root.log" >&2; exit 1; }

chroot_mounts "$root"
chroot_settings "$root"

say "cloning $(git -C "$top" log -1 --format=%h)"
git clone -q --no-hardlinks "$top" "$root/srv/csock"
for target in demo test; do
    say "make $target"
    chroot_inside "$root" make -C /srv/csock $target
done
umount -R "$root"
rm -rf --one-file-system "$root" "$root.log"
say "both went well"
