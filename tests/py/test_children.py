"""`python -m csock --children`: by what the interpreters get csock that a program starts, and what
that leaves alone. What such children do then is in test_children_programs.py."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest
import testkit

SITE = pathlib.Path(__import__("csock").__path__[0]).parent
IS_OURS = "import sys, socket; print(sys.modules.get('csock.dropin') is socket, flush=True)"
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {IS_OURS!r}])"
# As `python -m csock`, with its folder behind the standard library, as site-packages are.
START = (
    "import sys; sys.path.append(sys.argv.pop(1)); from csock._command import module; module()"
)
MINE = "import sys; print('mine', sys.modules.get('sitecustomize') is not None, flush=True)\n"


@pytest.fixture
def env():
    drop = "PYTHONPATH", "CSOCK_DISABLE"
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def run(env, *words, **options):
    words = [sys.executable, *map(str, words)]
    limit = 60 * testkit.SLOWNESS
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=limit, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def start(site, env, *words, **options):
    return run(env, "-c", START, site, "--children", *words, **options)


@pytest.fixture
def site(tmp_path):
    """A csock of the test's own."""
    site = tmp_path / "packages"
    shutil.copytree(SITE / "csock", site / "csock")
    return site


def hooked(site, env):
    """The environment that a program under --children hands to its children."""
    told, _ = start(site, env, "-c", "import os; print(os.environ['PYTHONPATH'])")
    return {**env, "PYTHONPATH": told.strip()}


@pytest.mark.parametrize("name", ["tmp", "t:m:p"])
def test_nothing_is_written_where_others_may_write(env, site, tmp_path, name):
    env["TMPDIR"] = str(tmp_path / name)
    os.mkdir(env["TMPDIR"])
    found = f"import os; print(os.listdir({env['TMPDIR']!r}), flush=True); {CHILD}"
    assert start(site, env, "-c", found) == ("[]\nTrue\n", "")
    first = hooked(site, env)["PYTHONPATH"].split(os.pathsep)[0]
    assert pathlib.Path(first).parent == site / "csock"


def test_who_outlives_the_program_keeps_it(env, site):
    left = hooked(site, env)
    assert run(left, "-c", CHILD) == ("True\n", "")


AGAIN = """
import os, sys
n = int(os.environ.get("AGAIN", "0"))
print(n, os.environ["PYTHONPATH"].count("_hook"), len(os.environ["PYTHONPATH"].split(":")))
sys.stdout.flush()
if n < 3:
    os.environ["AGAIN"] = str(n + 1)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
"""


@pytest.mark.parametrize("option", [[], ["-S"]])
def test_a_program_that_executes_itself_again(env, site, tmp_path, option):
    """Nothing grows, nothing is said again."""
    (tmp_path / "app.py").write_text(AGAIN)
    env["PYTHONPATH"] = str(site)
    words = [*option, "-m", "csock", "--children", tmp_path / "app.py"]
    printed, said = run(env, *words)
    assert printed == "0 1 2\n1 1 2\n2 1 2\n3 1 2\n"
    assert len(said.splitlines()) == len(option)


def test_the_program_s_own_changes_do_not_make_it_grow(env, site):
    inner = "import os; print(os.environ['PYTHONPATH'])"
    hook = site / "csock" / "_hook"
    env["PYTHONPATH"] = f"first{os.pathsep}{hook}"
    assert start(site, env, "-c", inner)[0].strip() == f"{hook}{os.pathsep}first"


def test_the_standard_library_comes_first(env, site):
    for name in ("enum", "types", "io", "errno", "os", "re"):
        (site / f"{name}.py").write_text("raise SystemExit('of somebody else')\n")
    assert start(site, env, "-c", CHILD) == ("True\n", "")


def test_csock_is_the_one_of_the_program(env, site, tmp_path):
    (tmp_path / "csock.py").write_text("raise SystemExit('of somebody else')\n")
    env["PYTHONPATH"] = str(tmp_path)
    program = CHILD.replace("sys.executable,", "sys.executable, '-P',")
    left = {**env, "PYTHONPATH": f"{site / 'csock' / '_hook'}:{tmp_path}"}
    assert run(left, "-c", program) == ("True\n", "")


