"""Host names on their way to libc and its texts on their way back: encodings, and what stands for
nothing."""

import os
import pathlib
import pickle
import shutil
import socket as stock
import subprocess

import pytest
import testkit

import csock

CODECLESS = """
import importlib, sys
module = importlib.import_module(sys.argv[1])
names = "localhost", "localhost.", "LOCALHOST", "127.0.0.1", "::1", "", "a" * 63 + ".invalid"
for name in names:
    for function in (
        lambda: module.getaddrinfo(name, 1),
        lambda: module.gethostbyname(name),
        lambda: module.gethostbyname_ex(name),
        lambda: module.gethostbyaddr(name),
        lambda: module.getfqdn(name),
        lambda: module.socket(type=module.SOCK_DGRAM).connect((name, 9)),
    ):
        try:
            function()
        except OSError:
            pass
print("encodings.idna" in sys.modules)
"""


def test_ascii_names_need_no_codec(impl):
    """Which is slow, and may be out of reach: after chroot(2), in frozen programs."""
    printed = testkit.run_python(CODECLESS, impl.__name__).stdout
    assert printed == f"{impl.__name__ == 'socket'}\n"


@pytest.mark.parametrize("name", ["a" * 64, "a..b", ".a", "a" * 64 + ".b", "a\0b", "b\xfccher..x"])
def test_names_that_are_none(csock, name):
    """What the codec refuses it is still asked about."""
    for function in ("gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        outcomes = []
        for module in (stock, csock):
            with pytest.raises((TypeError, ValueError)) as caught:
                getattr(module, function)(name)
            outcomes.append((type(caught.value), str(caught.value)))
        assert outcomes[0] == outcomes[1]
    if "\0" not in name:
        with pytest.raises(UnicodeError):
            csock.getaddrinfo(name, 1)


@pytest.mark.parametrize("name", ["", b"", bytearray(), " ", "0.0.0.0", "::"])
def test_getfqdn_of_this_host(impl, name):
    assert impl.getfqdn(name) == impl.getfqdn()


class Equal:
    def __eq__(self, other):
        return other == -1


class Odd:
    def __eq__(self, other):
        raise RuntimeError("odd")


@pytest.mark.parametrize("left_out", [-1.0, Equal()])
def test_what_equals_minus_one_is_left_out(impl, left_out):
    for args in ((left_out,), (impl.AF_INET, left_out), (left_out, left_out, left_out)):
        with impl.socket(*args) as sock:
            assert (sock.family, sock.type, sock.proto) == (impl.AF_INET, impl.SOCK_STREAM, 0)
        with pytest.raises(TypeError):
            impl.socket(*args, fileno=sock.fileno())
        with pytest.raises(TypeError):
            impl.SocketType.__mro__[-2](*args)
    for args in ((1.0,), (2, -1.5), (2, 1, "x"), (None,)):
        with pytest.raises(TypeError):
            impl.socket(*args)
    with pytest.raises(RuntimeError, match="odd"):
        impl.socket(Odd())


FRENCH = """
import locale, sys
import csock
locale.setlocale(locale.LC_ALL, "")
try:
    csock.getaddrinfo("::1", 1, csock.AF_INET, 0, 0, csock.AI_NUMERICHOST)
except csock.gaierror as first:
    print(ascii(first.strerror))
try:
    csock.getaddrinfo("127.0.0.1", 1, 77)
except csock.gaierror as second:
    print(ascii(second.strerror))
"""


@pytest.fixture(scope="module")
def french(tmp_path_factory):
    """The environment for a locale whose texts are not UTF-8."""
    catalog = pathlib.Path("/usr/share/locale/fr/LC_MESSAGES/libc.mo")
    if not catalog.exists() or not shutil.which("localedef"):
        pytest.skip("libc speaks English only, or localedef is missing")
    folder = tmp_path_factory.mktemp("locales")
    made = ["localedef", "-i", "fr_FR", "-f", "ISO-8859-1", folder / "fr_FR"]
    if subprocess.run(made, capture_output=True).returncode > 1:
        pytest.skip("the sources of locales are missing")
    return {**os.environ, "LOCPATH": str(folder), "LC_ALL": "fr_FR", "PYTHONUTF8": "0"}


def test_texts_of_a_locale_that_is_not_utf_8(french):
    printed = testkit.run_python(FRENCH, env=french).stdout
    english = testkit.run_python(FRENCH, env={**french, "LC_ALL": "C"}).stdout
    assert printed != english and "\\xe9" in printed and "\\ud" not in printed


ALIASES = """
import importlib, sys
module = importlib.import_module(sys.argv[1])
try:
    print(ascii(module.gethostbyname_ex("plain.example")))
except UnicodeDecodeError as error:
    print(error.reason)
"""


def test_aliases_that_are_not_utf_8(impl, tmp_path):
    """From a table of hosts of the test's own."""
    (tmp_path / "hosts").write_bytes(b"10.9.8.7 plain.example \xe9t\xe9 caf\xc3\xa9\n")
    laid = 'mount --bind "$0" /etc/hosts && exec "$@"'
    prefix = ["unshare", "-rm", "sh", "-c", laid, tmp_path / "hosts"]
    probe = [*prefix, "true"]
    if not shutil.which("unshare") or subprocess.call(probe, stderr=subprocess.DEVNULL) != 0:
        pytest.skip("takes a mount namespace")
    env = {**os.environ, "PYTHONUTF8": "1"}
    printed = testkit.run_python(ALIASES, impl.__name__, prefix=prefix, env=env).stdout
    if impl.__name__ == "socket":
        assert printed == "invalid continuation byte\n"
    else:
        assert printed == r"('plain.example', ['\udce9t\udce9', 'caf\xe9'], ['10.9.8.7'])" + "\n"


@pytest.mark.parametrize(
    "call",
    [
        lambda name: csock.getaddrinfo(name, 80, flags=csock.AI_NUMERICHOST),
        lambda name: csock.getaddrinfo(name.encode(), 80, flags=csock.AI_NUMERICHOST),
        lambda name: csock.getnameinfo((name, 80), 0),
    ],
)
def test_a_gaierror_names_the_host(call):
    """As its filename: its arguments are stock's pair."""
    with pytest.raises(csock.gaierror) as caught:
        call("no.number")
    error = caught.value
    assert error.filename == "no.number"
    assert error.args == (csock.EAI_NONAME, error.strerror)
    assert str(error) == f"[Errno {error.errno}] {error.strerror}: 'no.number'"
    again = pickle.loads(pickle.dumps(error))
    assert (again.args, again.filename) == (error.args, error.filename)


def test_without_a_host_there_is_none_to_name():
    with pytest.raises(csock.gaierror) as caught:
        csock.getaddrinfo(None, "no.service")
    assert caught.value.filename is None


def test_none_is_under_way():
    assert csock.lookups() == []
    with csock.deadline(30):
        csock.getaddrinfo("localhost", 80)
    assert csock.lookups() == []
