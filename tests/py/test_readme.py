"""README.md: it is two screens, its program runs, its figures have their commands, and the picture
is what the bench draws. What it shows of a terminal is tests/lab/test_terminal.py's."""

import contextlib
import http.server
import json
import pathlib
import re
import socket
import sys
import threading
from xml.etree import ElementTree

import childkit
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PICTURE = (ROOT / "docs" / "connecting.svg").read_text()
LINKS = re.findall(r"\[([^]]*)\]\(([^)]+)\)", README)


@pytest.fixture
def picture(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    yield __import__("picture")
    for name in "picture", "dial_cases":
        sys.modules.pop(name, None)


def figures():
    """The rows of its table: (what, csock, stock, command)."""
    rows = re.findall(r"^\| (.*) \|$", README, re.M)
    return [row.split(" | ") for row in rows if "`make " in row]


def drawn():
    (said,) = ElementTree.fromstring(PICTURE).iter("{http://www.w3.org/2000/svg}metadata")
    return json.loads(said.text)


def test_it_has_two_screens():
    assert len(README.splitlines()) <= 110
    assert max(map(len, README.splitlines())) <= 130


@contextlib.contextmanager
def web():
    """The address of a server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def program(address, seconds):
    (text,) = re.findall(r"^```python\n(.*?)^```$", README, re.S | re.M)
    assert text.count("https://example.com") == text.count("deadline(5)") == 1
    text = text.replace("https://example.com", address)
    return text.replace("deadline(5)", f"deadline({seconds})")


def test_its_program_runs(env):
    with web() as address:
        assert childkit.out(program(address, 60), env=env) == "200\n"


def test_its_program_ends_at_its_deadline(env):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = childkit.code(program(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.3), env=env)
    assert "csock.DeadlineExceeded: " in done.stderr


def test_installing_is_as_its_page_says():
    lines = re.findall(r"^(?:env/bin/)?(pip install \S+)", README, re.M)
    page = (ROOT / "docs" / "start.md").read_text()
    assert len(lines) == 1 and f"\nenv/bin/{lines[0]}\n" in page


def test_each_figure_has_a_command():
    targets = set(re.findall(r"^([\w. -]+):", (ROOT / "Makefile").read_text(), re.M))
    targets = {name for line in targets for name in line.split()}
    commands = [re.fullmatch(r"`make ([\w-]+)`", row[-1])[1] for row in figures()]
    assert 6 <= len(commands) <= 8
    assert set(commands) <= targets


def test_the_picture_is_what_the_bench_draws(picture):
    assert picture.drawn(drawn()) == PICTURE
    assert drawn()["command"] in PICTURE.partition("</style>")[2]
    assert "prefers-color-scheme: dark" in PICTURE


def test_the_picture_and_the_table_say_the_same(picture):
    (row,) = [row for row in drawn()["rows"] if row["what"].startswith("Packets by IPv6 vanish")]
    shown = [picture.seconds(row[side], drawn()["limit"]) for side in ("csock", "stock")]
    (told,) = [row for row in figures() if row[-1] == "`make bench-dial`"]
    assert shown == told[1:3] == ["0.25 s", "> 20 s"]
    words = {target: text for text, target in LINKS}["docs/connecting.svg"]
    assert "0.25 and more than 20" in words.replace("\n", " ")


def test_the_bench_draws_what_it_measured(picture):
    rows = [{"case": case.name, "csock": 0.25, "stock": None} for case in picture.CASES]
    measured = {"date": "d", "python": "3", "kernel": "6.1.2-x", "limit": 20, "rows": rows}
    text = picture.drawn(picture.chosen(measured))
    assert text.count("0.25 s") > text.count("&gt; 20 s") - 1 >= 5 and "Linux 6.1<" in text


def test_links_lead_somewhere_and_say_where():
    """PyPI shows it without the files: the text of a link then still says which file that is."""
    assert len(LINKS) > 8
    for words, target in LINKS:
        assert (ROOT / target).exists(), target
        assert words == f"`{target}`" or target.endswith(".svg")
    if "[project.urls]" in (ROOT / "pyproject.toml").read_text():
        assert all(target.startswith("https://") for _, target in LINKS)
