"""`python -m csock`: programs run as under plain python, byte for byte, and have csock."""

import re
import signal
import sys
import zipfile

import pytest
import testkit
from childkit import IS_OURS, SITE, compare, run

SHOW = """
import atexit, sys
print({k: v if k != "__loader__" else getattr(v, "__name__", type(v).__name__)
       for k, v in globals().items() if k != "__spec__"})
print(__spec__ and (__spec__.name, __spec__.origin, __spec__.parent), sys.argv, sys.path)
print(sys.modules["__main__"].__dict__ is globals(), list(globals())[:8])
def names(): return [n for n in ("__file__", "__cached__") if n in globals()]
atexit.register(lambda: print("at exit", names()))
"""

PROGRAMS = {
    "show": SHOW,
    "docstring": '"""Doc."""\nfrom __future__ import annotations\nprint(__doc__)\nx: "y" = 1\n',
    "raise": SHOW + "\ndef f(x):\n    return 1 / x\nf(0)\n",
    "chain": "try:\n    1 / 0\nexcept Exception as e:\n    raise ValueError('late') from e\n",
    "group": "raise ExceptionGroup('many', [ValueError(1), TypeError(2)])\n",
    "syntax": "print('never')\nx = (\n",
    "nul": "x = 1\n# \0\n",
    "tab": "if 1:\n\tx = 1\n        y = 2\n",
    "recursion": "def f(): f()\ntry:\n    f()\nexcept RecursionError as e:\n    print(e)\n",
    "exit_none": SHOW + "sys.exit()",
    "exit_3": SHOW + "sys.exit(3)",
    "exit_text": SHOW + "sys.exit('bye')",
    "exit_big": "raise SystemExit(2**70)",
    "os_exit": "import os; print('x', flush=True); os._exit(5)",
    "interrupt": SHOW + "class C:\n    def __del__(self): print('gone')\nc = C()\n"
    "raise KeyboardInterrupt('now')",
    "sigint": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n",
    "interrupt_sub": "class K(KeyboardInterrupt): pass\nraise K\n",
    "sigterm": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
    "hook": "import sys\ndef hook(*a): print('hook', a[0], a[2].tb_lineno, bool(a[2].tb_next),\n"
    "    [n for n in ('__file__', '__cached__') if n in globals()])\n"
    "sys.excepthook = hook\n1 / 0\n",
    "bad_hook": "import sys\ndef hook(*a): raise ValueError(1)\nsys.excepthook = hook\n1 / 0\n",
    "no_hook": "import sys\ndel sys.excepthook\n1 / 0\n",
    "hook_exits": "import sys\ndef hook(*a): sys.exit(7)\nsys.excepthook = hook\n1 / 0\n",
    "last": "import atexit, sys, traceback\n"
    "atexit.register(lambda: traceback.print_tb(sys.last_traceback, file=sys.stdout))\n1 / 0\n",
    "audit": "import sys\nsys.addaudithook(lambda n, a: n == 'sys.excepthook' and "
    "print(n, a[0] is sys.excepthook, a[1], a[2], a[3].tb_lineno))\n1 / 0\n",
    "thread": "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(.2), print('late'))).start()\n",
    "stdin": "import sys\nprint(sys.stdin.read())\n",
    "pickle": "import pickle\nclass C: pass\nprint(pickle.dumps(C()))\n",
    "broken_pipe": "import os, sys\nr, w = os.pipe(); os.close(r); os.dup2(w, 1)\nprint('x')\n",
    "closed": "import sys\nsys.stdout.close()\n1 / 0\n",
    "warning": "import warnings\nwarnings.warn('careful')\nassert [] is not ()\n",
    "inspect": "import inspect\ndef f(): pass\nprint(inspect.getsource(f))\n",
    "reload": "import __main__\nprint(__main__.__dict__ is globals(), __main__)\n",
}


slow = pytest.mark.skipif(testkit.SANITISED, reason="the plain run compares the same programs")


# The text about a NUL is another one where python compiles what it has read, not a file.
@slow
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "nul"])
def test_script_as_plain_python(env, folder, name):
    (folder / "app.py").write_text(PROGRAMS[name])
    done = compare(["app.py", "a", "-h", "--children"], env, input="given\n")
    expected = {"interrupt": -signal.SIGINT, "sigint": -signal.SIGINT, "exit_3": 3, "raise": 1}
    assert done.returncode == expected.get(name, done.returncode)


@slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_module_as_plain_python(env, folder, name):
    if testkit.PLAIN_PYTHON and name in ("audit", "hook"):
        pytest.skip("the build is one with -Dplain_python=true: they look at a frame of runpy's")
    (folder / "app.py").write_text(PROGRAMS[name])
    compare(["-m", "app", "a", "-h", "--", "-"], env, input="given\n")


@slow
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "nul"])
def test_command_as_plain_python(env, folder, name):
    if testkit.PLAIN_PYTHON and name == "warning" and sys.version_info >= (3, 13):
        pytest.skip("the build is one with -Dplain_python=true: it shows the line, too")
    compare(["-c", PROGRAMS[name], "a", "-m", "x"], env, input="given\n")


@slow
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in ("stdin", "nul")])
def test_stdin_as_plain_python(env, folder, name):
    compare(["-", "a"], env, input=PROGRAMS[name])


