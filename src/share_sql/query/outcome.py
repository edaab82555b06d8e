"""What a query's result says about the query (SQLens, arXiv 2506.04494: an abnormal result)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from share_sql.errors import QueryError, QueryTimeout, QueryTooLarge

if TYPE_CHECKING:
    from share_sql.database.base import QueryResult


def is_abnormal(outcome: QueryResult | QueryError | None) -> bool:
    """Whether a result is one that questions rarely have: failed, empty, or a column all NULL or zero."""
    return abnormality(outcome) is not None


def abnormality(outcome: QueryResult | QueryError | None) -> str | None:
    """Name what is abnormal: `fails`, `empty-result`, `null-result` (a column all NULL), `zero-result`
    (a single zero); None for an ordinary result, or where nothing was run to its end."""
    if outcome is None or is_unfinished(outcome):
        return None
    if isinstance(outcome, QueryError):
        return "fails"
    if not outcome.rows:
        return "empty-result"
    for column in range(len(outcome.rows[0])):
        if all(row[column] is None for row in outcome.rows):
            return "null-result"
    if len(outcome.rows) == 1 and all(value == 0 for value in outcome.rows[0]):
        return "zero-result"
    return None


def is_unfinished(outcome: QueryResult | QueryError | None) -> bool:
    """Whether a query was stopped at a bound of ours, on time or bytes. That it is slow, or its result large,
    says nothing of whether it is right."""
    return isinstance(outcome, QueryTimeout | QueryTooLarge)


def rows_hash(outcome: QueryResult | QueryError | None, *, ordered: bool) -> str | None:
    """A short hash of a result, so that another run can tell whether it gave the same rows.

    Args:
        outcome: what running a query gave.
        ordered: whether the query sorts its rows; where it does not, their order does not count.

    Returns:
        16 hexadecimal digits; None where there is no result, or only a part of one.
    """
    if outcome is None or isinstance(outcome, QueryError) or outcome.truncated:
        return None
    rows = [repr(row) for row in outcome.rows]
    text = "\n".join(rows if ordered else sorted(rows))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
