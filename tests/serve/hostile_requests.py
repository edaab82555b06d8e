"""Requests that mean harm, as data: what is sent, byte for byte, and the status that refuses it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOKEN = "a-token-of-the-tests-0123456789"
MOST = 50_000
"""Bytes of a body at the service that is asked."""


@dataclass(frozen=True)
class Hostile:
    """A request that is refused."""

    title: str
    parts: tuple[bytes, ...]
    """What is sent; the connection stays open after it."""
    status: int
    name: str = ""
    """The problem's; empty: any."""

    def __str__(self) -> str:
        return self.title


def ask(
    method: str,
    target: str,
    *headers: str,
    body: bytes | None = None,
    kind: str = "application/json",
    host: str | None = "localhost",
    token: str | None = TOKEN,
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {target} HTTP/1.1", *headers, "Connection: close"]
    lines += [f"Host: {host}"] if host is not None else []
    lines += [f"Authorization: Bearer {token}"] if token is not None else []
    if body is not None:
        lines += [f"Content-Type: {kind}"] if kind else []
        lines += [f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def post(path: str, /, *headers: str, **members: Any) -> bytes:
    """A request with a JSON body."""
    return ask("POST", path, *headers, body=json.dumps(members).encode())


def run(sql: str, database: str = "shop") -> bytes:
    """A query."""
    return post("/v1/run", database=database, sql=sql)


def _each(status: int, name: str, requests: Iterable[tuple[str, bytes]]) -> Iterable[Hostile]:
    return (Hostile(title, (raw,), status, name) for title, raw in requests)


_CHECK = json.dumps({"database": "shop", "draft": "SELECT 1"}).encode()
_FRAMED = ask("POST", "/v1/check", body=_CHECK)
_MANY = json.dumps({f"m{at}": 0 for at in range(3_000)}).encode()
_BARE = ask("POST", "/v1/check", "Content-Type: application/json", "Transfer-Encoding: chunked")
_SMUGGLED = b"0\r\n\r\n" + ask("GET", "/v1/databases")


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


REQUESTS: tuple[Hostile, ...] = (
    # Names and paths
    *_each(
        404,
        "database-missing",
        (
            (f"a database named {name!r}", run("SELECT 1", name))
            for name in (
                "../../../../etc/passwd",
                "/etc/passwd",
                "shop.sqlite",
                "./shop",
                "shop\0.sqlite",
                "sqlite:////etc/passwd",
                "duckdb:///x.duckdb",
                "postgresql://postgres@127.0.0.1/postgres",
                "file:shop?mode=rwc",
                "SHOP",
                "shop ",
            )
        ),
    ),
    *_each(
        400,
        "target-unusable",
        (
            (f"the path {path}", ask("GET", path))
            for path in (
                "/../../etc/passwd",
                "/docs/../../../../etc/passwd",
                "/%2e%2e/%2e%2e/etc/passwd",
                "/v1/databases/..%2f..%2fetc%2fpasswd/schema",
                "/v1/databases/..%5c..%5cwindows/schema",
                "/v1/databases/a%2Fb/schema",
                "/v1/databases/shop%00/schema",
                "/v1/databases/shop%0d%0aSet-Cookie:x/schema",
                "/v1/databases/%ff%fe/schema",
                "//evil.example/",
                "http://evil.example/v1/databases",
                "*",
            )
        ),
    ),
    *_each(414, "target-too-long", [("a path of 10,000 bytes", ask("GET", "/v1/" + "a" * 10_000))]),
    *_each(404, "", [("a path escaped twice", ask("GET", "/%252e%252e%252fetc%252fpasswd"))]),
    # Hosts
    *_each(
        421,
        "host-unknown",
        (
            (f"Host: {host}", ask("GET", "/v1/databases", host=host))
            for host in (
                "evil.example",
                "localhost.evil.example",
                "127.0.0.1.evil.example",
                "169.254.169.254",
                "[::2]",
                "evil.example:80",
            )
        ),
    ),
    *_each(421, "host-unknown", [("another host for the page", ask("GET", "/", host="evil.example"))]),
    *_each(
        400,
        "",
        (
            ("no Host", ask("GET", "/v1/databases", host=None)),
            ("no Host, in HTTP/1.0", b"GET /v1/databases HTTP/1.0\r\n\r\n"),
            ("two Hosts", ask("GET", "/v1/databases", "Host: evil.example")),
            ("a user in Host", ask("GET", "/v1/databases", host="localhost@evil.example")),
            ("a list in Host", ask("GET", "/v1/databases", host="localhost, evil.example")),
            ("a path in Host", ask("GET", "/v1/databases", host="localhost/evil")),
            ("a port out of range", ask("GET", "/v1/databases", host="localhost:99999")),
        ),
    ),
    *_each(
        421,
        "host-unknown",
        [
            (
                "X-Forwarded-Host beside another Host",
                ask("GET", "/v1/databases", "X-Forwarded-Host: localhost", host="evil.example"),
            )
        ],
    ),
    # Other sites
    *_each(
        403,
        "origin-unknown",
        (
            (f"a post {title}", post("/v1/run", *headers, database="shop", sql="SELECT 1"))
            for title, headers in (
                ("of another site", ["Origin: https://evil.example"]),
                ("of no site", ["Origin: null"]),
                ("of another port", ["Origin: http://localhost:9999"]),
                ("of a site whose name begins alike", ["Origin: http://localhost.evil.example"]),
                ("of a file", ["Origin: file://"]),
                ("of an odd origin", ["Origin: http://[localhost"]),
                ("of an empty origin", ["Origin: "]),
                ("across sites", ["Sec-Fetch-Site: cross-site"]),
                ("of a neighbour", ["Sec-Fetch-Site: same-site"]),
            )
        ),
    ),
    *_each(
        403,
        "origin-unknown",
        (
            ("a link from another site", ask("GET", "/v1/databases", "Sec-Fetch-Site: cross-site")),
            (
                "a question beforehand of another site",
                ask(
                    "OPTIONS",
                    "/v1/run",
                    "Origin: https://evil.example",
                    "Access-Control-Request-Method: POST",
                    token=None,
                ),
            ),
        ),
    ),
    *_each(
        400,
        "header-repeated",
        [
            (
                "two Origins",
                post("/v1/run", "Origin: http://localhost", "Origin: https://evil.example", database="shop"),
            )
        ],
    ),
    # Bodies of kinds that a form can send, and others that are not taken
    *_each(
        415,
        "",
        (
            (f"a body as {kind or 'nothing'}", ask("POST", "/v1/check", body=_CHECK, kind=kind))
            for kind in (
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "application/json; charset=utf-7",
                "application/xml",
                "text/plain; application/json",
                "",
            )
        ),
    ),
    *_each(
        415,
        "",
        (
            ("a packed body", ask("POST", "/v1/check", "Content-Encoding: gzip", body=_CHECK)),
            ("a batch as one JSON", ask("POST", "/v1/batch", body=_CHECK)),
            ("an upload as a form", ask("PUT", "/v1/uploads", body=b"x", kind="multipart/form-data")),
        ),
    ),
    # Tokens
    *_each(
        401,
        "token-missing",
        (
            ("no token", ask("GET", "/v1/databases", token=None)),
            ("no token for figures", ask("GET", "/metrics", token=None)),
            ("no token for MCP", ask("POST", "/mcp", body=b"{}", token=None)),
            ("no token for an unknown path", ask("GET", "/v1/nothing", token=None)),
            (
                "a token in the URL",
                ask("GET", f"/v1/databases?token={TOKEN}&access_token={TOKEN}", token=None),
            ),
            ("a token in a cookie", ask("GET", "/v1/databases", f"Cookie: token={TOKEN}", token=None)),
            ("a post to the page without a token", ask("POST", "/", body=b"{}", token=None)),
        ),
    ),
    *_each(
        401,
        "token-wrong",
        (
            (f"Authorization: {given!r}", ask("GET", "/v1/databases", f"Authorization: {given}", token=None))
            for given in (
                "Bearer wrong",
                f"Bearer {TOKEN[:-1]}",
                f"Bearer {TOKEN}x",
                f"Bearer {TOKEN.upper()}",
                "Bearer",
                "Bearer \xff\xfe",
                f"Basic {TOKEN}",
                TOKEN,
                f"Bearer {TOKEN},Bearer {TOKEN}",
            )
        ),
    ),
    *_each(
        400,
        "header-repeated",
        [("two tokens", ask("GET", "/v1/databases", "Authorization: Bearer wrong"))],
    ),
    # Framing
    *_each(
        400,
        "",
        (
            (
                "a length beside chunks",
                ask("POST", "/v1/check", "Transfer-Encoding: chunked", body=_SMUGGLED),
            ),
            ("two lengths", _FRAMED.replace(b"Content-Length:", b"Content-Length: 1\r\nContent-Length:")),
            ("a negative length", ask("POST", "/v1/check", "Content-Length: -1")),
            ("a length with a sign", ask("POST", "/v1/check", "Content-Length: +2")),
            ("a length of many digits", ask("POST", "/v1/check", "Content-Length: " + "9" * 400)),
            ("a chunk of no size", _BARE + b"zz\r\n"),
            ("a space before the colon", b"GET /v1/databases HTTP/1.1\r\nHost : localhost\r\n\r\n"),
            ("a NUL in a header", ask("GET", "/v1/databases", "X: a\0b")),
            ("a bare return in a header", ask("GET", "/v1/databases", "X: a\rY: b")),
            ("a request of HTTP/0.9", b"GET /v1/databases\r\n\r\n"),
            ("the beginning of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 60),
            ("the beginning of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ),
    ),
    *_each(
        501,
        "",
        (
            ("an encoding that is not taken", ask("POST", "/v1/check", "Transfer-Encoding: gzip, chunked")),
            ("two encodings", ask("POST", "/v1/check", "Transfer-Encoding: chunked", "Transfer-Encoding: x")),
        ),
    ),
    *_each(
        431, "headers-too-large", [("a header of 100 kB", ask("GET", "/v1/databases", "X: " + "a" * 100_000))]
    ),
    *_each(
        405,
        "",
        (
            (
                "a method in a header",
                ask("POST", "/v1/databases", "X-HTTP-Method-Override: GET", body=b"{}"),
            ),
            ("TRACE", ask("TRACE", "/v1/databases")),
            ("DELETE of a database", ask("DELETE", "/v1/databases/shop/schema")),
        ),
    ),
    # Sizes and times
    *_each(
        413,
        "too-large",
        (
            ("a body that is too long", ask("POST", "/v1/check", body=b" " * (MOST + 1))),
            (
                "a body that says it is",
                ask("POST", "/v1/check", f"Content-Length: {10**12}", "Content-Type: application/json"),
            ),
            ("too many chunks", _BARE + _chunk(b" " * MOST) + _chunk(b" " * MOST)),
        ),
    ),
    Hostile("a body that never comes", (_FRAMED[: -len(_CHECK)],), 408, "too-slow"),
    Hostile("a body that stops", (_FRAMED[:-5],), 408, "too-slow"),
    Hostile("chunks that stop", (_BARE, _chunk(b"{")), 408, "too-slow"),
    Hostile(
        "headers that stop", (b"GET /v1/databases HTTP/1.1\r\nHost: localhost\r\n", b"X: a"), 408, "too-slow"
    ),
    # Bodies
    *_each(
        400,
        "not-json",
        (
            ("no JSON", ask("POST", "/v1/check", body=b"{")),
            ("JSON nested deeply", ask("POST", "/v1/check", body=b"[" * 20_000)),
        ),
    ),
    *_each(
        422,
        "invalid",
        (
            (
                "a member that names a file",
                post("/v1/run", database="shop", sql="SELECT 1", path="/etc/passwd"),
            ),
            (
                "a member that names a URL",
                post("/v1/run", database="shop", sql="SELECT 1", url="sqlite:////x"),
            ),
            ("rows without bound", post("/v1/run", database="shop", sql="SELECT 1", rows=10**12)),
            ("time without bound", post("/v1/run", database="shop", sql="SELECT 1", seconds=1e308)),
            ("members without number", ask("POST", "/v1/run", body=_MANY)),
            ("a name that is a list", post("/v1/run", database=["shop"], sql="SELECT 1")),
        ),
    ),
    # SQL that does more than read
    *_each(
        403,
        "query-refused",
        (
            (sql, run(sql))
            for sql in (
                "DELETE FROM customers",
                "UPDATE customers SET segment = 'x'",
                "INSERT INTO customers SELECT * FROM customers",
                "DROP TABLE customers",
                "CREATE TABLE evil (a)",
                "CREATE TEMP TABLE evil (a)",
                "ALTER TABLE customers RENAME TO x",
                "ATTACH '/tmp/evil.sqlite' AS evil",
                "VACUUM INTO '/tmp/evil.sqlite'",
                "PRAGMA writable_schema = ON",
                "PRAGMA journal_mode = WAL",
                "WITH x AS (SELECT 1) DELETE FROM customers",
                "DELETE FROM customers RETURNING *",
                "BEGIN IMMEDIATE",
                "SELECT load_extension('/tmp/evil.so')",
                "SELECT 1; DROP TABLE customers",
            )
        ),
    ),
    *_each(
        422,
        "",
        (
            ("a function that writes files", run("SELECT writefile('/tmp/evil', 'x')")),
            ("a function that reads files", run("SELECT readfile('/etc/passwd')")),
            (
                "a query without an end",
                post(
                    "/v1/run",
                    database="shop",
                    sql="WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a) "
                    "SELECT MAX(x) FROM a",
                    seconds=0.2,
                ),
            ),
            ("a value of a gigabyte", run("SELECT zeroblob(1000000000)")),
            (
                "an answer of a gigabyte",
                run(
                    "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a LIMIT 10000) "
                    "SELECT hex(zeroblob(50000)) FROM a"
                ),
            ),
        ),
    ),
    # Uploads that are not there
    *_each(
        404,
        "upload-missing",
        (
            ("a database deleted as if it were an upload", ask("DELETE", "/v1/uploads/shop")),
            ("a folder deleted as if it were an upload", ask("DELETE", "/v1/uploads/upload-*")),
        ),
    ),
)


@dataclass(frozen=True)
class HostileFile:
    """An upload that is refused."""

    title: str
    script: str = ""
    """SQL that makes the file."""
    schema: tuple[str, ...] = ()
    """SQL that writes its `sqlite_schema` by hand."""
    cut: int | None = None
    """Bytes of it that are sent; None: all."""
    content: bytes | None = None
    """What is sent where no file is made."""
    status: int = 422

    def __str__(self) -> str:
        return self.title

    def bytes(self, folder: Path) -> bytes:
        """What is sent."""
        if self.content is not None:
            return self.content
        file = folder / "hostile.sqlite"
        made = sqlite3.connect(file)
        made.executescript(self.script)
        if self.schema:
            made.execute("PRAGMA writable_schema = ON")
            for sql in self.schema:
                made.execute(sql)
        made.commit()
        made.close()
        return file.read_bytes()[: self.cut]


_TABLE = "CREATE TABLE t (a); INSERT INTO t VALUES (1);"
UPLOADS: tuple[HostileFile, ...] = (
    HostileFile("nothing", content=b""),
    HostileFile("text", content=b"SELECT * FROM customers"),
    HostileFile("a program", content=b"\x7fELF" + bytes(5000)),
    HostileFile("another database's file", content=b"DUCK" + bytes(5000)),
    HostileFile("the beginning of a header", content=b"SQLite form"),
    HostileFile("a header alone", content=b"SQLite format 3\0"),
    HostileFile("a header and zeros", content=b"SQLite format 3\0" + bytes(20_000)),
    HostileFile("a file that is cut", _TABLE, cut=5000),
    HostileFile("no tables", "CREATE TABLE t (a); DROP TABLE t;"),
    HostileFile(
        "views that contain each other",
        _TABLE + "CREATE VIEW x AS SELECT * FROM y; CREATE VIEW y AS SELECT * FROM x;",
    ),
    HostileFile(
        "views that treble forty times",
        _TABLE
        + "CREATE VIEW v0 AS SELECT a FROM t;"
        + "".join(
            f"CREATE VIEW v{at} AS SELECT x.a FROM v{at - 1} x, v{at - 1} y, v{at - 1} z;"
            for at in range(1, 40)
        ),
    ),
    HostileFile("a view that loads code", _TABLE + "CREATE VIEW v AS SELECT load_extension('x');"),
    HostileFile(
        "a table of a module that is not there",
        _TABLE,
        ("INSERT INTO sqlite_schema VALUES ('table', 'e', 'e', 0, 'CREATE VIRTUAL TABLE e USING evil(x)')",),
    ),
    HostileFile("a schema that is no SQL", _TABLE, ("UPDATE sqlite_schema SET sql = 'nonsense'",)),
    HostileFile(
        "a table on a page that is not there", _TABLE, ("UPDATE sqlite_schema SET rootpage = 99999",)
    ),
    HostileFile(
        "a hundred thousand tables",
        "BEGIN;" + "".join(f"CREATE TABLE t{at} (a);" for at in range(2_001)) + "COMMIT;",
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 98000) "
            "INSERT INTO sqlite_schema "
            "SELECT 'table', 'x' || i, 'x' || i, 2, 'CREATE TABLE x' || i || ' (a)' FROM n",
        ),
    ),
    HostileFile(
        "too many columns",
        "".join(f"CREATE TABLE t{at} ({', '.join(f'c{n}' for n in range(1_900))});" for at in range(22)),
    ),
    HostileFile("more bytes than are taken", "CREATE TABLE t AS SELECT zeroblob(20000000);", status=413),
)
"""Sent to `PUT /v1/uploads`, where 16,000,000 bytes are taken."""
