#!/bin/sh
# Fetches what the guest is made of, once, and installs none of it: Debian's kernel with its
# modules, and btvirt, which plays two Bluetooth adapters. Then makes the guest's first file system.
#
# fetch.sh FOLDER: leaves kernel/, bluez/ and initramfs.gz there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
# In the order of need: what the disk of the guest, a folder of this machine, takes.
first="virtio_pci 9pnet_virtio 9p overlay"

unpack() { # package, into
    rm -rf "$2" "$folder/debs"
    mkdir -p "$folder/debs" "$2"
    (cd "$folder/debs" && apt-get -q download "$1") >"$folder/fetch.log" 2>&1 || {
        cat "$folder/fetch.log" >&2
        echo "guest: cannot download $1 (apt-get update may help)" >&2
        exit 1
    }
    dpkg-deb -x "$folder"/debs/*.deb "$2"
    rm -rf "$folder/debs"
}

if [ ! -e "$folder/kernel/complete" ]; then
    image=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p')
    [ -n "$image" ] || { echo "guest: apt knows no linux-image-amd64" >&2; exit 1; }
    echo "guest: fetching $image"
    unpack "$image" "$folder/kernel"
    [ -d "$folder/kernel/lib" ] || ln -s usr/lib "$folder/kernel/lib"
    # Loaded by busybox, which need not know how they are compressed.
    find "$folder/kernel/" -name '*.ko.xz' -exec xz -d {} +
    depmod -b "$folder/kernel" "$(ls "$folder/kernel/lib/modules")"
    touch "$folder/kernel/complete"
    rm -f "$folder/initramfs.gz"
fi
[ -x "$folder/bluez/usr/bin/btvirt" ] || unpack bluez-test-tools "$folder/bluez"

[ ! "$folder/initramfs.gz" -nt "$here/init" ] || exit 0
version=$(ls "$folder/kernel/lib/modules")
modules=$folder/kernel/lib/modules/$version
made=$folder/initramfs
rm -rf "$made"
mkdir -p "$made/bin" "$made/modules" "$made/dev" "$made/proc" "$made/sys"
cp "$(command -v busybox)" "$made/bin/busybox"
cp "$here/init" "$made/init"
chmod 755 "$made/init"
# A module's line in modules.dep names what it needs, the last to be loaded first.
for name in $first; do
    sed -n "s|^\([^:]*/$name\.ko\): *\(.*\)|\2 \1|p" "$modules/modules.dep" |
        tr ' ' '\n' | sed /^$/d |
        awk '{ line[NR] = $0 }
            END { for (i = NR - 1; i > 0; i--) print line[i]; print line[NR] }'
done | awk '!seen[$0]++' >"$made/order.paths"
while read -r path; do
    cp "$modules/$path" "$made/modules/"
done <"$made/order.paths"
sed 's|.*/||' "$made/order.paths" >"$made/order"
rm "$made/order.paths"
(cd "$made" && find . | cpio --quiet -o -H newc) | gzip -1 >"$folder/initramfs.gz"
rm -rf "$made"
