"""`csock ps` of a thread that waits over TLS: many waits of csock's, one of the program's."""

import signal

import pskit
import pytest
import tlskit

pytestmark = pskit.on_a_real_machine

# It says when a signal has come, and when the first bytes of a record have.
HANGS = """
import json
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
signal.signal(signal.SIGUSR1, lambda *_: print("null", flush=True))
tls, peer = PAIR
def begin_a_record():
    signal.sigwait({signal.SIGUSR2})
    os.write(peer.fileno(), bytes([KIND, 3, 3, 0, 100]))
    print("null", flush=True)
threading.Thread(target=begin_a_record, daemon=True).start()
print(json.dumps(os.getpid()), flush=True)
"""
CALLS = {
    "tls.recv(1)": ("pair()", 23),
    "tls.read(1)": ("pair(5000)", 23),
    "tls.do_handshake()": ("unconnected_pair()", 22),
}


def row_until(condition, pid):
    found = pskit.rows_until(lambda rows: any(map(condition, rows[pid].values())), pid)
    (row,) = found[pid].values()
    return row


@pytest.mark.parametrize("call", CALLS)
def test_it_is_as_old_as_the_call(certificate, call):
    """Neither signals nor a record that is not whole begin it anew."""
    pair, kind = CALLS[call]
    text = tlskit.HEAD + HANGS.replace("PAIR", pair).replace("KIND", str(kind)) + call
    with pskit.program(text, "csock", certificate) as (child, pid):
        first = row_until(lambda row: row["since"] > 1.5, pid)
        assert first["call"] in ("poll in", "poll out")
        for number in signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1:
            child.send_signal(number)
            assert child.stdout.readline() == "null\n"
            assert row_until(bool, pid)["since"] > 1.5
