# Functions for scripts that make a Debian in a folder with debootstrap and run commands in it, as
# root. To be sourced; does nothing by itself. The script that sources it has mounts of its own
# (chroot_own_mounts), so that they end with it.

# Begins such a script: what it needs, or status 77; then once more, with mounts of its own.
chroot_own_mounts() { # name for messages, script, its arguments...
    [ "$(id -u)" = 0 ] || { echo "$1: needs root, for chroot" >&2; exit 77; }
    unshare --mount true || { echo "$1: needs a root that may mount" >&2; exit 77; }
    PATH=$PATH:/usr/sbin:/sbin
    command -v debootstrap >/dev/null || apt-get install -y -q debootstrap >/dev/null ||
        { echo "$1: no debootstrap" >&2; exit 77; }
    shift
    [ -n "${CSOCK_OWN_MOUNTS:-}" ] ||
        CSOCK_OWN_MOUNTS=1 exec unshare --mount --propagation private "$@"
}

# The first mirror of Debian itself that apt uses here: one-line files and deb822 files.
chroot_mirror() {
    {
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
            sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\/debian\/\?\) .*/\2/p'
        cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
            sed -n 's/^URIs: *\([^ ]*\/debian\/\?\)\( .*\)\?$/\1/p'
        echo http://deb.debian.org/debian
    } | head -n 1
}

# A minimal Debian or Ubuntu in a new folder. Mirrors of Debian often have Ubuntu beside it.
chroot_debootstrap() ( # suite, root, packages besides the base, debootstrap's options...
    suite=$1 root=$2 packages=$3 mirror=$(chroot_mirror)
    shift 3
    case $suite in
        jammy | noble)
            beside=${mirror%/}
            beside=${beside%/debian}/ubuntu
            mirror=http://archive.ubuntu.com/ubuntu
            ! wget -q --spider "$beside/dists/$suite/Release" || mirror=$beside
            # Debian has neither Ubuntu's keys nor, for a suite younger than it, a script; apt in
            # the new system has the keys. universe is what most machines of Ubuntu's have.
            debootstrap --variant=minbase --no-check-gpg --components=main,universe \
                --include="$packages" "$@" "$suite" "$root" "$mirror" gutsy ;;
        *)
            debootstrap --variant=minbase --include="$packages" "$@" "$suite" "$root" "$mirror" ;;
    esac
)

