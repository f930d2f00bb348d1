"""`csock ps` of threads that wait for the address of a name, by whichever call, and of a dial."""

import json
import os
import pathlib

import dialkit
import pskit
import pytest
import testkit

pytestmark = [
    pskit.on_a_real_machine,
    pytest.mark.skipif(testkit.SANITISED, reason="preloads another library first"),
]

HERE = pathlib.Path(__file__).parent

LOOK_UPS = """
import csock, json, threading, time
hangs = {}
def hang(name, call, *args, **more):
    def run():
        hangs[name] = threading.get_native_id()
        call(f"{name}.silent", *args, **more)
    threading.Thread(target=run, daemon=True).start()

def connect(host):
    s = csock.socket()
    s.settimeout(5000)
    s.connect((host, 80))
def bounded(host):
    with csock.deadline(5000):
        csock.getaddrinfo(host, 80)
hang("plain", csock.getaddrinfo, 80)
hang("bounded", bounded)
hang("connect", connect)
hang("dial", csock.dial, 80, timeout=5000)
hang("dial-for-ever", csock.dial, 80)
hang("create", lambda host: csock.create_connection((host, 80), timeout=5000))
while len(hangs) < 6:
    time.sleep(0.01)
print(json.dumps(hangs), flush=True)
csock.getaddrinfo("main.silent", 80)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    target = tmp_path_factory.mktemp("ps") / "resolver.so"
    return {"LD_PRELOAD": pskit.compiled(HERE / "ps_resolver.c", target, "-shared", "-fPIC")}


def test_look_ups_are_shown_by_their_names(shim):
    with pskit.program(LOOK_UPS, env=shim) as (child, hangs):
        hangs["main"] = child.pid
        found = pskit.rows_until(lambda rows: len(rows.get(child.pid, {})) == 7, child.pid)
        text = pskit.ps(child.pid).stdout
    rows = {name: found[child.pid][thread] for name, thread in hangs.items()}
    assert {name: row["about"] for name, row in rows.items()} == {n: f"{n}.silent" for n in hangs}
    calls = {name: row["call"] for name, row in rows.items()}
    dials = {"dial", "dial-for-ever", "create"}
    assert calls == {name: "dial" if name in dials else "look-up" for name in hangs}
    limited = {name for name, row in rows.items() if row["deadline"] is not None}
    assert limited == {"bounded", "connect", "dial", "create"}
    assert all(4000 < rows[name]["deadline"] <= 5000 for name in limited)
    assert {row["text"] for name, row in rows.items() if name != "connect"} == {""}
    assert all(f" {name}.silent " in text for name in hangs) and "eventfd" not in text


@pytest.mark.parametrize("call", ["resolve", "host"])
def test_so_are_those_that_nothing_ends_in_c(shim, tmp_path, call):
    program = pskit.linked(HERE / "ps_look_up.c", tmp_path / "program", "shared")
    with pskit.running([program, call], env={**os.environ, **shim}) as child:
        found = pskit.rows_until(pskit.hanging, child.pid)
    (row,) = found[child.pid].values()
    assert (row["call"], row["about"], row["deadline"]) == ("look-up", "db.silent", None)


DIALS = """
import csock, json, os, sys
addresses = list(map(tuple, json.loads(sys.argv[1])))
print(json.dumps(os.getpid()), flush=True)
csock.dial("two.addresses", 1, timeout=5000, resolver=lambda *args: addresses)
"""


def test_a_dial_is_one_wait():
    """However often it has looked at its attempts, and by when it will look again."""
    with dialkit.network(silent=2, answering=False) as (_, addresses):
        with pskit.program(DIALS, json.dumps(addresses)) as (_, pid):
            found = pskit.rows_until(lambda rows: any(map(is_old, rows[pid].values())), pid)
    (row,) = found[pid].values()
    assert (row["call"], row["about"]) == ("dial", "two.addresses")
    assert row["kernel"]["state"] == "SYN_SENT" and row["peer"].startswith("127.0.1.")
    assert 4000 < row["deadline"] <= 5000


def is_old(row):
    return row["since"] > 1
