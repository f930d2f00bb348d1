"""Runs a program with csock in the place of `socket`, as plain python runs it.

Sits on install() and runpy; _command.py reads the command line. What a program sees of its own
start is decided here: sys.argv, sys.path[0], the names of `__main__`, the text of an unhandled
exception, the exit status. Must not leave anything of its own in them. What it cannot hide are its
frames below the program's, which traceback.print_stack() shows.
"""

import sys
from errno import ENOENT

import csock
from csock import _interp

# ------------------------------------------------------------- as python does


def _clean_main():
    """The names that a fresh `__main__` has, in the very dictionary that the interpreter made."""
    names = sys.modules["__main__"].__dict__
    fresh = dict.fromkeys(("__name__", "__doc__", "__package__", "__loader__", "__spec__"))
    fresh["__name__"] = "__main__"
    fresh["__loader__"] = _interp.builtin_importer()
    if sys.version_info < (3, 14):
        fresh["__annotations__"] = {}
    fresh["__builtins__"] = sys.modules["builtins"]
    names.clear()
    names.update(fresh)
    return names


def _drop_path0(first):
    """What python has put in front of the path, for csock's sake and not for the program's."""
    if not sys.flags.safe_path and first is not None and sys.path[:1] == [first]:
        del sys.path[0]


def _importer(path):
    """What imports from path if it is a folder or a zip file; otherwise None."""
    for hook in sys.path_hooks:
        try:
            return hook(path)
        except ImportError:
            continue
    return None


def _code_of(path):
    """The code of a script or of a .pyc file, and the kind of its loader."""
    import io

    with io.open_code(path) as file:
        data = file.read()
    magic = _interp.MAGIC_NUMBER
    if path.endswith(".pyc") or data[:2] == magic[:2]:
        import marshal

        if data[:4] != magic:
            raise RuntimeError("Bad magic number in .pyc file")
        return marshal.loads(data[16:]), "SourcelessFileLoader"
    return compile(data, path, "exec", dont_inherit=True), "SourceFileLoader"


def _set_file(options, names, path):
    options.has_file = True  # only while it runs: python takes it away before atexit functions run
    names["__file__"] = path
    if sys.version_info < (3, 15):
        names["__cached__"] = None


_WORDS = "enable", "disable", "status", "ps", "dial"
_SAME = {word: f"python -m csock --{word}" for word in _WORDS}
_SAME["run"] = "python -m csock app.py, without that word"


def _what_was_meant(target):
    """A line, or None, for who named something that is no file."""
    if target in _SAME:
        return f"{target} is a word of the command csock: `csock {target}`, or {_SAME[target]}"
    import shutil

    command = "/" not in target and shutil.which(target)
    if command:
        return f"{target} is a command, and no file here; a Python program is run by its path, " \
               f"{command}, or by -m and its module"  # fmt: skip
    return None


def _run_script(options, cwd):
    import os

    sys.argv = [options.target, *options.args]
    path = options.target
    if not path.startswith("/") and cwd is not None:
        path = f"{cwd}/{path}"
    if _importer(path) is not None:
        sys.path.insert(0, path)
        _clean_main()
        _interp.run_module_as_main("__main__", False)
        return
    if not sys.flags.safe_path:
        sys.path.insert(0, os.path.dirname(os.path.realpath(path)))
    names = _clean_main()
    try:
        code, loader = _code_of(path)
    except OSError as error:
        sys.stderr.write(
            f"{sys.executable}: can't open file {path!r}: [Errno {error.errno}] {error.strerror}\n"
        )
        meant = _what_was_meant(options.target) if error.errno == ENOENT else None
        if meant:
            csock._say(meant)
        raise SystemExit(2) from None
    _set_file(options, names, path)
    names["__loader__"] = _interp.loader(loader, "__main__", path)
    exec(code, names)


def _run_module(options, cwd):
    sys.argv = ["-m", *options.args]
    if not sys.flags.safe_path and cwd is not None:
        sys.path.insert(0, cwd)
    _clean_main()
    _interp.run_module_as_main(options.target)


def _run_command(options, cwd):
    sys.argv = ["-c", *options.args]
    if not sys.flags.safe_path:
        sys.path.insert(0, "")
    names = _clean_main()
    source = options.target + "\n"
    if sys.version_info >= (3, 14) and source[0] in " \t\n":
        import textwrap

        source = textwrap.dedent(source)
    code = compile(source, "<string>", "exec", dont_inherit=True)
    if sys.version_info >= (3, 13):
        _interp.remember_source(code, source)
    exec(code, names)


