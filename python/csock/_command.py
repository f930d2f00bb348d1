"""The command lines: `python -m csock …` and the command `csock …`, which pip puts beside python.

What runs a program is read by hand: what follows the target is the program's own, also where it
looks like an option of ours (`-m mod -h`), and python takes `-mmod` and `-ccode`. argparse would
take the first and mistake the second; and its import would cost more than all the rest. The other
commands of `csock` are argparse's.
"""

import sys

import csock

_ABOUT = "Runs a program as python does, with csock in the place of the socket module.\n"

_RUN_OPTIONS = """
  -m mod, -c code, app.py, -   what to run, as for python; app.py may be a folder or a zip file
  --children    the Python interpreters that the program starts have csock, too
  --force       although modules that hold the stock socket module are loaded already
  --adapt[=urllib3,redis]
                libraries that go through a host's addresses themselves race them, too
"""

_INTERPRETER = """
Options of the interpreter go to python itself: python -W error -X dev -m csock app.py
"""

# Of the environment, for any program that has csock.
_VARIABLES = """\
  CSOCK_DISABLE=1     turns all of this off: the stock module is used
  CSOCK_TRACE=all     each look-up, connect, handshake and wait, on stderr
  CSOCK_TRACE=dial    how each connection came about
  CSOCK_PCAP=FOLDER   what its sockets carry, in files there, for Wireshark
  CSOCK_PS=0          csock ps sees nothing of it
"""

MODULE_USAGE = """\
usage: python -m csock [--children] [--force] [--adapt[=LIBRARIES]]
                       [-m mod | -c code | app.py | -] [args ...]
       python -m csock --enable [--force] | --disable | --status
       python -m csock --ps [--json] [--watch] [--stuck SECONDS] [--stacks] [PID ...]
       python -m csock --dial [--timeout SECONDS] [--tls] [--json] HOST PORT
"""

_MODULE_HELP = f"""\
{MODULE_USAGE}
{_ABOUT}{_RUN_OPTIONS}\
  --version     the version of csock and of Python
  -h, --help    this

For a virtual environment, so that every program in it has csock:

  --enable      put csock in place; with --force also in a Python that is no virtual environment
  --disable     undo that
  --status      say what is in place, and whether it works; exit status 1 if csock is not in place

For processes that hang:

  --ps          which threads wait in csock, on whom, and since when; --ps --help has more
  --dial        connects to a host, and shows how that went; --dial --help has more
{_INTERPRETER}
In the environment of a program:

{_VARIABLES}"""

RUN_USAGE = """\
usage: csock run [--children] [--force] [--adapt[=LIBRARIES]]
                 [-m mod | -c code | app.py | -] [args ...]
"""

_RUN_HELP = f"{RUN_USAGE}\n{_ABOUT}{_RUN_OPTIONS}  -h, --help    this\n{_INTERPRETER}"

# What is done to an environment, and is said of it.
_ENVIRONMENT = {
    "enable": "put csock in the place of socket in every program of this virtual environment",
    "disable": "undo that",
    "status": "say what is in place, and whether it works; exit status 1 if csock is not in place",
}


class Usage(Exception):
    pass


class Options:
    """What to run, and how."""

    def __init__(self):
        self.children = self.force = False
        self.adapt = None  # or a tuple of names; empty: all
        self.action = "run"  # or: help, version, enable, disable, status, ps, dial
        self.kind = "nothing"  # to run; or: module, command, script, stdin
        self.target = None
        self.args = []
        self.has_file = False  # whether `__main__` has been given a __file__


