"""trio: its streams, its sockets, TLS, cancellation, and httpx on it."""

import errno
import os
import socket
import ssl

import httpx
import trio
import trio.testing
from kit import closed_port, hanging_up, peer, resetting, scenario, silent, step
from servers import Tls, nginx

TAKEN = errno.EADDRINUSE, (errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


async def streams(tls):
    data = os.urandom(2_000_000)

    async def echo(stream):
        got = b""
        while len(got) < len(data):
            got += await stream.receive_some(65536)
        await stream.send_all(got)
        await stream.aclose()

    async def through(stream):
        async with stream:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.send_all, data)
                back = b""
                async for piece in stream:
                    back += piece
        return back == data

    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(tls.cert, tls.key)
    ours = ssl.create_default_context(cafile=tls.ca)
    results = []
    async with trio.open_nursery() as nursery:
        [plain] = await nursery.start(lambda task_status: trio.serve_tcp(
            echo, 0, host="127.0.0.1", task_status=task_status))
        port = plain.socket.getsockname()[1]
        results.append(await through(await trio.open_tcp_stream("127.0.0.1", port)))

        async def one(number):
            results.append(await through(await trio.open_tcp_stream("localhost", port)))

        async with trio.open_nursery() as many:
            for number in range(5):
                many.start_soon(one, number)
        [secure] = await nursery.start(lambda task_status: trio.serve_ssl_over_tcp(
            echo, 0, theirs, host="127.0.0.1", https_compatible=True, task_status=task_status))
        port = secure.transport_listener.socket.getsockname()[1]
        results.append(await through(await trio.open_ssl_over_tcp_stream(
            "localhost", port, ssl_context=ours, https_compatible=True)))
        nursery.cancel_scope.cancel()
    return results


async def sockets():
    near, far = trio.socket.socketpair()
    with near, far:
        await near.send(b"hello")
        buffer = bytearray(10)
        got = await far.recv_into(buffer)
        sent = await near.sendmsg([b"one", b"two"])
        message = await far.recvmsg(100)
        peek = None
        with trio.move_on_after(0.2):
            peek = await far.recv(1)
        return got, bytes(buffer[:got]), sent, message[0], peek


async def datagrams():
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as here:
        await here.bind(("127.0.0.1", 0))
        with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as there:
            for number in range(10):
                await there.sendto(str(number).encode(), here.getsockname())
            return [(await here.recvfrom(100))[0] for _ in range(10)]


async def closed_meanwhile():
    near, far = trio.socket.socketpair()
    outcome = []

    async def wait():
        try:
            outcome.append(await near.recv(1))
        except trio.ClosedResourceError:
            outcome.append("closed")
        except OSError as error:
            outcome.append(type(error).__name__)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(0.1)
        near.close()
    far.close()
    return outcome


async def rebound():
    """An address with a listener is taken; when that is gone it is free, whatever connections of
    its own are left."""
    [first] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    address = first.socket.getsockname()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            taken = None
        except OSError as error:
            taken = error.errno, error.args
    ends = []
    for _ in range(2):
        ends.append(await trio.testing.open_stream_to_socket_listener(first))
        ends.append(await first.accept())
    await ends[-1].aclose()  # this side first: its address is in TIME_WAIT
    await first.aclose()
    [second] = await trio.open_tcp_listeners(address[1], host="127.0.0.1")
    same = second.socket.getsockname() == address == ends[1].socket.getsockname()
    await second.aclose()
    for end in ends:
        await end.aclose()
    return taken, same


async def get(url, **more):
    async with httpx.AsyncClient(**more) as client:
        response = await client.get(url)
        return response.status_code, len(response.content)


def troubles():
    closed = closed_port()

    async def open_to(host, port):
        return await trio.open_tcp_stream(host, port)

    step("refused", lambda: trio.run(open_to, "127.0.0.1", closed), OSError)
    step("no such name", lambda: trio.run(open_to, "nowhere.invalid", 80), OSError)
    with peer(silent) as bad:
        url = f"http://127.0.0.1:{bad}/"
        step("timeout", lambda: trio.run(lambda: get(url, timeout=0.3)), httpx.ReadTimeout,
             within=(0.25, 3))
    with peer(resetting) as bad:
        step("reset", lambda: trio.run(get, f"http://127.0.0.1:{bad}/"), httpx.ReadError)
    with peer(hanging_up) as bad:
        step("closed", lambda: trio.run(get, f"http://127.0.0.1:{bad}/"),
             httpx.RemoteProtocolError)


with scenario() as folder:
    tls = Tls(folder)
    step("streams", lambda: trio.run(streams, tls), [True] * 7)
    step("sockets", lambda: trio.run(sockets), (5, b"hello", 6, b"onetwo", None))
    step("datagrams", lambda: trio.run(datagrams), [str(n).encode() for n in range(10)])
    step("rebound", lambda: trio.run(rebound), (TAKEN, True))
    step("closed meanwhile", lambda: trio.run(closed_meanwhile), ["closed"])
    with nginx(folder, tls) as ports:
        url = f"https://localhost:{ports['secure']}/big.bin"
        trust = ssl.create_default_context(cafile=tls.ca)
        step("httpx over TLS", lambda: trio.run(lambda: get(url, verify=trust)), (200, 8 << 20))
        step("unknown CA", lambda: trio.run(get, url), httpx.ConnectError)
    troubles()
