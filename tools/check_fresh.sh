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

root=${1:-/var/tmp/csock-fresh.$$}

[ "$(id -u)" = 0 ] || { echo "check-fresh: needs root, for chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || apt-get install -y -q debootstrap

# The first mirror of Debian itself that apt uses here: one-line files and deb822 files.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\/debian\/\?\) .*/\2/p'
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -n 's/^URIs: *\([^ ]*\/debian\/\?\)\( .*\)\?$/\1/p'
    echo http://deb.debian.org/debian
}

# Mounts of this script are its own, and go when it ends.
[ -n "${CSOCK_OWN_MOUNTS:-}" ] ||
    CSOCK_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"

say() {
    echo "check-fresh: $*"
}

trap '[ $? = 0 ] || say "FAILED; what there is of it stays in $root"' EXIT
say "debootstrap into $root"
debootstrap --variant=minbase --include=git,make bookworm "$root" "$(mirror | head -n 1)" \
    >"$root.log" 2>&1 || { tail "$root.log" >&2; exit 1; }

mount --bind "$root" "$root"
mount --bind /dev "$root/dev"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t sysfs sysfs "$root/sys"

# How this machine reaches its mirrors: apt's settings without its sources, pip's settings, and the
# certificates that it trusts besides Debian's own (update-ca-certificates(8) takes them up).
cp /etc/resolv.conf "$root/etc/resolv.conf"
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/* /etc/apt/auth.conf /etc/apt/auth.conf.d/*; do
    case ${file##*/} in docker-*) continue ;; esac # settings of its own container, no mirror
    [ ! -f "$file" ] || install -D -m 644 "$file" "$root$file"
done
for file in /etc/pip.conf /usr/local/share/ca-certificates/*.crt; do
    [ ! -f "$file" ] || install -D -m 644 "$file" "$root$file"
done

# With the folder as its root, not merely chroot(2): that one denies user namespaces. What is left
# running ends with the command.
inside() {
    unshare --mount --pid --fork --kill-child sh -euc '
        root=$1; shift
        mount -t proc proc "$root/proc"
        cd "$root"
        pivot_root . mnt
        cd /
        umount -l /mnt
        exec env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' sh "$root" "$@"
}

say "cloning $(git -C "$top" log -1 --format=%h)"
git clone -q --no-hardlinks "$top" "$root/srv/csock"
for target in demo test; do
    say "make $target"
    inside make -C /srv/csock $target
done
umount -R "$root"
rm -rf --one-file-system "$root" "$root.log"
say "both went well"
