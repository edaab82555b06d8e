"""How often each kind of warning is told of right and of wrong queries.

    runs/warning_rates.py CASES [DATABASES]

CASES: JSON Lines with question, evidence, database, gold and, where there are any, drafts;
`runs/make_cases.py` makes such files. Right is a draft with gold's rows, columns in any order.
DATABASES: what `share run --databases` takes, a folder or a URL with `{name}`.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from share_sql.assistant import Assistant
from share_sql.benchmarks.places import place_of, read_places
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.database.base import Row
from share_sql.errors import QueryError


def main() -> None:
    """Inspect every draft (gold itself where there is none) and print a line a kind."""
    cases = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    places = read_places(sys.argv[2] if len(sys.argv) > 2 else "../shared/data/spider/database")
    told: Counter[tuple[str, bool]] = Counter()
    count: Counter[bool] = Counter()
    catalog = Catalog()
    with Assistant(catalog=catalog, inspect=True) as assistant:
        for at, case in enumerate(sorted(cases, key=lambda case: case["database"])):
            where = place_of(places, case["database"])
            if isinstance(where, Path) and not where.is_file():
                continue
            draft = case.get("draft") or case["gold"]
            asked = Case(str(at), case["question"], str(where), draft, case.get("evidence", ""))
            state = next(iter(assistant.correct_states([asked])))
            if state.draft is None or not state.draft.query.runs:
                continue
            is_right = "draft" not in case or _same(
                state.draft.query.rows, _rows(catalog, str(where), case["gold"])
            )
            count[is_right] += 1
            assert state.inspection is not None
            told.update((warning.kind, is_right) for warning in state.inspection.warnings)
    print(f"{count.total()} queries run, {count[False]} of them wrong")
    for kind in sorted({kind for kind, _ in told}):
        wrong, both = told[kind, False], told[kind, False] + told[kind, True]
        print(f"{kind:20} told of {both:5} ({100 * both / count.total():.2f}%), {wrong} of them wrong")


def _rows(catalog: Catalog, where: str, sql: str) -> tuple[Row, ...] | None:
    with catalog.use(where) as opened:
        try:
            return opened.database.query(sql).rows
        except QueryError:
            return None


def _same(found: object, wanted: tuple[Row, ...] | None) -> bool:
    def key(rows: tuple[Row, ...]) -> list[tuple[str, ...]]:
        return sorted(tuple(sorted(map(repr, row))) for row in rows)

    return wanted is not None and isinstance(found, tuple) and key(found) == key(wanted)


if __name__ == "__main__":
    main()
