"""What uvicorn serves in scn_asyncio.py; it says itself whose sockets it is on."""

import asyncio
import hashlib

from kit import which_socket

BIG = bytes(range(256)) * 4096


async def body_of(receive):
    data, more = b"", True
    while more:
        message = await receive()
        data += message.get("body", b"")
        more = message.get("more_body", False)
    return data


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "websocket":
        await websocket(receive, send)
        return
    status, body = 200, b"hello"
    path = scope["path"]
    if path == "/which":
        body = which_socket().encode()
    elif path == "/big":
        body = BIG
    elif path == "/slow":
        await asyncio.sleep(0.3)
    elif path == "/echo":
        body = hashlib.sha256(await body_of(receive)).hexdigest().encode()
    elif path == "/error":
        raise ValueError("on purpose")
    elif path != "/":
        status, body = 404, b"none"
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def websocket(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "bytes": message.get("bytes") or b""})
