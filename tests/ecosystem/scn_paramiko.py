"""paramiko against sshd: commands, files, tunnels, and a server of its own."""

import hashlib
import os
import pathlib
import socket
import threading
import time

import paramiko
from kit import (
    answering,
    closed_port,
    hanging_up,
    in_threads,
    peer,
    resetting,
    scenario,
    silent,
    step,
)
from servers import sshd
from stalls import unbounded


def client_to(port, user, key, known, **more):
    client = paramiko.SSHClient()
    client.load_host_keys(known)
    client.connect("127.0.0.1", port, user, key_filename=key, allow_agent=False,
                   look_for_keys=False, **more)
    return client


def commands(client):
    def run(command, data=b""):
        stdin, stdout, _ = client.exec_command(command, timeout=20)
        stdin.write(data)
        stdin.channel.shutdown_write()
        return stdout.read(), stdout.channel.recv_exit_status()

    step("echo", lambda: run("echo hello"), (b"hello\n", 0))
    step("status", lambda: run("exit 7"), (b"", 7))
    data = os.urandom(3_000_000)
    wanted = hashlib.sha256(data).hexdigest().encode()
    step("3 MB in", lambda: run("sha256sum", data)[0].split()[0] == wanted, True)
    step("3 MB out", lambda: len(run("head -c 3000000 /dev/zero")[0]), 3_000_000)

    def too_slow():
        _, stdout, _ = client.exec_command("sleep 10", timeout=0.3)
        return stdout.read()

    step("timeout", too_slow, TimeoutError, within=(0.25, 3))
    unbounded("in a deadline", lambda: run("sleep 1; echo late")[0], b"late\n", 1)
    step("threads", lambda: in_threads(8, lambda n: run(f"echo {n}")[0]),
         [f"{n}\n".encode() for n in range(8)])


def files(client, folder):
    local, remote = pathlib.Path(folder, "local"), f"{folder}/remote"
    local.write_bytes(os.urandom(4_000_000))
    with client.open_sftp() as sftp:
        step("put", lambda: sftp.put(str(local), remote).st_size, 4_000_000)
        step("get", lambda: sftp.get(remote, f"{folder}/back"), lambda v: v is None)
        step("the same", lambda: pathlib.Path(folder, "back").read_bytes() == local.read_bytes(),
             True)
        step("no such file", lambda: sftp.stat("/nowhere"), FileNotFoundError)
        step("listed", lambda: {"local", "remote", "back"} <= set(sftp.listdir(folder)), True)


def tunnels(client):
    transport = client.get_transport()
    with peer(answering(b"from the other side")) as port:

        def through():
            with transport.open_channel("direct-tcpip", ("127.0.0.1", port), ("x", 1)) as channel:
                channel.sendall(b"hello")
                return channel.makefile("rb").read()

        step("tunnel", through, b"from the other side")
    closed = closed_port()
    step("tunnel to nobody", lambda: transport.open_channel(
        "direct-tcpip", ("127.0.0.1", closed), ("x", 1)), paramiko.ChannelException)

    def backwards():
        port = transport.request_port_forward("127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", port)) as far:
            channel = transport.accept(10)
            far.sendall(b"backwards")
            return channel.recv(100)

    step("tunnel back", backwards, b"backwards")


class Server(paramiko.ServerInterface):
    def check_auth_password(self, username, password):
        good = (username, password) == ("me", "mine")
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=self.answer, args=(channel, command)).start()
        return True

    def answer(self, channel, command):
        time.sleep(0.2)  # after the answer to the request itself
        channel.sendall(command.upper())
        channel.send_exit_status(3)
        channel.close()


def own_server():
    """Both ends are paramiko's, on sockets of this module."""
    near, far = socket.socketpair()
    server = paramiko.Transport(far)
    server.add_server_key(paramiko.RSAKey.generate(2048))
    server.start_server(threading.Event(), Server())
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    given = {"username": "me", "allow_agent": False, "look_for_keys": False, "sock": near}
    client.connect("peer", password="mine", **given)
    _, stdout, _ = client.exec_command("shout")
    answer = stdout.read(), stdout.channel.recv_exit_status()
    client.close()
    server.close()
    return answer


with scenario() as folder, sshd(folder) as (port, user, key, host):
    known = f"{folder}/known"
    words = pathlib.Path(host).read_text().split()
    pathlib.Path(known).write_text(f"[127.0.0.1]:{port} {words[0]} {words[1]}\n")
    client = client_to(port, user, key, known)
    commands(client)
    files(client, folder)
    tunnels(client)
    client.close()
    step("closed", lambda: client.exec_command("true"), Exception)
    step("own server", own_server, (b"SHOUT", 3))
    pathlib.Path(f"{folder}/nobody").write_text("")
    step("unknown host", lambda: client_to(port, user, key, f"{folder}/nobody"),
         paramiko.SSHException)
    step("wrong key", lambda: client_to(port, user, str(pathlib.Path(host).with_suffix("")), known),
         paramiko.AuthenticationException)
    closed = closed_port()
    step("refused", lambda: client_to(closed, user, key, known), OSError)
    with peer(silent) as bad:
        step("silent", lambda: client_to(bad, user, key, known, banner_timeout=0.5),
             Exception, within=(0.4, 5))
    with peer(hanging_up) as bad:
        step("closed at once", lambda: client_to(bad, user, key, known), Exception)
    with peer(resetting) as bad:
        step("reset", lambda: client_to(bad, user, key, known), Exception)
