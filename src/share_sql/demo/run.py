"""The demo itself: make the database, correct the drafts, compare both with gold, write what came out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.demo.cases import DemoCase, load_cases, load_meanings, write_cases, write_meanings
from share_sql.demo.database import NAME, write_database
from share_sql.demo.result import DemoItem, DemoResult
from share_sql.demo.stages import stages_shown
from share_sql.errors import QueryError, UsageError

if TYPE_CHECKING:
    from share_sql.database.base import Database, QueryResult
    from share_sql.models.base import Model
    from share_sql.stages.state import State

_AT_ONCE = 32
"""Cases under way at once: models in this process answer more when they are asked more at a time."""


def run_demo(
    out: Path,
    *,
    models: Mapping[str, Model] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DemoResult:
    """Correct the demo's drafts and write everything under a folder.

    Args:
        out: folder for the results; made where it is missing, files of the same names are replaced.
        models: who answers which role, closed at the end; None: no model.
        progress: called with (done, total) after each case.

    Returns:
        The corrections, compared with gold by their rows.

    Raises:
        UsageError: the folder cannot be made or written.
    """
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog
    from share_sql.demo.page import render_page

    database = out / f"{NAME}.sqlite"
    cases = load_cases()
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_database(database)
        write_cases(out / "cases.jsonl", str(database))
        write_meanings(out / "column_meaning.json")
    except OSError as error:
        raise UsageError(
            f"cannot write to {out}: {error.strerror}; name another folder with --out"
        ) from error

    catalog = Catalog(cache=out / "cache")
    catalog.add(NAME, database, meanings=load_meanings())
    states: dict[str, State] = {}
    asked = dict(models or {})
    with Assistant(catalog=catalog, models=asked, conventions="benchmark", concurrency=_AT_ONCE) as assistant:
        for state in assistant.correct_states([case.case() for case in cases]):
            states[state.case.id] = state
            if progress is not None:
                progress(len(states), len(cases))
    catalog.close()

    result = DemoResult(_compare(database, cases, states), out, tuple(asked))
    lines = [json.dumps(as_json(item), ensure_ascii=False) for item in result.items]
    (out / "corrections.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result.page.write_text(render_page(result), encoding="utf-8")
    return result


def as_json(item: DemoItem) -> dict[str, object]:
    """One case as a line of `corrections.jsonl`: what `share run` writes, and the comparison with gold."""
    from share_sql.runfolder.record import correction_row

    compared = {
        "right_before": item.right_before,
        "right_after": item.right_after,
        "outcome": item.outcome,
    }
    return correction_row(item.correction) | compared


def _compare(path: Path, cases: tuple[DemoCase, ...], states: Mapping[str, State]) -> tuple[DemoItem, ...]:
    from share_sql.database.open import open_database
    from share_sql.evaluation.execution import sorts_rows, strict_ex

    items: list[DemoItem] = []
    with open_database(path, name=NAME) as database:
        for case in cases:
            state = states[case.id]
            correction = state.correction
            assert correction is not None, "the judge always leaves a correction"
            gold = database.query(case.gold)
            ordered = sorts_rows(case.gold)
            before, after = _run(database, case.draft), _run(database, correction.sql)
            items.append(
                DemoItem(
                    case=case,
                    correction=correction,
                    right_before=before is not None and strict_ex(before.rows, gold.rows, ordered=ordered),
                    right_after=after is not None and strict_ex(after.rows, gold.rows, ordered=ordered),
                    rows_before=None if before is None else len(before.rows),
                    rows_after=None if after is None else len(after.rows),
                    stages=stages_shown(state),
                )
            )
    return tuple(items)


def _run(database: Database, sql: str) -> QueryResult | None:
    """The rows; None where the SQL does not run, which is what makes it wrong here."""
    try:
        return database.query(sql)
    except QueryError:
        return None
