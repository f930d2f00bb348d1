#!/bin/sh
# csock on a machine with another processor, emulated in user mode by qemu: its Debian 12 with its
# Python, and system calls that this kernel makes. aarch64, or s390x, which is big-endian.
#
# other-machine.sh MACHINE [suite...]   of tools/run_tests.py; by default c and py
#
# As root, for debootstrap and chroot; needs debootstrap and qemu-user-static (apt). All of it goes
# into build/other-machine/MACHINE, and another run there goes on with what is there: the first one
# takes half an hour. The compilers are Debian's cross compilers, which run as they are; all else is
# emulated.
#
# The kernel starts the emulator for that machine's programs, by an entry of binfmt_misc(5) in a
# user namespace of this script's own (Linux 6.7 and newer): this machine itself stays as it is.
# Consequently root inside has no rights over this machine's network, and tests that need them skip.
# What the emulator does not do, and what is not run for that, is in tests/lab/emulated.tsv.
#
# tests.json there has the counts, and why what is skipped is. Status 77: this machine lacks
# something.
set -eu
cd "$(dirname "$0")/../.."

machine=${1:?aarch64 or s390x}
case $machine in
    aarch64) arch=arm64 ;;
    s390x) arch=s390x ;;
    *) echo "other-machine: no such machine: $machine" >&2; exit 2 ;;
esac
suite=bookworm

say() {
    echo "$machine: $*"
}
lacks() {
    say "$*" >&2
    exit 77
}

folder=build/other-machine/$machine
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
root=$folder/root
log=$folder/debootstrap.log
. tools/chroot.sh

# ------------------------------------------------------------- as the real root

chroot_own_mounts "$machine" "$0" "$@"
command -v "qemu-$machine-static" >/dev/null ||
    lacks "no qemu-$machine-static; apt-get install qemu-user-static"

# Programs of that machine cannot run yet: debootstrap only unpacks.
unpack() {
    rm -rf --one-file-system "$root"
    chroot_debootstrap "$suite" "$root" git,make,ca-certificates --foreign "--arch=$arch" || return
    [ ! -L "$root/proc" ] || rm "$root/proc" # debootstrap's way of running in containers
    mkdir -p "$root/proc" "$root/mnt"
    touch "$root/unpacked"
}

# Runs a command as root of a user namespace, with all users in it. Its maps are for somebody
# outside to write, who has the right to.
in_user_namespace() { # command...
    fifo=$folder/mapped
    rm -f "$fifo"
    mkfifo "$fifo"
    unshare --user --mount --propagation private \
        sh -euc 'read -r _ <"$0"; exec "$@"' "$fifo" "$@" &
    process=$!
    trap 'kill $process 2>/dev/null || :' EXIT
    trap 'exit 1' HUP INT TERM
    outside=$(readlink /proc/self/ns/user)
    while [ "$(readlink "/proc/$process/ns/user")" = "$outside" ]; do sleep 0.1; done
    for map in uid_map gid_map; do
        echo "0 0 4294967295" >"/proc/$process/$map"
    done
    echo >"$fifo"
    went=0
    wait $process || went=$?
    trap - EXIT
    return $went
}

if [ -z "${CSOCK_EMULATED:-}" ]; then
    if [ ! -e "$root/unpacked" ]; then
        say "fetching Debian's $suite into $root"
        unpack >"$log" 2>&1 || { tail -n 5 "$log" >&2; lacks "it could not be had"; }
    fi
    chroot_mounts "$root"
    chroot_settings "$root"
    went=0
    CSOCK_EMULATED=$machine in_user_namespace "$0" "$@" || went=$?
    exit $went
fi

# ------------------------------------------------------------- in the namespace

mount -t binfmt_misc none /proc/sys/fs/binfmt_misc ||
    lacks "no binfmt_misc in user namespaces here: needs Linux 6.7"
# Its flag F: the interpreter is opened now, and need not be there in the other root.
cat "/usr/lib/binfmt.d/qemu-$machine.conf" >/proc/sys/fs/binfmt_misc/register
# Its own, for pivot_root(2): those that came with the namespace are not to be moved.
mount --rbind "$root" "$root"

own=$(dpkg --print-architecture)

# Devices are there already: "lxc" is what keeps debootstrap from making some.
install_base() {
    [ ! -d "$root/debootstrap" ] ||
        chroot_inside "$root" env container=lxc /debootstrap/debootstrap --second-stage || return
    # Those of Debian with this machine's own: update-ca-certificates(8) would take minutes there.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    chroot_inside "$root" sh -euc '
        echo "deb $2 $3 main" >/etc/apt/sources.list
        dpkg --add-architecture "$1"
        apt-get -q update' sh "$own" "$(chroot_mirror)" "$suite" || return
    install_compilers
}

# Compilers that run as they are, and compile for that machine. In a folder of their own: their
# names are those of that machine's. apt will not install them, as what comes with them counts as
# that machine's; the libraries that they need it does, beside that machine's.
install_compilers() {
    chroot_inside "$root" sh -euc 'prefix=$1-linux-gnu arch=$2 own=$3 libraries=$4
        export DEBIAN_FRONTEND=noninteractive
        apt-get -q -y install --no-install-recommends libc6-dev \
            "libbinutils:$own" "libgmp10:$own" "libisl23:$own" "libjansson4:$own" \
            "libmpc3:$own" "libmpfr6:$own" "libstdc++6:$own" "libzstd1:$own" "zlib1g:$own"
        mkdir -p /opt/cross/packages
        cd /opt/cross/packages
        apt-get -q download "gcc-12-$prefix:$own" "g++-12-$prefix:$own" "cpp-12-$prefix:$own" \
            "binutils-$prefix:$own" "libgcc-12-dev-$arch-cross" "libstdc++-12-dev-$arch-cross" \
            "libstdc++6-$arch-cross"
        for package in *.deb; do
            dpkg -x "$package" /opt/cross
        done
        cp -a "/opt/cross/usr/lib/$libraries/." "/usr/lib/$libraries"
        for name in gcc g++; do
            ln -sfn "/opt/cross/usr/bin/$prefix-$name-12" "/usr/local/bin/$name"
        done
        ln -sfn gcc /usr/local/bin/cc
        ln -sfn g++ /usr/local/bin/c++
        echo "int main(void) { return 0; }" | cc -x c -o /tmp/a.out -
        /tmp/a.out' sh "$machine" "$arch" "$own" "$(gcc -print-multiarch)"
}

if [ ! -e "$root/complete" ]; then
    say "installing it under the emulator"
    install_base >>"$log" 2>&1 || { tail -n 5 "$log" >&2; lacks "debootstrap failed (log: $log)"; }
    touch "$root/complete"
fi
shift
went=0
CSOCK_ROOT=$root CSOCK_DEBIAN=$folder tests/lab/debian.sh "$suite" ${*:-c py} || went=$?
mv "$folder"/tests-*.json "$folder/tests.json" 2>/dev/null || :
exit $went
