#!/bin/sh
# Brings a Debian or Ubuntu machine to where csock can be built and tested, and says what it does.
#
# tools/setup.sh demo    what `make demo` needs
# tools/setup.sh test    what `make test` needs besides
# tools/setup.sh conformance   CPython's own tests, and headers, for each Python of Debian's here
# tools/setup.sh ecosystem    what `make demo` needs, and the servers of `make ecosystem`
# tools/setup.sh dist    what `make dist` needs besides
# tools/setup.sh docs    what `make docs` needs besides
# tools/setup.sh programs     what `make demo` needs, and the servers of `make bench-programs` if
#                             they may be had
#
# System packages come by apt, as root or through sudo without a password; Python packages by pip
# into build/venv, because Debian wants its own Python left alone (PEP 668). What is there already
# is left alone: a second run takes a moment and no network.
# PYTHON names the Python to build for (default python3); the oldest that will do is 3.11. Where apt
# has the one that is named, it is installed; where python3 is too old, the newest that apt has.
set -eu
cd "$(dirname "$0")/.."

need=${1:?demo, test, dist, docs, conformance, ecosystem or programs}
venv=build/venv
log=build/setup.log

packages="gcc libc6-dev pkg-config netbase"
requirements=tools/requirements.txt
if [ "$need" = test ]; then
    packages="$packages abigail-tools g++ groff-base libcmocka-dev iproute2 nftables nsd"
    packages="$packages openbsd-inetd procps strace valgrind"
    requirements="$requirements tools/requirements-test.txt"
fi
[ "$need" != dist ] || requirements="$requirements tools/requirements-dist.txt"
[ "$need" != docs ] || requirements="$requirements tools/requirements-docs.txt"
if [ "$need" = ecosystem ]; then
    # psycopg's implementation in Python loads libpq, scapy loads libpcap.
    packages="$packages dovecot-imapd iproute2 libpcap0.8 libpq5 mariadb-server memcached mosquitto"
    packages="$packages nginx-light nsd openssl openssh-server postgresql proftpd-core"
    packages="$packages proftpd-mod-crypto redis-server wrk"
fi

die() {
    echo "set-up: $*" >&2
    exit 1
}

say() {
    echo "set-up: $*"
}

# The end of the log, for whoever has to find out why.
die_with_log() {
    tail -n 15 "$log" >&2
    die "$* (all of it: $log)"
}

# ------------------------------------------------------------------ packages

missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            printf '%s ' "$package"
    done
}

# A daemon that comes with a package must not start now: the tests start their own, on ports of
# their own, and this may be somebody's machine. invoke-rc.d and deb-systemd-invoke ask
# /usr/sbin/policy-rc.d before they start anything; 101 is "no". Where the machine has such a file
# already, its owner decides.
policy=/usr/sbin/policy-rc.d

apt() {
    $root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}

never_start() { # unit
    script=$1
    [ "$1" != inetd ] || script=openbsd-inetd # what its script of sysvinit is called
    $root update-rc.d "$script" disable >>"$log" 2>&1 || :
    $root deb-systemd-helper disable "$1.service" >>"$log" 2>&1 || :
}

# Sets `root` to what commands of root begin with.
may_install() {
    if [ "$(id -u)" = 0 ]; then
        root=
    elif sudo -n true 2>/dev/null; then
        root="sudo -n"
    else
        return 1
    fi
}

# The lists may be absent or old; when they are neither, the update is not missed. Once is enough.
update_lists() {
    [ -z "${updated:-}" ] || return 0
    updated=yes
    apt update || say "apt-get update failed, going on with the lists there are"
}

# What root would have to type, daemons kept from starting as below.
by_hand() { # package...
    [ "$need" != test ] || ! new_enough "$python" || set -- "$@" $(suite_packages "$python")
    [ "$need" != test ] || set -- "$@" $(fuzz_packages) tshark
    set -- $(printf '%s\n' "$@" | awk '!seen[$0]++')
    echo "set-up: system packages are missing, and you may not install them (no sudo without a"
    echo "password). Have root run this, then come back:"
    echo
    echo "  apt-get update"
    if [ ! -e $policy ]; then
        # Not by echo, which is free to take the \n for what it stands for.
        printf '%s\n' "  printf '#!/bin/sh\\nexit 101\\n' >$policy    # so that no daemon starts"
        echo "  chmod 755 $policy"
    fi
    echo "  apt-get install -y --no-install-recommends \\"
    echo "$*" | fold -s -w 84 | sed -e 's/ $//' -e 's/^/      /' -e '$!s/$/ \\/'
    for package in "$@"; do
        unit=$(unit_of "$package")
        [ -z "$unit" ] || echo "  systemctl disable $unit"
    done
    [ -e $policy ] || echo "  rm $policy"
}

