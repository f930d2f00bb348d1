#!/bin/sh
# Runs the lines of docs/start.md's "Installing" as they are printed, on a fresh machine, as root:
# the Python package answers, the C library builds and runs the program there. For check_fresh.sh:
# it installs packages, and the library into /usr/local.
set -eu
cd "$(dirname "$0")/.."

# The nth block after the heading, without sudo, which a minimal machine does not have; nobody is
# there to be asked.
lines() { # n
    sed -n '/^## Installing/,/^## Ten lines/p' docs/start.md |
        awk -v n="$1" '/^```/ { fence++; next } fence == 2 * n - 1' |
        sed -e 's/sudo //g' -e 's/apt-get install/apt-get install -q -y/'
}

# The program of a language.
block() { # language
    awk -v head='```'"$1" '$0 == head { inside = 1; next } /^```/ { inside = 0 } inside' \
        docs/start.md
}

export DEBIAN_FRONTEND=noninteractive
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
for n in 1 2; do
    script=$(lines $n)
    [ -n "$script" ]
    echo "$script" | sed 's/^/    $ /'
    sh -euc "$script" >"$folder/log" 2>&1 || { tail -n 30 "$folder/log"; exit 1; }
done

env/bin/python -c 'import csock; a, b = csock.socketpair(); print(a.send(b"abc"))' | grep -qx 3
block c >"$folder/hello.c"
command=$(sed -n 's/^cc hello.c/cc hello.c/p' docs/start.md)
(cd "$folder" && sh -euc "$command" && ./hello) | grep -qx 'Received Hello, world'
echo "installing: both by the lines of docs/start.md, and both work"
