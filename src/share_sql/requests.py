"""What a stage may ask for, and typed ways to ask: `rows = yield from query(sql)`.

A stage does no input or output. It is a generator: it yields a request, and the driver in `assistant.py`
sends the answer back. So the same stages serve one case, a batch, a dry run and a replay (the habit is
httpx's auth flow).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from share_sql.database.base import Limits

if TYPE_CHECKING:
    from share_sql.database.base import QueryResult
    from share_sql.errors import QueryError
    from share_sql.models.base import ModelReply, ModelRequest
    from share_sql.schema.model import ColumnSet, ValueMatch

QUERY_LIMITS = Limits(seconds=10.0, rows=20_000, bytes=32 * 1024 * 1024)
"""What a stage may spend on one query."""


@dataclass(frozen=True)
class Ask:
    """Answers to several prompts at once. Receives a list of ModelReply, in their order; the first ModelError
    is raised inside the stage."""

    requests: tuple[ModelRequest, ...]


@dataclass(frozen=True)
class Query:
    """SQL run read-only. Receives QueryResult, or the QueryError as a value: a query that fails is what the
    judge wants to know, not a fault."""

    sql: str
    limits: Limits = QUERY_LIMITS
    """Bounds on time, rows and memory."""


@dataclass(frozen=True)
class Lookup:
    """The stored values nearest to a text. Receives a tuple of ValueMatch, best first."""

    text: str
    columns: ColumnSet | None = None
    """Only these columns; None for all text columns."""
    limit: int = 10


Request: TypeAlias = Ask | Query | Lookup
T = TypeVar("T")
Steps: TypeAlias = Generator[Request, Any, T]
"""A generator that yields requests, receives each one's answer, and returns a T. What is sent in depends on
the request, which a generator's type cannot say; the functions below say it."""


def query(sql: str, limits: Limits = QUERY_LIMITS) -> Steps[QueryResult | QueryError]:
    """Run SQL read-only; a failure comes back as a value."""
    outcome: QueryResult | QueryError = yield Query(sql, limits)
    return outcome


def look_up(text: str, columns: ColumnSet | None = None, limit: int = 10) -> Steps[tuple[ValueMatch, ...]]:
    """The stored values nearest to a text, best first."""
    matches: tuple[ValueMatch, ...] = yield Lookup(text, columns, limit)
    return matches


def ask(request: ModelRequest) -> Steps[ModelReply]:
    """One model's answer. Raises ModelError where there is none."""
    replies = yield from ask_all((request,))
    return replies[0]


def ask_all(requests: tuple[ModelRequest, ...]) -> Steps[list[ModelReply]]:
    """Answers to several prompts at once, in their order. Raises the first ModelError."""
    replies: list[ModelReply] = yield Ask(requests)
    return replies
