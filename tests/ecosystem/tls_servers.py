"""More real servers that speak TLS: openssl s_server, Dovecot, ProFTPD, aiosmtpd."""

import contextlib
import grp
import os
import pwd

from servers import answers, free_port, given_to, program, python, run, running, subfolder


@contextlib.contextmanager
def s_server(folder, tls, *words):
    """openssl's own, one connection after the other; yields the port and the process."""
    port = free_port("s-server")
    command = [program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}"]
    command += ["-cert", tls.cert, "-key", tls.key, *words]
    with running(command, lambda: answers(port), f"{folder}/s_server-{port}.log") as process:
        yield port, process


DOVECOT = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{tls.cert}
ssl_key = <{tls.key}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {login}
mail_location = maildir:{home}/mail/%u
first_valid_uid = 0
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {secure}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@contextlib.contextmanager
def dovecot(folder, tls):
    """Yields the ports, plain with STARTTLS and secure. Any user, with the password "secret"."""
    home = subfolder(folder, "dovecot")
    (home / "mail").mkdir()
    plain, secure = free_port("imap"), free_port("imaps")
    me = pwd.getpwuid(os.geteuid())
    names = {"user": me.pw_name, "group": grp.getgrgid(me.pw_gid).gr_name, "login": me.pw_name}
    owner = {"uid": me.pw_uid, "gid": me.pw_gid}
    if os.geteuid() == 0:
        names = {"user": "dovecot", "group": "dovecot", "login": "dovenull"}
        nobody = pwd.getpwnam("mail")
        owner = {"uid": nobody.pw_uid, "gid": nobody.pw_gid}
        given_to(home / "mail", "mail")
    text = DOVECOT.format(home=home, tls=tls, plain=plain, secure=secure, **names, **owner)
    (home / "conf").write_text(text)
    command = [program("dovecot"), "-F", "-c", home / "conf"]
    with running(command, lambda: answers(secure), home / "out"):
        yield plain, secure


PROFTPD = """\
ModulePath /usr/lib/proftpd
LoadModule mod_tls.c
ServerType standalone
DefaultServer on
ServerName eco
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
UseIPv6 off
UseReverseDNS off
WtmpLog off
User {user}
Group {group}
PidFile {home}/pid
ScoreboardFile {home}/score
SystemLog {home}/system.log
TransferLog NONE
AuthOrder mod_auth_file.c
AuthUserFile {home}/passwd
RequireValidShell off
AllowOverwrite on
AllowStoreRestart on
TLSEngine on
TLSRequired off
TLSRSACertificateFile {tls.cert}
TLSRSACertificateKeyFile {tls.key}
TLSVerifyClient off
TLSOptions NoSessionReuseRequired
TLSLog {home}/tls.log
"""


@contextlib.contextmanager
def proftpd(folder, tls):
    """Yields the port. User "eco", password "secret"."""
    home = subfolder(folder, "ftp")
    (home / "files").mkdir()
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    given_to(home, "nobody")
    hashed = program("openssl"), "passwd", "-6", "secret"
    line = f"eco:{run(*hashed).strip()}:{user.pw_uid}:{user.pw_gid}::{home}/files:/bin/false\n"
    (home / "passwd").write_text(line)
    (home / "passwd").chmod(0o600)
    port = free_port("ftp")
    group = grp.getgrgid(user.pw_gid).gr_name
    text = PROFTPD.format(home=home, tls=tls, port=port, user=user.pw_name, group=group)
    (home / "conf").write_text(text)
    command = [program("proftpd"), "-n", "-q", "-c", home / "conf"]
    with running(command, lambda: answers(port), home / "log"):
        yield port


SMTP = """
import ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
Controller(Sink(), "127.0.0.1", int(sys.argv[1]), server_kwargs={"tls_context": context}).start()
while True:
    time.sleep(60)
"""


@contextlib.contextmanager
def smtp(folder, tls):
    """aiosmtpd with STARTTLS; yields the port."""
    port = free_port("smtp")
    words = ["-c", SMTP, str(port), tls.cert, tls.key]
    with python(folder, f"smtp-{port}", *words, ready=lambda: answers(port)):
        yield port
