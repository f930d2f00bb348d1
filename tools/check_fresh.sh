#!/bin/sh
# Runs csock's commands on machines as fresh as they get: minimal installations with nothing but git
# and make besides the base, and a clone of this checkout's last commit. As root.
#
# tools/check_fresh.sh [suite...]   bookworm trixie sid noble: `make demo`, `make test`, then the
#                                   lines for installing of docs/start.md; sid again with its newest
#                                   Python. jammy bullseye: that they refuse in one line.
#                                   By default all of these, one after the other.
#
# Environment:
#   PARTS        of "demo test py install" (default "demo test install"; py: the Python tests alone)
#   PYTHON       on that Python alone (a name that apt has: python3.15)
#   BUSY         so many processes compute beside it (default 0)
#   CSOCK_FRESH  the folder for it (default: one under /var/tmp); a machine that failed stays there
#   CSOCK_CACHE  where minimal installations are kept for a week (default ~/.cache/csock)
#
# Packages come from where this machine gets its own: /etc/apt is read for the mirror and for
# settings, pip's configuration likewise. Status 77: a mirror did not answer, or this is not root.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/chroot.sh"

chroot_own_mounts check-fresh "$0" "$@"

parts=${PARTS:-demo test install}
folder=${CSOCK_FRESH:-$(mktemp -d /var/tmp/csock-fresh.XXXXXX)}
mkdir -p "$folder"

say() {
    echo "check-fresh: $*"
}

# Sets `root` to a machine that has never run anything, with the clone in /srv/csock.
new_machine() { # suite
    root=$folder/$1
    say "a fresh $1"
    chroot_minimal "$1" "$root" >"$folder/$1.log" 2>&1 || {
        tail -n 5 "$folder/$1.log" >&2
        say "$1 could not be had (all of it: $folder/$1.log)" >&2
        return 77
    }
    git clone -q --no-hardlinks "$top" "$root/srv/csock"
}

inside() { # command...
    chroot_inside "$root" env ${python:+PYTHON=$python} "$@"
}

# The set-up by itself first: what it says of the network is no fault of the tests.
set_up() { # demo or test
    inside make -C /srv/csock "setup-$1" && return 0
    ! grep -qE 'Failed to fetch|Could not (resolve|connect)|Temporary failure|timed out|HTTP' \
        "$root/srv/csock/build/setup.log" || return 77
    return 1
}

part() { # demo, test, py or install
    say "$suite${python:+, $python}: $1"
    case $1 in
        demo) set_up demo && inside make -C /srv/csock demo ;;
        test) set_up test && inside make -C /srv/csock test ;;
        py) set_up test && inside make -C /srv/csock test SUITES=py ;;
        install) inside sh /srv/csock/tools/check_install.sh ;;
        *) echo "check-fresh: no such part: $1" >&2; return 2 ;;
    esac
}

# Installing is tried where the other parts have installed nothing.
fresh() { # suite
    suite=$1
    new_machine "$suite" || return
    clean=yes
    for name in $parts; do
        if [ "$name" = install ] && [ -z "$clean" ]; then
            chroot_end "$root"
            new_machine "$suite" || return
        fi
        clean=
        part "$name" || return
    done
    chroot_end "$root"
}

# What csock does not support: one line, and nothing is installed.
refuses() { # suite
    suite=$1
    new_machine "$suite" || return
    say "$suite: refuses"
    before=$(dpkg --root="$root" -l | md5sum)
    said=$(inside make -s -C /srv/csock demo 2>&1) && refused=no || refused=yes
    echo "$said"
    lines=$(echo "$said" | grep -vc '^make') # make's own word of the failure aside
    [ $refused = yes ] && [ "$lines" = 1 ] || return 1
    echo "$said" | grep -q '^set-up: csock needs CPython 3.11 or newer' || return 1
    [ "$(dpkg --root="$root" -l | md5sum)" = "$before" ] || return 1
    chroot_end "$root"
}

status=0
done_with() { # what, status
    case $2 in
        0) say "$1: went well" ;;
        77)
            say "$1: LEFT OUT, a mirror does not answer" >&2
            [ ! -d "${root:-}" ] || chroot_end "$root" ;;
        *) say "$1: FAILED; what there is of it stays in $folder" >&2 ;;
    esac
    if [ "$status" = 0 ] || [ "$status" = 77 ]; then
        [ "$2" = 0 ] || status=$2
    fi
}

busy=
for _ in $(seq "${BUSY:-0}"); do
    sh -c 'while :; do :; done' &
    busy="$busy $!"
done
trap 'kill $busy 2>/dev/null || :' EXIT
trap 'exit 1' HUP INT TERM # it runs the other trap; what computes ignores SIGINT

say "$(git -C "$top" log -1 --format='%h %s')"
for suite in ${*:-bookworm trixie sid noble jammy bullseye}; do
    python=${PYTHON:-}
    went=0
    case $suite in
        jammy | bullseye) refuses "$suite" || went=$? ;;
        *) fresh "$suite" || went=$? ;;
    esac
    done_with "$suite${python:+, $python}" $went
    if [ "$suite" = sid ] && [ -z "$python" ] && [ $went = 0 ]; then
        python=python3.15
        fresh sid || went=$?
        done_with "sid, $python" $went
    fi
done
[ $status != 0 ] || rm -rf --one-file-system "$folder"
exit $status
