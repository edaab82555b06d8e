"""The process that holds one SQLite connection: started by `child.py`, run as a script, killable.

It reads requests from its standard input and writes replies to its standard output. A message is one
kind byte, the body's length as four little-endian bytes, and the body in `marshal`'s format, which only
ever holds tuples, lists, strings, bytes, numbers and None:

    request   o  (path, heap bytes)               open the database
              q  (sql, seconds, rows, bytes)      run one statement
              h  ()                               read the file's header
              c  ()                               let go of the file and wait for the next `o`
    reply     r  rows                             a part of a result, any number of them
              a  None                             forget the rows sent so far: the query starts again
              e  (columns, truncated, seconds)    the result's end; to o: whether the file is taken as
                                                  immutable; to h: the header's bytes
              x  (error class, message)           the query failed; no `e` follows

Of the package this imports `guard.py` alone, and of the standard library as little as it can, through its
C modules: the time to start is paid at every kill. Text that is not UTF-8 comes as bytes.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _thread
import marshal
import posix
import resource
import select
import time

TYPE_CHECKING = False  # as type checkers know it; importing typing takes as long as all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection, Cursor

    from share_sql.database.guard import Guard, Refused, named
else:
    from guard import Guard, Refused, named  # beside this file; the package itself is not imported

MAGIC = b"SQLite format 3\0"
ADDRESS_SPACE = 2 << 30
"""Bytes of address space the process may have (RLIMIT_AS)."""
OVERRUN_SECONDS = 2.0
"""The process ends itself this long after a deadline, should its parent be unable to kill it."""
BUSY_MILLISECONDS = 1000
"""How long to wait for another process's lock."""
PROGRESS_STEPS = 2000
"""SQLite's instructions between two looks at the clock."""
FLUSH_BYTES = 1 << 18
"""Rows are sent on when this many encoded bytes have gathered."""


