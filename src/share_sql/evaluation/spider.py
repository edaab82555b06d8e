"""Verdicts on a case: execution match on one database or a whole suite, and Spider's exact set match."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from share_sql.benchmarks.benchmark import Benchmark
from share_sql.errors import SqlUnreadable
from share_sql.evaluation.cases import EvalCase, Options, Score
from share_sql.evaluation.results import Outcome

SCHEMA_SQL = (
    "SELECT lower(m.name), lower(p.name) FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p "
    "WHERE m.type = 'table'"
)
"""Columns by table of a SQLite database."""

MAX_VARIANTS = 10_000
"""Predictions tried at most with --plug-values; the official script tries all and may never end."""

_LITERAL = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])""",
    re.VERBOSE,
)


class Runner(Protocol):
    """Runs a query on one database."""

    def run(self, sql: str) -> Outcome:
        """The outcome; errors come as outcomes."""
        ...


def execution_match(
    prediction: str, gold: str, databases: Sequence[Runner], benchmark: Benchmark, options: Options
) -> tuple[bool, str | None]:
    """Execution accuracy of one prediction by a benchmark's rule.

    Args:
        prediction: the SQL to judge.
        gold: the gold SQL.
        databases: all must agree.
        benchmark: whose rule.
        options: the time limit, DISTINCT kept or not, values plugged or not.

    Returns:
        Whether some variant of the prediction (itself; with `plug_values`, where the benchmark has it, also
        with the gold's values in place of its own) matches on all databases, and why the gold does not run
        where it does not.
    """
    gold_text = benchmark.prepare(gold, options.keep_distinct, False)
    text = benchmark.prepare(prediction, options.keep_distinct, True)
    for database in databases:
        fault = database.run(gold_text).error
        if fault is not None:
            return False, fault
    plugs = options.plug_values and benchmark.plugs_values
    variants = itertools.chain([text], plugged(text, gold_text)) if plugs else iter([text])

    def right(database: Runner, variant: str) -> bool:
        predicted, wanted = database.run(variant), database.run(gold_text)
        late = benchmark.seconds_together and predicted.seconds + wanted.seconds > options.seconds
        return predicted.ok and not late and benchmark.match(predicted.rows, wanted.rows, gold_text)

    for variant in itertools.islice(variants, MAX_VARIANTS):
        if all(right(database, variant) for database in databases):
            return True, None
    return False, None


def plugged(prediction: str, gold: str) -> Iterator[str]:
    """The prediction with the gold's values in place of its own, in every combination.

    Args:
        prediction: its quoted texts and numbers are the places.
        gold: its quoted texts and numbers are the values.

    Yields:
        One text a combination; none where either has no value.
    """
    values = list(dict.fromkeys(match[0] for match in _LITERAL.finditer(gold)))
    pieces = _LITERAL.split(prediction)
    if len(pieces) == 1:
        return
    for choice in itertools.product(values, repeat=len(pieces) - 1):
        yield pieces[0] + "".join(value + piece for value, piece in zip(choice, pieces[1:], strict=True))


def read_schema(database: Runner) -> dict[str, list[str]]:
    """Columns by table in lower case; empty where the database cannot be read."""
    schema: dict[str, list[str]] = {}
    for row in database.run(SCHEMA_SQL).rows:
        table, column = row
        schema.setdefault(str(table), []).append(str(column))
    return schema


def exact_verdict(
    sql: str | None, case: EvalCase, schema: Mapping[str, Sequence[str]], options: Options
) -> Score:
    """Exact set match of one SQL; None where the gold is outside the benchmark's grammar."""
    from share_sql.evaluation.exact_match import exact_match

    same = options.same_columns.get(Path(case.database).stem, {})
    try:
        # A prediction that is missing is unreadable, which matches nothing.
        return exact_match((sql or "").replace(" value ", " 1 "), case.gold, schema, same)
    except SqlUnreadable:
        return None


def difficulty(case: EvalCase, schema: Mapping[str, Sequence[str]]) -> str:
    """The case's hardness where its benchmark gives none; empty where the gold is unreadable."""
    from share_sql.evaluation.exact_match import hardness

    try:
        return hardness(case.gold, schema)
    except SqlUnreadable:
        return ""