# How this machine reaches its mirrors: apt's settings without its sources, pip's settings, and the
# certificates that it trusts besides Debian's own (update-ca-certificates(8) takes them up).
# Packages are unpacked without waiting for the disk: after a crash the folder is made anew.
chroot_settings() { # root
    mkdir -p "$1/etc/dpkg/dpkg.cfg.d"
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/csock"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
    for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/* /etc/apt/auth.conf \
        /etc/apt/auth.conf.d/*; do
        case ${file##*/} in docker-*) continue ;; esac # settings of its own container, no mirror
        [ ! -f "$file" ] || install -D -m 644 "$file" "$1$file"
    done
    for file in /etc/pip.conf /usr/local/share/ca-certificates/*.crt; do
        [ ! -f "$file" ] || install -D -m 644 "$file" "$1$file"
    done
}

chroot_mounts() { # root
    mount --bind "$1" "$1"
    mount --bind /dev "$1/dev"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$1/dev/pts"
    mount -t tmpfs tmpfs "$1/dev/shm"
    mount -t sysfs sysfs "$1/sys"
}

# With the folder as its root, not merely chroot(2): that one denies user namespaces. What is left
# running ends with the command. A shell is process 1 of it: make, as that, would die of no signal.
chroot_inside() { # root, command...
    unshare --mount --pid --fork --kill-child sh -euc '
        root=$1; shift
        mount -t proc proc "$root/proc"
        cd "$root"
        pivot_root . mnt
        cd /
        umount -l /mnt
        env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" || exit
        exit 0 # not the last: the shell would run that in its own place
    ' sh "$@"
}

# A minimal installation with git and make. What debootstrap made is kept for a week as a tar file
# in $CSOCK_CACHE (default ~/.cache/csock). An architecture is one that this machine runs.
chroot_unpacked() { # suite, root, architecture if it is not this machine's
    cache=${CSOCK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/csock}
    base=$cache/$1${3:+-$3}.tar
    if [ -z "$(find "$base" -mtime -7 2>/dev/null)" ]; then
        mkdir -p "$cache"
        rm -rf --one-file-system "$2.base"
        chroot_debootstrap "$1" "$2.base" git,make,ca-certificates ${3:+--arch=$3} || return
        tar -C "$2.base" -cf "$base.new" . && mv "$base.new" "$base" || return
        rm -rf --one-file-system "$2.base"
    fi
    mkdir "$2"
    tar -C "$2" -xf "$base"
}

# Mounted, with the lists of its packages. Snapshots of sid, which mirrors may serve, outlive the
# date in their lists.
chroot_begin() { # root
    chroot_mounts "$1"
    chroot_settings "$1"
    chroot_inside "$1" sh -c 'update-ca-certificates &&
        apt-get -q -o Acquire::Check-Valid-Until=false update'
}

# Both: one that has run nothing yet.
chroot_minimal() { # suite, root
    chroot_unpacked "$1" "$2" && chroot_begin "$2"
}

# The same for another machine, whose programs the kernel can start (binfmt_misc): what the packages
# have, unpacked and not set up, which is enough to run a Python there.
chroot_foreign() { # suite, machine as Debian calls it, root, packages with commas
    cache=${CSOCK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/csock}
    base=$cache/$1-$2-unpacked.tar
    if [ -z "$(find "$base" -mtime -7 2>/dev/null)" ] ||
        ! echo "$4" | cmp -s - "$base.packages"; then
        mkdir -p "$cache"
        rm -rf --one-file-system "$3.base" "$3.fetched"
        debootstrap --foreign --arch="$2" --variant=minbase --include="$4" "$1" "$3.fetched" \
            "$(chroot_mirror)" || return
        mkdir "$3.base"
        # The links /bin and /lib stand first, or packages would make folders of them.
        for link in bin lib lib64 sbin; do
            [ ! -L "$3.fetched/$link" ] || {
                mkdir -p "$3.base/usr/$link"
                ln -s "usr/$link" "$3.base/$link"
            }
        done
        for package in "$3.fetched"/var/cache/apt/archives/*.deb; do
            dpkg-deb --fsys-tarfile "$package" | tar -C "$3.base" --keep-directory-symlink -xf - ||
                return
        done
        tar -C "$3.base" -cf "$base.new" . && mv "$base.new" "$base" || return
        echo "$4" >"$base.packages"
        rm -rf --one-file-system "$3.base" "$3.fetched"
    fi
    mkdir "$3"
    tar -C "$3" -xf "$base"
    chroot_mounts "$3"
    chroot_settings "$3"
    mkdir -p "$3/mnt" "$3/srv" "$3/usr/local/bin" "$3/etc/ssl/certs"
    # What update-ca-certificates makes: newer pips read it, whatever they are asked.
    cp /etc/ssl/certs/ca-certificates.crt "$3/etc/ssl/certs/"
    cp /etc/passwd /etc/group "$3/etc/"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$3/etc/hosts"
}

chroot_pythons="3.11 3.12 3.13 3.14 3.15" # those that csock is for
# The Debian or Ubuntu whose Python that is; none for a version that none has.
chroot_python_suite() { # version
    case $1 in
        3.11) echo bookworm ;;
        3.12) echo noble ;;
        3.13) echo trixie ;;
        3.14 | 3.15) echo sid ;;
        *) return 1 ;;
    esac
}

# Of these versions, each suite once; and the versions of a suite.
chroot_python_suites() { # version...
    for v; do chroot_python_suite "$v" || :; done | awk '!seen[$0]++'
}
chroot_pythons_of() ( # suite, version...
    suite=$1
    shift
    for v; do [ "$(chroot_python_suite "$v")" != "$suite" ] || echo "$v"; done
)

chroot_end() { # root
    umount -R "$1"
    rm -rf --one-file-system "$1"
}
