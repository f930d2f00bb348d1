"""PyMySQL and pg8000 over TLS, against MariaDB and PostgreSQL that stall and drip."""

import ssl

import pymysql
from kit import scenario, step
from pg8000 import dbapi
from pymysql import err
from servers import Tls, mariadb, postgres
from stalls import OURS, PATIENT, bounded, closed, outcome, relay, shut_down, taken_away, timed


def one(conn, text):
    cursor = conn.cursor()
    cursor.execute(text)
    return list(cursor.fetchone())


def queries(name, connect, wait, ways, want, sock_of):
    """Deadlines in a handshake, in a query that waits, in an answer that stalls and drips; close()
    under it. `wait`: a query that takes a minute; `want`: what the library raises."""
    big = "select repeat('x', 500000)"
    conn = connect()
    step(f"{name}: query", lambda: one(conn, "select 6 * 7"), [42])
    step(f"{name}: 500 kB", lambda: len(one(conn, big)[0]), 500_000)
    for how, bad in ways.items():
        with bad():
            bounded(f"{name}, {how}: deadline in the handshake", connect, want)
        for query in "select 1", big:
            conn = connect()
            with bad():
                bounded(f"{name}, {how}, {query}: deadline",
                        lambda c=conn, q=query: one(c, q), want)
            if OURS:
                afterwards(f"+ {name}, {how}, {query}", conn)
            outcome(conn.close)
    conn = connect()
    bounded(f"{name}, waits: deadline", lambda: one(conn, wait), want)
    outcome(conn.close)
    conn = connect()
    closed(f"{name}, waits: closed", lambda: one(conn, wait),
           lambda: taken_away(sock_of(conn)), want)
    outcome(conn.close)
    conn = connect()
    shut_down(f"{name}, waits: shut down", lambda: one(conn, wait), lambda: sock_of(conn), want)
    outcome(conn.close)
    step(f"{name}: afterwards", lambda: one(connect(), "select 'own'"), ["own"])


def afterwards(name, conn):
    """A connection of which nobody knows what it is in the middle of gives no wrong answers: an
    exception at best. What it does stands in docs/deadlines.md."""
    result = outcome(lambda: one(conn, "select 'own'"))
    says = type(result).__name__ if isinstance(result, Exception) else result
    step(f"{name}: next", lambda: says, lambda text: isinstance(text, str) or text == ["own"])


def through_pymysql(folder, tls):
    with mariadb(folder, tls) as (server, _), relay(folder, server) as between:

        def connect(**more):
            given = {"host": "localhost", "port": between.port, "user": "eco", "password": "secret"}
            given |= {"connect_timeout": 60, "ssl": {"ca": tls.ca}, "database": "eco"}
            return pymysql.connect(**given | more)

        ways = {"stalls": between.stalling, "drips": between.dripping}
        step("pymysql: in TLS", lambda: one(connect(), "show status like 'Ssl_version'")[1][:3],
             "TLS")
        queries("pymysql", connect, "select sleep(60)", ways, err.OperationalError,
                lambda conn: conn._sock)
        slow = connect(read_timeout=PATIENT)
        with between.stalling():
            timed("pymysql, stalls: timeout", lambda: one(slow, "select 1"), err.OperationalError,
                  PATIENT)
        step("pymysql: comes back", lambda: slow.connect() or one(slow, "select 2"), [2])
        conn = connect(cursorclass=pymysql.cursors.SSCursor)
        cursor = conn.cursor()
        cursor.execute("select seq, repeat('x', 1000) from seq_1_to_100000")
        step("pymysql, row by row: first", lambda: cursor.fetchone()[0], 1)
        with between.dripping():
            bounded("pymysql, row by row: deadline", lambda: len(list(cursor)),
                    err.OperationalError)
        if OURS:
            step("+ pymysql, row by row: next", lambda: one(conn, "select 1"), err.Error)


def through_pg8000(folder, tls):
    with postgres(folder, tls) as (server, _), relay(folder, server) as between:
        context = ssl.create_default_context(cafile=tls.ca)

        def connect(**more):
            given = {"host": "localhost", "port": between.port, "user": "eco", "password": "secret"}
            return dbapi.connect(**given | {"database": "postgres", "ssl_context": context} | more)

        ways = {"stalls": between.stalling, "drips": between.dripping}
        secure = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
        step("pg8000: in TLS", lambda: one(connect(), secure), [True])
        queries("pg8000", connect, "select pg_sleep(60)::text", ways, Exception,
                lambda conn: conn._usock)
        slow = connect(timeout=PATIENT)
        with between.stalling():
            timed("pg8000, stalls: timeout", lambda: one(slow, "select 1"), Exception, PATIENT)


with scenario() as folder:
    tls = Tls(folder)
    through_pymysql(folder, tls)
    through_pg8000(folder, tls)
