"""asyncio itself, aiohttp at both ends, uvicorn under load, websockets and httpx."""

import asyncio
import hashlib
import os
import socket
import ssl
import threading

import aiohttp
import aiohttp.web
import httpx
import web
import websockets
from kit import SIDE, closed_port, hanging_up, peer, resetting, scenario, silent, step
from servers import Tls, answers, free_port, python


async def streams(tls):
    """Streams over TCP, TLS and a local socket; datagrams; sendfile; the loop's own sock_*."""
    data = os.urandom(2_000_000)

    async def echo(reader, writer):
        writer.write(await reader.readexactly(len(data)))
        await writer.drain()
        writer.close()

    async def through(**where):
        reader, writer = await asyncio.open_connection(**where)
        writer.write(data)
        back = await reader.read(-1)
        writer.close()
        return back == data

    results = []
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    results += await asyncio.gather(*(through(host="127.0.0.1", port=port) for _ in range(8)))
    server.close()
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    theirs.load_cert_chain(tls.cert, tls.key)
    ours = ssl.create_default_context(cafile=tls.ca)
    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=theirs)
    port = server.sockets[0].getsockname()[1]
    results.append(await through(host="localhost", port=port, ssl=ours))
    server.close()
    return results


async def loop_calls(folder):
    """The calls of the loop on plain sockets."""
    loop = asyncio.get_running_loop()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        with socket.socket() as near:
            near.setblocking(False)
            accepted = asyncio.ensure_future(loop.sock_accept(listener))
            await loop.sock_connect(near, listener.getsockname())
            far, _ = await accepted
            with far, open(f"{folder}/file", "w+b") as file:
                file.write(b"z" * 1_000_000)
                file.seek(0)
                sent = asyncio.ensure_future(loop.sock_sendfile(near, file))
                got, buffer = 0, bytearray(65536)
                while got < 1_000_000:
                    got += await loop.sock_recv_into(far, buffer)
                return await sent, got, far.getblocking()


async def datagrams():
    loop, heard = asyncio.get_running_loop(), asyncio.Queue()

    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data, sender):
            heard.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(Protocol, ("127.0.0.1", 0))
    where = transport.get_extra_info("sockname")
    sender, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=where)
    for number in range(20):
        sender.sendto(str(number).encode())
    total = 0
    for _ in range(20):
        total += int(await asyncio.wait_for(heard.get(), 5))
    sender.close()
    transport.close()
    return total


async def aiohttp_both_ends(tls):
    async def handle(request):
        data = await request.read()
        return aiohttp.web.Response(text=hashlib.sha256(data).hexdigest())

    async def talk(request):
        conversation = aiohttp.web.WebSocketResponse()
        await conversation.prepare(request)
        async for message in conversation:
            await conversation.send_bytes(message.data[::-1])
        return conversation

    app = aiohttp.web.Application(client_max_size=1 << 26)
    app.router.add_post("/", handle)
    app.router.add_get("/ws", talk)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.cert, tls.key)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    results = []
    for scheme, how in (("http", None), ("https", context)):
        site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0, ssl_context=how)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        trust = ssl.create_default_context(cafile=tls.ca)
        connector = aiohttp.TCPConnector(ssl=trust)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"{scheme}://localhost:{port}/"
            body = os.urandom(1_000_000)
            wanted = hashlib.sha256(body).hexdigest()

            async def post(session=session, url=url, body=body):
                async with session.post(url, data=body) as response:
                    return await response.text()

            texts = await asyncio.gather(*(post() for _ in range(10)))
            results.append(texts.count(wanted))
            async with session.ws_connect(url + "ws") as conversation:
                await conversation.send_bytes(b"abc" * 100_000)
                results.append((await conversation.receive()).data == b"cba" * 100_000)
    await runner.cleanup()
    return results


async def aiohttp_get(url, **more):
    async with aiohttp.ClientSession() as session, session.get(url, **more) as response:
        return response.status


def troubles():
    def get(url, **more):
        return lambda: asyncio.run(aiohttp_get(url, **more))

    closed = closed_port()
    step("refused", get(f"http://127.0.0.1:{closed}/"), aiohttp.ClientConnectorError)
    step("no such name", get("http://nowhere.invalid/"), aiohttp.ClientConnectorError)
    soon = aiohttp.ClientTimeout(total=0.3)
    with peer(silent) as bad:
        step("timeout", get(f"http://127.0.0.1:{bad}/", timeout=soon), TimeoutError,
             within=(0.25, 3))
        step("httpx timeout", lambda: httpx.get(f"http://127.0.0.1:{bad}/", timeout=0.3),
             httpx.ReadTimeout, within=(0.25, 3))
    with peer(resetting) as bad:
        step("reset", get(f"http://127.0.0.1:{bad}/"), aiohttp.ClientError)
    with peer(hanging_up) as bad:
        step("closed", get(f"http://127.0.0.1:{bad}/"), aiohttp.ServerDisconnectedError)
    step("httpx refused", lambda: httpx.get(f"http://127.0.0.1:{closed}/"), httpx.ConnectError)

    async def cancelled():
        reader, _ = socket.socketpair()
        reader.setblocking(False)
        waiting = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(reader, 10))
        await asyncio.sleep(0.1)
        waiting.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            return "cancelled"

    step("cancelled", lambda: asyncio.run(cancelled()), "cancelled")


def uvicorn(folder, kind, port):
    arguments = ["-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--http", kind,
                 "--loop", "asyncio", "--log-level", "error", "--lifespan", "off", "asgi_app:app"]
    name = f"uvicorn {kind}"
    with python(folder, name, *arguments, ready=lambda: answers(port)) as process:
        web.everything(name, port)
        step(f"{name}: httpx", lambda: httpx.get(f"http://127.0.0.1:{port}/which").text == SIDE,
             True)

        async def talk():
            async with websockets.connect(f"ws://127.0.0.1:{port}/", max_size=1 << 22) as ws:
                data = os.urandom(500_000)
                await ws.send(data)
                return await ws.recv() == data

        step(f"{name}: websocket", lambda: asyncio.run(talk()), True)
        web.ends(name, process, -15)


with scenario() as folder:
    tls = Tls(folder)
    step("streams", lambda: asyncio.run(streams(tls)), [True] * 9)
    step("loop's calls", lambda: asyncio.run(loop_calls(folder)), (1_000_000, 1_000_000, False))
    step("datagrams", lambda: asyncio.run(datagrams()), 190)
    step("aiohttp", lambda: asyncio.run(aiohttp_both_ends(tls)), [10, True] * 2)
    troubles()
    for kind in ("h11", "httptools"):
        uvicorn(folder, kind, free_port("port"))
    step("threads left", threading.active_count, 1)
