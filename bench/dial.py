"""How long it takes to connect where something on the way is broken, on csock and on the stock
module, in the same network namespace. Needs root.

    python bench/dial.py [--only TEXT] [--limit S] [--json FILE] [--svg FILE]

What stock has not ended after --limit seconds is ended from outside, and shown as more than that.
--svg draws it: picture.py.
Fails (exit 1) where csock misses a target. requests and redis-py are those of bench/programs.py;
where pip cannot have them, their rows are skipped, and the run fails.
"""

import argparse
import datetime
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "tests" / "lab"))
sys.path.insert(2, str(Path(__file__).resolve().parents[1] / "tests" / "ecosystem"))

import netlab
import picture
import sides
from dial_cases import (
    BAD6,
    CASES,
    CONNECT,
    DELAY,
    DNS,
    GOOD6,
    HOLES,
    HOSTS,
    LOSES_AAAA,
    SERVER,
    WINS,
)
from run import machine

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parent / "build" / "programs"
REQUIREMENTS = HERE / "requirements.txt", sides.REQUIREMENTS


def make_namespace():
    made = netlab.Namespace("bench-dial")
    made.etc("nsswitch.conf", "hosts: files dns\n")
    lines = [f"{address} {name}\n" for name, found in HOSTS.items() for address in found]
    made.etc("hosts", "".join(lines))
    made.etc("resolv.conf", f"nameserver {DNS}\n")
    made.silence(DNS)
    for address in (GOOD6, BAD6):
        made.ip("-6", "addr", "add", f"{address}/128", "dev", "lo", "nodad")
    for address in HOLES:
        made.ip("addr", "add", f"{address}/32", "dev", "lo")
    rules = "add table inet t; add chain inet t in { type filter hook input priority 0; }; "
    rules += f"add rule inet t in ip6 daddr {BAD6} tcp dport 8000 drop; "
    rules += "add rule inet t in ip daddr 192.0.2.0/24 drop"
    made.exec("nft", rules)
    return made


def find_packages():
    """Those of bench/programs.py, for the programs to be measured as well: they get sys.path."""
    try:
        sides.ready(PACKAGES, REQUIREMENTS)
    except SystemExit as why:
        print(f"{why}\nbench-dial: going on without Python packages", flush=True)
    else:
        sys.path.append(str(sides.site_packages(PACKAGES / "base")))


class Measured(NamedTuple):
    value: float | None = None  # seconds, mostly; None where it was ended from outside
    won: str = ""  # the family that did, where that counts


def program_of(side, case):
    if case.program:
        return case.program
    setup = case.setup
    if side == "csock" and case.needs:  # netlab's programs begin with a module of json's, not ours
        setup = f"import csock\ncsock.install(force=True)\ncsock.adapt()\n{setup}"
    call = case.call if side == "csock" or case.stock is None else case.stock
    form = WINS if case.wins else CONNECT
    return form.format(call=call, setup=setup, count=case.count, wins=case.wins)


def measured(lab, side, case, limit):
    lab.etc("resolv.conf", f"nameserver {case.dns}\n")
    child = lab.start("socket" if side == "stock" else "csock", program_of(side, case))
    limit = limit if case.stock != "" else max(limit, 60)
    try:
        result = child.result(timeout=limit)
    except subprocess.TimeoutExpired:
        child.stop()
        return Measured()
    return Measured(*result) if case.wins else Measured(result)


def is_met(case, ours, stock):
    if ours.value is None or (case.wins and ours.won != "IPv6"):
        return False
    most = case.most
    if case.ratio and stock.value:
        most = stock.value * case.ratio
    if case.more and stock.value:
        most = stock.value + case.more
    return case.least <= ours.value and (most is None or ours.value <= most)


def shown(one, limit, unit=""):
    if one.value is None:
        return f"> {limit:.0f} s"
    if unit:
        return f"{one.value}{unit}".strip()
    return f"{one.value:.3f} s" if one.value > 0.01 else f"{one.value * 1e6:.0f} us"


def words_of(case, ours, stock, met):
    won = f"{ours.won} wins (stock: {stock.won})" if case.wins else ""
    return " ".join(filter(None, (won, "" if met else "MISSED")))


def compared(lab, case, limit):
    """(csock's, stock's, whether the target is met)"""
    stock = measured(lab, "stock", case, limit) if case.stock != "" else Measured()
    # Another try where two runs have to be compared: the machine may have been busy with one.
    for _ in range(3):
        ours = measured(lab, "csock", case, limit)
        met = is_met(case, ours, stock)
        if met or not (case.ratio or case.more):
            break
        stock = measured(lab, "stock", case, limit)
    return ours, stock, met


def run(lab, cases, limit):
    for case in cases:
        row = {"case": case.name, "target": case.target}
        if case.needs and not importlib.util.find_spec(case.needs):
            print(f"{case.name:45} {case.target:15} SKIPPED: {case.needs} is not installed")
            yield row | {"skipped": True, "met": False}
            continue
        ours, stock, met = compared(lab, case, limit)
        figures = shown(ours, limit, case.unit), shown(stock, limit, case.unit)
        other = figures[1] if case.stock != "" else "-"
        words = words_of(case, ours, stock, met)
        line = f"{case.name:45} {case.target:15} {figures[0]:>10} {other:>10} {words}"
        print(line.rstrip(), flush=True)
        yield row | {"csock": ours.value, "stock": stock.value, "won": ours.won, "met": met}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="cases whose names have this in them")
    parser.add_argument("--limit", type=float, default=20, help="seconds for each")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path, help="a picture of it")
    options = parser.parse_args()
    reason = netlab.why_not()
    if reason:
        sys.exit(f"bench-dial: {reason}")
    find_packages()
    lab = make_namespace()
    try:
        for program in (SERVER, LOSES_AAAA, DELAY):
            lab.start("socket", program).expect("ready")
        print("{:45} {:15} {:>10} {:>10}".format("case", "target", "csock", "stock"))
        found = list(run(lab, [c for c in CASES if options.only in c.name], options.limit))
    finally:
        lab.remove()
    told = {"date": f"{datetime.date.today()}", "limit": options.limit, **machine(), "rows": found}
    if options.json:
        options.json.write_text(json.dumps(told, indent=1))
    if options.svg:
        picture.write(options.svg, told)
    sys.exit(0 if all(row["met"] for row in found) else 1)


if __name__ == "__main__":
    main()