def _run_stdin(options, cwd):
    sys.argv = ["" if options.kind == "nothing" else "-", *options.args]
    if not sys.flags.safe_path:
        sys.path.insert(0, "")
    names = _clean_main()
    if not sys.stdin.isatty():
        _set_file(options, names, "<stdin>")
        exec(compile(sys.stdin.buffer.read(), "<stdin>", "exec", dont_inherit=True), names)
        return
    import code

    try:
        import readline  # noqa: F401 (editing of lines)
    except ImportError:
        pass
    code.interact(local=names, exitmsg="")


_RUN = {
    "script": _run_script,
    "module": _run_module,
    "command": _run_command,
    "stdin": _run_stdin,
    "nothing": _run_stdin,
}


# ------------------------------------------------------------------ its end


def _without_our_frames(error):
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename in (__file__, _interp.__file__):
        tb = tb.tb_next
    error.__traceback__ = tb
    return error


def _show(error):
    """What the interpreter does with an exception that nobody has caught."""
    kind, tb = type(error), error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, tb
    hook = getattr(sys, "excepthook", None)
    sys.audit("sys.excepthook", hook, kind, error, tb)
    if hook is None:
        sys.stderr.write("sys.excepthook is missing\n")
        hook = sys.__excepthook__
    second = None
    try:
        hook(kind, error, tb)
    except SystemExit:
        raise
    except BaseException as raised:
        second = _without_our_frames(raised)
    if second is not None:
        sys.stderr.write("Error in sys.excepthook:\n")
        sys.__excepthook__(type(second), second, second.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        sys.__excepthook__(kind, error, tb)


def _end_by_sigint(failure, by_module):
    """Have the interpreter kill itself by SIGINT when all is torn down, as it does after a
    KeyboardInterrupt: one that has come to its own end, and has been shown, comes there once more.
    Up to 3.13 it is enough that one leaves source that was given as a string, if nothing but the
    end of this module follows."""
    if by_module and sys.version_info < (3, 14):
        try:
            exec("raise KeyboardInterrupt", {})
        except KeyboardInterrupt:
            return
    hook, tb = getattr(sys, "excepthook", sys.__excepthook__), failure.__traceback__

    def shown_already(*_):
        sys.excepthook, sys.last_traceback = hook, tb
        failure.__traceback__ = tb

    sys.excepthook = shown_already
    raise failure


# A bug fix: what has ended is forgotten before anything is done about how it ended.
_FORGETS_FIRST = sys.version_info >= (3, 14, 7) or (3, 13, 15) <= sys.version_info < (3, 14)


def _forget_file(options):
    if options.has_file:
        for name in ("__file__", "__cached__"):
            sys.modules["__main__"].__dict__.pop(name, None)


def _ended(options, script):
    """What python does to `__main__` when a file that it ran has ended, and not to a module: but it
    does it to the script `csock`, before atexit functions run."""
    if not _FORGETS_FIRST:
        return
    _forget_file(options)
    if script:
        import atexit

        names = sys.modules["__main__"].__dict__
        found = {name: names[name] for name in ("__file__", "__cached__") if name in names}
        atexit.register(names.update, found)  # the last to come, which runs first


def _run_program(options, script):
    import os

    try:
        cwd = os.getcwd()
    except OSError:
        cwd = None
    _drop_path0(os.path.dirname(os.path.realpath(script)) if script else cwd)
    failure = None
    try:
        _RUN[options.kind](options, cwd)
    except SystemExit as error:
        _without_our_frames(error)
        _ended(options, script)
        raise
    except BaseException as error:
        failure = _without_our_frames(error)
    _ended(options, script)
    if failure is not None:
        _show(failure)
    _forget_file(options)
    newer = sys.version_info >= (3, 14)
    if type(failure) is KeyboardInterrupt or (newer and isinstance(failure, KeyboardInterrupt)):
        _end_by_sigint(failure, by_module=script is None)
    elif failure is not None:
        raise SystemExit(1)


def _prepare(options):
    if csock._disabled():
        return
    again = False
    if options.children:
        from csock import _children

        again = _children.is_set()
    if csock._by and (csock._installed() or csock._finder) and not again:
        csock._say(f"already in place, by {csock._by}")
    try:
        csock.install(options.force)
    except RuntimeError as error:
        csock._say(f"{error} (here by the option --force)")
        raise SystemExit(1) from None
    if options.children:
        _children.begin()
    if options.adapt is not None:
        try:
            csock.adapt(*options.adapt)
        except (RuntimeError, ValueError) as error:
            csock._say(error)
            raise SystemExit(2) from None


def run(options, script=None):
    """What _command.Options says; `script` is what python was started with, if not -m csock."""
    _prepare(options)
    _run_program(options, script)