# The service that starts with the machine once the package is installed, if there is one.
unit_of() { # package
    case $1 in
        dovecot-imapd) echo dovecot ;;
        mariadb-server) echo mariadb ;;
        memcached | mosquitto | nsd | postgresql | redis-server) echo "$1" ;;
        nginx-light) echo nginx ;;
        openbsd-inetd) echo inetd ;;
        openssh-server) echo ssh ;;
        proftpd-core) echo proftpd ;;
    esac
}

install_packages() { # package...
    may_install || { by_hand "$@" >&2; exit 1; }
    say "installing $*"
    if [ ! -e $policy ]; then
        trap '$root rm -f $policy' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
        $root chmod 755 $policy
    fi
    update_lists
    apt install --no-install-recommends "$@" || die_with_log "apt-get install failed"
    # Nor shall they start when the machine next does, be it by systemd or by sysvinit.
    for package in "$@"; do
        unit=$(unit_of "$package")
        [ -z "$unit" ] || never_start "$unit"
    done
}

ensure_packages() { # package...
    if ! command -v dpkg-query >/dev/null; then
        say "no dpkg here; what Debian calls $* has to be there"
        return 0
    fi
    missing=$(missing_packages "$@")
    [ -z "$missing" ] || install_packages $missing
}

# -------------------------------------------------------------------- python

# A Python that can build extensions and make environments: with its headers and ensurepip.
complete() { # python
    "$1" -c 'import ensurepip, os, sys, sysconfig, venv
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' 2>/dev/null
}

# 3.11 itself, not a candidate for its release: meson-python refuses that. By what it prints: no
# other program and no other Python answers so.
new_enough() { # python
    said=$("$1" -c 'import sys; print(sys.version_info >= (3, 11, 0, "final"), end=" ")
print(sys.implementation.name)' 2>/dev/null) && [ "$said" = "True cpython" ]
}

real_path() { # python
    "$1" -c 'import os, sys; print(os.path.realpath(sys.executable))'
}

# Debian splits its Python: headers and ensurepip are packages of their own.
python_packages() {
    if ! command -v "$python" >/dev/null; then
        echo "$python" "$python-dev" "$python-venv"
    elif ! complete "$python"; then
        real=$(real_path "$python")
        case $real in
            /usr/bin/python3*) echo "${real##*/}" "${real##*/}-dev" "${real##*/}-venv" ;;
        esac
    fi
}

# The version that apt would install, empty if it knows none. Of exactly this name: `apt-cache show`
# takes what it does not find for a pattern.
apt_version() { # package
    apt-cache pkgnames "$1" 2>/dev/null | grep -qxF "$1" || return 0
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: *//p' | grep -vx '(none)' || :
}

# Whether a Debian version is that of a Python that will do, and no candidate for its release.
version_will_do() { # version
    case $1 in '' | *~a[0-9]* | *~b[0-9]* | *~rc[0-9]*) return 1 ;; esac
    dpkg --compare-versions "$1" ge 3.11.0
}

system_name() {
    (. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-this system}") || echo "this system"
}

# Sets `python` to one that apt has, and installs nothing yet.
choose_from_apt() {
    names=$python
    [ "$python" != python3 ] ||
        names="python3 python3.15 python3.14 python3.13 python3.12 python3.11"
    command -v apt-cache >/dev/null || return 1
    if may_install; then
        update_lists
    elif [ -z "$(find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null | head -n 1)" ]; then
        die "$what, and what apt has is not known: have root run 'apt-get update', then come back"
    fi
    for name in $names; do
        if version_will_do "$(apt_version "$name")"; then
            python=$name
            return 0
        fi
    done
    return 1
}

