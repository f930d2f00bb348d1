"""CSOCK_PCAP: a file for each socket of a program, which goes on whatever becomes of them; forks,
TLS, and what csock.capture() refuses."""

import os
import re
import socket as stock

import childkit
import pytest
import testkit
from capturekit import fields, followed, tshark, with_tshark

import csock

HTTP = """
import csock
csock.install()
import http.server, threading, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode() * 10
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass

with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    for path in "/one", "/two":
        assert urllib.request.urlopen(base + path).read() == path.encode() * 10
    server.shutdown()
print(server.server_address[1])
"""


def files_of(folder):
    return sorted(str(path) for path in folder.iterdir())


@with_tshark
def test_http(env, tmp_path):
    done = childkit.code(HTTP, env={**env, "CSOCK_PCAP": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    port = done.stdout.strip()
    files = files_of(tmp_path)
    assert len(files) == 4  # both ends of two connections
    said = []
    for file in files:
        assert re.fullmatch(r"\d+-\d+-127\.0\.0\.1:\d+\.pcapng", os.path.basename(file))
        assert os.stat(file).st_mode & 0o777 == 0o600
        words = "-d", f"tcp.port=={port},http"
        assert tshark(file, *words, "-Y", "_ws.malformed || tcp.analysis.flags") == ""
        rows = fields(file, "http.request.uri", "http.response.code", "tcp.srcport",
                      "http.file_data", where="http", words=words)  # fmt: skip
        (asked, answered) = rows
        said.append((asked[0], answered[1], answered[2] == port))
        # Who connects is known.
        assert fields(file, "tcp.dstport", where="tcp.flags.syn==1 && tcp.flags.ack==0") == [[port]]
    assert sorted(said) == [(path, "200", True) for path in ("/one", "/one", "/two", "/two")]


PAIR = """
import csock, os, sys
a, b = csock.socketpair()
a.sendall(b"hello")
print(b.recv(10).decode())
"""


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_no_such_folder(env, tmp_path, folder):
    path = tmp_path / folder
    if folder == "file":
        path.write_text("")
    done = childkit.code(PAIR, env={**env, "CSOCK_PCAP": str(path)})
    says = f"csock: CSOCK_PCAP={path}: there is no such folder, and nothing is captured\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", says)


def test_a_folder_that_goes(env, tmp_path):
    """Told once."""
    folder = tmp_path / "folder"
    folder.mkdir()
    program = "import csock, os, sys; csock.socket().close(); os.rmdir(sys.argv[1])\n" + 3 * PAIR
    done = childkit.code(program, folder, env={**env, "CSOCK_PCAP": str(folder)})
    says = f"csock: no more is captured to {folder}: No such file or directory\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n" * 3, says)


