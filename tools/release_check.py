#!/usr/bin/env python3
"""Says whether the last commit, with what `make dist` has built of it, can be released.

    release_check.py [FOLDER]    of a checkout, by default this one: a line a check, and what to do

What a release takes, in order, is in docs/releasing.md; `make release-check` is the step before the
tag. Nothing is changed, built or uploaded. The status is 0 only if all checks hold.
"""

import datetime
import email
import hashlib
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

SDIST_OWN = {"PKG-INFO"}  # what an sdist has that is not in git
# Wheels that `make dist` cannot build, as docs/supported.md tells users with the reason.
LEFT_OUT = {("3.12", "aarch64")}


class Release:
    """A checkout, and the files of build/dist in it."""

    def __init__(self, root):
        self.root = root
        self.dist = root / "build" / "dist"
        (self.version,) = re.findall(r"version: '([\d.]+)'", self.text("meson.build"))
        self.sdist = self.dist / f"csock-{self.version}.tar.gz"
        self.library = self.dist / f"libcsock-{self.version}.tar.xz"

    def text(self, name):
        return (self.root / name).read_text()

    def git(self, *arguments, text=True):
        command = ["git", "-C", self.root, *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=text).stdout

    def wheels(self):
        return sorted(self.dist.glob("*.whl"))

    def pythons(self):
        """By the classifiers of pyproject.toml: those that users are told of."""
        classifier = re.compile(r'"Programming Language :: Python :: (3\.\d+)"')
        found = classifier.findall(self.text("pyproject.toml"))
        return sorted(found, key=lambda name: int(name[2:]))


def committed(release):
    changed = release.git("status", "--porcelain").splitlines()
    if changed:
        yield f"not committed: {', '.join(line[3:] for line in changed[:5])}"


def version_is_new(release):
    tags = release.git("tag", "--list", "v*").split()
    if f"v{release.version}" in tags:
        yield f"the tag v{release.version} is there: a new version goes into meson.build"
    parts = [tuple(map(int, re.findall(r"\d+", tag))) for tag in tags]
    newest = max(parts, default=(0,))
    if tuple(map(int, release.version.split("."))) < newest:
        yield f"{release.version} is older than the newest tag"


def changelog_has_it(release):
    sections = re.split(r"^## ", release.text("CHANGELOG.md"), flags=re.M)[1:]
    if sections and sections[0].startswith("[Unreleased]"):
        if re.search(r"^- ", sections.pop(0), re.M):
            yield f"CHANGELOG.md: lines under [Unreleased] belong under [{release.version}]"
    head = re.match(r"\[([\d.]+)\] - (\S+)\n", sections[0]) if sections else None
    if not head or head[1] != release.version:
        yield f"CHANGELOG.md: the newest section is not `## [{release.version}] - YYYY-MM-DD`"
    elif not re.search(r"^- ", sections[0], re.M):
        yield "CHANGELOG.md: nothing is said of this version"
    else:
        try:
            datetime.date.fromisoformat(head[2])
        except ValueError:
            yield f"CHANGELOG.md: {head[2]} is no date"


def interface_is_stored(release):
    """The stored interface is what the next releases are held against (docs/abi.md)."""
    done = subprocess.run(
        [release.root / "tools" / "abi.sh", "--same"], capture_output=True, text=True
    )
    if done.returncode == 1:
        yield f"{done.stdout.strip() or done.stderr.strip()}: tools/abi.sh --store, and commit"
    elif done.returncode:  # nothing was compared
        yield done.stderr.strip()


def files_are_complete(release):
    machines = "x86_64", "aarch64"
    wanted = [
        f"csock-{release.version}-cp3{p[2:]}-cp3{p[2:]}-manylinux_2_28_{m}.whl"
        for p in release.pythons()
        for m in machines
        if (p, m) not in LEFT_OUT
    ]
    wanted += [release.sdist.name, release.library.name]
    wanted += [f"csock-{release.version}.cdx.json", "SHA256SUMS"]
    for name in wanted:
        if not (release.dist / name).is_file():
            yield f"build/dist/{name} is not there: make dist"
    for path in release.dist.glob("*csock-*"):
        if f"csock-{release.version}" not in path.name:
            yield f"build/dist/{path.name} is of another version"


def sums_are_right(release):
    sums = release.dist / "SHA256SUMS"
    told = dict(reversed(line.split()) for line in sums.read_text().splitlines())
    for path in sorted(release.dist.iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if path != sums and told.get(path.name) != digest:
            yield f"SHA256SUMS: not as build/dist/{path.name} is"


def made_of_this_commit(release):
    """Both archives of sources; the wheels are made of the sdist."""
    for path in release.sdist, release.library:
        with tarfile.open(path) as archive:
            for member in filter(tarfile.TarInfo.isfile, archive):
                name = member.name.partition("/")[2]
                if path == release.sdist and name in SDIST_OWN:
                    continue
                try:
                    same = release.git("show", f"HEAD:{name}", text=False)
                except subprocess.CalledProcessError:
                    yield f"{path.name}: {name} is not in the last commit"
                    continue
                if archive.extractfile(member).read() != same:
                    yield f"{path.name}: {name} is not as in the last commit: make dist"


def metadata_is_whole(release):
    for path in release.wheels():
        with zipfile.ZipFile(path) as archive:
            (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            told = email.message_from_bytes(archive.read(name))
        if (told["Version"], told["License-Expression"]) != (release.version, "MIT"):
            yield f"{path.name}: {told['Version']}, licence {told['License-Expression']}"
    files = [*release.wheels(), release.sdist]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True
    )
    if done.returncode:
        yield (done.stdout + done.stderr).strip()


def tried_as_they_are(release):
    """`make check-dist` leaves the sums of what it has tried."""
    record = release.root / "build" / "check-dist.passed"
    sums = release.dist / "SHA256SUMS"
    if not record.is_file() or record.read_text() != sums.read_text():
        yield "these files have not passed: make check-dist"


CHECKS = {
    "everything is committed": committed,
    "the version is a new one": version_is_new,
    "CHANGELOG.md has this version, with a date": changelog_has_it,
    "the C library's interface is the stored one": interface_is_stored,
    "build/dist has all files": files_are_complete,
    "SHA256SUMS is right": sums_are_right,
    "the files are made of the last commit": made_of_this_commit,
    "the packages' metadata is whole (twine)": metadata_is_whole,
    "the files have been tried": tried_as_they_are,
}


def main():
    root = pathlib.Path(*sys.argv[1:]) if sys.argv[1:] else pathlib.Path(__file__).parents[1]
    release = Release(root.resolve())
    broken = 0
    for title, check in CHECKS.items():
        try:
            findings = list(check(release))
        except (OSError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
            findings = [f"cannot be looked at: {error}".partition("\n")[0]]
        print(f"{'FAILED' if findings else 'ok':7} {title}")
        for finding in findings:
            print(f"        {finding}")
        broken += bool(findings)
    if not broken:
        print(f"csock {release.version} can be released: docs/releasing.md has what comes next")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
