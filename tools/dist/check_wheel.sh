#!/bin/sh
# Installs a wheel where there is no compiler, tries it, takes it away again and looks for what is
# left. In a chroot of tools/check_dist.sh's, as root; the first line that fails ends it.
#
# check_wheel.sh WHEEL VERSION PATIENCE all     VERSION of the Python, e.g. 3.14; limits of time
#                                               PATIENCE times as long (on an emulated machine)
# check_wheel.sh WHEEL VERSION PATIENCE short   without CPython's own tests
set -eu
wheel=$1 version=$2 patience=$3 parts=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$here/work
env=$work/env
mkdir -p "$work"
export PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

fail() {
    echo "check: $*" >&2
    exit 1
}

# All of the system but what a running system changes by itself, and what Python compiles.
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \
        -o -path "$here" \) -prune -o ! -name '*.pyc' ! -name __pycache__ -print
    find "$env"
}

for compiler in cc gcc clang tcc c99 g++; do
    ! command -v $compiler >/dev/null || fail "$compiler is here"
done

"python$version" -m venv "$env"
"$env/bin/pip" --version >/dev/null
files | sort >"$work/before"

"$env/bin/pip" install -q "$wheel"
files | sort >"$work/with"
! cmp -s "$work/before" "$work/with" || fail "nothing was installed"
want="csock $(echo "${wheel##*/}" | cut -d- -f2) on Python $version."
for words in "$env/bin/csock" "$env/bin/python -m csock"; do
    said=$($words --version)
    case $said in "$want"*) ;; *) fail "$words --version: $said" ;; esac
done
cd "$work" # where no folder is called csock

"$env/bin/python" -m csock "$here/check_wheel.py" tls
"$env/bin/python" -m csock "$here/check_wheel.py" http

# In every program of the environment, and in none any more.
in_place() {
    "$env/bin/python" -c 'import socket; print("csock" in socket.__file__)'
}
[ "$(in_place)" = False ] || fail "csock is in place, and nobody wanted that"
"$env/bin/csock" enable
[ "$(in_place)" = True ] || fail "csock enable: it is not in place"
"$env/bin/csock" status
[ -e "$env/lib/python$version/site-packages/csock.pth" ] || fail "no csock.pth"
case $version in
    3.1[1-4]) ;;
    *) [ -e "$env/lib/python$version/site-packages/csock.start" ] || fail "no csock.start" ;;
esac
"$env/bin/csock" disable
[ "$(in_place)" = False ] || fail "csock disable: it is still in place"
! "$env/bin/csock" status >/dev/null || fail "csock status: in place, after disable"

# CPython's own tests of sockets, on stock and on csock. Where hardly any pass on both, nothing was
# compared.
suite() {
    "python$version" "$here/conformance/run.py" --python "/usr/bin/python$version" \
        --suites test_socket --site "$env/lib/python$version/site-packages" \
        --out "$work/conformance" --patience "$patience" >"$work/suite" || {
        cat "$work/suite"
        fail "test_socket differs"
    }
    cat "$work/suite"
    passed=$(sed -n 's/^test_socket  *\([0-9]*\) .*/\1/p' "$work/suite")
    [ "${passed:-0}" -ge 300 ] || fail "of test_socket ${passed:-none} passed"
}
[ "$parts" = short ] || suite

"$env/bin/pip" uninstall -q -y csock
files | sort >"$work/after"
diff "$work/before" "$work/after" || fail "not as it was before"
echo "check: the wheel is fine"
