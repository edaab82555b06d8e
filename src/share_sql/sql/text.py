"""From what a model wrote to one SELECT: strip prose and fences, parse, and say what is wrong."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from share_sql.errors import SqlEmpty, SqlNotSelect, SqlUnreadable
from share_sql.sql.tag import split_tag
from share_sql.sql.written import UNFORESEEN, silence

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect

MAX_SQL_BYTES = 100_000
"""Longer texts are refused unread: parsing time grows with length and no real query comes near."""

_FENCE = re.compile(r"```[ \t]*([\w+-]*)[^\S\n]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_START = re.compile(r"\b(?:SELECT|WITH|VALUES)\b", re.IGNORECASE)
_WITH_HEAD = re.compile(r'WITH\s+(?:RECURSIVE\s+)?["`\[\w][^()]*(?:\([^()]*\)\s*)?AS\b', re.IGNORECASE)


def extract_sql(text: str) -> str:
    """Take the SQL out of a model's answer.

    Drops BIRD's database tag, Markdown fences (the first fence that holds a query wins), prose before
    the first SELECT or WITH, and prose after a closing semicolon or blank line. A text that is SQL
    already comes back unchanged but for surrounding space and the final semicolon.

    Args:
        text: what the model wrote.

    Returns:
        One statement's text, not parsed yet.

    Raises:
        SqlEmpty: there is no SELECT, WITH or VALUES in the text.
    """
    text, _ = split_tag(text.replace("\x00", ""))
    if "```" in text:
        for match in _FENCE.finditer(text):
            if _query_start(match[2]) is not None:
                text = match[2]
                break
        else:
            text = text.replace("```", "\n")
    start = _query_start(text)
    if start is None:
        raise SqlEmpty("the draft holds no SELECT statement; give the SQL to correct")
    return _cut_tail(text[start:]).strip()


def _query_start(text: str) -> int | None:
    """Where the query begins. A line that starts with SELECT or WITH beats a word in the prose."""
    found: int | None = None
    for match in _START.finditer(text):
        at, word = match.start(), match[0].upper()
        if word == "WITH" and not _WITH_HEAD.match(text, at):
            continue
        line = text[text.rfind("\n", 0, at) + 1 : at]
        if not line.strip(" \t(") or line.rstrip().endswith((":", ";")):
            return at - (len(line) - len(line.rstrip("("))) if line.endswith("(") else at
        # Prose such as "please select the…" does not shout, and names no table.
        shouted = match[0].isupper() or word == "WITH"
        if found is None and (shouted or re.search(r"\bFROM\b", text[at:], re.IGNORECASE)):
            found = at
    return found


def _cut_tail(sql: str) -> str:
    """Cut at the first semicolon outside quotes and comments, or at a blank line followed by prose."""
    for match in _QUOTED_OR_END.finditer(sql):
        end = match["end"]
        # A second statement is kept so that the parser can refuse it; prose is dropped.
        if end == ";" and _STATEMENT.match(sql[match.end() :].lstrip("( \n\t").upper()):
            return sql
        if end:
            return sql[: match.start()]
    return sql


_QUOTED_OR_END = re.compile(
    r"""'[^']*'?|"[^"]*"?|`[^`]*`?|--[^\n]*|/\*.*?(?:\*/|\Z)"""
    r"""|(?P<end>;|\n[ \t]*\n\s*(?=(?:[A-Z][a-z]+|\*\*|\#+|-)\ ))""",
    re.DOTALL,
)
_STATEMENT = re.compile(
    r"(?:SELECT|WITH|VALUES|INSERT|UPDATE|DELETE|DROP|CREATE|ALTER|ATTACH|DETACH|PRAGMA|REPLACE|VACUUM"
    r"|REINDEX|ANALYZE|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|EXPLAIN)\b"
)


@lru_cache(maxsize=8)
def _dialect(name: str) -> Dialect:
    from sqlglot.dialects.dialect import Dialect

    silence()
    return Dialect.get_or_raise(name)


def parse_select(sql: str, dialect: str = "sqlite") -> exp.Query:
    """Parse one SELECT (or VALUES, set operation, WITH … SELECT).

    Args:
        sql: one statement, as `extract_sql` gives it.
        dialect: sqlglot's name of the dialect.

    Returns:
        sqlglot's tree, unqualified.

    Raises:
        SqlEmpty: nothing in it.
        SqlUnreadable: it cannot be parsed, or is longer than MAX_SQL_BYTES.
        SqlNotSelect: several statements, or something other than a query.
    """
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if len(sql) > MAX_SQL_BYTES:
        raise SqlUnreadable(f"the SQL is {len(sql):,} characters long; at most {MAX_SQL_BYTES:,} are read")
    try:
        trees = [tree for tree in _dialect(dialect).parse(sql) if tree is not None]
    except SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        where = f" near line {first['line']}, column {first['col']}" if first.get("line") else ""
        what = first.get("description") or str(error).splitlines()[0]
        raise SqlUnreadable(f"the SQL cannot be parsed{where}: {what}") from error
    except RecursionError as error:
        raise SqlUnreadable("the SQL is nested too deeply to be parsed") from error
    except UNFORESEEN as error:
        raise SqlUnreadable(f"the SQL cannot be parsed: {str(error) or type(error).__name__}") from error
    if not trees:
        raise SqlEmpty("the draft holds no SQL statement")
    if len(trees) > 1:
        raise SqlNotSelect(f"the text holds {len(trees)} statements; give exactly one SELECT")
    tree = trees[0]
    while isinstance(tree, exp.Paren | exp.Subquery) and not tree.args.get("joins"):
        tree = tree.this
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)
    if not isinstance(tree, exp.Query):
        raise SqlNotSelect(f"the statement is {tree.key.upper()}, not SELECT; only reading is supported")
    return tree
