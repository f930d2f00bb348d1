#!/bin/sh
# After `meson install`: the dynamic linker finds a library in a new place of its search path only
# when its cache has been written again. Says so, and changes nothing. ldconfig(8)
# $1: the folder of the library
libdir=$1
[ -z "${DESTDIR:-}" ] || exit 0 # a package is being made: its tools do that
PATH=$PATH:/sbin:/usr/sbin
if ldconfig -N -X -v 2>/dev/null | grep -q "^$libdir:"; then
    echo "csock: run 'ldconfig' as root once, so that programs find libcsock.so in $libdir"
else
    echo "csock: $libdir is not searched for libraries: set LD_LIBRARY_PATH=$libdir for programs" \
         "that use libcsock.so, and PKG_CONFIG_PATH=$libdir/pkgconfig to build them"
fi
