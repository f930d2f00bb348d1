"""`csock ps`: where what it prints goes to, and the names in it."""

import json
import os
import subprocess
import sys

import childkit
import pskit
import pytest

pytestmark = pskit.on_a_real_machine


def test_whoever_reads_it_may_stop():
    with pskit.program(pskit.HANG) as (_, pid):
        read, write = os.pipe()
        os.close(read)
        command = [sys.executable, "-m", "csock", "--ps", str(pid)]
        done = subprocess.run(command, env=childkit.environment(), stdout=write, text=True,
                              stderr=subprocess.PIPE)  # fmt: skip
        os.close(write)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


@pytest.mark.parametrize("redirection, says", [(">&-", ""), (">&- 2>&-", ""), (">/dev/full", "28")])
def test_an_output_that_cannot_be_written_is_nobody_stuck(redirection, says):
    with pskit.program(pskit.HANG) as (_, pid):
        command = f"exec {sys.executable} -m csock --ps --stuck 1000 {pid} {redirection}"
        done = childkit.run("sh", "-c", command, env=childkit.environment())
    assert done.returncode == (2 if says else 0)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert says in done.stderr


NAMES = """
import csock, json, os
name = os.environb[b"NAME"]
with open("/proc/self/comm", "wb") as file:
    file.write(name)
s = csock.socket(csock.AF_UNIX, csock.SOCK_DGRAM)
s.bind(b"\\0" + name + b"%d" % os.getpid())
print(json.dumps(os.getpid()), flush=True)
s.recv(1)
"""


def test_names_of_any_bytes():
    """JSON has them as Unicode, without what some of its readers do not take."""
    name = b"\xff\x1b[2J"
    with pskit.program(NAMES, os.fsdecode(name), env={"NAME": os.fsdecode(name)}) as (_, pid):
        pskit.rows_until(pskit.hanging, pid)
        done, text = pskit.ps("--json", pid), pskit.ps(pid).stdout
    (process,) = json.loads(done.stdout)["processes"]
    (row,) = process["waits"]
    shown = "\\xff\x1b[2J"
    assert process["command"].endswith(shown) and row["name"] == shown
    assert row["own"] == f"@{shown}{pid}"
    assert text.count(r"\xff\x1b[2J") == 2  # the command is cut
