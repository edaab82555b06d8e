"""Spider: questions over databases of many domains (yale-lily.github.io/spider)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product

from share_sql.benchmarks.benchmark import Benchmark, config_keys
from share_sql.database.base import Row, Value

# Compiled where it is first used: most runs never need it.
_QUOTED_OR_DISTINCT = r"""
    ( '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/ ) | \bdistinct\b"""
_LITERAL = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])""",
    re.VERBOSE,
)
_THIS_YEAR = re.compile(r"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", re.IGNORECASE)


def strip_distinct(sql: str) -> str:
    """Take every DISTINCT out of an SQL text, as Spider's evaluator does by default.

    The bare word goes, wherever it stands (`count(DISTINCT x)` too); quoted text stays.
    """
    if "distinct" not in sql.lower():
        return sql
    flags = re.VERBOSE | re.DOTALL | re.IGNORECASE
    return re.sub(_QUOTED_OR_DISTINCT, lambda match: match[1] or "", sql, flags=flags)


def spider_sql(sql: str, keep_distinct: bool = False, is_prediction: bool = False) -> str:
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


def plugged(prediction: str, gold: str) -> Iterator[str]:
    """The prediction with the gold's values in place of its own, in every combination.

    Values are quoted texts and numbers. None is yielded where either has no value.
    """
    values = list(dict.fromkeys(match[0] for match in _LITERAL.finditer(gold)))
    pieces = _LITERAL.split(prediction)
    if len(pieces) == 1:
        return
    for choice in product(values, repeat=len(pieces) - 1):
        yield pieces[0] + "".join(value + piece for value, piece in zip(choice, pieces[1:], strict=True))


def is_ordered(gold_sql: str) -> bool:
    """Whether Spider's evaluator heeds the order of rows for this gold SQL.

    Its rule is textual: "order by" anywhere, be it in a subquery or a literal, single space between.
    """
    return "order by" in gold_sql.lower()


def spider_ex(predicted: Sequence[Row], gold: Sequence[Row], *, ordered: bool) -> bool:
    """Spider's execution match: equal *bags* of rows under some order of the columns.

    As taoyds/test-suite-sql-eval has it (exec_eval.py). Values compare as Python's: 1 equals 1.0.

    Args:
        predicted, gold: rows of the prediction and of the gold SQL.
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


def _match(predicted: Sequence[Row], gold: Sequence[Row], gold_sql: str) -> bool:
    return spider_ex(predicted, gold, ordered=is_ordered(gold_sql))


SPIDER = Benchmark(
    name="spider",
    title="Spider",
    about="equal *bags* of rows under some order of the columns; rows in order where the gold has "
    '"order by" anywhere; DISTINCT taken out of both unless `--keep-distinct`; the gold\'s values tried in '
    "the prediction with `--plug-values`",
    after="taoyds/test-suite-sql-eval, exec_eval.py",
    gold="query",
    levels=("easy", "medium", "hard", "extra"),
    match=_match,
    prepare=spider_sql,
    drops_distinct=True,
    plugs_values=True,
    rates_gold=True,
    # The reference's file has no keys for Spider's dev questions; these follow those of its train questions.
    config={
        f"spider-{part}": config_keys(f"spider_{part}", tables="spider_tables", databases="spider_db_dir")
        for part in ("train", "dev")
    },
)
