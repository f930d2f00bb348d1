"""`csock ps`: which threads of other processes wait in csock, in which call, on whom, how long."""

import contextlib
import os
import sys
import time

from csock import _ps_memory, _ps_process, _ps_text

FOUND, FAILED = 1, 2  # exit statuses: somebody is stuck; something could not be read

_ABOUT = """\
Which threads wait in a call of csock's, on whom, and since when: a line for each. Works from
outside of a process, which may hang, hold its GIL or be stopped.
"""
_EPILOG = """\
Exit status: 0; with --stuck 1 if somebody is; 2 if a process could not be read, or has no csock. A
program that runs with CSOCK_PS=0 shows nothing. What the columns say: docs/seeing.md.
"""


def _parser(name):
    import argparse

    parser = argparse.ArgumentParser(name, description=_ABOUT, epilog=_EPILOG, allow_abbrev=False)
    parser.add_argument("pid", nargs="*", type=int, metavar="PID",
                        help="processes; without, all of this user's that have csock")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    parser.add_argument("--watch", action="store_true", help="again each second, until Ctrl-C")
    parser.add_argument(
        "--stuck",
        type=float,
        metavar="SECONDS",
        help="only who waits for so long, but in accept; exit status 1 if there is any",
    )
    parser.add_argument(
        "--stacks",
        action="store_true",
        help="with the Python stack of each (asked by the program's own Python, 3.14 or newer)",
    )
    return parser


def _arguments(words, name):
    parser = _parser(name)
    args = parser.parse_args(words)
    if args.stuck is not None and not 0 <= args.stuck < 1e12:
        parser.error("--stuck: SECONDS is a number from 0 on")
    return args


# ---- what cannot be read


def _number_in(path):
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _owner(pid):
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            return int(file.read().partition(b"\nUid:")[2].split()[0])
    except (OSError, ValueError, IndexError):
        return None


def refusal(pid, scope_file="/proc/sys/kernel/yama/ptrace_scope"):
    """Why a process may not be read, and what to do. ptrace(2), "Ptrace access mode checking" """
    scope, owner = _number_in(scope_file), _owner(pid)
    says = f"process {pid}: not allowed to read its memory"
    if scope == 3:
        return f"{says}: kernel.yama.ptrace_scope is 3, nobody may until the machine starts anew"
    if owner is not None and owner != os.geteuid():
        return f"{says}: it belongs to user {owner}; ask as that user, or as root (sudo)"
    if scope and os.geteuid() != 0:
        return (f"{says}: kernel.yama.ptrace_scope is {scope}; ask as root (sudo), or have root "
                "allow it: sysctl kernel.yama.ptrace_scope=0")  # fmt: skip
    return (f"{says}: it has more rights than we have, or has given up being read (prctl(2), "
            "PR_SET_DUMPABLE); ask as root (sudo), in a container with CAP_SYS_PTRACE")  # fmt: skip


def _complaints(process, named):
    """What is to be said of one, to stderr."""
    if process.refused:
        yield refusal(process.pid)
    for version, layout in process.unknown:
        yield (f"process {process.pid} has csock {_ps_text.plain(version)}, whose records (layout "
               f"{layout}) this one, {_own_version()}, does not know: use that one's `csock ps`"
               )  # fmt: skip
    if process.off:
        yield f"process {process.pid} shows nothing: it runs with CSOCK_PS=0"
    if named and not (process.versions or process.unknown or process.refused):
        yield f"process {process.pid} has no csock; `csock run` starts a program with it"
    if isinstance(process.stacks, Exception):
        yield f"process {process.pid}: no stacks: {_ps_text.plain(str(process.stacks))}"


def _own_version():
    import csock

    return f"{csock.__version__} (layout {_ps_memory.LAYOUT})"


# ---- one look


class Look:
    """At all that is asked for, once."""

    def __init__(self, reader, pids, hung):
        self.processes, self.complaints = [], []
        self.failed = False
        for pid, result in _ps_process.patiently(reader.read, [p for p in pids if p not in hung]):
            if isinstance(result, _ps_process.Hung):
                hung.add(pid)
                self._complain(f"process {pid}: its memory cannot be read in time")
            elif isinstance(result, _ps_process.Gone):
                if reader.named:
                    self._complain(f"process {pid}: there is none")
            elif isinstance(result, Exception):
                self._complain(f"process {pid}: {type(result).__name__}: {result}")
            elif result:
                self._add(result, reader.named)
        _ps_process.ask_kernel(self.processes)
        self.now = time.monotonic_ns()

    def _complain(self, text, fails=True):
        self.complaints.append(text)
        self.failed = self.failed or fails

    def _add(self, process, named):
        for text in _complaints(process, named):
            self._complain(text, fails=not process.versions)
        if process.rows or (named and process.versions):
            self.processes.append(process)

    def keep_stuck(self, seconds):
        """Whether anybody is. Who waits for somebody to connect is not stuck."""
        for process in self.processes:
            process.rows = [
                row
                for row in process.rows
                if self.now - row.wait.since >= seconds * 1e9
                and row.wait.call != "accept"
                and not (row.socket and row.socket.state == "LISTEN")
            ]
        self.processes = [process for process in self.processes if process.rows]
        return bool(self.processes)

    def lines(self, args):
        if args.json:
            import json

            processes = _ps_text.objects(self.processes, self.now)
            whole = {"processes": processes, "errors": self.complaints}
            return [json.dumps(whole, indent=None if args.watch else 1)]
        none = "nobody waits in csock" if args.stuck is None else "nobody is stuck in csock"
        lines = list(_ps_text.lines(self.processes, self.now))
        # Of processes that were named and could not be read nobody knows.
        return lines if lines or (args.pid and self.failed) else [none]


def _write(lines, stream):
    if stream is None:  # it was closed before we began
        return
    text = "".join(f"{line}\n" for line in lines)
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _stacks():
    from csock import _interp

    return _interp.stacks


def _show(args, reader, hung):
    """One look; the exit status."""
    look = Look(reader, args.pid or _ps_process.of_this_user(), hung)
    stuck = args.stuck is not None and look.keep_stuck(args.stuck)
    if args.watch and not args.json:
        _write(["\033[H\033[J" if sys.stdout and sys.stdout.isatty() else ""], sys.stdout)
    _write(look.lines(args), sys.stdout)
    _write([f"csock: {_ps_text.plain(text)}" for text in look.complaints], sys.stderr)
    return FAILED if look.failed and args.pid and not stuck else FOUND if stuck else 0


def _give_up_writing(error):
    """Nothing is left for the interpreter to write at its end. Whoever closes a pipe has what he
    wants."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        with contextlib.suppress(OSError):
            _write([f"csock: {error}"], sys.stderr)


def main(words, name):
    """The exit status. name: how it was called."""
    args = _arguments(words, name)
    reader = _ps_process.Reader(bool(args.pid), _stacks() if args.stacks else None)
    hung = set()
    try:
        status = _show(args, reader, hung)
        while args.watch:
            time.sleep(1)
            status = _show(args, reader, hung)
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # it could not be said
        _give_up_writing(error)
        return FAILED
    return status
