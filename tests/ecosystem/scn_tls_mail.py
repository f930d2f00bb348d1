"""smtplib with STARTTLS and imaplib over TLS, against aiosmtpd and Dovecot that stall and drip."""

import imaplib
import smtplib
import ssl
from functools import partial

from kit import scenario, step
from servers import Tls
from stalls import OURS, SECONDS, bounded, closed, outcome, relay, shut_down, taken_away, timed
from tls_servers import dovecot, smtp

LETTER = "Subject: hello\r\n\r\n" + "a line of it\r\n" * 20_000
ENDS = (closed, lambda conn: taken_away(conn.sock)), (shut_down, lambda conn: conn.sock)


def smtp_tests(port, between, context):
    def connect():
        return smtplib.SMTP("127.0.0.1", port)

    def secured():
        # The name is not in the certificate's address: that of the connection is told to smtplib.
        conn = connect()
        conn._host = "localhost"
        conn.starttls(context=context)
        return conn

    def letter(conn):
        return conn.sendmail("a@eco.test", ["b@eco.test"], LETTER)

    conn = secured()
    step("smtp: in TLS", lambda: conn.sock.version()[:3], "TLS")
    step("smtp: a letter", lambda: letter(conn), {})
    step("smtp: quits", lambda: conn.quit()[0], 221)
    for how, bad in (("stalls", between.stalling), ("drips", between.dripping)):
        with bad():
            bounded(f"smtp, {how}: deadline in the greeting", connect, OSError)
        conn = connect()
        conn.ehlo()
        conn._host = "localhost"
        with bad():
            bounded(f"smtp, {how}: deadline in STARTTLS",
                    lambda c=conn: c.starttls(context=context), OSError)
        conn = secured()
        with bad():
            bounded(f"smtp, {how}: deadline in a letter", lambda c=conn: letter(c), OSError)
        # smtplib gives up a connection whose answer has not come.
        if OURS:
            step(f"+ smtp, {how}: next", conn.noop, smtplib.SMTPServerDisconnected)
        conn = secured()
        conn.sock.settimeout(SECONDS)
        with bad():
            timed(f"smtp, {how}: timeout", lambda c=conn: letter(c), OSError)
    conn = secured()
    with between.stalling("up"):
        bounded("smtp, takes nothing: deadline", lambda: conn.sendmail(
            "a@eco.test", ["b@eco.test"], LETTER * 100), OSError)
    for end, how in ENDS:
        conn = secured()
        with between.stalling():
            end(f"smtp, stalls: {end.__name__}", conn.noop, partial(how, conn), OSError)
    step("smtp: afterwards", lambda: secured().noop()[0], 250)


def imap_tests(port, between, context):
    def connect():
        conn = imaplib.IMAP4_SSL("localhost", port, ssl_context=context)
        conn.login("eco", "secret")
        return conn

    letter = LETTER.encode()
    conn = connect()
    step("imap: append", lambda: conn.append("INBOX", None, None, letter)[0], "OK")
    step("imap: select", lambda: conn.select()[1], [b"1"])
    step("imap: fetch", lambda: conn.fetch("1", "(RFC822)")[1][0][1] == letter, True)
    step("imap: logout", lambda: conn.logout()[0], "BYE")
    for how, bad in (("stalls", between.stalling), ("drips", between.dripping)):
        with bad():
            bounded(f"imap, {how}: deadline in the handshake", connect, OSError)
        conn = connect()
        conn.select()
        with bad():
            bounded(f"imap, {how}: deadline in a letter", lambda c=conn: c.fetch("1", "(RFC822)"))
        if OURS:
            # The rest of the letter would be what comes next.
            step(f"+ imap, {how}: next", conn.noop, Exception)
        outcome(conn.shutdown)
        conn = connect()
        conn.sock.settimeout(SECONDS)
        with bad():
            timed(f"imap, {how}: timeout", conn.noop, Exception)
    for end, how in ENDS:
        conn = connect()
        with between.stalling():
            end(f"imap, stalls: {end.__name__}", conn.noop, partial(how, conn), Exception)
    conn = connect()
    conn.select()
    step("imap: afterwards", lambda: len(conn.fetch("1", "(RFC822)")[1][0][1]), len(letter))


def imap_starttls(port, context):
    with imaplib.IMAP4("localhost", port) as conn:
        step("imap: STARTTLS", lambda: conn.starttls(context)[0], "OK")
        step("imap: login in TLS", lambda: conn.login("eco", "secret")[0], "OK")


with scenario() as folder:
    tls = Tls(folder)
    context = ssl.create_default_context(cafile=tls.ca)
    with smtp(folder, tls) as port, relay(folder, port) as between:
        smtp_tests(between.port, between, context)
    with dovecot(folder, tls) as (plain, secure), relay(folder, secure) as between:
        imap_tests(between.port, between, context)
        imap_starttls(plain, context)
