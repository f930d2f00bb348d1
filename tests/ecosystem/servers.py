"""Real servers, each started with a folder and a port of its own, and stopped.

Each is a context manager that yields what a client needs to know. They run in the foreground as
children of the scenario, as somebody without rights where they refuse to run as root; their
logs stand in the folder and are shown when they do not come up.
"""

import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import time

from kit import mask

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class NoServer(Exception):
    """A server that is not there, or does not come up."""


def program(name, where=SYSTEM_PATH):
    found = shutil.which(name, path=where)
    if not found:
        raise NoServer(f"no {name} here; tools/setup.sh ecosystem installs it")
    return found


def free_port(name):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return mask(probe.getsockname()[1], name)


def somebody(name):
    """How to start a program as this user, if we are root and there is such a user."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(name)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def given_to(folder, name):
    if os.geteuid() == 0:
        user = pwd.getpwnam(name)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


def subfolder(folder, name, owner=None):
    path = pathlib.Path(folder, name)
    path.mkdir()
    if owner:
        given_to(path, owner)
    return path


def answers(port, family=socket.AF_INET):
    with socket.socket(family) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(command, ready, log, seconds=60, **popen):
    """The process, from when ready() first holds to the end of the block."""
    with open(log, "wb") as out:
        env = {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", **popen.pop("env", {})}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, **popen
        )
    try:
        deadline = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                text = pathlib.Path(log).read_text(errors="replace")[-3000:]
                raise NoServer(f"{command[0]} does not come up ({process.poll()}):\n{text}")
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(*command, **popen):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **popen)
    if done.returncode:
        raise NoServer(f"{command[0]}: {done.stdout.decode(errors='replace')[-3000:]}")
    return done.stdout.decode()


# ------------------------------------------------------------------------ TLS


class Tls:
    """A certificate authority of our own; a certificate for localhost and for nothing else, and
    one for a client."""

    def __init__(self, folder):
        self.folder = subfolder(folder, "tls")
        self.ca, self.ca_key = self._name("ca.pem"), self._name("ca.key")
        new = ["req", "-newkey", "rsa:2048", "-nodes", "-sha256"]
        ca = ["-x509", "-days", "2", "-subj", "/CN=eco CA", "-addext", "keyUsage=keyCertSign"]
        self._openssl(*new, *ca, "-keyout", self.ca_key, "-out", self.ca)
        self.cert, self.key = self._signed("server", "localhost")
        self.client_cert, self.client_key = self._signed("client", "a-client")
        for path in self.folder.iterdir():
            path.chmod(0o644)

    def _name(self, name):
        return str(self.folder / name)

    def _openssl(self, *words):
        run(program("openssl"), *words, cwd=self.folder)

    def _signed(self, name, common):
        cert, key, request = (self._name(f"{name}.{end}") for end in ("pem", "key", "csr"))
        extra = self._name(f"{name}.ext")
        pathlib.Path(extra).write_text(
            f"subjectAltName=DNS:{common}\nauthorityKeyIdentifier=keyid\n"
            "subjectKeyIdentifier=hash\nkeyUsage=digitalSignature,keyEncipherment\n"
        )
        new = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={common}"]
        self._openssl(*new, "-keyout", key, "-out", request)
        ca = ["-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial"]
        sign = ["x509", "-req", "-days", "2", "-in", request, "-extfile", extra]
        self._openssl(*sign, *ca, "-out", cert)
        return cert, key


# ----------------------------------------------------------------- the servers

NGINX = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 64m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type application/octet-stream;
  keepalive_timeout 30;
  keepalive_requests 10000000;
  ssl_certificate {tls.cert};
  ssl_certificate_key {tls.key};
  map $http_x_status $wanted {{ default 200; 404 404; 503 503; }}
  server {{
    listen 127.0.0.1:{plain};
    listen [::1]:{plain};
    listen 127.0.0.1:{secure} ssl;
    listen [::1]:{secure} ssl;
    root {folder}/www;
    location /hello {{ return 200 "hello, $scheme, $request_method, $http_user_agent"; }}
    location /connection {{ return 200 "$connection $http_user_agent"; }}
    location /redirect {{ return 302 /hello; }}
    location /loop {{ return 302 /loop; }}
    location /gone {{ return 410 "gone"; }}
    location /reset {{ return 444; }}
    location /cookie {{ add_header Set-Cookie "taste=sweet; Path=/"; return 200 "$http_cookie"; }}
    location /gzip/ {{ gzip on; gzip_types *; alias {folder}/www/; }}
    location /slow/ {{ limit_rate 40k; alias {folder}/www/; }}
    location /upload {{ proxy_pass http://127.0.0.1:{plain}/sink; }}
    location /sink {{ return 200 "$content_length"; }}
  }}
  server {{
    listen 127.0.0.1:{mutual} ssl;
    listen [::1]:{mutual} ssl;
    ssl_client_certificate {tls.ca};
    ssl_verify_client on;
    location / {{ return 200 "client $ssl_client_s_dn"; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(folder, tls):
    """Yields the ports: plain, secure, mutual."""
    home = subfolder(folder, "nginx")
    (home / "www").mkdir()
    (home / "www" / "big.bin").write_bytes(bytes(range(256)) * 4096 * 8)
    (home / "www" / "text.txt").write_text("the quick brown fox\n" * 5000)
    ports = {name: free_port(name) for name in ("plain", "secure", "mutual")}
    (home / "nginx.conf").write_text(NGINX.format(folder=home, tls=tls, **ports))
    given_to(home, "nobody")
    # All of /etc/nginx is left alone; -e: not even before the configuration is read.
    command = [program("nginx"), "-e", f"{home}/error.log", "-p", home, "-c", home / "nginx.conf"]
    with running(command, lambda: answers(ports["plain"]), home / "log", **somebody("nobody")):
        yield ports


@contextlib.contextmanager
def redis(folder, tls=None, password=None, port=None):
    """Yields the port, the TLS port (or 0) and the path of the local socket."""
    home = subfolder(folder, f"redis{port or ''}")
    port = port or free_port("redis")
    secure = free_port("redis-tls") if tls else 0
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--dir", str(home), "--unixsocket", f"{home}/sock", "--daemonize", "no"]
    if tls:
        command += ["--tls-port", str(secure), "--tls-cert-file", tls.cert]
        command += ["--tls-key-file", tls.key, "--tls-ca-cert-file", tls.ca]
        command += ["--tls-auth-clients", "optional"]
    if password:
        command += ["--requirepass", password]
    with running(command, lambda: answers(port), home / "log", cwd=home):
        yield port, secure, f"{home}/sock"


def newest_postgres():
    folders = sorted(
        pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name)
    )
    if not folders:
        raise NoServer("no PostgreSQL here; tools/setup.sh ecosystem installs it")
    return folders[-1]


@contextlib.contextmanager
def postgres(folder, tls, user="eco", password="secret"):
    """Yields the port and the folder of the local socket. The user may do anything."""
    home = subfolder(folder, "pg", owner="postgres")
    who = somebody("postgres")
    bin_ = newest_postgres()
    (home / "password").write_text(password)
    given_to(home, "postgres")
    data = home / "data"
    init = ["-A", "scram-sha-256", "-U", user, f"--pwfile={home}/password", "--no-sync"]
    run(bin_ / "initdb", "-D", data, *init, "-E", "UTF8", "--locale=C.UTF-8", cwd="/", **who)
    for name in ("cert", "key"):
        target = data / f"server.{name}"
        shutil.copy(getattr(tls, name), target)
        target.chmod(0o600)
    given_to(data, "postgres")
    port = free_port("postgres")
    options = {
        "listen_addresses": "127.0.0.1,::1",
        "port": port,
        "unix_socket_directories": home,
        "ssl": "on",
        "ssl_cert_file": "server.cert",
        "ssl_key_file": "server.key",
        "fsync": "off",
        "shared_buffers": "16MB",
    }
    command = [bin_ / "postgres", "-D", data, *(f"--{k}={v}" for k, v in options.items())]

    def ready():
        is_ready = [bin_ / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        return subprocess.run(is_ready, cwd="/").returncode == 0

    with running(command, ready, home / "log", cwd="/", **who):
        yield port, str(home)


@contextlib.contextmanager
def mariadb(folder, tls):
    """Yields the port and the path of the local socket. User "eco", password "secret"."""
    home = subfolder(folder, "maria", owner="mysql" if os.geteuid() == 0 else None)
    who = somebody("mysql")
    data, sock = home / "data", home / "sock"
    env = {"PATH": SYSTEM_PATH, "TMPDIR": str(home)}
    lean = ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"]
    install = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
    install += [f"--datadir={data}", *lean]
    run(program("mariadb-install-db"), *install, cwd="/", env=env, **who)
    port = free_port("mariadb")
    (home / "init.sql").write_text(
        "CREATE USER eco@'%' IDENTIFIED BY 'secret';\n"
        "GRANT ALL ON *.* TO eco@'%' WITH GRANT OPTION;\n"
        "CREATE DATABASE eco;\n"
    )
    given_to(home, "mysql")
    command = [program("mariadbd"), "--no-defaults", f"--datadir={data}", f"--socket={sock}"]
    command += [f"--port={port}", "--bind-address=127.0.0.1", f"--init-file={home}/init.sql", *lean]
    command += [f"--pid-file={home}/pid", f"--ssl-cert={tls.cert}", f"--ssl-key={tls.key}"]
    command += [f"--ssl-ca={tls.ca}", "--local-infile=1", "--skip-name-resolve"]
    with running(command, lambda: answers(port), home / "log", cwd="/", env=env, **who):
        yield port, str(sock)


@contextlib.contextmanager
def sshd(folder):
    """Yields the port, the user's name, the path of its key, and the host key."""
    home = subfolder(folder, "ssh")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)  # as its start script does
    user = pwd.getpwuid(os.geteuid()).pw_name
    keygen = program("ssh-keygen")
    for name in ("host", "user"):
        run(keygen, "-q", "-t", "ed25519", "-N", "", "-f", home / name)
    shutil.copy(home / "user.pub", home / "authorized")
    port = free_port("ssh")
    (home / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host\nPidFile none\n"
        f"AuthorizedKeysFile {home}/authorized\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nAllowTcpForwarding yes\n"
        "Subsystem sftp internal-sftp\nUseDNS no\nMaxStartups 50\n"
    )
    command = [program("sshd"), "-D", "-e", "-f", home / "config"]
    with running(command, lambda: answers(port), home / "log"):
        yield port, user, str(home / "user"), str(home / "host.pub")