@pytest.mark.parametrize("interpreter", ["-O", "-P", "-B", "-Wignore", "-Xdev", "-u"])
def test_options_of_the_interpreter(env, folder, interpreter):
    (folder / "app.py").write_text(PROGRAMS["warning"] + SHOW + "print(__debug__, sys.warnoptions)")
    compare(["app.py"], env, interpreter=[interpreter])
    compare(["-m", "app"], {**env, "PYTHONPATH": f"{SITE}:{folder}"}, interpreter=[interpreter])
    compare(["-c", "import sys; print(sys.path)"], env, interpreter=[interpreter])


def test_paths_of_scripts(env, folder):
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "app.py").write_text(SHOW)
    (folder / "link.py").symlink_to("deep/app.py")
    (folder / "deep" / "er" / "again.py").symlink_to("../../link.py")
    for words in (
        ["deep/app.py"],
        ["./deep/../deep/app.py"],
        [folder / "deep" / "app.py"],
        ["link.py"],
        ["deep/er/again.py"],
        ["-mdeep.app"],
        ["--", "link.py", "--", "x"],
        ["-cimport sys; print(sys.argv)", "x"],
    ):
        compare(words, env)


def test_folders_and_zip_files(env, folder):
    for name in ("show", "raise", "exit_3", "interrupt"):
        (folder / "d").mkdir(exist_ok=True)
        (folder / "d" / "__main__.py").write_text("import other\n" + PROGRAMS[name])
        (folder / "d" / "other.py").write_text("print(__file__)\n")
        with zipfile.ZipFile("z.zip", "w") as archive:
            for member in ("__main__.py", "other.py"):
                archive.write(folder / "d" / member, member)
        for words in (["d", "a"], [folder / "d"], ["z.zip", "-x"], ["-m", "d"]):
            compare(words, env)
            compare(words, env, interpreter=["-P"])


def test_compiled_files(env, folder):
    import py_compile

    (folder / "app.py").write_text(SHOW + "1 / 0\n")
    py_compile.compile("app.py", cfile="app.pyc")
    compare(["app.pyc"], env)
    (folder / "other").write_bytes((folder / "app.pyc").read_bytes())
    compare(["other"], env)
    (folder / "bad.pyc").write_bytes(b"\0" * 64)
    compare(["bad.pyc"], env)


def test_what_cannot_be_run(env, folder):
    (folder / "empty").mkdir()
    (folder / "p").mkdir()
    (folder / "p" / "__init__.py").write_text("")
    (folder / "p" / "broken.py").write_text("import nothing_of_that_name\n")
    for words in (["nope.py"], ["/no/app.py"], ["empty"], ["-m", "nope"], ["-m", "p"], ["-mp.x"]):
        assert compare(words, env).returncode in (1, 2)
    compare(["-m", "p.broken"], env)
    compare(["-c", "x = ("], env)


def test_no_target_reads_stdin_as_python_does(env, folder):
    done = compare([], env, input="import sys\nprint(sys.argv, sys.path, __name__)\n")
    assert done.stdout.startswith("[''] ['', ")


def test_library_programs(env, folder):
    (folder / "app.py").write_text("import sys\nprint(sys.argv)\n")
    (folder / "doc.py").write_text('"""\n>>> 1 + 1\n3\n"""\n')
    compare(["-m", "doctest", "doc.py"], env)
    compare(["-m", "pdb", "app.py"], env, input="n\nn\nq\n")
    compare(["-m", "json.tool"], env, input='{"a": 1}')
    compare(["-m", "base64", "-t"], env)


def test_program_has_csock(env, folder):
    (folder / "app.py").write_text(IS_OURS)
    for words in (["app.py"], ["-m", "app"], ["-c", IS_OURS], ["--force", "app.py"]):
        done = run(sys.executable, "-m", "csock", *words, env=env)
        assert (done.stdout, done.stderr) == ("True\n", "")


def test_program_is_run_with_few_modules(env):
    program = "import sys; print(*sys.modules)"
    plain = run(sys.executable, "-c", program, env=env).stdout.split()
    ours = run(sys.executable, "-m", "csock", "-c", program, env=env).stdout.split()
    more = set(ours) - set(plain)
    assert not more & {"argparse", "tempfile", "multiprocessing", "subprocess", "shutil", "re"}
    assert {"socket", "_socket", "csock._socket", "csock.dropin"} <= more


@pytest.mark.parametrize(
    "words, text",
    [
        (["-m"], "argument expected for the -m option"),
        (["-c"], "argument expected for the -c option"),
        (["-W", "error", "app.py"], "unknown option -W"),
        (["--what", "app.py"], "unknown option --what"),
        (["--enable", "--status"], "do not go together"),
        (["--status", "app.py"], "--status runs no program"),
    ],
)
def test_usage_errors(env, words, text):
    done = run(sys.executable, "-m", "csock", *words, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr and "usage: python -m csock" in done.stderr


def test_help_and_version(env):
    for word in ("-h", "--help"):
        done = run(sys.executable, "-m", "csock", word, "nope.py", env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: python -m csock") and "-X dev" in done.stdout
    done = run(sys.executable, "-m", "csock", "--version", env=env)
    assert re.match(r"csock \d+\.\d+\.\d+ on Python 3\.", done.stdout)


def test_stock_is_loaded_already(env, folder):
    (folder / "sitecustomize.py").write_text("import socket\n")
    env["PYTHONPATH"] = f"{folder}:{SITE}"
    done = run(sys.executable, "-m", "csock", "-c", IS_OURS, env=env)
    assert done.returncode == 1 and "these modules hold it: sitecustomize" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = run(sys.executable, "-m", "csock", "--force", "-c", IS_OURS, env=env)
    assert (done.stdout, done.stderr) == ("True\n", "")
