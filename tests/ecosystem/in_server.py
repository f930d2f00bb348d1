#!/usr/bin/env python3
"""Runs a suite with pytest while a real server runs.

in_server.py <server> <report> <pytest's arguments…>

<server> is none or a name of SERVERS. In the arguments {port} and the like are replaced by what the
server has. What the suite needs in its environment is set, too. Nothing is judged here.
"""

import contextlib
import os
import subprocess
import sys
import tempfile

import kit
import servers


@contextlib.contextmanager
def none(folder):
    yield {}, {}


@contextlib.contextmanager
def redis(folder):
    with servers.redis(folder, servers.Tls(folder)) as (port, secure, _):
        yield {"port": port, "secure": secure}, {}


@contextlib.contextmanager
def memcached(folder):
    with servers.memcached(folder) as (port, _):
        yield {"port": port}, {}


@contextlib.contextmanager
def postgres(folder):
    with servers.postgres(folder, servers.Tls(folder), "postgres", "pw") as (port, _):
        yield {"port": port}, {"PGPORT": str(port), "PGPASSWORD": "pw", "PGHOST": "localhost"}


SERVERS = {"none": none, "redis": redis, "memcached": memcached, "postgres": postgres}


def main():
    server, report, *arguments = sys.argv[1:]
    kit.own_socket_checked()
    with tempfile.TemporaryDirectory(prefix="eco-") as folder:
        os.chmod(folder, 0o755)
        with SERVERS[server](folder) as (names, env):
            words = [word.format(**names) for word in arguments]
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
            command += ["--continue-on-collection-errors", "-o", "junit_family=xunit1"]
            command += [f"--junitxml={report}", *words]
            status = subprocess.run(command, env=os.environ | env).returncode
    sys.exit(status)


if __name__ == "__main__":
    main()
