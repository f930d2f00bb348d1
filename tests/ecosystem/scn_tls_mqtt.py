"""paho-mqtt over TLS against a mosquitto that stalls and drips: connecting waits, its loop not."""

import gc
import socket
import ssl
import threading

import paho.mqtt.client as mqtt
from kit import scenario, step
from servers import Tls, mosquitto
from stalls import OURS, bounded, closed, ended_by, relay

NEWEST = mqtt.CallbackAPIVersion.VERSION2


class Client:
    """Hears what it says itself."""

    def __init__(self, port, ca):
        self.port, self.heard, self.subscribed = port, [], threading.Event()
        self.left = threading.Event()
        self.mqtt = mqtt.Client(NEWEST, reconnect_on_failure=False)
        self.mqtt.tls_set(ca)
        self.mqtt.on_connect = lambda *_: self.mqtt.subscribe("topic", 1)
        self.mqtt.on_subscribe = lambda *_: self.subscribed.set()
        self.mqtt.on_message = lambda _c, _d, message: self.heard.append(message.payload)
        self.mqtt.on_disconnect = lambda *_: self.left.set()

    def connect(self):
        return self.mqtt.connect("localhost", self.port)

    def start(self):
        self.connect()
        self.mqtt.loop_start()
        return self.subscribed.wait(20)

    def end(self):
        self.mqtt.disconnect()
        self.mqtt.loop_stop()

    def says(self, payload):
        """Publishes, and waits until the server has it: by a condition of threads, not a socket."""
        info = self.mqtt.publish("topic", payload, 1)
        info.wait_for_publish(20)
        return info.is_published()


def connecting(make, between):
    for how, bad in (("stalls", between.stalling), ("drips", between.dripping)):
        with bad():
            bounded(f"mqtt, {how}: deadline in connect", lambda: make().connect(), OSError)
        client = make()
        step(f"mqtt, {how}: connects", client.start, True)
        step(f"mqtt, {how}: says", lambda client=client: client.says(b"hello"), True)
        client.end()


def in_a_deadline(make):
    """What does not wait is not touched: publish() sends, and the loop's thread has no deadline."""
    if not OURS:
        return
    import csock

    client = make()
    client.start()
    with csock.deadline(0):
        step("+ mqtt, deadline that has passed: says", lambda: client.says(b"late"), True)
    client.end()


def closing(make, between):
    client = make()
    client.start()
    with between.stalling():
        client.mqtt.publish("topic", b"hello", 1)
        result = ended_by("mqtt: closed", lambda: client.left.wait(60),
                          lambda: client.mqtt.socket().shutdown(socket.SHUT_RDWR))
        step("mqtt: its loop hears of a shutdown", lambda: result, True)
    client.mqtt.loop_stop()
    blocking = make()
    gc.collect()
    with between.stalling():
        closed("mqtt: closed in connect", blocking.connect, lambda: shaking().close(), OSError)


def shaking():
    """The connection that is in its handshake: paho keeps it to itself until that is done."""
    return next(one for one in gc.get_objects() if isinstance(one, ssl.SSLSocket)
                and one.fileno() >= 0 and one.version() is None)


with scenario() as folder:
    tls = Tls(folder)
    with mosquitto(folder, tls) as (_, secure, _), relay(folder, secure) as between:

        def make():
            return Client(between.port, tls.ca)

        connecting(make, between)
        in_a_deadline(make)
        closing(make, between)
