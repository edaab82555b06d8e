"""Run the small model's drafts, and keep those that run with what they are worth.

    python runs/small/label_drafts.py SOURCE DRAFTS OUT CASES

SOURCE is a folder of `share data teacher`, DRAFTS what `draft.py` wrote. Trajectories are compiled to SQL.
A draft that does not run is mended symbolically first, as it would be at work, and left out if it still does
not. OUT gets a line a draft, the likeliest of a question first: `id`, `database`, `sql`, `right`. CASES gets
up to two wrong drafts and a right one of each question as cases with gold, but for held-out databases: what
SAM and LOM learn from.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.errors import ShareError
from share_sql.schema.model import Schema
from share_sql.sql.text import extract_sql
from share_sql.training.sources import SourceFiles, load_source
from share_sql.training.validate import Validator, columns_of
from share_sql.trajectory.read import read
from share_sql.trajectory.to_sql import to_sql

sys.path.insert(0, str(Path(__file__).parent))
from folds import held_out

MOST_TRIED = 6
"""Drafts a question, the likeliest first."""


def main() -> None:
    logging.disable(logging.CRITICAL)
    source = load_source(SourceFiles.of(Path(sys.argv[1])))
    validator = Validator(source)
    cases = {each.case.id: each for each in source.cases}
    drafted = [json.loads(line) for line in Path(sys.argv[2]).read_text("utf-8").splitlines()]
    drafted = [row for row in drafted if row["source"] == source.name]
    drafted.sort(key=lambda row: (cases[row["id"]].case.database, row["id"]))
    out, learned = Path(sys.argv[3]), Path(sys.argv[4])
    kept: list[dict[str, Any]] = []
    likeliest = likeliest_right = 0
    with Assistant(catalog=source.catalog) as assistant, out.open("w", encoding="utf-8") as file:
        for row in drafted:
            each = cases[row["id"]]
            case, gold = each.case, extract_sql(each.gold)
            seen: dict[str, bool] = {}
            for number, (text, _, _) in enumerate(row["drafts"][:MOST_TRIED]):
                try:
                    sql = compiled(text, case, source.schema(case.database))
                    if isinstance(validator.result(case.database, sql), str):
                        whole = Case(case.id, case.question, case.database, sql, case.evidence)
                        sql = assistant.correct(whole).sql
                        if isinstance(validator.result(case.database, sql), str):
                            continue
                    if sql not in seen:
                        seen[sql] = validator.right(case.database, sql, gold)[0]
                except ShareError:
                    continue
                likeliest += number == 0
                likeliest_right += number == 0 and seen[sql]
            for sql, right in seen.items():
                told = {"id": case.id, "database": case.database, "sql": sql, "right": right}
                kept.append(told)
                file.write(json.dumps(told) + "\n")
    print(f"{len(kept)} drafts; likeliest ones of {len(drafted)}: {likeliest} run, {likeliest_right} right")
    _write_cases(source.name, cases, kept, learned)
    source.close()


def compiled(text: str, case: Case, schema: Schema) -> str:
    """A trajectory's SQL, as at work. Raises ShareError where it cannot be read or compiled."""
    trajectory = read(text, columns_of(schema)).trajectory
    return " ".join(to_sql(trajectory, schema, hint=f"{case.question} {case.evidence}", guess=True).split())


def _write_cases(name: str, cases: dict[str, Any], kept: list[dict[str, Any]], learned: Path) -> None:
    by_question: dict[str, list[dict[str, Any]]] = {}
    for row in kept:
        if not held_out(name, row["database"]):
            by_question.setdefault(row["id"], []).append(row)
    with learned.open("w", encoding="utf-8") as file:
        for id_, rows in by_question.items():
            case, gold = cases[id_].case, cases[id_].gold
            wrong = [row["sql"] for row in rows if not row["right"]][:2]
            right = [row["sql"] for row in rows if row["right"]][:1]
            for number, draft in enumerate([*wrong, *right]):
                line = {
                    "id": f"{id_}.{number}", "question": case.question, "evidence": case.evidence,
                    "database": case.database, "gold": gold, "draft": draft,
                }  # fmt: skip
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
