#!/bin/sh
# csock in a guest: Debian's own kernel, emulated by qemu, with the address families that few
# machines load. Its root is this machine's, read-only under a layer in memory, so that the guest
# has the same programs at the same paths.
#
# run.sh [part...]      families: tests/lab/guest/test_*.py, data through each family
#                       socket: CPython's test_socket on stock and on csock
#                       shell: a shell on the guest's console (ends with `exit`)
#                       by default families and socket
#
# Needs root for nothing but apt, when something is missing. Environment:
#   PYTHON         the Python to test with (default /usr/bin/python3, then python3): one with
#                  headers and, for `socket`, CPython's tests (Debian: libpython3.X-testsuite)
#   CSOCK_GUEST    the folder for the kernel, csock and results (default build/guest)
#   GUEST_ROOT     another root than /, such as that of tests/lab/debian.sh, with its own copy of
#   GUEST_TOP      this checkout at that path in it, and a built csock; see debian.sh
#   GUEST_LIMIT    seconds for all of it (default 1500)
#
# The status is the guest's: 0, 1 if a test failed, 2 if the guest did not reach its end; 77 if
# this machine lacks something.
set -eu
cd "$(dirname "$0")/../../.."
top=$(pwd)
here=$top/tests/lab/guest
folder=${CSOCK_GUEST:-build/guest}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
root=${GUEST_ROOT:-/}
limit=${GUEST_LIMIT:-1500}
packages="qemu-system-x86 busybox-static cpio kmod xz-utils"

say() {
    echo "guest: $*"
}
lacks() {
    echo "guest: $*" >&2
    exit 77
}

[ "$(uname -m)" = x86_64 ] || lacks "made for x86-64 alone"
command -v apt-get >/dev/null || lacks "no apt-get here, which fetches the kernel"
missing=$(for package in $packages; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        printf '%s ' "$package"
done)
if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] || lacks "missing packages; as root: apt-get install $missing"
    say "installing $missing"
    # shellcheck disable=SC2086 # a list
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends $missing >"$folder/apt.log" 2>&1 ||
        { tail "$folder/apt.log" >&2; lacks "apt-get failed"; }
fi

"$here/fetch.sh" "$folder"
version=$(ls "$folder/kernel/lib/modules")

# --------------------------------------------------------------- what to test

if [ "$root" = / ]; then
    python=${PYTHON:-/usr/bin/python3}
    [ -x "$(command -v "$python")" ] || lacks "no $python"
    name=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
    venv=$folder/venv-$name
    if [ ! -x "$venv/bin/pytest" ]; then
        say "making $venv"
        { "$python" -m venv "$venv" && "$venv/bin/python" -m pip install \
            --disable-pip-version-check meson ninja pytest; } >"$folder/venv.log" 2>&1 ||
            { tail "$folder/venv.log" >&2; lacks "no environment for $python"; }
    fi
    say "building csock for $name"
    tests/lab/build_for.sh "$venv" "$folder/csock-$name" || exit 1
    guest_top=$top
    site=$folder/csock-$name/site
else
    guest_top=${GUEST_TOP:?the path of csock inside GUEST_ROOT}
    venv=$guest_top/build/venv
    site=$guest_top/build/release/site
fi

# ----------------------------------------------------------------- the guest

out=$folder/out
rm -rf "$out"
mkdir "$out"
printf '%s\n' "top=$guest_top" "venv=$venv" "site=$site" "parts='${*:-families socket}'" \
    "limit=$((limit - 60))" >"$out/job"

share() { # tag, path, more
    printf '%s\n' -fsdev "local,id=$1,path=$2,security_model=none,multidevs=remap$3" \
        -device "virtio-9p-pci,fsdev=$1,mount_tag=$1"
}

console=stdio
[ "${1:-}" = shell ] || console=file:$out/console
say "booting $version"
set -f
IFS='
'
# shellcheck disable=SC2046 # one word a line
set -- $(share root "$root" ,readonly=on) \
    $(share kernel "$folder/kernel/lib/modules" ,readonly=on) \
    $(share bluez "$folder/bluez" ,readonly=on) $(share out "$out" "")
unset IFS
start=$(date +%s)
emulate() {
    timeout --foreground --kill-after=10 "$limit" qemu-system-x86_64 \
        -accel tcg,thread=multi -cpu max -smp 2 -m "${GUEST_MEMORY:-1536}" \
        -nodefaults -no-reboot -nographic -serial "$console" \
        -kernel "$folder/kernel/boot/vmlinuz-$version" -initrd "$folder/initramfs.gz" \
        -append "console=ttyS0 quiet panic=-1 random.trust_cpu=on" "$@"
}
if [ "$console" = stdio ]; then
    emulate "$@"
    exit 0
fi
emulate "$@" >"$folder/qemu.log" 2>&1 &
qemu=$!
trap 'kill $qemu 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM
# What the guest says, as it says it, up to its end.
touch "$out/console"
tail -n +1 -f --pid=$qemu "$out/console" | sed -u 's|\r||' &
wait $qemu || :
trap - EXIT
sleep 1 # for the last lines
say "$(($(date +%s) - start)) s; logs in $out"
status=$(tr -d '\r' <"$out/console" | sed -n 's/^==== end of the guest: \([0-9]*\) ====$/\1/p')
[ -n "$status" ] || {
    cat "$folder/qemu.log" >&2
    echo "guest: it did not reach its end within $limit s" >&2
    exit 2
}
exit "$status"
