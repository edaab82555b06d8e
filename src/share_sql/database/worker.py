"""The process that holds one SQLite connection: started by `child.py`, run as a script, killable.

It serves as `serving.py` says. To `o`, whose body is (path, heap bytes), it answers whether the file is taken
as immutable; to `h` with the header's bytes. Text that is not UTF-8 comes as bytes.

Of the package this imports `guard.py` and `serving.py` alone, and of the standard library as little as it
can, through its C modules: the time to start is paid at every kill.
"""

from __future__ import annotations

import marshal
import posix
import time

TYPE_CHECKING = False  # as type checkers know it; importing typing takes as long as all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection, Cursor

    from share_sql.database.guard import Guard, Refused, named
    from share_sql.database.serving import TooLarge, limit_process, serve, stream
else:  # beside this file; the package itself is not imported
    from guard import Guard, Refused, named
    from serving import TooLarge, limit_process, serve, stream

MAGIC = b"SQLite format 3\0"
ADDRESS_SPACE = 2 << 30
"""Bytes of address space the process may have (RLIMIT_AS)."""
BUSY_MILLISECONDS = 1000
"""How long to wait for another process's lock."""
PROGRESS_STEPS = 2000
"""SQLite's instructions between two looks at the clock."""
OPEN_FILES = 16
"""Files the process may hold open."""


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

    def named(self, error: Exception) -> tuple[str, str]:
        """What an error is called, and its message."""
        return named(error, self.guard)

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
            self.write(b"x", marshal.dumps(self.named(error)))
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
            try:
                return columns, stream(self.write, cursor.fetchmany, len(columns), rows, cap)
            except TooLarge:
                raise Refused(
                    "QueryTooLarge", f"the result is larger than {cap:,} bytes; narrow it"
                ) from None
        finally:
            cursor.close()


def main() -> None:
    """Serve requests until the standard input ends."""
    limit_process(ADDRESS_SPACE, OPEN_FILES)
    serve(Session)


if __name__ == "__main__":
    main()
