"""dnspython against nsd: UDP, TCP, transfer, resolver, and servers that lie or are silent."""

import asyncio
import socket
import threading

import dns.asyncquery
import dns.asyncresolver
import dns.message
import dns.query
import dns.resolver
import dns.reversename
import dns.zone
from kit import closed_port, hanging_up, in_threads, mask, peer, scenario, silent, step
from servers import nsd
from stalls import unbounded

ZONE = """\
$ORIGIN eco.test.
$TTL 60
@ SOA ns root 1 60 60 60 60
@ NS ns
ns A 127.0.0.1
host A 192.0.2.10
host A 192.0.2.11
host AAAA fd77::10
www CNAME host
big TXT {big}
srv SRV 0 5 80 host
"""
BIG = " ".join(f'"{"x" * 200}{n}"' for n in range(40))


def queries(port):
    def ask(name, kind, how=dns.query.udp, **more):
        message = dns.message.make_query(name, kind)
        return how(message, "127.0.0.1", port=port, timeout=3, **more)

    def rows(response):
        return sorted(str(row) for rrset in response.answer for row in rrset)

    step("udp A", lambda: rows(ask("host.eco.test", "A")), ["192.0.2.10", "192.0.2.11"])
    step("udp AAAA", lambda: rows(ask("host.eco.test", "AAAA")), ["fd77::10"])
    step("no such name", lambda: ask("none.eco.test", "A").rcode().name, "NXDOMAIN")
    step("not ours", lambda: ask("elsewhere.test", "A").rcode().name, "REFUSED")
    step("truncated", lambda: bool(ask("big.eco.test", "TXT").flags & dns.flags.TC), True)
    step("tcp", lambda: len(rows(ask("big.eco.test", "TXT", dns.query.tcp))[0]) > 8000, True)
    step("udp with tcp", lambda: ask("big.eco.test", "TXT", dns.query.udp_with_fallback)[1], True)
    transfer = dns.query.xfr("127.0.0.1", "eco.test", port=port)
    step("transfer", lambda: len(dns.zone.from_xfr(transfer).nodes), 6)
    step("threads", lambda: in_threads(16, lambda n: rows(ask("www.eco.test", "A"))[-1]),
         ["host.eco.test."] * 16)

    async def together():
        def one():
            message = dns.message.make_query("host.eco.test", "A")
            return dns.asyncquery.udp(message, "127.0.0.1", port=port, timeout=3)

        responses = await asyncio.gather(*(one() for _ in range(5)))
        return [len(response.answer) for response in responses]

    step("asyncio", lambda: asyncio.run(together()), [1] * 5)


def resolver(port):
    one = dns.resolver.Resolver(configure=False)
    one.nameservers, one.port, one.lifetime = ["127.0.0.1"], port, 2
    step("resolver", lambda: sorted(map(str, one.resolve("www.eco.test", "A"))),
         ["192.0.2.10", "192.0.2.11"])
    step("resolver srv", lambda: [row.port for row in one.resolve("srv.eco.test", "SRV")], [80])
    step("nxdomain", lambda: one.resolve("none.eco.test"), dns.resolver.NXDOMAIN)
    step("no answer", lambda: one.resolve("host.eco.test", "MX"), dns.resolver.NoAnswer)
    dns.resolver.override_system_resolver(one)
    step("getaddrinfo over it", lambda: sorted(
        row[4][0] for row in socket.getaddrinfo("host.eco.test", 80, socket.AF_INET,
                                                socket.SOCK_STREAM)), ["192.0.2.10", "192.0.2.11"])
    step("gethostbyname over it", lambda: socket.gethostbyname("ns.eco.test"), "127.0.0.1")
    step("getaddrinfo of none", lambda: socket.getaddrinfo("none.eco.test", 80), socket.gaierror)
    dns.resolver.restore_system_resolver()
    step("the system's", lambda: socket.gethostbyname("nowhere.invalid"), socket.gaierror)


def troubles():
    message = dns.message.make_query("host.eco.test", "A")

    def ask(how, port, **more):
        return how(message, "127.0.0.1", port=port, timeout=0.4, **more)

    closed = closed_port()
    step("udp to nobody", lambda: ask(dns.query.udp, closed), Exception)
    step("tcp to nobody", lambda: ask(dns.query.tcp, closed), ConnectionRefusedError)
    with socket.socket(type=socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        port = mask(mute.getsockname()[1], "mute")
        step("udp timeout", lambda: ask(dns.query.udp, port), dns.exception.Timeout,
             within=(0.3, 2))
        unbounded("udp in a deadline", lambda: ask(dns.query.udp, port), dns.exception.Timeout, 0.4)
    with socket.socket(type=socket.SOCK_DGRAM) as liar:
        liar.bind(("127.0.0.1", 0))
        port = mask(liar.getsockname()[1], "liar")

        def lie():
            data, sender = liar.recvfrom(1000)
            liar.sendto(b"nonsense", sender)

        threading.Thread(target=lie).start()
        step("nonsense", lambda: ask(dns.query.udp, port), dns.exception.DNSException)
    with peer(silent) as bad:
        step("tcp timeout", lambda: ask(dns.query.tcp, bad), dns.exception.Timeout,
             within=(0.3, 2))
    with peer(hanging_up) as bad:
        step("tcp closed", lambda: ask(dns.query.tcp, bad), EOFError)


with scenario() as folder, nsd(folder, ZONE.format(big=f"( {BIG} )")) as port:
    queries(port)
    resolver(port)
    troubles()