NSD = """\
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  zonesdir: {home}
  database: ""
  pidfile: ""
  xfrdfile: {home}/xfrd.state
  zonelistfile: {home}/zone.list
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: eco.test
  zonefile: eco.test
  provide-xfr: 127.0.0.1 NOKEY
"""


@contextlib.contextmanager
def nsd(folder, zone):
    """Serves the zone eco.test; yields the port."""
    home = subfolder(folder, "nsd")
    port = free_port("dns")
    (home / "eco.test").write_text(zone)
    (home / "nsd.conf").write_text(NSD.format(home=home, port=port))
    command = [program("nsd"), "-d", "-c", home / "nsd.conf"]
    with running(command, lambda: answers(port), home / "log"):
        yield port


@contextlib.contextmanager
def memcached(folder):
    """Yields the port and the path of a local socket, of two servers."""
    home = subfolder(folder, "memcached", owner="nobody")
    port, sock = free_port("memcached"), home / "sock"
    base = [program("memcached"), "-m", "32", "-I", "4m", "-t", "2"]
    tcp = [*base, "-l", "127.0.0.1", "-p", str(port)]
    with (
        running(tcp, lambda: answers(port), home / "log", **somebody("nobody")),
        running([*base, "-s", sock], sock.exists, home / "log2", **somebody("nobody")),
    ):
        yield port, str(sock)


@contextlib.contextmanager
def mosquitto(folder, tls):
    """Yields the ports: plain, secure, websockets."""
    home = subfolder(folder, "mqtt")
    ports = [free_port(name) for name in ("mqtt", "mqtts", "mqtt-ws")]
    plain, secure, web = ports
    (home / "conf").write_text(
        f"allow_anonymous true\nper_listener_settings false\n"
        f"listener {plain} 127.0.0.1\n"
        f"listener {secure} 127.0.0.1\ncertfile {tls.cert}\nkeyfile {tls.key}\n"
        f"listener {web} 127.0.0.1\nprotocol websockets\n"
    )
    given_to(home, "nobody")
    command = [program("mosquitto"), "-c", home / "conf"]
    who = somebody("nobody")
    with running(command, lambda: answers(plain), home / "log", **who):
        yield ports


@contextlib.contextmanager
def python(folder, name, *arguments, ready, **popen):
    """A server in Python: this side's interpreter, with these arguments."""
    here = str(pathlib.Path(__file__).parent)
    env = {**os.environ, "PYTHONPATH": here, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    log = pathlib.Path(folder, f"{name}.log")
    with running(command, ready, log, env=env, cwd=folder, **popen) as process:
        yield process
