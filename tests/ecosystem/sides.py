"""The two interpreters: one on the stock socket module, one on csock, all else the same.

build/ecosystem/base is a virtual environment with the packages of requirements.txt; `stock` and
`csock` are environments without packages of their own that look into it. In `csock` there is csock,
put in place by `python -m csock --enable`, so that the interpreter's children have it, too.
bench/programs.py has such environments of its own, made here as well.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "ecosystem"
REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")
SITE = ROOT / "build" / "release" / "site"
SIDES = "stock", "csock"


def quiet(*command, log, **more):
    with open(log, "ab") as out:
        if subprocess.run(command, stdout=out, stderr=out, **more).returncode:
            tail = pathlib.Path(log).read_text(errors="replace")[-2000:]
            sys.exit(f"{tail}\nset-up: {command[0]} failed (all of it: {log})")


def site_packages(home):
    return next((home / "lib").glob("python3*")) / "site-packages"


def made_of(python, home, requirements):
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in requirements))
    wanted.update(f"{python} {sys.version} {home}".encode())
    return wanted.hexdigest()


def make(home, requirements):
    for name in ("base", *SIDES):
        shutil.rmtree(home / name, ignore_errors=True)
    venv.create(home / "base", with_pip=bool(requirements), symlinks=True)
    pip = [home / "base/bin/python", "-m", "pip", "--disable-pip-version-check"]
    if requirements:
        quiet(*pip, "install", "-r", requirements[0], log=home / "pip.log")
    for side in SIDES:
        venv.create(home / side, symlinks=True)
        shared = f"import site; site.addsitedir({str(site_packages(home / 'base'))!r})\n"
        (site_packages(home / side) / "shared.pth").write_text(shared)


def ready(home=HOME, requirements=(REQUIREMENTS,)):
    """Makes the environments unless they are there; returns {side: python}. Of the requirements the
    first is what pip is given, others are what that one refers to."""
    stamp, identity = home / "made-of", made_of(sys.base_prefix, home, requirements)
    if not stamp.exists() or stamp.read_text() != identity:
        print(f"{home.name}: making the environments (pip may take some minutes)", flush=True)
        home.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        make(home, requirements)
        stamp.write_text(identity)
    # Their order is that of their names: where csock is, csock itself, and then all else.
    (site_packages(home / "csock") / "a-csock-is-there.pth").write_text(f"{SITE}\n")
    enable = [home / "csock/bin/python", "-m", "csock", "--enable"]
    quiet(*enable, log=home / "enable.log", env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    return {side: home / side / "bin" / "python" for side in SIDES}


def source(name):
    """The unpacked source distribution of a package, in the pinned version: its tests are there."""
    pins = dict(
        line.split("==") for line in REQUIREMENTS.read_text().split() if "==" in line
    )
    version = pins[name]
    folder = HOME / "sdists"
    folder.mkdir(exist_ok=True)
    wanted = f"{name.lower().replace('-', '_')}-{version}"
    unpacked = HOME / "src" / wanted
    if not unpacked.exists():
        pip = [HOME / "base/bin/python", "-m", "pip", "--disable-pip-version-check", "download"]
        pip += ["--quiet", "--no-deps", "--no-binary", name, "--dest", folder]
        quiet(*pip, f"{name}=={version}", log=HOME / "pip.log")
        archive = next(
            path for path in folder.iterdir() if path.name.lower().replace("-", "_") ==
            wanted.replace("-", "_") + ".tar.gz"
        )
        shutil.unpack_archive(archive, HOME / "src")
        there = archive.name.removesuffix(".tar.gz").lower()
        found = next(path for path in (HOME / "src").iterdir() if path.name.lower() == there)
        if found != unpacked:
            os.rename(found, unpacked)
    return unpacked
