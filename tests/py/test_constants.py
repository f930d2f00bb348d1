"""The integer constants: csock._socket has what stock of this version has, csock the rest."""

import _socket as stock
import importlib.util
import pathlib
import platform
import socket as stock_socket
import subprocess
import sys

import pytest
import testkit
from testkit import STOCK_MAY_LACK

import csock
from csock import _core, _socket, dropin

_core.load_constants()

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "tools" / "gen_constants.py"
MINOR = sys.version_info.minor


def load_generator():
    spec = importlib.util.spec_from_file_location("gen_constants", GENERATOR)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


gen = load_generator()
ROWS = gen.load()
STOCK_ROWS = {row.name: row for row in ROWS if 0 < row.since <= MINOR}
LATER_ROWS = {row.name: row for row in ROWS if row.since > MINOR}
OWN_ROWS = {row.name: row for row in ROWS if not row.since}

# Written down by hand, so that a slip in the table's versions shows.
GATES = {
    "SO_INCOMING_CPU": 11,
    "AF_BLUETOOTH": 11,
    "HCI_FILTER": 11,
    "ETH_P_ALL": 12,
    "IP_PKTINFO": 12,
    "TCP_REPAIR": 12,
    "SO_BINDTOIFINDEX": 13,
    "NI_IDN": 13,
    "IP_RECVERR": 14,
    "SO_ORIGINAL_DST": 14,
    "BT_SECURITY": 14,
    "VMADDR_CID_LOCAL": 14,
    "IPV6_HDRINCL": 15,
    "SO_PASSRIGHTS": 15,
    "CAN_ISOTP_OPTS": 15,
}


def ints(module):
    return {name: value for name, value in vars(module).items() if type(value) is int}


def expected_values(row):
    """What the row may be on this machine; None: the architecture's headers decide."""
    if row.name == "SOMAXCONN":
        return {128, 4096}
    if row.kind == "net32":
        return {stock.htonl(row.value)}
    if row.kind == "header" and platform.machine() not in ("x86_64", "aarch64"):
        return None
    return {row.value}


def test_every_stock_constant_is_there_with_stocks_value():
    ours, theirs = ints(_socket), ints(stock)
    assert len(theirs) > 200
    assert theirs.keys() - ours.keys() == set()
    wrong = {name for name in theirs if testkit.as_long(ours[name]) != theirs[name]}
    assert wrong <= {"SOMAXCONN"}  # 128 where stock was built on old headers
    assert theirs["SOMAXCONN"] in (128, 4096)


def test_extension_has_exactly_this_versions_constants():
    assert ints(_socket).keys() == STOCK_ROWS.keys()


def test_names_that_this_stock_lacks_are_those_that_headers_can_lack():
    if not hasattr(stock, "IPPROTO_MPTCP"):
        pytest.skip("stock was built on headers older than Linux 5.6 and lacks many names")
    beyond = ints(_socket).keys() - ints(stock).keys()
    assert {name for name in beyond if not STOCK_MAY_LACK.fullmatch(name)} == set()


@pytest.mark.parametrize("name", GATES)
def test_name_appears_with_its_version(name):
    assert hasattr(_socket, name) == hasattr(dropin, name) == (MINOR >= GATES[name])
    assert hasattr(csock, name)


def test_own_and_later_names_are_plain_ints_in_csock_only():
    for name in OWN_ROWS.keys() | LATER_ROWS.keys():
        assert not hasattr(_socket, name), name
        assert not hasattr(dropin, name), name
        assert type(getattr(csock, name)) is int, name
        assert getattr(csock, name) == getattr(_core, name), name


@pytest.mark.parametrize(
    "statements",
    [
        "import csock; csock.SO_COOKIE",
        "from csock import *; SO_COOKIE, SOCK_STREAM, socket",
        "from csock import SO_COOKIE",
        "import csock; assert 'SO_COOKIE' in dir(csock) and 'SO_COOKIE' in csock.__all__",
        "import csock; assert not hasattr(csock, 'SO_NONE'); csock.SO_COOKIE",
    ],
)
def test_constants_come_when_they_are_asked_for(statements):
    program = f"import csock; assert not hasattr(csock._core, 'SO_COOKIE'); {statements}"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_core_has_no_stock_constant():
    assert ints(_core).keys() & STOCK_ROWS.keys() == set()


