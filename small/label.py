"""Run the small model's drafts, and keep those that run with whether they are right.

    python -m small.label SOURCE DRAFTS OUT [CASES]

SOURCE is a folder of `share data teacher`, DRAFTS what `small.draft` wrote. A draft is SQL, or a
trajectory in a fence, which is compiled to SQL. One that does not run is first repaired as at work, without
models, and left out if it still does not run. OUT gets a line a draft, the likeliest of a question first:
`id`, `database`, `sql`, `right`. CASES gets up to two wrong drafts and a right one of each question as cases
with gold, but for held-out databases: what SAM and LOM learn from.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.errors import ShareError
from share_sql.sql.text import extract_sql
from share_sql.training.sources import Source, SourceFiles, load_source
from share_sql.training.validate import Validator, columns_of
from share_sql.trajectory.read import read
from share_sql.trajectory.to_sql import to_sql
from small.examples import read_rows, write_rows
from small.folds import learnable

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase

_FENCE = "```SR"
"""What a trajectory begins with."""
MOST_TRIED = 6
"""Drafts of a question, the likeliest first."""


class Labeller:
    """Runs and judges the drafts of one source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.validator = Validator(source)
        self.assistant = Assistant(catalog=source.catalog, conventions="benchmark")

    def labelled(self, each: LabelledCase, drafts: list[str]) -> list[tuple[str, bool] | None]:
        """The SQL of each draft with whether it is right; None for one that does not run."""
        gold = extract_sql(each.gold)
        found: list[tuple[str, bool] | None] = []
        for text in drafts[:MOST_TRIED]:
            try:
                sql = self.runnable(each.case, text)
                right = sql is not None and self.validator.right(each.case.database, sql, gold)[0]
                found.append(None if sql is None else (sql, right))
            except ShareError:
                found.append(None)
        return found

    def runnable(self, case: Case, text: str) -> str | None:
        """A draft's SQL, repaired where it does not run; None where that does not help.

        Raises ShareError where a trajectory cannot be read or compiled.
        """
        schema = self.source.schema(case.database)
        if text.lstrip().startswith(_FENCE):
            trajectory = read(text, columns_of(schema)).trajectory
            text = to_sql(trajectory, schema, hint=f"{case.question} {case.evidence}", guess=True)
        sql = " ".join(text.split())
        if isinstance(self.validator.result(case.database, sql), str):
            sql = self.assistant.correct(Case(case.id, case.question, case.database, sql, case.evidence)).sql
            if isinstance(self.validator.result(case.database, sql), str):
                return None
        return sql


def as_cases(rows: list[dict[str, Any]], cases: dict[str, LabelledCase]) -> Iterator[dict[str, Any]]:
    """Up to two wrong drafts and a right one of each question, as lines of a file of cases."""
    by_question: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_question.setdefault(row["id"], []).append(row)
    for id_, drafts in by_question.items():
        case, gold = cases[id_].case, cases[id_].gold
        wrong = [row["sql"] for row in drafts if not row["right"]][:2]
        right = [row["sql"] for row in drafts if row["right"]][:1]
        for number, draft in enumerate([*wrong, *right]):
            yield {
                "id": f"{id_}.{number}", "question": case.question, "evidence": case.evidence,
                "database": case.database, "gold": gold, "draft": draft,
            }  # fmt: skip


def main() -> None:
    """Label one source's drafts."""
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("source", "drafts", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("cases", type=Path, nargs="?")
    args = parser.parse_args()
    source = load_source(SourceFiles.of(args.source))
    cases = {each.case.id: each for each in source.cases}
    labeller = Labeller(source)
    drafted = [row for row in read_rows(args.drafts) if row["source"] == source.name]
    drafted.sort(key=lambda row: (cases[row["id"]].case.database, row["id"]))
    kept: list[dict[str, Any]] = []
    likeliest = []
    for row in drafted:
        each = cases[row["id"]]
        found = labeller.labelled(each, [text for text, *_ in row["drafts"]])
        likeliest += found[:1]
        where = {"source": source.name, "id": each.case.id, "database": each.case.database}
        kept += [{**where, "sql": sql, "right": right} for sql, right in dict.fromkeys(filter(None, found))]
    write_rows(args.out, kept)
    run = [draft for draft in likeliest if draft is not None]
    print(
        f"{source.name}: {len(kept)} drafts run, {sum(row['right'] for row in kept)} are right; of the "
        f"{len(likeliest)} likeliest ones {len(run)} run, {sum(right for _, right in run)} are right"
    )
    if args.cases:
        write_rows(args.cases, as_cases(learnable(kept), cases))


if __name__ == "__main__":
    main()