choose_python() {
    what="there is no '$python' here"
    if command -v "$python" >/dev/null; then
        ! new_enough "$python" || return 0
        old=$("$python" --version 2>&1) || die "'$python' does not run: $(echo "$old" | head -n 1)"
        what="'$python' is $(echo "$old" | head -n 1)"
    fi
    case $python in
        python3) choose_from_apt && return 0 ;;
        python3.*) command -v "$python" >/dev/null || ! choose_from_apt || return 0 ;;
    esac
    [ "$python" != python3 ] || what="$what, and apt has none for $(system_name)"
    die "csock needs CPython 3.11 or newer: $what." \
        "Supported: Debian 12 and Ubuntu 24.04, or newer; elsewhere name a Python by PYTHON=..."
}

check_python() {
    command -v "$python" >/dev/null || die "there is no '$python' here"
    complete "$python" ||
        die "'$python' ($(real_path "$python")) lacks Python.h or ensurepip: install both"
}

# What CPython's own tests need of a Python that is Debian's: those tests, and Python.h.
suite_packages() { # python...
    for python in "$@"; do
        real=$(real_path "$python")
        case $real in /usr/bin/python3*) ;; *) continue ;; esac
        has_suite "$python" || echo "lib${real##*/}-testsuite"
        complete "$python" || echo "${real##*/}-dev"
    done
}

has_suite() { # python
    "$1" -c 'import importlib.util, sys
sys.exit(importlib.util.find_spec("test.test_socket") is None)' 2>/dev/null
}

# Without them nothing else lacks anything: where they may not be had, who wants them says so and
# skips.
ensure_if_possible() { # what is skipped, package...
    skipped=$1
    shift
    [ $# != 0 ] || return 0
    if may_install; then
        (ensure_packages "$@") || say "going on without $*: $skipped will be skipped"
        return 0
    fi
    missing=$(missing_packages "$@")
    [ -z "$missing" ] || say "going on without $missing(for root): $skipped will be skipped"
}

# A clang with libFuzzer and the sanitizers, whose package has the version in its name.
fuzz_packages() {
    ! tools/fuzz_clang.sh >/dev/null || return 0
    command -v apt-cache >/dev/null || return 0
    version=$(apt-cache show clang 2>/dev/null |
        sed -n 's/^Depends:.*clang-\([0-9][0-9]*\).*/\1/p' | head -n 1)
    echo clang ${version:+libclang-rt-$version-dev}
}

ensure_suites() { # package...
    ensure_if_possible "CPython's own tests" "$@"
}

debian_pythons() {
    for file in /usr/bin/python3.[0-9]*; do
        case $file in *-*) continue ;; esac
        if new_enough "$file"; then echo "$file"; fi
    done
}

# The environment is made again when its Python has changed or the checkout has moved; packages are
# installed when the requirements have changed.
ensure_venv() {
    identity="$("$python" -c 'import sys; print(sys.version_info, sys.base_prefix)') $(pwd)"
    if [ "$(cat $venv/csock-python 2>/dev/null)" != "$identity" ]; then
        say "making $venv with $("$python" --version)"
        rm -rf $venv
        "$python" -m venv $venv >>"$log" 2>&1 || die_with_log "python -m venv failed"
        echo "$identity" >$venv/csock-python
    fi
    cat $requirements | cmp -s - $venv/csock-$need && return 0
    say "installing Python packages into $venv"
    $venv/bin/python -m pip install --disable-pip-version-check \
        $(printf -- '-r %s ' $requirements) >>"$log" 2>&1 || die_with_log "pip install failed"
    cat $requirements >$venv/csock-$need
}

mkdir -p build 2>/dev/null && [ -w build ] || die "cannot write to $(pwd)/build; whose is it?"
: >"$log"
python=${PYTHON:-python3}
if [ "$need" = conformance ]; then
    ensure_suites $(suite_packages $(debian_pythons))
    exit 0
fi
choose_python
ensure_packages $packages $(python_packages)
check_python
[ "$need" != test ] || ensure_suites $(suite_packages "$python")
[ "$need" != test ] || ensure_if_possible fuzzing $(fuzz_packages)
[ "$need" != test ] || ensure_if_possible "what reads captures" tshark
[ "$need" != programs ] ||
    ensure_if_possible "what runs against them" nginx-light openssl redis-server wrk
ensure_venv
