"""PyMySQL against MariaDB: TCP, TLS, the local socket."""

import os
import pathlib
import time

import pymysql
from kit import closed_port, in_threads, leaving, mask, peer, scenario, silent, step
from pymysql import err
from pymysql.constants import CLIENT
from servers import Tls, mariadb


def use(name, connect, folder):
    conn = connect(local_infile=True)

    def query(text, *args):
        with conn.cursor() as cursor:
            cursor.execute(text, args or None)
            return cursor.fetchall()

    step(f"{name} query", lambda: query("select 6 * %s", 7), ((42,),))
    step(f"{name} cipher", lambda: query("show status like 'Ssl_cipher'")[0][1] != "")
    step(f"{name} error", lambda: query("select * from nowhere"), err.ProgrammingError)
    query("create temporary table t (n int, b longblob)")
    big = os.urandom(6_000_000)
    step(f"{name} 6 MB in", lambda: query("insert into t values (1, %s)", big), [])
    step(f"{name} 6 MB out", lambda: query("select b from t") == ((big,),), True)
    rows = pathlib.Path(folder, "rows.csv")
    rows.write_text("".join(f"{n}\tx\n" for n in range(30000)))
    query("delete from t")
    query(f"load data local infile '{rows}' into table t")
    step(f"{name} file loaded", lambda: [
        int(value) for value in query("select count(*), sum(n) from t")[0]], [30000, 449985000])

    def unbuffered():
        with conn.cursor(pymysql.cursors.SSCursor) as cursor:
            cursor.execute("select n from t order by n")
            return sum(row[0] for row in cursor)

    step(f"{name} row by row", unbuffered, 449985000)
    conn.close()
    step(f"{name} closed", lambda: query("select 1"), err.InterfaceError)


def troubles(connect):
    step("wrong password", lambda: connect(password="guess"), err.OperationalError)
    slow = connect(read_timeout=0.5)
    step("read timeout", lambda: slow.cursor().execute("select sleep(10)"), err.OperationalError,
         within=(0.4, 4))
    victim, killer = connect(), connect()
    number = mask(victim.thread_id(), "thread")
    step("killed", lambda: killer.cursor().execute(f"kill {number}"), 0)
    time.sleep(0.3)
    step("is gone", lambda: victim.cursor().execute("select 1"), err.OperationalError)
    victim.connect()
    step("comes back", lambda: victim.cursor().execute("select 1"), 1)
    closed = closed_port()
    step("refused", lambda: connect(port=closed), err.OperationalError)
    step("no such name", lambda: connect(host="nowhere.invalid"), err.OperationalError)
    step("no such socket", lambda: connect(unix_socket="/nowhere"), err.OperationalError)
    with peer(silent) as bad:
        step("silent", lambda: connect(port=bad, connect_timeout=1, read_timeout=1), Exception,
             within=(0.8, 5))
    with peer(leaving) as bad:
        step("closed", lambda: connect(port=bad), err.OperationalError)


with scenario() as folder:
    tls = Tls(folder)
    with mariadb(folder, tls) as (port, path):

        def connect(**more):
            given = {"host": "127.0.0.1", "port": port, "user": "eco", "password": "secret"}
            return pymysql.connect(**given | {"database": "eco", "autocommit": True} | more)

        use("tcp", connect, folder)
        use("local", lambda **more: connect(unix_socket=path, **more), folder)
        use("tls", lambda **more: connect(host="localhost", ssl={"ca": tls.ca}, **more), folder)
        step("wrong name", lambda: connect(ssl={"ca": tls.ca, "check_hostname": True}),
             err.OperationalError)

        def several():
            with connect(client_flag=CLIENT.MULTI_STATEMENTS).cursor() as cursor:
                cursor.execute("select 1; select 2")
                return cursor.nextset(), cursor.fetchall()

        step("several at once", several, (True, ((2,),)))

        def work(number):
            with connect() as conn, conn.cursor() as cursor:
                for _ in range(50):
                    cursor.execute("select %s", number)
                return cursor.fetchone()

        step("threads", lambda: in_threads(8, work), [(n,) for n in range(8)])
        troubles(connect)
