#!/bin/sh
# Holds the C library's interface against the stored one: what it means is in docs/abi.md. Functions
# and types (tests/abi/libcsock.abi) by libabigail, of a library with debug information; numbers of
# errors, flags and limits (tests/abi/numbers.txt), which are in headers alone, by the compiler.
#
# tools/abi.sh [--same] [LIBRARY [HEADERS]]
#                         by default build/plain's; says what has changed, and ends with status 1 if
#                         that is more than additions; --same: or additions
# tools/abi.sh --store    stores that of build/plain: for a release, or with a new soname
#
# Status 77: this machine lacks libabigail, or is another than the stored interface's.
set -eu
cd "$(dirname "$0")/.."

stored=tests/abi/libcsock.abi
stored_numbers=tests/abi/numbers.txt
library=build/plain/core/libcsock.so
headers=build/plain/prefix/include
command -v abidiff >/dev/null || { echo "abi: no abidiff here (apt: abigail-tools)" >&2; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo "abi: the stored interface is that of x86_64" >&2; exit 77; }

numbers() { # folder
    "${PYTHON:-python3}" tools/abi_numbers.py "$1"
}
broken() {
    echo "abi: not as promised: docs/abi.md" >&2
    exit 1
}

if [ "${1:-}" = --store ]; then
    numbers $headers >$stored_numbers
    abidw --headers-dir include --drop-private-types --no-show-locs --no-corpus-path \
        --no-comp-dir-path --out-file "$stored" "$(readlink -f $library)"
    exit
fi
additions=--no-added-syms differ='^<'
[ "${1:-}" != --same ] || { additions='' differ='^[<>]'; shift; }
now=$(numbers "${2:-$headers}") || broken
! echo "$now" | diff $stored_numbers - | grep "$differ" || broken
# shellcheck disable=SC2086
abidiff $additions "$stored" "$(readlink -f "${1:-$library}")" || broken
