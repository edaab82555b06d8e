"""Spider's reading of SQL as data, and its words: what `spider_parse` makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from share_sql.errors import SqlUnreadable

CLAUSES = frozenset(("select", "from", "where", "group", "order", "limit", "intersect", "union", "except"))
ENDS = CLAUSES | {")", ";"}
"""What ends a list of columns or tables."""
JOIN_WORDS = frozenset(("join", "on", "as"))
COMPARISONS = ("not", "between", "=", ">", "<", ">=", "<=", "!=", "in", "like", "is", "exists")
ARITHMETIC = ("none", "-", "+", "*", "/")
AGGREGATES = ("none", "max", "min", "count", "sum", "avg")
SET_OPERATIONS = ("intersect", "union", "except")

ALL_COLUMNS = "*"
"""The id of `*`; other columns are `table.column` in lower case."""


@dataclass(frozen=True)
class ColUnit:
    """A column, perhaps aggregated."""

    aggregate: str
    """One of AGGREGATES."""
    column: str
    """`table.column`, or ALL_COLUMNS."""
    distinct: bool


@dataclass(frozen=True)
class ValUnit:
    """A column, or two joined by arithmetic."""

    operator: str
    """One of ARITHMETIC."""
    left: ColUnit
    right: ColUnit | None = None


Operand: TypeAlias = "str | float | ColUnit | Query | None"
"""What a column is compared with: quoted text, a number, a column, a subquery; None where it was
taken out."""


@dataclass(frozen=True)
class Condition:
    """One comparison."""

    negated: bool
    comparison: str
    """One of COMPARISONS."""
    subject: ValUnit
    first: Operand
    second: Operand = None
    """The upper end of BETWEEN."""


@dataclass(frozen=True)
class Conditions:
    """Comparisons and the words between them."""

    items: tuple[Condition, ...] = ()
    words: tuple[str, ...] = ()
    """`and` or `or` in order."""


@dataclass(frozen=True)
class Query:
    """A SELECT as the benchmark sees it."""

    select: tuple[tuple[str, ValUnit], ...]
    """Aggregate and what it is over."""
    distinct: bool
    tables: tuple[str | Query, ...]
    """Tables by name in lower case, and subqueries, in FROM."""
    on: Conditions
    where: Conditions
    group: tuple[ColUnit, ...]
    having: Conditions
    direction: str
    """`asc` or `desc`, the last one written; empty without ORDER BY."""
    order: tuple[ValUnit, ...]
    limit: int | None
    combined: tuple[tuple[str, Query], ...] = ()
    """The set operation and its right side, none or one."""


EMPTY = Query((), False, (), Conditions(), Conditions(), (), Conditions(), "", (), None)
"""Replaces a prediction that cannot be read."""


# ----------------------------------------------------------------------- tokens

# What NLTK's word tokenizer does to a text without quotation marks, in its order.
_PADS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("([«“‘„]|`+)"), r" \1 "),
    (re.compile(r"([^.])(\.)([\])}>»”’ ]*+)\s*+$"), r"\1 \2 \3 "),
    (re.compile(r"([:,])(\D)"), r" \1 \2"),
    (re.compile(r"([:,])$"), r" \1 "),
    (re.compile(r"(\.{2,}|[;@#$%&\u2012-\u2015?!*])"), r" \1 "),
    (re.compile(r"([\[\](){}<>»”’]|--)"), r" \1 "),
    (re.compile(r"(?i)\b(can)(not)\b"), r" \1 \2 "),
    (re.compile(r"(?i)\b(gim|gon|got|lem)(me|na|ta)\b"), r" \1 \2 "),
)


def tokens(sql: str) -> list[str]:
    """Split SQL as the benchmark does: words in lower case, quoted text whole and in double quotes.

    Raises:
        SqlUnreadable: a quotation mark is left open.
    """
    parts = sql.replace("'", '"').split('"')
    if len(parts) % 2 == 0:
        raise SqlUnreadable("a quotation mark is left open")
    quoted: dict[str, str] = {}
    text = parts[0]
    for at in range(1, len(parts), 2):
        # A placeholder that touches other text is not found again below, and the query is unreadable.
        key = f"__val_{at}__"
        quoted[key] = f'"{parts[at]}"'
        text += key + parts[at + 1]
    for pattern, padded in _PADS:
        text = pattern.sub(padded, text)
    found = [quoted.get(word.lower(), word.lower()) for word in text.split()]
    joined: list[str] = []
    for word in found:
        if word == "=" and joined and joined[-1] in ("!", ">", "<"):
            joined[-1] += "="
        else:
            joined.append(word)
    return joined