@pytest.mark.parametrize("kind", ["folder", "zip", "relative"])
def test_the_program_s_own_sitecustomize_follows(env, site, tmp_path, kind):
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(MINE)
    entry = {"folder": folder, "zip": tmp_path / "lib.zip", "relative": "lib"}[kind]
    if kind == "zip":
        with zipfile.ZipFile(entry, "w") as archive:
            archive.write(folder / "sitecustomize.py", "sitecustomize.py")
    env["PYTHONPATH"] = str(entry)
    printed, said = start(site, env, "-c", CHILD, cwd=tmp_path)
    assert (printed, said) == ("mine True\nmine True\nTrue\n", "")


def test_the_hook_is_gone_once_it_has_run(env, site):
    child = "import sys; found = sys.modules.pop('sitecustomize', None)\n"
    child += "try: import sitecustomize\n"
    child += "except ImportError: sitecustomize = None\n"
    child += "files = [getattr(m, '__file__', None) for m in (found, sitecustomize)]\n"
    child += (
        "print([f for f in files if f and '_hook' in f], [p for p in sys.path if '_hook' in p])"
    )
    assert run(hooked(site, env), "-c", child) == ("[] []\n", "")


def test_the_hook_is_no_module_of_csock(env, site):
    env["PYTHONPATH"] = str(site)
    program = f"import csock._hook.sitecustomize as hook; print(hook.__name__); {IS_OURS}"
    assert run(env, "-c", program) == ("csock._hook.sitecustomize\nFalse\n", "")


def gone(site):
    shutil.rmtree(site / "csock")


def without_its_files(site):
    for path in (site / "csock").glob("*.py*"):
        path.unlink()


def of_another_python(site):
    (extension,) = (site / "csock").glob("_core*.so")
    extension.rename(extension.with_name("_core.cpython-399-other.so"))


@pytest.mark.parametrize("change", [gone, without_its_files, of_another_python])
def test_a_child_that_cannot_have_it_has_stock(env, site, tmp_path, change):
    (tmp_path / "sitecustomize.py").write_text(MINE)
    env["PYTHONPATH"] = str(tmp_path)
    left = hooked(site, env)
    left["PYTHONPATH"] = left["PYTHONPATH"].splitlines()[-1]
    change(site)
    assert run(left, "-c", IS_OURS) == ("mine True\nFalse\n", "")


def test_a_child_in_which_it_does_not_load_says_so(env, site):
    left = hooked(site, env)
    (extension,) = (site / "csock").glob("_core*.so")
    extension.write_bytes(b"no extension")
    printed, said = run(left, "-c", IS_OURS)
    assert printed == "False\n" and len(said.splitlines()) == 1
    assert said.startswith("csock: not in place by --children: ")


def test_a_path_that_pythonpath_cannot_name_is_told(env, site):
    other = site.with_name("a:b")
    site.rename(other)
    printed, said = start(other, env, "-c", f"{IS_OURS}; import os; print(os.getenv('PYTHONPATH'))")
    assert printed == "True\nNone\n"
    assert said == (
        "csock: --children cannot reach any interpreter: PYTHONPATH cannot name "
        f"{other}/csock/_hook, as it has a ':' in it\n"
    )


def test_an_extension_elsewhere_is_told(env, site, tmp_path):
    (extension,) = (site / "csock").glob("_core*.so")
    (tmp_path / "csock").mkdir()
    extension.rename(tmp_path / "csock" / extension.name)
    path = "import sys; sys.path.append(sys.argv.pop(1)); import csock; "
    path += f"csock.__path__.append({str(tmp_path / 'csock')!r}); "
    path += "import csock._command; csock._command.module()"
    printed, said = run(env, "-c", path, site, "--children", "-c", IS_OURS)
    assert printed == "True\n" and f"is not beside {site}/csock/_hook" in said