def lenient(raw: bytes) -> str | bytes:
    """Text as text where it is UTF-8, else as the bytes that are stored."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def uri_of(path: str, header: bytes) -> tuple[str, bool]:
    """The URI to open a database by, and whether it takes the file as immutable.

    SQLite would create the -wal and -shm files of a WAL database beside it. Where there is no log, the file
    alone is the whole database, and `immutable` reads it without touching the folder. Where there are a
    log and a -shm file, `readonly_shm` reads both as they are.
    """
    # Every byte but plain ones is escaped; SQLite undoes it.
    plain = b"/-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    raw = path.encode("utf-8", "surrogateescape")
    uri = "file://" + "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in raw) + "?mode=ro"
    try:
        log = posix.stat(path + "-wal").st_size
    except OSError:
        log = -1
    if log > 0:
        try:
            posix.stat(path + "-shm")
        except OSError:
            raise Refused(
                "DatabaseUnreadable",
                "has a -wal file with changes and no -shm file; open it once with sqlite3, or use a copy "
                "made by its .backup",
            ) from None
        return uri + "&readonly_shm=1", False
    if log == 0 or header[18:20] != b"\x01\x01":
        return uri + "&immutable=1", True
    return uri, False


class Session:
    """One open database and the queries run on it."""

    def __init__(self, write: Callable[[bytes, bytes], None]) -> None:
        self.write = write
        self.guard = Guard()
        self.deadline = 0.0
        self.connection: Connection | None = None
        self.file = -1
        self.guarded = False

    def close(self) -> None:
        """Let go of the file."""
        if self.connection is not None:
            self.connection.close()
        if self.file >= 0:
            posix.close(self.file)

    def header(self) -> bytes:
        """The file's first 100 bytes.

        Read through a descriptor of its own that stays open: closing one would drop SQLite's locks.
        """
        return posix.pread(self.file, 100, 0)

    def open(self, path: str, heap: int) -> bool:
        """Open the database and take from the connection all it does not need.

        Returns whether the file is taken as immutable.
        """
        import _sqlite3 as sqlite

        try:
            self.file = posix.open(path, posix.O_RDONLY | posix.O_NONBLOCK)
            header = self.header()
        except OSError as error:
            raise Refused("DatabaseUnreadable", f"cannot be read: {error.strerror}") from None
        if not header.startswith(MAGIC):
            raise Refused("DatabaseUnreadable", "is not a SQLite database (or it is encrypted)")
        uri, immutable = uri_of(path, header)
        connection = sqlite.connect(
            uri, timeout=BUSY_MILLISECONDS / 1000, isolation_level=None, uri=True, cached_statements=8
        )
        for name, value in (
            ("SQL_LENGTH", 1_000_000),
            ("EXPR_DEPTH", 1000),
            ("COMPOUND_SELECT", 500),
            ("VDBE_OP", 10_000_000),
            ("FUNCTION_ARG", 100),
            ("ATTACHED", 0),
            ("LIKE_PATTERN_LENGTH", 1000),
            ("VARIABLE_NUMBER", 100),  # full-text tables bind some in their own statements
            ("TRIGGER_DEPTH", 1),
            ("WORKER_THREADS", 0),
        ):
            connection.setlimit(getattr(sqlite, "SQLITE_LIMIT_" + name), value)
        for pragma in (
            "query_only=1",
            "trusted_schema=0",
            "temp_store=2",
            "mmap_size=0",
            "cell_size_check=1",
            f"soft_heap_limit={heap * 3 // 4}",
            f"hard_heap_limit={heap}",
        ):
            connection.execute("PRAGMA " + pragma)
        setconfig = getattr(connection, "setconfig", None)
        if setconfig is not None:  # Python 3.12
            setconfig(1010, True)  # SQLITE_DBCONFIG_DEFENSIVE
        connection.set_progress_handler(self.overdue, PROGRESS_STEPS)
        self.connection = connection
        return immutable

    def overdue(self) -> int:
        """SQLite's progress hook: non-zero stops the query."""

        return time.monotonic() > self.deadline

    def run(self, sql: str, seconds: float, rows: int, cap: int) -> None:
        """Run one statement and send its result or its error."""

        assert self.connection is not None
        began = time.monotonic()
        self.guard.refused = None
        self.deadline = began + seconds
        self.connection.setlimit(0, min(max(cap, 1 << 20), 1_000_000_000))  # 0 is SQLITE_LIMIT_LENGTH
        try:
            if not self.guarded:
                # Waits until now because it reads the schema, for which the file must not be locked.
                self.connection.execute("PRAGMA cache_size=-32768")
                self.connection.set_authorizer(self.guard)
                self.guarded = True
            try:
                columns, truncated = self.fetch(sql, rows, cap)
            except Exception as error:
                # Python's message where text is not UTF-8; strict decoding is the fast path.
                if self.connection.text_factory is not str or "decode to UTF-8" not in str(error):
                    raise
                self.connection.text_factory = lenient
                self.write(b"a", b"N")
                columns, truncated = self.fetch(sql, rows, cap)
        except Exception as error:
            self.write(b"x", marshal.dumps(named(error, self.guard)))
        else:
            self.write(b"e", marshal.dumps((columns, truncated, time.monotonic() - began)))

    def fetch(self, sql: str, rows: int, cap: int) -> tuple[tuple[str, ...], bool]:
        """Send the rows on as they come. Returns the column names and whether the row cap cut them."""

        assert self.connection is not None
        cursor: Cursor = self.connection.cursor()
        try:
            cursor.execute(sql)
            if cursor.description is None:
                raise Refused("QueryError", "there is no SQL statement that gives rows; give one SELECT")
            columns = tuple(part[0] for part in cursor.description)
            size, sent, step = 0, 0, 1
            while sent < rows:
                part = cursor.fetchmany(min(step, rows - sent))
                if not part:
                    return columns, False
                blob = marshal.dumps(part)
                # Encoded text and blobs are as long as in memory; the rest is about what Python's
                # tuples and value headers take.
                size += len(blob) + len(part) * (48 + 40 * len(columns))
                if size > cap:
                    raise Refused("QueryTooLarge", f"the result is larger than {cap:,} bytes; narrow it")
                self.write(b"r", blob)
                sent += len(part)
                # Few rows at a time until it is known how large they are.
                step = max(1, min(step * 8, 2048, FLUSH_BYTES * len(part) // len(blob)))
            return columns, cursor.fetchone() is not None
        finally:
            cursor.close()


def limit_process() -> None:
    """Take from the process what it does not need: memory, files, core dumps."""

    for kind, value in (
        (resource.RLIMIT_AS, ADDRESS_SPACE),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            # macOS knows no limit on address space; SQLite's own heap limit holds there.
            if kind != resource.RLIMIT_AS:
                raise


def watch_parent() -> None:
    """End the process when its standard input is closed, i.e. when the parent is gone."""

    poll = select.poll()
    poll.register(0, 0)  # no events: only hang-up is reported, and it comes without the parent's help
    while not poll.poll():
        pass
    posix._exit(0)


def main() -> None:
    """Serve requests until the standard input ends."""

    out = bytearray()

    def flush() -> None:
        view = memoryview(bytes(out))
        out.clear()
        while view:
            view = view[posix.write(1, view) :]

    def write(kind: bytes, body: bytes) -> None:
        out.extend(kind + len(body).to_bytes(4, "little"))
        out.extend(body)
        if len(out) >= FLUSH_BYTES or kind in b"ex":
            flush()

    def read(size: int) -> bytes:
        parts = []
        while size:
            part = posix.read(0, size)
            if not part:
                posix._exit(0)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    session = Session(write)
    limit_process()
    _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
    _thread.stack_size(1 << 18)
    _thread.start_new_thread(watch_parent, ())
    while True:
        kind = read(1)
        body = marshal.loads(read(int.from_bytes(read(4), "little")))  # noqa: S302 - from our parent
        if kind == b"o":
            session.close()
            session = Session(write)
            try:
                immutable = session.open(*body)
            except Exception as error:
                write(b"x", marshal.dumps(named(error, session.guard)))
            else:
                write(b"e", marshal.dumps(immutable))
        elif kind == b"c":
            session.close()
            session = Session(write)
            write(b"e", b"N")
        elif kind == b"h":
            write(b"e", marshal.dumps(session.header()))
        else:
            # An orphan that is stuck inside one of SQLite's functions ends by this alarm.
            _signal.setitimer(_signal.ITIMER_REAL, body[1] + OVERRUN_SECONDS)
            session.run(*body)
            _signal.setitimer(_signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
