#!/bin/sh
# Prints the clang that links libFuzzer and both sanitizers: $CLANG if it is set, else plain clang,
# else the newest there is. Status 1, without a word: there is none.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'int LLVMFuzzerTestOneInput(const void *p, unsigned long n) { return p && n ? 0 : 0; }' \
    >"$folder/empty.c"

links() { # compiler
    command -v "$1" >/dev/null && "$1" -fsanitize=fuzzer,address,undefined -o "$folder/empty" \
        "$folder/empty.c" 2>/dev/null
}

newest_first() {
    ls /usr/bin/clang-[0-9]* 2>/dev/null | grep -E 'clang-[0-9]+$' | sort -t- -k2nr || :
}

for clang in ${CLANG:-clang $(newest_first)}; do
    if links "$clang"; then
        echo "$clang"
        exit 0
    fi
done
exit 1
