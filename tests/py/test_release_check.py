"""tools/release_check.py: of a checkout that can be released, and of some that cannot."""

import hashlib
import importlib.util
import io
import pathlib
import shutil
import subprocess
import tarfile
import zipfile

import pytest
import testkit

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("release_check", ROOT / "tools" / "release_check.py")
release_check = importlib.util.module_from_spec(spec)
spec.loader.exec_module(release_check)
pytestmark = [
    pytest.mark.skipif(not shutil.which("git"), reason="needs git"),
    pytest.mark.skipif(testkit.SANITISED, reason="nothing of csock's own runs here"),
]

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-11-27\n\n### Added\n\n- All.\n"
WHEELS = [
    f"csock-1.2.3-cp3{minor}-cp3{minor}-manylinux_2_28_{machine}.whl"
    for minor in (14, 9, 12)
    for machine in ("x86_64", "aarch64")
    if (minor, machine) != (12, "aarch64")  # is left out
]


def git(root, *arguments):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True)


def wheel(path, version="1.2.3"):
    metadata = f"Metadata-Version: 2.4\nName: csock\nVersion: {version}\nLicense-Expression: MIT\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"csock-{version}.dist-info/METADATA", metadata)


def sources(root):
    """The sdist and the C library's archive."""
    with tarfile.open(root / "build/dist/csock-1.2.3.tar.gz", "w:gz") as archive:
        for name in ("meson.build", "CHANGELOG.md", "pyproject.toml"):
            archive.add(root / name, f"csock-1.2.3/{name}")
        archive.addfile(tarfile.TarInfo("csock-1.2.3/PKG-INFO"), io.BytesIO())
    with tarfile.open(root / "build/dist/libcsock-1.2.3.tar.xz", "w:xz") as archive:
        archive.add(root / "CHANGELOG.md", "libcsock-1.2.3/CHANGELOG.md")


def sums(root):
    files = sorted(p for p in (root / "build/dist").iterdir() if p.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in files]
    for name in ("dist/SHA256SUMS", "check-dist.passed"):
        (root / "build" / name).write_text("".join(lines))


@pytest.fixture
def root(tmp_path):
    """A checkout that can be released, as far as its library's interface is left out."""
    python = '"Programming Language :: Python :: {}",\n'
    (tmp_path / "meson.build").write_text("project('csock', 'c',\n  version: '1.2.3',\n)\n")
    (tmp_path / "pyproject.toml").write_text("".join(map(python.format, ("3.14", "3.9", "3.12"))))
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / ".gitignore").write_text("build/\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "All")
    dist = tmp_path / "build" / "dist"
    dist.mkdir(parents=True)
    for name in WHEELS:
        wheel(dist / name)
    sources(tmp_path)
    (dist / "csock-1.2.3.cdx.json").write_text("{}")
    sums(tmp_path)
    return tmp_path


def findings(root):
    """By the function that has them. The interface has its test in test_abi.py, twine its own."""
    release = release_check.Release(root)
    left_out = release_check.interface_is_stored, release_check.metadata_is_whole
    checks = [check for check in release_check.CHECKS.values() if check not in left_out]
    return {check.__name__: told for check in checks if (told := list(check(release)))}


def test_one_that_can_be_released(root):
    assert findings(root) == {}


def test_what_is_not_committed(root):
    (root / "pyproject.toml").write_text((root / "pyproject.toml").read_text() + "\n")
    assert findings(root) == {"committed": ["not committed: pyproject.toml"]}


def test_a_version_that_was_released(root):
    git(root, "tag", "v1.2.3")
    assert "the tag v1.2.3 is there" in findings(root)["version_is_new"][0]


def test_a_version_that_goes_back(root):
    git(root, "tag", "v1.10.0")
    assert findings(root) == {"version_is_new": ["1.2.3 is older than the newest tag"]}


@pytest.mark.parametrize(
    "old, new, told",
    [
        ("[Unreleased]\n", "[Unreleased]\n\n- Late.\n", "belong under [1.2.3]"),
        ("[1.2.3] - 2026-11-27", "[1.2.2] - 2026-11-27", "the newest section is not"),
        ("[1.2.3] - 2026-11-27", "[1.2.3]", "the newest section is not"),
        ("2026-11-27", "2026-11-31", "2026-11-31 is no date"),
        ("- All.\n", "", "nothing is said"),
    ],
)
def test_a_changelog_that_is_not_ready(root, old, new, told):
    (root / "CHANGELOG.md").write_text(CHANGELOG.replace(old, new))
    (line,) = release_check.changelog_has_it(release_check.Release(root))
    assert told in line


def test_a_file_that_was_not_built_and_one_too_many(root):
    (root / "build/dist" / WHEELS[0]).rename(root / "build/dist" / "csock-1.2.2-py3-none-any.whl")
    sums(root)
    assert findings(root) == {
        "files_are_complete": [
            f"build/dist/{WHEELS[0]} is not there: make dist",
            "build/dist/csock-1.2.2-py3-none-any.whl is of another version",
        ]
    }


def test_a_file_that_changed_after_it_was_tried(root):
    wheel(root / "build/dist" / WHEELS[1], "1.2.4")
    assert findings(root) == {
        "sums_are_right": [f"SHA256SUMS: not as build/dist/{WHEELS[1]} is"],
    }
    (root / "build/check-dist.passed").unlink()
    assert "make check-dist" in findings(root)["tried_as_they_are"][0]
    told = next(release_check.metadata_is_whole(release_check.Release(root)))
    assert told == f"{WHEELS[1]}: 1.2.4, licence MIT"


def test_an_sdist_of_another_commit(root):
    (root / "CHANGELOG.md").write_text(CHANGELOG.replace("All.", "All of it."))
    git(root, "rm", "-q", "pyproject.toml")
    git(root, "commit", "-qam", "More")
    told = list(release_check.made_of_this_commit(release_check.Release(root)))
    assert [line.removesuffix(": make dist") for line in told] == [
        "csock-1.2.3.tar.gz: CHANGELOG.md is not as in the last commit",
        "csock-1.2.3.tar.gz: pyproject.toml is not in the last commit",
        "libcsock-1.2.3.tar.xz: CHANGELOG.md is not as in the last commit",
    ]


def test_a_file_that_is_none(root, monkeypatch, capsys):
    (root / "build/dist/csock-1.2.3.tar.gz").write_text("no archive")
    sums(root)
    monkeypatch.setattr(release_check.sys, "argv", ["release_check.py", str(root)])
    checks = {"sources": release_check.made_of_this_commit, "sums": release_check.sums_are_right}
    monkeypatch.setattr(release_check, "CHECKS", checks)
    with pytest.raises(SystemExit, match="1"):
        release_check.main()
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "FAILED  sources" and "cannot be looked at" in told[1] and "ok" in told[2]
