"""paho-mqtt against mosquitto: TCP, TLS and websockets, in a thread and by hand."""

import os
import select
import ssl
import threading

import paho.mqtt.client as mqtt
import paho.mqtt.publish
import paho.mqtt.subscribe
from kit import closed_port, hanging_up, peer, scenario, silent, step
from servers import Tls, mosquitto

NEWEST = mqtt.CallbackAPIVersion.VERSION2


def exchange(port, qos, transport="tcp", ca=None, host="localhost", size=100, count=200):
    """What a client hears of what it says itself."""
    heard, subscribed, ended = [], threading.Event(), threading.Event()
    client = mqtt.Client(NEWEST, transport=transport)
    client.on_connect = lambda *_: client.subscribe("topic/#", qos)
    client.on_subscribe = lambda *_: subscribed.set()

    def on_message(client, data, message):
        heard.append(message.payload)
        if len(heard) == count:
            ended.set()

    client.on_message = on_message
    if ca:
        client.tls_set(ca)
    client.connect(host, port)
    client.loop_start()
    try:
        if not subscribed.wait(10):
            return "not subscribed"
        said = [os.urandom(size) for _ in range(count)]
        for number, payload in enumerate(said):
            client.publish(f"topic/{number}", payload, qos)
        ended.wait(30)
        return sorted(heard) == sorted(said)
    finally:
        client.disconnect()
        client.loop_stop()


def by_hand(port):
    """The loop in the caller's select()."""
    client, got = mqtt.Client(NEWEST), []
    client.on_connect = lambda *_: client.subscribe("hand")
    client.on_subscribe = lambda *_: client.publish("hand", b"x" * 1_000_000)
    client.on_message = lambda _c, _d, message: got.append(len(message.payload))
    client.connect("127.0.0.1", port)
    for _ in range(2000):
        sock = client.socket()
        writers = [sock] if client.want_write() else []
        readable, writable, _ = select.select([sock], writers, [], 1)
        if readable:
            client.loop_read()
        if writable:
            client.loop_write()
        client.loop_misc()
        if got:
            break
    client.disconnect()
    return got


def will(port):
    """A client whose connection breaks leaves a message."""
    heard = threading.Event()
    watcher = mqtt.Client(NEWEST)
    ready = threading.Event()
    watcher.on_connect = lambda *_: watcher.subscribe("will")
    watcher.on_subscribe = lambda *_: ready.set()
    watcher.on_message = lambda *_: heard.set()
    watcher.connect("127.0.0.1", port)
    watcher.loop_start()
    ready.wait(10)
    victim = mqtt.Client(NEWEST)
    victim.will_set("will", b"farewell")
    joined = threading.Event()
    victim.on_connect = lambda *_: joined.set()
    victim.connect("127.0.0.1", port)
    victim.loop_start()
    joined.wait(10)
    victim.loop_stop()
    victim.socket().close()
    result = heard.wait(10)
    watcher.disconnect()
    watcher.loop_stop()
    return result


with scenario() as folder:
    tls = Tls(folder)
    with mosquitto(folder, tls) as (port, secure, web):
        for qos in (0, 1, 2):
            step(f"qos {qos}", lambda qos=qos: exchange(port, qos), True)
        step("1 MB each", lambda: exchange(port, 1, size=1_000_000, count=5), True)
        step("tls", lambda: exchange(secure, 1, ca=tls.ca), True)
        big = {"size": 1_000_000, "count": 5}
        step("tls, 1 MB each", lambda: exchange(secure, 1, ca=tls.ca, **big), True)
        step("websockets", lambda: exchange(web, 1, "websockets"), True)
        step("by hand", lambda: by_hand(port), [1_000_000])
        step("will", lambda: will(port), True)
        step("published", lambda: paho.mqtt.publish.single(
            "kept", b"kept", retain=True, qos=1, port=port), lambda v: v is None)
        step("kept", lambda: paho.mqtt.subscribe.simple("kept", port=port).payload, b"kept")
        step("wrong name", lambda: exchange(secure, 0, ca=tls.ca, host="127.0.0.1"),
             ssl.SSLCertVerificationError)
        closed = closed_port()
        step("refused", lambda: exchange(closed, 0), ConnectionRefusedError)
        step("no such name", lambda: exchange(port, 0, host="nowhere.invalid"), OSError)
        with peer(hanging_up) as bad:
            step("closed", lambda: mqtt.Client(NEWEST).connect("127.0.0.1", bad) or "connected",
                 lambda v: v is not None)
        with peer(silent) as bad:
            lone = mqtt.Client(NEWEST)
            lone.connect("127.0.0.1", bad)
            step("never answered", lambda: int(lone.loop(0.3)), 0, within=(0.25, 3))
