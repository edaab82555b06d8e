"""A database behind a pool of connections, each of its own kind: what all but SQLite share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, Self, TypeVar

from share_sql.database.base import Limits, QueryResult
from share_sql.database.failures import LONGEST_SECONDS, Lost, broken, closed
from share_sql.database.pool import SIZE, Link, Pool
from share_sql.database.text import checked

CONNECT_SECONDS = 5
"""How long the server may take to answer a new connection."""
LOCK_SECONDS = 2.0
"""How long a query may wait for another session's lock."""


class Running(Link, Protocol):
    """A connection that runs queries."""

    def run(self, sql: str, seconds: float, limits: Limits) -> QueryResult:
        """Run one statement and take back whatever it did. Raises as Database.query, and Lost."""
        ...


L = TypeVar("L", bound=Running)


class PooledDatabase(ABC, Generic[L]):
    """Queries over a pool of connections. Any number of threads may use it."""

    parallel = SIZE
    live = True

    def __init__(self, name: str) -> None:
        """Open the first connection, so that what is wrong shows at once.

        Raises DatabaseMissing, DatabaseUnreadable.
        """
        self.name = name
        self._pool: Pool[L] = Pool(name, self._connect)
        with self._pool.lend(CONNECT_SECONDS):
            pass

    @abstractmethod
    def _connect(self) -> L:
        """A new connection. Raises DatabaseMissing, DatabaseUnreadable."""

    def query(self, sql: str, limits: Limits | None = None) -> QueryResult:
        """Run one SELECT; see `database.base.Database.query`."""
        limits = limits or Limits()
        sql = checked(sql, self.name)
        seconds = min(limits.seconds, LONGEST_SECONDS)
        for last in (False, True):
            try:
                with self._pool.lend(seconds) as link:
                    return link.run(sql, seconds, limits)
            except Lost as lost:
                self._pool.forget_idle()
                if self._pool.closed:
                    raise closed(self.name) from None
                # A server that was started anew is found again; what it was doing is not done twice.
                if last or lost.begun:
                    raise broken(self.name, lost) from None
        raise AssertionError("unreachable")

    def stop(self, thread: int) -> None:
        """End the query that a thread runs; see `database.base.Database.stop`."""
        self._pool.stop(thread)

    def close(self) -> None:
        """Close the connections; a query under way ends in DatabaseUnreadable. May be called twice."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"
