#!/bin/sh
# Holds the C library's interface against the stored one, tests/abi/libcsock.abi: what it means is
# in docs/abi.md. By libabigail, of a library with debug information.
#
# tools/abi.sh [--same] [LIBRARY]   by default build/plain's; says what has changed, and ends with
#                                   status 1 if that is more than additions; --same: or additions
# tools/abi.sh --store              stores that of build/plain: for a release, or with a new soname
#
# Status 77: this machine lacks libabigail, or is another than the stored interface's.
set -eu
cd "$(dirname "$0")/.."

stored=tests/abi/libcsock.abi
library=build/plain/core/libcsock.so
command -v abidiff >/dev/null || { echo "abi: no abidiff here (apt: abigail-tools)" >&2; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo "abi: the stored interface is that of x86_64" >&2; exit 77; }

if [ "${1:-}" = --store ]; then
    abidw --headers-dir include --drop-private-types --no-show-locs --no-corpus-path \
        --no-comp-dir-path --out-file "$stored" "$(readlink -f $library)"
    exit
fi
additions=--no-added-syms
[ "${1:-}" != --same ] || { additions=; shift; }
# shellcheck disable=SC2086
abidiff $additions "$stored" "$(readlink -f "${1:-$library}")" ||
    { echo "abi: not as promised: docs/abi.md" >&2; exit 1; }
