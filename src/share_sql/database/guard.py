"""What the worker lets a query do, and what it calls a failure.

Like `worker.py`, which alone imports it, this file starts with the process and imports nothing.
"""

from __future__ import annotations


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
        return "QueryTimeout", "stopped at its deadline; simplify the query or give it more time"
    if base == 18 or message == "string or blob too big":
        return "QueryTooLarge", "a value in the query is larger than the cap on bytes; narrow it"
    if base in (5, 6):
        return "DatabaseUnreadable", "is locked by another process; wait until it is done, or use a copy"
    if code in (264, 520, 776, 1288):
        return "DatabaseUnreadable", (
            "was left in the middle of a write (see its -journal file); open it once with sqlite3 to mend it"
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