def test_a_relative_folder_stays_where_it_was(env, tmp_path):
    program = "import os, csock; csock.socket().close(); os.chdir('/')\n" + PAIR
    done = childkit.code(program, env={**env, "CSOCK_PCAP": "."}, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("hello\n", "")
    assert len(files_of(tmp_path)) == 2


FULL = """
import csock, os, resource, sys
a, b = csock.socketpair()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
if len(sys.argv) > 1:
    csock.capture(a, sys.argv[1])
for _ in range(100):
    a.sendall(b"x" * 1000)
    assert len(b.recv(1000, 256)) == 1000
print(a.fileno())
"""


@with_tshark
@pytest.mark.parametrize("by", ["capture", "environment"])
def test_a_full_disk(env, tmp_path, by):
    """What is in the files is whole, the program notices nothing, and somebody is told."""
    args = [tmp_path / "a.pcapng"] if by == "capture" else []
    more = {} if args else {"CSOCK_PCAP": str(tmp_path)}
    done = childkit.code(FULL, *args, env={**env, **more})
    assert done.returncode == 0, done.stderr
    files = files_of(tmp_path)
    says = [f"csock: no more is captured to {file}: File too large" for file in files]
    assert sorted(done.stderr.splitlines()) == sorted(says)
    assert len(files) == 2 - len(args)
    for file in files:
        assert os.stat(file).st_size <= 20_000
        assert 15 <= len(fields(file, "tcp.len", where="tcp.len == 1000")) <= 20


FORK = """
import csock, os, sys
a, b = csock.socketpair()
if len(sys.argv) > 1:
    capture = csock.capture(a, sys.argv[1])
a.sendall(b"before ")
if (pid := os.fork()) == 0:
    a.sendall(b"child ")
    if len(sys.argv) > 1:
        try:
            capture.add(b)
        except ValueError as error:
            print(error, flush=True)
        capture.close()
    a.sendall(b"child again ")
    os._exit(0)
os.waitpid(pid, 0)
a.sendall(b"parent")
print(b.recv(100).decode(), pid)
"""


@with_tshark
def test_a_child_ends_its_parents_capture(env, tmp_path):
    path = tmp_path / "a.pcapng"
    lines = childkit.out(FORK, path, env=env).splitlines()
    assert lines[0] == "the capture was begun before a fork"
    assert lines[1].startswith("before child child again parent")
    assert followed(path) == (b"before parent", b"")


@with_tshark
def test_a_child_has_files_of_its_own(env, tmp_path):
    *_, pid = childkit.out(FORK, env={**env, "CSOCK_PCAP": str(tmp_path)}).split()
    parents = [file for file in files_of(tmp_path) if f"/{pid}-" not in file]
    (childs,) = set(files_of(tmp_path)) - set(parents)
    assert followed(childs) == (b"child child again ", b"")
    said = sorted(followed(file) for file in parents)
    assert said == [(b"", b"before child child again parent"), (b"before parent", b"")]


@with_tshark
def test_what_is_open_at_the_end_is_whole(env, tmp_path):
    program = PAIR + "capture = csock.capture(a, sys.argv[1]); a.sendall(b'x'); csock.a = a\n"
    childkit.out("import warnings; warnings.simplefilter('ignore')\n" + program,
                 tmp_path / "a", env=env)  # fmt: skip
    assert followed(tmp_path / "a") == (b"x", b"")


# ---- TLS

TLS = """
a, b = pair()
import csock
try: csock.capture(a, sys.argv[3])
except ValueError as error: print(error, os.path.exists(sys.argv[3]))
capture = csock.capture(a, sys.argv[3], tls="plain")
a.sendall(b"GET / HTTP/1.1\\r\\nHost: here\\r\\n\\r\\n")
b.recv(100)
b.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello")
into = bytearray(38)
a.recv_into(into)
a.recv(100)
bye = Call(b.unwrap)  # a close without is an error to newer OpenSSLs
print(a.recv(100))
a.close()
bye.end()
b.close()
"""


@with_tshark
def test_tls_if_it_is_asked_for(tls, tmp_path):
    path = tmp_path / "a.pcapng"
    assert tls(TLS, "csock", str(path)) == [
        "the socket carries TLS: tls='plain' writes what it keeps secret to a file False",
        "b''",
    ]
    words = "-d", "tcp.port==61000,http"
    assert tshark(path, *words, "-Y", "_ws.malformed || tcp.analysis.flags") == ""
    rows = fields(path, "http.request.uri", "http.response.code", where="http", words=words)
    assert rows[0] == ["/", ""] and len(rows) == 2
    assert rows[1] in (["", "200"], ["/", "200"])  # newer ones say what it is the answer to
    assert len(fields(path, "tcp.flags", where="tcp.flags.fin==1")) == 2
    assert ", plain text of TLS" in fields(path, "frame.comment")[0][0]


@with_tshark
@pytest.mark.parametrize("asked", ["", "plain", "other"])
def test_tls_and_the_environment(tls, tmp_path, monkeypatch, asked):
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setenv("CSOCK_PCAP", str(folder))
    monkeypatch.setenv("CSOCK_PCAP_TLS", asked)
    says = "csock: CSOCK_PCAP_TLS=other: only 'plain' is known, and TLS is not captured\n"
    tls("""
a, b = pair()
a.sendall(b"a secret")
b.recv(100)
a.close()
b.close()
""", stderr=says if asked == "other" else "")  # fmt: skip
    said = sorted(followed(file) for file in files_of(folder))
    assert said == ([(b"", b"a secret"), (b"a secret", b"")] if asked == "plain" else [])


# ---- what is refused


def test_where_something_is_already(tmp_path):
    with csock.socketpair()[0] as a:
        (tmp_path / "file").write_text("theirs")
        (tmp_path / "link").symlink_to(tmp_path / "nowhere")
        os.mkfifo(tmp_path / "fifo")
        for name in "file", "link", "fifo":
            with pytest.raises(FileExistsError) as caught:
                csock.capture(a, tmp_path / name)
            assert caught.value.filename == tmp_path / name
        assert (tmp_path / "file").read_text() == "theirs"
        assert not (tmp_path / "nowhere").exists()
        with pytest.raises(FileNotFoundError):
            csock.capture(a, tmp_path / "none" / "file")


def test_what_cannot_be_captured(tmp_path):
    path = tmp_path / "a"
    with csock.socket() as sock, stock.socket() as theirs:
        for arguments, more, kind in (
            ((theirs, path), {}, TypeError),
            ((None, path), {}, TypeError),
            ((sock, 17.5), {}, TypeError),
            ((sock, path), {"tls": True}, ValueError),
            ((sock, path), {"snaplen": -1}, ValueError),
            ((sock, "a\0b"), {}, ValueError),
        ):
            with pytest.raises(kind):
                csock.capture(*arguments, **more)
    with pytest.raises(OSError, match="Bad file descriptor"):
        csock.capture(sock, path)
    with csock.socket(csock.AF_NETLINK, csock.SOCK_RAW, 0) as sock, pytest.raises(ValueError):
        csock.capture(sock, path)
    assert not path.exists()


def test_a_capture_that_is_closed(tmp_path):
    a, b = csock.socketpair()
    with a, b, csock.capture(a, tmp_path / "a") as capture:
        assert repr(capture) == f"<csock.Capture {tmp_path / 'a'!r}>"
        assert capture.path == tmp_path / "a" and isinstance(capture, csock.Capture)
        capture.close()
        capture.close()
        assert "closed" in repr(capture)
        with pytest.raises(ValueError, match="closed"):
            capture.add(b)
        # The short way again.
        a.sendall(b"x")
        assert b.recv(1) == b"x"


def test_without_csock(env):
    program = "import csock; print(hasattr(csock, 'Capture'))"
    done = childkit.code(program, env={**env, "CSOCK_DISABLE": "1", "CSOCK_PCAP": "/nowhere"})
    assert done.stdout == "False\n"


def test_a_descriptor_that_is_another_files(tmp_path):
    """As of a daemon, which closes all that it has not opened."""
    a, b = csock.socketpair()
    with a, b:
        csock.capture(a, tmp_path / "a")
        (fd,) = (int(fd) for fd in os.listdir("/proc/self/fd")
                 if os.path.realpath(f"/proc/self/fd/{fd}") == str(tmp_path / "a"))  # fmt: skip
        with open(tmp_path / "other", "wb") as other:
            os.dup2(other.fileno(), fd)
            a.sendall(b"x" * 100)
            assert b.recv(100) == b"x" * 100
            os.close(fd)
        assert os.stat(tmp_path / "other").st_size == 0


def test_many_threads_and_one_that_closes(tmp_path):
    """A capture that ends in the middle of transfers."""
    for _ in range(20):
        a, b = csock.socketpair()
        with a, b:
            capture = csock.capture(a, tmp_path / "a")

            def receive(b=b):
                n = 0
                while data := b.recv(1 << 16):
                    n += len(data)
                return n

            jobs = [testkit.Job(receive)]
            jobs += [testkit.Job(lambda a=a: a.sendall(b"x" * 200_000)) for _ in range(3)]
            capture.close()
            for job in jobs[1:]:
                job.result()
            a.shutdown(stock.SHUT_WR)
            assert jobs[0].result() == 600_000
        os.unlink(tmp_path / "a")