def parse(words, actions=("version", "ps", "dial", *_ENVIRONMENT)):
    """The options that a command line stands for; `actions` are what it may ask for instead of a
    program."""
    options, words = Options(), list(words)
    while words and words[0].startswith("-") and words[0] not in ("-", "--"):
        word = words.pop(0)
        if word[:2] in ("-m", "-c"):
            options.kind = "module" if word[1] == "m" else "command"
            if word[2:]:
                options.target = word[2:]
            elif words:
                options.target = words.pop(0)
            else:
                raise Usage(f"argument expected for the {word} option")
            break
        if word in ("-h", "--help"):
            options.action = "help"
            return options
        name = word.removeprefix("--")
        if word in ("--ps", "--dial") and name in actions and options.action == "run":
            options.action, options.args = name, words  # the rest is for argparse
            return options
        if word in ("--children", "--force"):
            setattr(options, name, True)
        elif word == "--adapt" or word.startswith("--adapt="):
            options.adapt = tuple(filter(None, word.removeprefix("--adapt").strip("=").split(",")))
        elif word != name and name in actions:
            if options.action not in ("run", name):
                raise Usage(f"--{options.action} and {word} do not go together")
            options.action = name
        else:
            raise Usage(f"unknown option {word} (options of the interpreter go to python itself)")
    else:
        if words and words[0] == "--":
            words.pop(0)
        if words:
            options.target = words.pop(0)
            options.kind = "stdin" if options.target == "-" else "script"
    options.args = words
    if options.action != "run" and options.kind != "nothing":
        raise Usage(f"--{options.action} runs no program")
    return options


def version():
    python = ".".join(map(str, sys.version_info[:3]))
    return f"csock {csock.__version__} on Python {python}, from {csock.__path__[0]}"


def _parsed(words, usage, **more):
    try:
        return parse(words, **more)
    except Usage as error:
        sys.stderr.write(f"csock: {error}\n{usage}")
        raise SystemExit(2) from None


def _environment(action, force):
    from csock import _venv

    raise SystemExit(_venv.main(action, force))


def _ps(words, name):
    from csock import _ps

    raise SystemExit(_ps.main(words, name))


def _run(options, script=None):
    from csock import _run

    _run.run(options, script)


def module():
    """`python -m csock …`"""
    options = _parsed(sys.argv[1:], MODULE_USAGE)
    if options.action == "help":
        print(_MODULE_HELP, end="")
    elif options.action == "version":
        print(version())
    elif options.action == "ps":
        _ps(options.args, "python -m csock --ps")
    elif options.action == "dial":
        from csock import _dial

        _dial.main(_dial.arguments(options.args, "python -m csock --dial"))
    elif options.action != "run":
        _environment(options.action, options.force)
    else:
        _run(options)


def _arguments():
    import argparse

    parser = argparse.ArgumentParser(
        "csock",
        description="csock: Python's socket module on a C library of its own. What waits ends at\n"
        "a deadline or when its socket is closed, and can be looked at from outside.",
        epilog=f"csock COMMAND --help has more.\n\nIn the environment of a program:\n{_VARIABLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("run", help="run a program with csock in the place of socket")
    from csock import _dial

    dial = commands.add_parser(
        "dial",
        help="connect to a host, and show how that went",
        description=_dial.ABOUT,
        epilog=_dial.STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _dial.add_arguments(dial)
    commands.add_parser("ps", help="which threads of other programs wait in csock, and on whom")
    for name, text in _ENVIRONMENT.items():
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name == "enable":
            command.add_argument(
                "--force", action="store_true", help="also in a Python that is no such environment"
            )
    return parser.parse_args()


def _looks_like_a_program(word):
    import os

    if word in ("dial", *_ENVIRONMENT):
        return False
    return word[:2] in ("-m", "-c") or word.endswith(".py") or os.path.isfile(word)


def script():
    """`csock …`"""
    if sys.argv[1:] == ["--version"]:
        print(version())  # argparse would wrap the line
        return
    if sys.argv[1:2] == ["ps"]:
        _ps(sys.argv[2:], "csock ps")
    if sys.argv[1:2] != ["run"]:
        if _looks_like_a_program(sys.argv[1] if sys.argv[1:] else ""):
            sys.stderr.write(f"csock: a program is run by: csock run {sys.argv[1]} …\n{RUN_USAGE}")
            raise SystemExit(2)
        options = _arguments()
        if options.command == "dial":
            from csock import _dial

            _dial.main(options)
        _environment(options.command, getattr(options, "force", False))
    options = _parsed(sys.argv[2:], RUN_USAGE, actions=())
    if options.action == "help":
        print(_RUN_HELP, end="")
    elif options.kind == "nothing":
        sys.stderr.write(f"csock: nothing to run\n{RUN_USAGE}")
        raise SystemExit(2)
    else:
        _run(options, sys.argv[0])
