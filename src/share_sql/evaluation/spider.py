"""Spider's other two verdicts on a case: exact set match, and execution on a whole test suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from share_sql.database.base import Database
from share_sql.evaluation.metrics import EvalCase, Options, Score
from share_sql.evaluation.results import ResultCache


def other_verdicts(
    case: EvalCase,
    sql: str | None,
    metrics: Sequence[str],
    options: Options,
    cache: ResultCache | None,
    open_database: Callable[[str], Database],
) -> dict[str, Score]:
    """The verdicts `em` and `test-suite` on one SQL, as far as they are asked for."""
    return {}
