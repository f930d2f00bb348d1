"""psycopg, its implementation in Python, and pg8000, which speaks the protocol itself."""

import asyncio
import io
import os
import threading
import time

import psycopg
from kit import closed_port, hanging_up, in_threads, peer, scenario, silent, step
from pg8000 import dbapi
from servers import Tls, postgres


def through_psycopg(port, tls):
    def connect(**more):
        given = {"host": "localhost", "port": port, "user": "eco", "password": "secret"}
        return psycopg.connect(**given, dbname="postgres", **more)

    step("psycopg is", lambda: psycopg.pq.__impl__, "python")
    with connect(sslmode="verify-full", sslrootcert=tls.ca, autocommit=True) as conn:
        step("query", lambda: conn.execute("select 6 * %s", [7]).fetchone(), (42,))
        step("error", lambda: conn.execute("select 1 / 0"), psycopg.errors.DivisionByZero)
        step("rows", lambda: len(conn.execute("select generate_series(1, 50000)").fetchall()),
             50000)
        big = os.urandom(2_000_000)
        step("2 MB", lambda: conn.execute("select %b", [big]).fetchone() == (big,), True)
        conn.execute("listen news")
        conn.execute("notify news, 'hello'")
        step("notified", lambda: [n.payload for n in conn.notifies(timeout=2, stop_after=1)],
             ["hello"])
        conn.execute("set statement_timeout = 200")
        step("statement timeout", lambda: conn.execute("select pg_sleep(10)"),
             psycopg.errors.QueryCanceled, within=(0.15, 5))
        conn.execute("set statement_timeout = 0")
        threading.Timer(0.3, conn.cancel).start()
        step("cancelled", lambda: conn.execute("select pg_sleep(10)"),
             psycopg.errors.QueryCanceled, within=(0.2, 5))
    step("wrong CA", lambda: connect(sslmode="verify-full", sslrootcert="/nowhere"),
         psycopg.OperationalError)

    async def many():
        given = f"host=127.0.0.1 port={port} user=eco password=secret dbname=postgres"
        async with await psycopg.AsyncConnection.connect(given) as conn:
            return [
                (await (await conn.execute("select %s::int", [n])).fetchone())[0]
                for n in range(50)
            ]

    step("asyncio", lambda: sum(asyncio.run(many())), 1225)


def through_pg8000(port, path, tls):
    import ssl

    def connect(**more):
        given = {"user": "eco", "password": "secret", "host": "localhost", "port": port}
        return dbapi.connect(**given | {"database": "postgres"} | more)

    def one(conn, query, *args):
        cursor = conn.cursor()
        cursor.execute(query, args)
        return cursor.fetchone()

    secure = ssl.create_default_context(cafile=tls.ca)
    local = {"host": None, "unix_sock": f"{path}/.s.PGSQL.{port}"}
    plain, within_tls = {"ssl_context": False}, {"ssl_context": secure}
    for name, how in (("tcp", plain), ("tls", within_tls), ("local", local)):
        conn = connect(**how)
        step(f"{name} query", lambda conn=conn: one(conn, "select 6 * 7"), [42])
        # pg8000 takes TLS where the server has it, unless told not to.
        step(f"{name} in TLS", lambda conn=conn: one(
            conn, "select ssl from pg_stat_ssl where pid = pg_backend_pid()"), [name == "tls"])
        big = os.urandom(2_000_000)
        step(f"{name} 2 MB", lambda conn=conn, big=big: one(conn, "select %s::bytea", big) == [big],
             True)
        step(f"{name} error", lambda conn=conn: one(conn, "select 1 / 0"), dbapi.DatabaseError)
        conn.rollback()
        cursor = conn.cursor()
        cursor.execute("create temporary table t (n integer, s text)")
        text = "".join(f"{n}\tline {n}\n" for n in range(20000))
        cursor.execute("copy t from stdin", stream=io.StringIO(text))
        step(f"{name} copied", lambda conn=conn: one(conn, "select count(*), sum(n) from t"),
             [20000, 199990000])
        out = io.StringIO()
        cursor.execute("copy t to stdout", stream=out)
        step(f"{name} copied back", lambda out=out, text=text: out.getvalue() == text, True)
        conn.close()

    step("wrong name", lambda: connect(host="127.0.0.1", ssl_context=secure),
         ssl.SSLCertVerificationError)
    step("wrong password", lambda: connect(password="guess"), dbapi.DatabaseError)
    conn = connect(timeout=0.3)
    step("timeout", lambda: one(conn, "select pg_sleep(5)"), Exception, within=(0.25, 3))
    step("threads", lambda: in_threads(
        8, lambda n: one(connect(), "select %s::int * 2", n)), [[n * 2] for n in range(8)])

    victim, killer = connect(), connect()
    pid = one(victim, "select pg_backend_pid()")[0]
    step("terminated", lambda: one(killer, "select pg_terminate_backend(%s)", pid), [True])
    time.sleep(0.2)
    step("is gone", lambda: one(victim, "select 1"), Exception)

    closed = closed_port()
    step("refused", lambda: connect(port=closed), dbapi.InterfaceError)
    step("no such name", lambda: connect(host="nowhere.invalid"), Exception)
    with peer(silent) as bad:
        step("silent", lambda: connect(host="127.0.0.1", port=bad, timeout=0.3), Exception,
             within=(0.25, 3))
    with peer(hanging_up) as bad:
        step("closed", lambda: connect(host="127.0.0.1", port=bad), Exception)


with scenario() as folder:
    tls = Tls(folder)
    with postgres(folder, tls) as (port, path):
        through_psycopg(port, tls)
        through_pg8000(port, path, tls)
