"""ftplib's FTP_TLS against ProFTPD, whose connections stall and drip: unwrap of data connections,
and of the control connection (CCC)."""

import contextlib
import ftplib
import io
import ssl

from kit import scenario, step
from servers import Tls
from stalls import OURS, SECONDS, bounded, closed, outcome, relay, shut_down, taken_away, timed
from tls_servers import proftpd

DATA = bytes(range(256)) * 8_000


def connect(port, context):
    ftp = ftplib.FTP_TLS(context=context)
    ftp.connect("localhost", port)
    ftp.login("eco", "secret")
    ftp.prot_p()
    return ftp


def fetched(ftp):
    parts = []
    ftp.retrbinary("RETR file", parts.append)
    return b"".join(parts)


def plain_use(port, context):
    ftp = connect(port, context)
    step("ftp: in TLS", lambda: ftp.sock.version()[:3], "TLS")
    step("ftp: store", lambda: ftp.storbinary("STOR file", io.BytesIO(DATA))[:3], "226")
    step("ftp: fetch", lambda: fetched(ftp) == DATA, True)
    step("ftp: list", lambda: sorted(ftp.nlst()), ["file"])
    # From here on the same object carries clear text, by the program's timeout.
    step("ftp: CCC", lambda: ftp.ccc()[:3], "200")
    step("ftp: clear text", lambda: ftp.sock.version() is None, True)
    ftp.voidcmd("TYPE I")
    step("ftp: size", lambda: ftp.size("file"), len(DATA))
    step("ftp: blocks again", lambda: (ftp.sock.getblocking(), ftp.sock.gettimeout()), (True, None))
    step("ftp: fetch beside clear text", lambda: fetched(ftp) == DATA, True)
    step("ftp: quit", lambda: ftp.quit()[:3], "221")


def control(between, context):
    for how, bad in (("stalls", between.stalling), ("drips", between.dripping)):
        with bad():
            bounded(f"ftp, {how}: deadline in the greeting",
                    lambda: connect(between.port, context), OSError)
        ftp = connect(between.port, context)
        with bad():
            bounded(f"ftp, {how}: deadline", ftp.pwd, OSError)
        # Its answer would be taken for that of the next command: the file is of no use any more.
        if OURS:
            step(f"+ ftp, {how}: next", ftp.pwd, OSError)
        ftp.close()
        ftp = connect(between.port, context)
        ftp.sock.settimeout(SECONDS)
        with bad():
            timed(f"ftp, {how}: timeout", ftp.pwd, OSError)
    ftp = connect(between.port, context)
    with between.stalling():
        ftp.sock.sendall(b"CCC\r\n")
        bounded("ftp, stalls: deadline in unwrap", ftp.sock.unwrap, OSError)
    current = []

    def ours():
        return current[-1].sock

    for end, how in ((closed, lambda: taken_away(ours())), (shut_down, ours)):
        ftp = connect(between.port, context)
        current.append(ftp)
        with between.stalling():
            end(f"ftp, stalls: {end.__name__}", ftp.pwd, how, Exception)


def data(port, context):
    """Data connections that stall: the server sends while we do not take, or nothing at all."""
    ftp = connect(port, context)
    conn = ftp.transfercmd("RETR file")
    step("ftp, data: shakes hands", lambda: conn.version()[:3], "TLS")
    step("ftp, data: part of it", lambda: len(conn.recv(1000)) > 0, True)
    # unwrap wants the peer's close_notify, and there is a file before it.
    result = outcome(conn.unwrap)
    step("ftp, data: unwrap in the middle", lambda: type(result).__name__, "SSLError")
    conn.close()
    outcome(ftp.voidresp)
    ftp.close()
    step("ftp, data: next", lambda: fetched(connect(port, context)) == DATA, True)


@contextlib.contextmanager
def slow_data(folder, port, context):
    """The next data connection goes through a relay."""
    ftp = connect(port, context)
    _, there = ftp.makepasv()
    with relay(folder, there) as between:
        ftp.makepasv = lambda: ("127.0.0.1", between.port)
        yield ftp, between
    ftp.close()


def slow_transfers(folder, port, context):
    with slow_data(folder, port, context) as (ftp, between), between.stalling():
        bounded("ftp, data stalls: deadline in the handshake", lambda: fetched(ftp), OSError)
    with slow_data(folder, port, context) as (ftp, between), contextlib.ExitStack() as stack:

        def stored():
            """What storbinary does when all is sent: unwrap, which waits for the server's part."""
            late = stack.enter_context
            return ftp.storbinary("STOR other", io.BytesIO(b"data"), callback=lambda _: late(
                between.stalling()))

        bounded("ftp, data stalls: deadline in unwrap", stored, OSError)
    with slow_data(folder, port, context) as (ftp, between), contextlib.ExitStack() as stack:
        taken = []

        def part(data):
            if not taken:
                stack.enter_context(between.dripping())
            taken.append(len(data))

        bounded("ftp, data drips: deadline", lambda: ftp.retrbinary("RETR file", part), OSError)
        if OURS:
            step("+ ftp, data drips: what came first is there", lambda: sum(taken) > 0, True)
    step("ftp: afterwards", lambda: fetched(connect(port, context)) == DATA, True)


with scenario() as folder:
    tls = Tls(folder)
    context = ssl.create_default_context(cafile=tls.ca)
    with proftpd(folder, tls) as port, relay(folder, port) as between:
        plain_use(port, context)
        control(between, context)
        data(port, context)
        slow_transfers(folder, port, context)
