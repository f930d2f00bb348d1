#!/bin/sh
# Builds csock as users get it for the Python of a virtual environment that has meson and ninja.
#
# build_for.sh VENV FOLDER: leaves FOLDER/site.
set -eu
cd "$(dirname "$0")/../.."
venv=$(cd "$1" && pwd) # ninja runs meson again from elsewhere, with this PATH
mkdir -p "$2"
folder=$(cd "$2" && pwd)
PATH=$venv/bin:$PATH # for ninja

build() {
    [ -f "$folder/build/build.ninja" ] || "$venv/bin/meson" setup "$folder/build" \
        -Dextension=enabled -Dtests=disabled --prefix="$folder/prefix" \
        -Dpython.platlibdir="$folder/site" -Dpython.purelibdir="$folder/site" || return 1
    "$venv/bin/meson" compile -C "$folder/build" &&
        "$venv/bin/meson" install -C "$folder/build" --no-rebuild --quiet
}
build >"$folder/build.log" 2>&1 || {
    tail -n 20 "$folder/build.log" >&2
    exit 1
}
