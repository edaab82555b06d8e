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
    into: str | None = None,
    models: Mapping[str, Model] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DemoResult:
    """Correct the demo's drafts and write everything under a folder.

    Args:
        out: folder for the results; made where it is missing, files of the same names are replaced.
        into: a database, by URL or path, that the shop is copied into, in place of tables of the same names
            there, and that the drafts are corrected on. None: the file in `out`.
        models: who answers which role, closed at the end; None: no model.
        progress: called with (done, total) after each case.

    Returns:
        The corrections, compared with gold by their rows. Gold is always run on the file: it is written for
        SQLite, as the drafts are.

    Raises:
        UsageError: the folder cannot be made or written.
        DatabaseError: `into` cannot be written or read.
    """
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog
    from share_sql.database.address import shown
    from share_sql.database.open import open_database
    from share_sql.demo.page import render_page

    file = out / f"{NAME}.sqlite"
    where = into or str(file)
    cases = load_cases()
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_database(file)
        write_cases(out / "cases.jsonl", shown(where), gold=into is None)
        write_meanings(out / "column_meaning.json")
    except OSError as error:
        raise UsageError(
            f"cannot write to {out}: {error.strerror}; name another folder with --out"
        ) from error

    if into is not None:
        from share_sql.copying.copy import copy_database

        copy_database(str(file), into, over=True)
    catalog = Catalog(cache=out / "cache")
    catalog.add(NAME, where, meanings=load_meanings())
    states: dict[str, State] = {}
    asked = dict(models or {})
    with Assistant(catalog=catalog, models=asked, conventions="benchmark", concurrency=_AT_ONCE) as assistant:
        for state in assistant.correct_states([case.case() for case in cases]):
            states[state.case.id] = state
            if progress is not None:
                progress(len(states), len(cases))
    catalog.close()

    with open_database(file, name=NAME) as home:
        if into is None:
            result = DemoResult(_compare(home, home, cases, states), out, tuple(asked))
        else:
            with open_database(into, name=NAME) as database:
                items = _compare(home, database, cases, states)
            at_home = sum(item.right_before for item in _compare(home, home, cases, states))
            result = DemoResult(items, out, tuple(asked), database.dialect, at_home)
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


def _compare(
    home: Database, database: Database, cases: tuple[DemoCase, ...], states: Mapping[str, State]
) -> tuple[DemoItem, ...]:
    """Draft and correction of each case, as they run on a database, compared with gold's rows at home."""
    from share_sql.evaluation.execution import sorts_rows, strict_ex

    items: list[DemoItem] = []
    for case in cases:
        state = states[case.id]
        correction = state.correction
        assert correction is not None, "the judge always leaves a correction"
        gold = home.query(case.gold)
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
