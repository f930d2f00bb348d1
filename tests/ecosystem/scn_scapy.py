"""scapy on a veth: packets made by hand, between two network namespaces of our own."""

import os
import subprocess
import sys

from kit import SIDE, scenario, step, which_socket

if os.environ.get("ECOSYSTEM_ALONE") != "1":
    print("skipped: needs a network namespace of its own")
    sys.exit(77)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def cable():
    """The other end of the cable is in the namespace of a process that sleeps."""
    sleeper = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 1000"],
                               stdout=subprocess.PIPE)
    sleeper.stdout.readline()
    far = ["nsenter", f"--net=/proc/{sleeper.pid}/ns/net", "ip"]
    ip("link", "add", "near", "address", "02:00:00:00:00:01", "type", "veth", "peer", "name", "far",
       "address", "02:00:00:00:00:02", "netns", str(sleeper.pid))
    ip("addr", "add", "10.9.0.1/24", "dev", "near")
    ip("link", "set", "near", "up")
    for words in ("addr add 10.9.0.2/24 dev far", "link set far up", "link set lo up"):
        subprocess.run([*far, *words.split()], check=True)
    return sleeper


def main(folder):
    from scapy.config import conf

    conf.verb = 0
    from scapy.all import (
        ARP,
        ICMP,
        IP,
        TCP,
        UDP,
        AsyncSniffer,
        Ether,
        L3RawSocket,
        Raw,
        arping,
        get_if_hwaddr,
        get_if_list,
        sendp,
        sr1,
        srp1,
    )

    step("sockets", lambda: which_socket() == SIDE, True)
    step("interfaces", lambda: sorted(get_if_list()), lambda v: "near" in v)
    step("hardware address", lambda: get_if_hwaddr("near"), "02:00:00:00:00:01")
    step("arping", lambda: [p.hwsrc for _, p in arping("10.9.0.2", iface="near", timeout=3)[0]],
         ["02:00:00:00:00:02"])
    ping = IP(dst="10.9.0.2") / ICMP(id=7, seq=1) / Raw(b"hello")
    step("ping", lambda: sr1(ping, timeout=3, iface="near").summary())
    frame = Ether(dst="02:00:00:00:00:02") / ping
    step("ping, layer 2", lambda: srp1(frame, timeout=3, iface="near")[ICMP].type, 0)
    syn = IP(dst="10.9.0.2") / TCP(sport=40000, dport=9, flags="S", seq=1)
    step("to a closed port", lambda: str(sr1(syn, timeout=3, iface="near")[TCP].flags), "RA")
    udp = IP(dst="10.9.0.2") / UDP(sport=40000, dport=9) / Raw(b"x")
    step("to a closed UDP port", lambda: sr1(udp, timeout=3, iface="near")[ICMP].code, 3)
    nobody = IP(dst="10.9.0.2", ttl=5) / ICMP(type=42)
    step("no answer", lambda: sr1(nobody, timeout=0.5, iface="near"), lambda v: v is None,
         within=(0.4, 4))
    who = Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.9.0.77")
    step("nobody there", lambda: srp1(who, timeout=0.5, iface="near"), lambda v: v is None)

    sniffer = AsyncSniffer(iface="near", filter="", count=20,
                           lfilter=lambda p: p.haslayer(UDP) and p[UDP].dport == 4242,
                           started_callback=lambda: sendp(
                               [Ether(dst="02:00:00:00:00:02") / IP(dst="10.9.0.2")
                                / UDP(sport=1000 + n, dport=4242) / Raw(bytes([n]) * 800)
                                for n in range(20)], iface="near"))
    sniffer.start()
    sniffer.join(10)
    step("sniffed", lambda: [p[UDP].sport for p in sniffer.results], [*range(1000, 1020)])

    raw = L3RawSocket(iface="near")
    step("raw socket", lambda: raw.sr1(ping, timeout=3, verbose=False)[ICMP].type, 0)
    raw.close()


with scenario() as folder:
    sleeper = cable()
    try:
        main(folder)
    finally:
        sleeper.kill()
        sleeper.wait()
