"""Execution accuracy: do two results answer alike? Pure functions on rows.

Three readings of "alike":

- `bird_ex`, as BIRD's evaluator has it (bird-bench/mini_dev, evaluation/evaluation_ex.py): the *sets* of
  rows are equal. Duplicates and order do not count, the order of columns does.
- `spider_ex`, as Spider's has it (taoyds/test-suite-sql-eval, exec_eval.py): the *bags* of rows are equal
  under some order of the columns; the order of rows counts where the gold SQL has an ORDER BY anywhere.
- `strict_ex`, what both miss: bags of rows, columns in order, rows in order where the gold's outermost
  query sorts, numbers within a tolerance, NULL equal to nothing but NULL.

Values compare as Python's in all three: 1 equals 1.0, neither equals '1', b'a' is not 'a'.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import cache

from share_sql.database.base import Row, Value

RELATIVE_TOLERANCE = 1e-6
"""Two numbers of which one is a float are the same to `strict_ex` where they differ by at most this
share of the larger; summing in another order moves a double by far less."""

ABSOLUTE_TOLERANCE = 1e-9
"""The same for numbers around zero."""

_LEXEMES = r"""'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/ | \w+ | ."""


@cache
def _token() -> re.Pattern[str]:
    # Not compiled at import: most runs never need it.
    return re.compile(_LEXEMES, re.VERBOSE | re.DOTALL)


def bird_ex(predicted: Sequence[Row], gold: Sequence[Row]) -> bool:
    """BIRD's EX: equal sets of rows.

    Args:
        predicted: rows of the prediction.
        gold: rows of the gold SQL.

    Returns:
        True where each row of the one is a row of the other. Two empty results are equal, whatever
        their columns.
    """
    return set(predicted) == set(gold)


def is_ordered(gold_sql: str) -> bool:
    """Whether Spider's evaluator heeds the order of rows for this gold SQL.

    Its rule is textual: "order by" anywhere, be it in a subquery or a literal, single space between.
    """
    return "order by" in gold_sql.lower()


def sorts_rows(gold_sql: str) -> bool:
    """Whether the outermost query of this SQL sorts its rows (the rule of `strict_ex`).

    Args:
        gold_sql: one SELECT.

    Returns:
        True where "order by" occurs outside parentheses, quotes and comments: subqueries, CTEs and
        windows all stand in parentheses, and after a set operation it sorts the whole.
    """
    depth = 0
    last = ""
    for match in _token().finditer(gold_sql):
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


# --------------------------------------------------------------------- Spider


def spider_ex(predicted: Sequence[Row], gold: Sequence[Row], *, ordered: bool) -> bool:
    """Spider's execution match: equal bags of rows under some order of the columns.

    Args:
        predicted: rows of the prediction.
        gold: rows of the gold SQL.
        ordered: whether the order of rows counts, see `is_ordered`.

    Returns:
        True where such an order of columns exists. Two empty results are equal, whatever their
        columns. As in the evaluator, each row's values sorted by their text must agree first: with
        several columns, 1 against 1.0 may therefore differ (`1` sorts after `1.5`, `1.0` before it).
    """
    if not predicted and not gold:
        return True
    if len(predicted) != len(gold) or len(predicted[0]) != len(gold[0]):
        return False
    if ordered and list(predicted) == list(gold) and _same_kinds(predicted, gold):
        return True
    ours, theirs = [_by_text(row) for row in gold], [_by_text(row) for row in predicted]
    if ordered:
        return ours == theirs and Counter(zip(*gold, strict=True)) == Counter(zip(*predicted, strict=True))
    if set(ours) != set(theirs):
        return False
    if len(gold[0]) == 1:
        return Counter(gold) == Counter(predicted)
    return _some_permutation(gold, predicted)


def _by_text(row: Row) -> Row:
    """A row's values sorted by their text and type, the evaluator's quick test."""
    if len(row) == 1:
        return row
    return tuple(sorted(row, key=lambda value: str(value) + str(type(value))))


def _same_kinds(first: Sequence[Row], second: Sequence[Row]) -> bool:
    """Whether equal rows also print alike, so that the quick test cannot part them."""
    return all(
        type(a) is type(b)
        for row, other in zip(first, second, strict=True)
        for a, b in zip(row, other, strict=True)
    )


def _some_permutation(gold: Sequence[Row], predicted: Sequence[Row]) -> bool:
    """Whether the bags of rows agree under some order of the prediction's columns.

    Columns are placed from left to right; a prefix whose bag of partial rows differs is given up at
    once, and of several identical columns only one is tried, so that wide results stay cheap (the
    evaluator tries all permutations).
    """
    gold_columns = list(zip(*gold, strict=True))
    columns = list(zip(*predicted, strict=True))
    bags: list[Counter[Value]] = [Counter(column) for column in columns]
    choices: list[list[int]] = []
    for column in gold_columns:
        bag = Counter(column)
        choices.append([at for at, other in enumerate(bags) if other == bag])
    if not all(choices):
        return False

    def place(at: int, used: frozenset[int], left: list[int], right: list[int]) -> bool:
        """`left` and `right` hold, for each row, the number of its partial row so far."""
        if at == len(gold_columns):
            return True
        tried: set[tuple[Value, ...]] = set()
        for choice in choices[at]:
            if choice in used or columns[choice] in tried:
                continue
            tried.add(columns[choice])
            numbers: dict[tuple[int, Value], int] = {}
            new_left = _extend(left, gold_columns[at], numbers)
            new_right = _extend(right, columns[choice], numbers)
            if Counter(new_left) == Counter(new_right) and place(
                at + 1, used | {choice}, new_left, new_right
            ):
                return True
        return False

    start = [0] * len(gold)
    return place(0, frozenset(), start, start)


def _extend(prefix: list[int], column: tuple[Value, ...], numbers: dict[tuple[int, Value], int]) -> list[int]:
    return [numbers.setdefault((old, value), len(numbers)) for old, value in zip(prefix, column, strict=True)]


# --------------------------------------------------------------------- strict


def strict_ex(predicted: Sequence[Row], gold: Sequence[Row], *, ordered: bool) -> bool:
    """The honest reading: equal bags of rows, columns in order, numbers within a tolerance.

    Args:
        predicted: rows of the prediction.
        gold: rows of the gold SQL.
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


# ----------------------------------------------------- Spider's SQL, as prepared

_THIS_YEAR = re.compile(r"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", re.IGNORECASE)


def strip_distinct(sql: str) -> str:
    """Take every DISTINCT out of an SQL text, as Spider's evaluator does by default.

    The bare word goes, wherever it occurs (`count(DISTINCT x)` too); quoted text stays.
    """
    if "distinct" not in sql.lower():
        return sql
    return "".join(match[0] for match in _token().finditer(sql) if match[0].lower() != "distinct")


def spider_sql(sql: str, *, keep_distinct: bool = False, is_prediction: bool = False) -> str:
    """The text Spider's evaluator executes for an SQL.

    Joins the operators `> =`, `< =`, `! =`, takes DISTINCT out unless kept, and puts 2020 for MySQL's
    `YEAR(CURDATE())`; in a prediction also 1 for the placeholder ` value `.

    Args:
        sql: gold or prediction.
        keep_distinct: leave DISTINCT alone.
        is_prediction: whether the placeholder is to be filled.
    """
    if is_prediction:
        sql = sql.replace(" value ", " 1 ")
    sql = sql.replace("> =", ">=").replace("< =", "<=").replace("! =", "!=")
    if not keep_distinct:
        sql = strip_distinct(sql)
    return _THIS_YEAR.sub("2020", sql)
