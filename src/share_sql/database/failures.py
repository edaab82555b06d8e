"""What every database says alike when a query fails: one text a case."""

from __future__ import annotations

from share_sql import errors

GRACE_SECONDS = 0.25
"""How long after its deadline a query may take to notice it before it is stopped from outside."""
LONGEST_SECONDS = 7 * 24 * 3600.0
"""A longer deadline is taken as this one: the clocks behind it know no infinity."""


class Lost(Exception):
    """The server ended the connection, or it broke.

    Args:
        message: what was heard last.
        begun: whether the query itself had been sent. Where it had not, it may be tried again.
    """

    def __init__(self, message: str, begun: bool = True) -> None:
        super().__init__(message)
        self.begun = begun


def late(name: str) -> errors.QueryTimeout:
    """The query outlived its deadline."""
    return errors.QueryTimeout(f"{name}: stopped at its deadline; simplify the query or give it more time")


def stopped(name: str) -> errors.QueryTimeout:
    """Another thread had the query stopped."""
    return errors.QueryTimeout(f"{name}: stopped, since nobody waits for it any more")


def too_large(name: str, cap: int) -> errors.QueryTooLarge:
    """The result is larger than the cap on bytes."""
    return errors.QueryTooLarge(f"{name}: the result is larger than {cap:,} bytes; narrow it")


def too_much_memory(name: str) -> errors.QueryTooLarge:
    """The query needs more memory than the database gives it."""
    return errors.QueryTooLarge(f"{name}: the query needs more memory than it may have; narrow it")


def locked(name: str) -> errors.DatabaseUnreadable:
    """Another session holds a lock for longer than is waited."""
    return errors.DatabaseUnreadable(
        f"{name}: a table is locked by another session; wait until it is done, or use a copy"
    )


def no_rows(name: str) -> errors.QueryRefused:
    """The statement is none that reads."""
    return errors.QueryRefused(
        f"{name}: the statement gives no rows; only reading this database is allowed: give one SELECT"
    )


def would_write(name: str, message: str) -> errors.QueryRefused:
    """The database itself says that the statement writes."""
    return errors.QueryRefused(f"{name}: {message}; only reading this database is allowed")


def reaches_out(name: str, function: str) -> errors.QueryRefused:
    """The query names a function that may do more than read."""
    return errors.QueryRefused(
        f"{name}: the query would call {function}(), which may do more than read this database"
    )


def many_statements(name: str) -> errors.QueryRefused:
    """The text is more than one statement."""
    return errors.QueryRefused(f"{name}: more than one statement; give one SELECT")


def closed(name: str) -> errors.DatabaseUnreadable:
    """The database object was closed."""
    return errors.DatabaseUnreadable(f"{name}: this connection is closed; open the database again")


def broken(name: str, lost: Lost) -> errors.DatabaseUnreadable:
    """The connection ended under a query."""
    return errors.DatabaseUnreadable(
        f"{name}: the connection to the server broke ({lost}); see whether it runs, then ask again"
    )


def driver_missing(title: str, extra: str) -> errors.DatabaseUnreadable:
    """The extra that reads this kind of database is not installed."""
    return errors.DatabaseUnreadable(
        f"{title} is read with an extra that is not installed; pip install 'share-sql[{extra}]'"
    )