def test_values_are_those_of_the_table():
    for row in ROWS:
        allowed = expected_values(row)
        value = getattr(_socket if row.name in STOCK_ROWS else _core, row.name)
        assert allowed is None or value in allowed, row


def test_sign_and_width():
    assert _socket.INADDR_BROADCAST == _socket.VMADDR_CID_ANY == 0xFFFFFFFF
    assert _socket.CAN_EFF_FLAG == 0x80000000
    assert _socket.EAI_AGAIN == -3
    assert _socket.TIPC_WAIT_FOREVER == -1
    assert _core.XDP_UMEM_PGOFF_COMPLETION_RING == 0x180000000
    assert _core.TCP_FLAG_SYN == stock.htonl(0x00020000)


@pytest.mark.parametrize("enum", ["AddressFamily", "SocketKind", "MsgFlag", "AddressInfo"])
def test_enums_name_their_members_as_stock(enum):
    theirs = {name: repr(m) for name, m in getattr(stock_socket, enum).__members__.items()}
    ours = {name: repr(m) for name, m in getattr(dropin, enum).__members__.items()}
    assert theirs.items() <= ours.items()
    assert ours.keys() - theirs.keys() <= {"AF_BLUETOOTH"}


def test_aliases_of_members_stay_out_of_the_enums():
    assert csock.AF_LOCAL == csock.AF_FILE == csock.AF_UNIX == 1
    assert repr(csock.AF_UNIX) == "<AddressFamily.AF_UNIX: 1>"
    assert csock.SOCK_SNDBUF_LOCK == csock.SOCK_STREAM
    assert repr(csock.SOCK_STREAM) == f"<SocketKind.SOCK_STREAM: {stock.SOCK_STREAM}>"


def run_generator(*args):
    """Without what is installed beside the standard library: a build may have none of it."""
    command = [sys.executable, "-S", "-B", str(GENERATOR), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True)


TABLE = """\
C(AF_UNIX, 1, 11)
#ifdef SO_DEBUG
C(SO_DEBUG, SO_DEBUG, 12)
#else
C(SO_DEBUG, 1, 12)
#endif
C(X_MASK, NET32(65536U), 0)
"""
STUB = """\
by hand

# Below: generated by tools/gen_constants.py from tools/constants.tsv.

AF_UNIX: Final[int]

if sys.version_info >= (3, 12):
    SO_DEBUG: Final[int]
"""


def test_what_the_generator_writes(tmp_path):
    source, table, stub = (tmp_path / name for name in ("rows", "constants.def", "_socket.pyi"))
    source.write_text(
        "# a comment\nAF_UNIX\t1\t11\tuapi\nSO_DEBUG\t1\t12\theader\nX_MASK\t65536\t-\tnet32\n"
    )
    template = tmp_path / "by-hand"
    template.write_text("by hand\n")
    for output in (table,), (stub, template):
        done = run_generator(source, *output)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert table.read_text().partition("*/\n")[2] == TABLE
    assert stub.read_text() == STUB


def test_the_generator_writes_nothing_of_a_bad_source(tmp_path):
    source, table = tmp_path / "rows", tmp_path / "constants.def"
    source.write_text("AF_UNIX\t1\t11\tuapi\nAF_INET\t2\t11\tuapi\n")
    done = run_generator(source, table)
    message = "rows:2: AF_INET must come before AF_UNIX, and only once\n"
    assert (done.returncode, done.stderr) == (1, message)
    assert not table.exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("AF_INET\t2\t11", "want 4 or 5 fields"),
        ("9AF\t2\t11\tuapi", "bad name"),
        ("AF_INET\t0x2\t11\tuapi", "bad value"),
        ("AF_INET\t94656723002400000000\t11\tuapi", "bad value"),
        ("AF_INET\t2\t10\tuapi", "bad version"),
        ("AF_INET\t2\t11\tmagic", "bad kind"),
        ("X_MASK\t-1\t-\tnet32", "more than 32 bits"),
        ("B_X\t1\t11\tuapi\nA_X\t1\t11\tuapi", "must come before"),
        ("A_X\t1\t11\tuapi\nA_X\t1\t11\tuapi", "only once"),
        ("AF_FILE\t1\t11\tuapi\nAF_UNIX\t1\t11\tuapi", "alias of the enum member"),
    ],
)
def test_generator_refuses_a_bad_source(tmp_path, source, message):
    path = tmp_path / "constants.tsv"
    path.write_text(source + "\n")
    with pytest.raises(gen.SourceError, match=message):
        gen.load(path)
