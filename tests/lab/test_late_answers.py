"""Look-ups at a real name server, through a proxy that answers late."""

import subprocess
import sys

import netlab
import pytest

PROXY = """
import socket, sys, threading, time
delay, log = float(sys.argv[1]), open(sys.argv[2], "w")
door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
door.bind(("127.0.0.53", 53))
def ask(query, client):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.sendto(query, ("127.0.0.1", 53))
        answer = s.recv(4096)
    time.sleep(delay)
    door.sendto(answer, client)
print("ready", flush=True)
while True:
    query, client = door.recvfrom(4096)
    print(query[12:-4], file=log, flush=True)
    threading.Thread(target=ask, args=[query, client], daemon=True).start()
"""


@pytest.fixture
def late_answers(dns, tmp_path):
    """The name server's answers come half a second late; the file that its queries are in."""
    log = tmp_path / "queries"
    proxy = subprocess.Popen(
        ["ip", "netns", "exec", dns.name, sys.executable, "-c", PROXY, "0.5", log],
        stdout=subprocess.PIPE,
    )
    before = (netlab.ETC / dns.name / "resolv.conf").read_text()
    try:
        assert proxy.stdout.readline() == b"ready\n"
        dns.etc("resolv.conf", "nameserver 127.0.0.53\noptions timeout:5 attempts:1\n")
        yield log
    finally:
        dns.etc("resolv.conf", before)
        proxy.kill()
        proxy.communicate()


def test_an_answer_that_is_late_and_in_time(dns, late_answers):
    early, late = dns.run(
        "csock",
        """
        def within(seconds):
            with sock.deadline(seconds):
                return sock.getaddrinfo("six.lab.test", 80, type=sock.SOCK_STREAM)[0][4][0]
        result = outcome(within, 0.1), outcome(within, 20)
        """,
    )
    assert early["is"][0] == "DeadlineExceeded"
    assert late["value"] == "fd77::66"


def test_who_asks_for_the_same_waits_for_the_same(dns, late_answers):
    """Four threads, one of which gives up; each name is asked for once, by A and by AAAA."""
    answers = dns.run(
        "csock",
        """
        import contextlib, threading
        result = []
        def work(seconds):
            with contextlib.suppress(sock.DeadlineExceeded), sock.deadline(seconds):
                found = sock.getaddrinfo("host.lab.test", 80, type=sock.SOCK_STREAM)
                result.append(sorted(row[4][0] for row in found))
        first = threading.Thread(target=work, args=[20])
        first.start()
        while not sock.lookups():
            time.sleep(0.01)
        threads = [threading.Thread(target=work, args=[n]) for n in (0.05, 20, 20)]
        for thread in threads:
            thread.start()
        for thread in [first, *threads]:
            thread.join()
        """,
    )
    assert answers == [["192.0.2.10", "192.0.2.11", "fd77::10"]] * 3
    assert len(late_answers.read_text().splitlines()) == 2
