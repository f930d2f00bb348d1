#!/usr/bin/env python3
"""Runs random programs on the stock module and on csock, and reports where the two differ.

    run.py [--seconds N] [--seed N] [--plant] [program.py...]

Programs come from programs.py, by hypothesis; they run in world.py; one that shows a difference is
made short; what differs on purpose is in known.py. With a file its lines are the program. Status 1
if something differs. Wants unshare(1), and the right to make user namespaces or root."""

import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from known import quietly_different, why_different  # noqa: E402
from programs import programs  # noqa: E402

NAMESPACES = ["unshare", "-r", "-n", "-u", "-p", "--fork", "--kill-child"]
ROUND = 200  # programs between two looks at the clock
ATTEMPTS = 3  # a difference must show each time: the machine may be busy


class World:
    """One world.py. Started again when it has died."""

    def __init__(self, which, plant=False):
        up = 'ip link set lo up; exec "$@"'
        more = ["--plant"] if plant else []
        command = [
            *NAMESPACES,
            "sh",
            "-c",
            up,
            "sh",
            sys.executable,
            HERE / "world.py",
            which,
            *more,
        ]
        self.process = subprocess.Popen(command, stdin=-1, stdout=-1, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit(f"the world of {which} did not start")

    def ask(self, lines, alone):
        self.process.stdin.write(json.dumps([alone, lines]) + "\n")
        self.process.stdin.flush()

    def answer(self):
        return json.loads(self.process.stdout.readline())


def kind_of(found):
    """What makes two differences the same one: the call, and how either side answers."""
    line, stock, csock = found
    name = line.partition("(")[0].rpartition(".")[2].strip()
    answers = (str(answer[0]).partition("(")[0].partition(" ")[0] for answer in (stock, csock))
    return name, *answers


def text_of(lines, found):
    line, stock, csock = found
    return "\n".join([*lines, f"# {line}", f"#   stock: {stock}", f"#   csock: {csock}"])


class Judge:
    """Runs programs in both worlds."""

    def __init__(self, plant):
        self.worlds = World("stock"), World("ours", plant)
        self.counts = collections.Counter()

    def outcomes(self, lines, alone):
        for world in self.worlds:
            world.ask(lines, alone)
        return [world.answer() for world in self.worlds]

    def first_difference(self, lines, alone):
        theirs, ours = self.outcomes(lines, alone)
        self.counts["programs"] += 1
        for line, stock, csock in zip([*lines, "<rest>"], theirs, ours, strict=False):
            self.counts["calls"] += 1
            if stock != csock:
                if why := why_different(line, stock, csock):
                    self.counts[f"known: {why}"] += 1
                    return None
                return line, stock, csock
            if quietly_different(line):
                return None
        if len(theirs) != len(ours):
            return "<rest>", theirs[-1], ours[-1]
        return None

    def lasting_difference(self, lines):
        """One that shows each time, and in a process of its own."""
        for attempt in range(ATTEMPTS):
            found = self.first_difference(lines, attempt > 0)
            if not found:
                return None
        return found

    def shortened(self, lines, kind):
        """Without the lines that the difference does not need."""
        for index in reversed(range(len(lines))):
            fewer = lines[:index] + lines[index + 1 :]
            found = self.first_difference(fewer, True)
            if found and kind_of(found) == kind:
                lines = fewer
        return lines

    def check(self, lines, known):
        """Adds what differs to known: kind -> text."""
        found = self.lasting_difference(lines)
        if found and kind_of(found) not in known:
            kind = kind_of(found)
            lines = self.shortened(lines, kind)
            known[kind] = text_of(lines, self.lasting_difference(lines) or found)


def search(judge, until, first_seed):
    """Rounds of random programs until the time is over. A difference does not end a round, for
    there may be others: so it is not hypothesis that shortens the program."""
    found, number = {}, first_seed
    while time.monotonic() < until:

        @seed(number)
        @settings(
            max_examples=ROUND,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(programs())
        def run(lines):
            if time.monotonic() < until:
                judge.check(lines, found)

        run()
        number += 1
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--plant", action="store_true", help="a mistake that has to be found")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    first_seed = random.randrange(10**6) if args.seed is None else args.seed
    judge = Judge(args.plant)
    found = {}
    begin = time.monotonic()
    if args.files:
        for path in args.files:
            judge.check(path.read_text().splitlines(), found)
    else:
        found = search(judge, begin + args.seconds, first_seed)
    for text in found.values():
        print(f"DIFFERENT\n{text}\n")
    for name, count in sorted(judge.counts.items()):
        print(f"{count:8} {name}")
    print(f"{len(found)} differences in {time.monotonic() - begin:.0f} s, seed {first_seed}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
