"""What every database connection offers: read-only queries with bounds."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

Value: TypeAlias = str | int | float | bytes | None
"""A value in a result. Text that is not UTF-8 comes as bytes."""

Row: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True)
class Limits:
    """Bounds on one query."""

    seconds: float = 30.0
    """Deadline; the query is stopped when it passes."""
    rows: int = 100_000
    """Rows fetched at most; a longer result is cut and marked `truncated`."""
    bytes: int = 64 * 1024 * 1024
    """Size of the result at most, as Python values; a larger one raises QueryTooLarge."""

    def within(self, other: Limits) -> Limits:
        """The tighter of two, bound by bound."""
        return Limits(
            min(self.seconds, other.seconds), min(self.rows, other.rows), min(self.bytes, other.bytes)
        )


@dataclass(frozen=True)
class QueryResult:
    """What a query gave."""

    columns: tuple[str, ...]
    """Output column names, as the database gives them; may repeat."""
    rows: tuple[Row, ...]
    truncated: bool = False
    """True where the row cap cut the result."""
    seconds: float = 0.0
    """Time in the database, wall clock."""


class Database(AbstractContextManager["Database"], Protocol):
    """A database opened read-only. Used as a context manager; `close` may be called twice."""

    name: str
    """Name for messages and logs, without credentials."""
    dialect: str
    """sqlglot's name of the SQL dialect: sqlite, postgres, mysql, duckdb."""

    parallel: int
    """Queries that it answers at a time; one more waits for the end of another."""
    live: bool
    """Whether others write to it at any time, as to a server's; a file mostly stands still."""

    def query(self, sql: str, limits: Limits | None = None) -> QueryResult:
        """Run one SELECT.

        Raises QueryRefused, QueryTimeout, QueryTooLarge, QueryError; DatabaseUnreadable where the file
        or server cannot be used. The connection stays usable after each of them.
        """
        ...

    def stop(self, thread: int) -> None:
        """End the query that a thread runs now, soon: it raises QueryTimeout. Nothing where it runs none.

        Args:
            thread: its `threading.get_ident()`. Another one calls this, without waiting.
        """
        ...

    def fingerprint(self) -> str:
        """A short hash that changes when the database's content may have changed (keys caches)."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...
