"""The process that holds one SQLite connection: started by `child.py`, run as a script, killable.

It reads requests from its standard input and writes replies to its standard output. A message is one
kind byte, the body's length as four little-endian bytes, and the body in `marshal`'s format, which only
ever holds tuples, lists, strings, bytes, numbers and None:

    request   o  (uri, heap bytes)                open the database
              q  (sql, seconds, rows, bytes)      run one statement
    reply     r  rows                             a part of a result, any number of them
              a  None                             forget the rows sent so far: the query starts again
              e  (columns, truncated, seconds)    the result's end
              x  (error class, message)           the query failed; no `e` follows

This file imports no other file of the package and as little of the standard library as it can, through
its C modules: the time to start is paid at every kill. Text that is not UTF-8 comes as bytes.
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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PRAGMAS_WITH_ARGUMENT = _words(
    "table_info table_xinfo foreign_key_list table_list index_list index_info index_xinfo"
)
"""Pragmas that only describe the schema; introspection asks them as table-valued functions."""
PRAGMAS_ALONE = PRAGMAS_WITH_ARGUMENT | _words(
    "data_version page_size page_count encoding user_version application_id collation_list"
)
"""Pragmas that read a value when given none (full-text tables ask two of them themselves)."""

FUNCTIONS = _words(
    """
    -> ->> abs acos acosh asin asinh atan atan2 atanh avg bm25 ceil ceiling changes char coalesce concat
    concat_ws cos cosh count cume_dist current_date current_time current_timestamp date datetime degrees
    dense_rank exp first_value floor format glob group_concat hex highlight if ifnull iif instr json
    json_array json_array_insert json_array_length json_error_position json_extract json_group_array
    json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace
    json_set json_type json_valid jsonb jsonb_array jsonb_array_insert jsonb_extract jsonb_group_array
    jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set julianday
    lag last_insert_rowid last_value lead length like likelihood likely ln log log10 log2 lower ltrim match
    matchinfo max median min mod nth_value ntile nullif octet_length offsets percent_rank percentile
    percentile_cont percentile_disc pi pow power printf quote radians random randomblob rank regexp replace
    round row_number rtreedepth rtreenode rtrim sign sin sinh snippet soundex sqlite_version sqrt strftime
    string_agg substr substring subtype sum tan tanh time timediff total total_changes trim trunc typeof
    unhex unicode unistr unistr_quote unixepoch unlikely upper zeroblob
    """
)
"""Functions that compute a value from their arguments and nothing else. Not among them, on purpose:
load_extension, readfile, writefile, edit, fts3_tokenizer, optimize, rtreecheck, sqlite_log."""

CLOSED_TABLES = _words(
    "dbstat sqlite_dbpage sqlite_dbdata sqlite_dbptr sqlite_stmt bytecode tables_used fts3tokenize fsdir "
    "zipfile csv wholenumber"
)
"""Virtual tables that need no CREATE and show something other than the database's own rows."""

_PRAGMA, _READ, _SELECT, _UPDATE, _FUNCTION, _RECURSIVE = 19, 20, 21, 23, 31, 33  # SQLite's action codes
_DEEDS = {
    18: "insert into {}",
    9: "delete from {}",
    23: "update {}",
    22: "begin or end a transaction",
    32: "set a savepoint",
    24: "attach another file",
    25: "detach a database",
    26: "alter a table",
    27: "rebuild the index {}",
    28: "analyze {}",
    29: "create the virtual table {}",
    30: "drop the virtual table {}",
    31: "call {}()",
    19: "use PRAGMA {}",
    20: "read the internal table {}",
}


