"""Run the small model's drafts, and keep those that run with what they are worth.

    python runs/small/label_drafts.py SOURCE DRAFTS OUT CASES

SOURCE is a folder of `share data teacher`, DRAFTS what `draft.py` wrote. A draft that does not run is
mended symbolically first, as it would be at work, and left out if it still does not. OUT gets a line a
draft: `id`, `database`, `sql`, `right`. CASES gets up to two wrong drafts and a right one of each question
as cases with gold, but for held-out databases: what SAM and LOM learn from. OUT's own stem with
`.held.jsonl` gets the held-out ones, and each of their gold queries as a draft: what the judge is
calibrated on.
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
from share_sql.sqltext import extract_sql
from share_sql.training.sources import SourceFiles, load_source
from share_sql.training.validate import Validator

sys.path.insert(0, str(Path(__file__).parent))
from folds import held_out

MOST_TRIED = 6
"""Drafts a question, the likeliest."""


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
    with Assistant(catalog=source.catalog) as assistant, out.open("w", encoding="utf-8") as file:
        for row in drafted:
            each = cases[row["id"]]
            case, gold = each.case, extract_sql(each.gold)
            seen: dict[str, bool] = {}
            for text, _, _ in sorted(row["drafts"], key=lambda draft: -draft[1])[:MOST_TRIED]:
                try:
                    sql = " ".join(extract_sql(text).split())
                    if isinstance(validator.result(case.database, sql), str):
                        whole = Case(case.id, case.question, case.database, sql, case.evidence)
                        sql = assistant.correct(whole).sql
                        if isinstance(validator.result(case.database, sql), str):
                            continue
                    if sql not in seen:
                        seen[sql] = validator.right(case.database, sql, gold)[0]
                except ShareError:
                    continue
            for sql, right in seen.items():
                told = {"id": case.id, "database": case.database, "sql": sql, "right": right}
                kept.append(told)
                file.write(json.dumps(told) + "\n")
    _write_cases(source.name, cases, kept, learned, out.with_suffix(".held.jsonl"))
    source.close()


def _write_cases(
    name: str, cases: dict[str, Any], kept: list[dict[str, Any]], learned: Path, held: Path
) -> None:
    by_question: dict[str, list[dict[str, Any]]] = {}
    for row in kept:
        by_question.setdefault(row["id"], []).append(row)
    with learned.open("w", encoding="utf-8") as to_learn, held.open("w", encoding="utf-8") as to_calibrate:
        for id_, rows in by_question.items():
            case, gold = cases[id_].case, cases[id_].gold
            hidden = held_out(name, case.database)
            wrong = [row["sql"] for row in rows if not row["right"]][:2]
            chosen = [*wrong, *[row["sql"] for row in rows if row["right"]][:1]]
            for number, draft in enumerate([*chosen, gold] if hidden else chosen):
                line = {
                    "id": f"{id_}.{number}", "question": case.question, "evidence": case.evidence,
                    "database": case.database, "gold": gold, "draft": draft,
                }  # fmt: skip
                (to_calibrate if hidden else to_learn).write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
