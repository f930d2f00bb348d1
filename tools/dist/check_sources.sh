#!/bin/sh
# Builds and installs the sdist, or the C library's archive, as their users do; tries it, takes it
# away again and looks for what is left. In a chroot of tools/check_dist.sh's that has a compiler,
# as root; the first line that fails ends it.
#
# check_sources.sh sdist FILE | library FILE
set -eu
kind=$1 file=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$here/$kind
mkdir -p "$work"
cd "$work"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

fail() {
    echo "check: $*" >&2
    exit 1
}

# Where a library might be; Python compiles files of its own for itself.
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \
        -o -path "$here" \) -prune -o ! -name '*.pyc' ! -name __pycache__ ! -path "$HOME/.cache*" \
        -print
}

sdist() {
    python3 -m venv env
    find env | sort >before
    env/bin/pip install -q "$file"
    env/bin/csock --version
    env/bin/python -m csock "$here/check_wheel.py" tls
    env/bin/python -m csock "$here/check_wheel.py" http
    env/bin/pip uninstall -q -y csock
    find env | sort >after
    # pip itself has imported more of itself than before.
    diff before after | grep '^[<>]' | grep -v __pycache__ && fail "not as it was before"
    ! grep -q csock after || fail "something of csock is left"
}

# The program in docs/start.md.
program() {
    awk '$0 == "```c" { inside = 1; next } /^```/ { inside = 0 } inside' source/docs/start.md
}

library() {
    mkdir source
    tar -C source --strip-components=1 -xf "$file"
    files | sort >before
    meson setup build source --libdir=lib
    meson install -C build
    ldconfig
    [ -e /usr/local/share/man/man3/csock_recv.3 ] || fail "no manual pages"
    program >hello.c
    sh -euc "$(sed -n 's/^cc hello.c/cc hello.c/p' source/docs/start.md)"
    ./hello >said
    cat said
    printf 'Received Hello, world\ntimed out\n' | cmp - said
    cc hello.c $(pkg-config --cflags csock) -Wl,-Bstatic -lcsock -Wl,-Bdynamic -pthread -o static
    ninja -C build uninstall
    ldconfig
    ./static >said # it has the library in it
    printf 'Received Hello, world\ntimed out\n' | cmp - said
    files | sort >after
    diff before after || fail "not as it was before"
}

"$kind"
echo "check: $kind is fine"