class Guard:
    """The authorizer: allows reading, and remembers what it refused."""

    def __init__(self) -> None:
        self.refused: str | None = None

    def __call__(self, action: int, a: str | None, b: str | None, _base: str | None, _by: str | None) -> int:
        """SQLite's authorizer hook. Returns 0 (allow) or 1 (the statement fails)."""
        if action == _READ:
            allowed = a is None or a.lower() not in CLOSED_TABLES
        elif action == _FUNCTION:
            allowed = b is not None and b.lower() in FUNCTIONS
            a = b
        elif action == _PRAGMA:
            allowed = a is not None and a.lower() in (PRAGMAS_ALONE if b is None else PRAGMAS_WITH_ARGUMENT)
        elif action == _UPDATE:
            # SQLite asks this of itself when it opens a virtual table. A statement that says it is
            # stopped by SQLite ("may not be modified"), by query_only and by the read-only file.
            allowed = a == "sqlite_master"
        else:
            allowed = action in (_SELECT, _RECURSIVE)
        if allowed:
            return 0
        if a is not None and a.lower() in ("sqlite_master", "sqlite_schema", "sqlite_temp_master"):
            self.refused = "change the schema"
        else:
            self.refused = _DEEDS.get(action, "change the database").format(a)
        return 1


class Refused(Exception):
    """A named failure to send to the parent: an error class of `share_sql.errors` and a message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def lenient(raw: bytes) -> str | bytes:
    """Text as text where it is UTF-8, else as the bytes that are stored."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def named(error: BaseException, guard: Guard) -> tuple[str, str]:
    """The class in `share_sql.errors` and the message for a failure inside SQLite."""
    message = " ".join(str(error).split()) or type(error).__name__
    code = getattr(error, "sqlite_errorcode", 0) or 0
    base = code & 0xFF
    if isinstance(error, Refused):
        return error.kind, message
    if isinstance(error, MemoryError) or base == 7:
        return "QueryTooLarge", "the query needs more memory than it may have; narrow it"
    if guard.refused is not None:
        return "QueryRefused", f"the query would {guard.refused}; only reading this database is allowed"
    if base == 23:
        return "QueryRefused", message
    if base == 9:
        return "QueryTimeout", "stopped at its deadline"
    if base == 18 or message == "string or blob too big":
        return "QueryTooLarge", "a value in the query is larger than the cap on bytes; narrow it"
    if base in (5, 6):
        return "DatabaseUnreadable", "is locked by another process; wait until it is done, or use a copy"
    if code in (264, 520, 776, 1288):
        return "DatabaseUnreadable", (
            "was left in the middle of a write; open it once with sqlite3, or use a copy made by it"
        )
    if base == 8 or "may not be modified" in message:
        return "QueryRefused", "the query would write; only reading this database is allowed"
    if base in (10, 11, 14, 26) and code != 267:
        return "DatabaseUnreadable", f"cannot be read: {message}"
    if "one statement at a time" in message:
        return "QueryRefused", "more than one statement; give one SELECT"
    if "number of bindings" in message or "too many SQL variables" in message or "variable number" in message:
        return "QueryError", "the query has unbound parameters; write the values into it"
    return "QueryError", message


class Session:
    """One open database and the queries run on it."""

    def __init__(self, write: Callable[[bytes, bytes], None]) -> None:
        self.write = write
        self.guard = Guard()
        self.deadline = 0.0
        self.connection: Connection | None = None

    def open(self, uri: str, heap: int) -> None:
        """Open the database and take from the connection all it does not need."""
        import _sqlite3 as sqlite

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
            ("VARIABLE_NUMBER", 0),
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
            "cache_size=-32768",
            f"soft_heap_limit={heap * 3 // 4}",
            f"hard_heap_limit={heap}",
        ):
            connection.execute("PRAGMA " + pragma)
        setconfig = getattr(connection, "setconfig", None)
        if setconfig is not None:  # Python 3.12
            setconfig(1010, True)  # SQLITE_DBCONFIG_DEFENSIVE
        connection.set_authorizer(self.guard)
        connection.set_progress_handler(self.overdue, PROGRESS_STEPS)
        self.connection = connection

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
            try:
                session.open(*body)
            except Exception as error:
                write(b"x", marshal.dumps(named(error, session.guard)))
            else:
                write(b"e", b"N")
        else:
            # An orphan that is stuck inside one of SQLite's functions ends by this alarm.
            _signal.setitimer(_signal.ITIMER_REAL, body[1] + OVERRUN_SECONDS)
            session.run(*body)
            _signal.setitimer(_signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
