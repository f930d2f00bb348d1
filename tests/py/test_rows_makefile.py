"""Row 29 of the 1998 reference: makefile()."""

import gc
import io
import os
import select
import warnings

import pytest
import testkit

# ---------------------------------------------------------------- 29 makefile


def test_row_29_makefile_outlives_the_socket(impl):
    a, b = impl.socketpair()
    with b:
        f = a.makefile("rwb")
        fd = a.fileno()
        a.close()
        assert "[closed]" in repr(a)
        b.send(b"line\n")
        assert f.readline() == b"line\n"
        f.write(b"back")
        f.flush()
        assert b.recv(10) == b"back"
        f.close()
        assert b.recv(1) == b""
    with pytest.raises(OSError):
        os.fstat(fd)


def test_row_29_socket_outlives_the_file(impl):
    a, b = impl.socketpair()
    with a, b:
        a.makefile("rb").close()
        a.send(b"x")
        assert b.recv(1) == b"x"


def test_row_29_file_is_collected_independently(impl):
    a, b = impl.socketpair()
    with b, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        f = a.makefile("rb")
        a.close()
        del a
        gc.collect()
        b.send(b"x")
        assert f.read(1) == b"x"
        del f
        gc.collect()
        b.settimeout(10)
        assert b.recv(1) == b""


def test_row_29_several_files_share_the_socket(impl):
    a, b = impl.socketpair()
    with b:
        reader, writer = a.makefile("rb"), a.makefile("wb", 0)
        a.close()
        reader.close()
        writer.write(b"still open")
        assert b.recv(100) == b"still open"
        writer.close()
        assert b.recv(1) == b""


TYPES = {
    "r": io.TextIOWrapper,
    "w": io.TextIOWrapper,
    "rw": io.TextIOWrapper,
    "rt": io.TextIOWrapper,
    "rb": io.BufferedReader,
    "br": io.BufferedReader,
    "wb": io.BufferedWriter,
    "rwb": io.BufferedRWPair,
    "wrb": io.BufferedRWPair,
}


@pytest.mark.parametrize("mode", [m for m in TYPES if "t" not in m])
def test_row_29_modes(impl, mode):
    a, b = impl.socketpair()
    with a, b, a.makefile(mode) as f:
        assert type(f) is TYPES[mode]
        reading = "r" in mode
        writing = "w" in mode
        assert (f.readable(), f.writable(), f.seekable()) == (reading, writing, False)
        text = (lambda s: s) if "b" not in mode else str.encode
        if reading:
            b.sendall(b"one\ntwo\n")
            assert f.readline() == text("one\n")
            assert f.readline() == text("two\n")
        if writing:
            f.write(text("three"))
            f.flush()
            assert b.recv(100) == b"three"


def test_row_29_without_a_mode_it_reads_text(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile() as f:
        b.sendall("gr\u00fc\u00dfe\n".encode())
        b.shutdown(impl.SHUT_WR)
        assert list(f) == ["gr\u00fc\u00dfe\n"]


def test_row_29_unbuffered(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile("rwb", buffering=0) as f:
        assert isinstance(f, io.RawIOBase)
        b.send(b"abcdef")
        assert f.read(3) == b"abc"
        assert a.recv(3) == b"def"
        assert f.write(b"now") == 3
        assert b.recv(3) == b"now"


def test_row_29_positional_bufsize_as_in_1998(impl):
    a, b = impl.socketpair()
    with a, b:
        with a.makefile("rb", 16) as f:
            b.send(bytes(range(40)))
            assert f.peek(1) == bytes(range(16))
        with a.makefile("wb", 10) as f:
            f.write(b"1234")
            assert select.select([b], [], [], 0)[0] == []
            f.write(b"567890ab")
            assert b.recv(100)
        with a.makefile("wb", -1) as f:
            f.write(b"default")
        assert b.recv(100).endswith(b"default")
        with a.makefile("w", 1) as f:
            f.write("text\n")
        assert b.recv(100) == b"text\n"


def test_row_29_encoding_errors_and_newline(impl):
    a, b = impl.socketpair()
    with a, b:
        with a.makefile("w", encoding="utf-16-le", newline="\r\n") as f:
            assert f.encoding == "utf-16-le"
            f.write("\u00e4\n")
        assert b.recv(100) == "\u00e4\r\n".encode("utf-16-le")
        b.send(b"\xff\r\nx\n")
        with a.makefile("r", encoding="ascii", errors="replace", newline="") as f:
            assert f.readline() == "\ufffd\r\n"


@pytest.mark.parametrize(
    ("args", "error", "text"),
    [
        (("x",), ValueError, "invalid mode"),
        (("ra",), ValueError, "invalid mode"),
        (("r", 0), ValueError, "unbuffered streams must be binary"),
        ((5,), TypeError, None),
        (("r", "x"), TypeError, None),
    ],
)
def test_row_29_bad_arguments(impl, args, error, text):
    with impl.socket() as s, pytest.raises(error, match=text):
        s.makefile(*args)


def test_row_29_reading_a_write_only_file(impl):
    a, b = impl.socketpair()
    with a, b:
        with a.makefile("wb", 0) as f, pytest.raises(OSError):
            f.read(1)
        with a.makefile("rb", 0) as f, pytest.raises(OSError):
            f.write(b"x")


def test_row_29_use_after_close(impl):
    a, b = impl.socketpair()
    with a, b:
        for mode in ("rb", "wb", "rwb", "r", "w"):
            f = a.makefile(mode)
            f.close()
            f.close()
            assert f.closed
            with pytest.raises(ValueError, match="closed file"):
                f.read(1) if "r" in mode else f.write(b"x" if "b" in mode else "x")


def test_row_29_a_timeout_poisons_the_file(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile("rb") as f:
        a.settimeout(0.02)
        with pytest.raises(TimeoutError):
            f.read(1)
        b.send(b"x")
        with pytest.raises(OSError, match="cannot read from timed out object"):
            f.read(1)


def test_row_29_a_non_blocking_file_reads_none(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile("rb", 0) as f:
        a.setblocking(False)
        assert f.read(1) is None
        b.send(b"x")
        assert f.read(1) == b"x"


def test_row_29_files_know_their_descriptor_and_name(impl):
    a, b = impl.socketpair()
    with a, b, a.makefile("rwb", 0) as f:
        assert f.fileno() == f.name == a.fileno()
        assert f.mode == "rwb"
        a.close()
        assert f.fileno() >= 0
        f.close()
        assert f.name == -1


def test_row_29_large_transfers_through_files(impl):
    a, b = testkit.tcp_pair(impl)
    data = os.urandom(1 << 20)

    def write():
        with a, a.makefile("wb") as f:
            for i in range(0, len(data), 1000):
                f.write(data[i : i + 1000])

    job = testkit.Job(write)
    with b, b.makefile("rb") as f:
        assert f.read() == data
    job.result()
