"""Drafts that models wrote for MySQL and PostgreSQL, given to SQLite: how many run, and how many are right?

    python runs/other_dialects.py [DATA]

DATA (../shared/data) holds BIRD's mini-dev in the two dialects with the drafts of several generators, the
SQLite databases and gold. Right is what BIRD calls right: the same set of rows. Prints a line a set, before
and after correction without models.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from share_sql.assistant import Assistant
from share_sql.calibration.label import Labeller
from share_sql.case import Case
from share_sql.catalog import Catalog

COLUMNS = ("drafts", "run before", "run after", "right before", "right after", "fixed", "broken")


def main() -> None:
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data") / "bird"
    gold = {str(item["question_id"]): item["SQL"] for item in _read(data / "dev" / "dev.json")}
    labeller = Labeller(Catalog(), "bird")
    total: Counter[str] = Counter()
    print(" ".join(f"{name:>12}" for name in COLUMNS))
    with Assistant() as assistant:
        for dialect in ("mysql", "postgresql"):
            questions = {str(item["question_id"]): item for item in _read(data / f"mini_dev_{dialect}.json")}
            for path in sorted((data / f"mini_dev_drafts_{dialect}").glob("*.json")):
                counts: Counter[str] = Counter()
                cases = [
                    Case(
                        number,
                        questions[number]["question"],
                        str(data / "dev" / "dev_databases" / name / f"{name}.sqlite"),
                        sql,
                        questions[number].get("evidence", ""),
                    )
                    for number, sql in _read(path).items()
                    for name in [questions[number]["db_id"]]
                ]
                for case, correction in zip(cases, assistant.correct_many(cases), strict=True):
                    found = [
                        (sql, labeller.result(case.database, sql)) for sql in (case.draft, correction.sql)
                    ]
                    before, after = (
                        result is not None and labeller.right(case.database, sql, gold[case.id])
                        for sql, result in found
                    )
                    counts["drafts"] += 1
                    counts["run before"] += found[0][1] is not None
                    counts["run after"] += found[1][1] is not None
                    counts["right before"] += before
                    counts["right after"] += after
                    counts["fixed"] += after and not before
                    counts["broken"] += before and not after
                total += counts
                _show(counts, f"{dialect} {path.stem}")
    _show(total, "all")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _show(counts: Counter[str], name: str) -> None:
    print(" ".join(f"{counts[column]:>12,}" for column in COLUMNS), name)


if __name__ == "__main__":
    main()
