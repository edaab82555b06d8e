"""A query's text before any database sees it, and texts of databases made fit for a message."""

from __future__ import annotations

from share_sql import errors

LONGEST = 1_000_000
"""Characters of a query at most."""


def checked(sql: str, name: str) -> str:
    """The query, if it is text that every database can be given.

    Raises QueryError where it is too long, no text for UTF-8, or holds a NUL. `name` is the database's.
    """
    if len(sql) > LONGEST:
        raise errors.QueryError(f"{name}: the query is {len(sql):,} characters long; at most {LONGEST:,}")
    try:
        sql.encode()
    except UnicodeEncodeError:
        raise errors.QueryError(f"{name}: the query is not text that UTF-8 can hold") from None
    if "\0" in sql:
        raise errors.QueryError(f"{name}: the query holds a NUL character")
    return sql


def one_line(message: object) -> str:
    """A database's own message in one line."""
    return " ".join(str(message).split()) or type(message).__name__
