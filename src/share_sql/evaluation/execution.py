"""The strict reading of execution accuracy: what the benchmarks' own rules miss. Pure functions on rows.

A benchmark's rule stands in its file in `benchmarks/`. `strict_ex` compares bags of rows, columns in order,
rows in order where the gold's outermost query sorts, numbers within a tolerance, NULL equal to nothing but
NULL. Values compare as Python's: 1 equals 1.0, neither equals '1', b'a' is not 'a'.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence

from share_sql.database.base import Row, Value

RELATIVE_TOLERANCE = 1e-6
"""Two numbers of which one is a float are the same to `strict_ex` where they differ by at most this
share of the larger; summing in another order moves a double by far less."""

ABSOLUTE_TOLERANCE = 1e-9
"""The same for numbers around zero."""

_LEXEMES = r"""'(?:[^'\\]|\\.|'')*+(?:'|\Z) | "(?:[^"\\]|\\.|"")*+(?:"|\Z) | `[^`]*`
    | --[^\n]* | /\*.*?(?:\*/|\Z) | \w+ | ."""


def sorts_rows(gold_sql: str) -> bool:
    """Whether the outermost query of this SELECT sorts its rows (the rule of `strict_ex`).

    It does where "order by" occurs outside parentheses, quotes and comments: subqueries, CTEs and windows all
    stand in parentheses, and after a set operation it sorts the whole.
    """
    depth = 0
    last = ""
    for match in re.finditer(_LEXEMES, gold_sql, re.VERBOSE | re.DOTALL):
        word = match[0].lower()
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        elif depth == 0 and word == "by" and last == "order":
            return True
        if not word.isspace() and not word.startswith(("--", "/*")):
            last = word
    return False


def strict_ex(predicted: Sequence[Row], gold: Sequence[Row], *, ordered: bool) -> bool:
    """The honest reading: equal bags of rows, columns in order, numbers within a tolerance.

    Args:
        predicted, gold: rows of the prediction and of the gold SQL.
        ordered: whether the order of rows counts, see `sorts_rows`.

    Returns:
        True where the rows can be paired off so that all values of each pair are the same: equal, or
        two numbers (one of them a float) within RELATIVE_TOLERANCE or ABSOLUTE_TOLERANCE. NULL is the
        same as NULL only; text and bytes never equal numbers. Two empty results are equal.
    """
    if len(predicted) != len(gold):
        return False
    if list(predicted) == list(gold):
        return True
    if ordered:
        return all(_same_row(a, b) for a, b in zip(predicted, gold, strict=True))
    surplus, missing = Counter(predicted), Counter(gold)
    surplus.subtract(gold)
    missing.subtract(predicted)
    left_over = list((+surplus).elements())
    wanted = list((+missing).elements())
    return not left_over or _pair_off(left_over, wanted)


def _same(first: Value, second: Value) -> bool:
    if first == second:
        return True
    if isinstance(first, int | float) and isinstance(second, int | float):
        if isinstance(first, int) and isinstance(second, int):
            return False
        return math.isclose(first, second, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)
    return False


def _same_row(first: Row, second: Row) -> bool:
    return len(first) == len(second) and all(_same(a, b) for a, b in zip(first, second, strict=True))


def _pair_off(predicted: list[Row], gold: list[Row]) -> bool:
    """Pair rows that differ in floats only: within equal other values, nearest numbers first."""
    groups: dict[Hashable, tuple[list[Row], list[Row]]] = {}
    for side, rows in enumerate((predicted, gold)):
        for row in rows:
            shape = tuple("#" if isinstance(value, int | float) else (value,) for value in row)
            groups.setdefault(shape, ([], []))[side].append(row)
    return all(len(ours) == len(theirs) and _match(ours, theirs) for ours, theirs in groups.values())


def _match(predicted: list[Row], gold: list[Row]) -> bool:
    open_rows = sorted(gold, key=_numbers)
    firsts = [(_numbers(row) or (0.0,))[0] for row in open_rows]
    for row in sorted(predicted, key=_numbers):
        first = (_numbers(row) or (0.0,))[0]
        reach = max(abs(first) * 2 * RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE)
        at = bisect_left(firsts, first - reach)
        while at < len(firsts) and firsts[at] <= first + reach and not _same_row(row, open_rows[at]):
            at += 1
        if at == len(firsts) or firsts[at] > first + reach:
            return False
        del firsts[at], open_rows[at]
    return True


def _numbers(row: Row) -> tuple[float, ...]:
    return tuple(float(value) for value in row if isinstance(value, int | float))
