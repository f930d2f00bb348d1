#!/bin/sh
# After `meson install` of a build by LTO: takes GCC's intermediate code out of the static library.
# Only the version of GCC that wrote it can read it, and any other refuses to link. The machine code
# stays, for all.
# $1: strip(1); $2: the folder of the library
root=${MESON_INSTALL_DESTDIR_PREFIX%"$MESON_INSTALL_PREFIX"}
exec "$1" --wildcard --remove-section='.gnu.lto_*' --remove-section='.gnu.debuglto_*' \
    --strip-symbol=__gnu_lto_v1 "$root$2/libcsock.a"
