"""Pairs of queries for the scorer, and what each shard of the work needs.

    python runs/small/pairs.py SOURCE LABELLED OUT PART PARTS [EVERY]

SOURCE is a folder of `share data teacher`, LABELLED what `label_drafts.py` wrote for it. A pair is a draft
and a candidate for one question, with label 1 where the candidate is right and the draft wrong. Pairs are:
gold and drafts with their single edits (as at work), the same with columns selected along that nobody asked
for, as chat models do, wrong drafts with gold, and all of them the other way round. Only pairs whose rows
differ are kept. Writes OUT.PART, a line a pair. EVERY takes every EVERY-th question alone.
"""

from __future__ import annotations

import json
import logging
import random
import sys
from pathlib import Path
from typing import Any

from sqlglot import exp

from share_sql.edits.guesses import single_edits
from share_sql.edits.likely import column_of, scope_of
from share_sql.errors import ShareError
from share_sql.judgement.weights import load_weights
from share_sql.query.change_text import change_text, query_text, question_text
from share_sql.query.examined import BoundQuery
from share_sql.schema.model import Schema
from share_sql.sql.text import extract_sql, parse_select
from share_sql.training.sources import SourceFiles, load_source
from share_sql.training.validate import Validator

sys.path.insert(0, str(Path(__file__).parent))
from folds import held_out

MOST_PAIRS = 20
"""A question; more of one teach little."""
MOST_OF_OUTPUT = 10
"""Of those, pairs that differ in the output columns alone."""


class Maker:
    """Makes the pairs of one source."""

    def __init__(self, folder: Path, labelled: list[dict[str, Any]]) -> None:
        self.source = load_source(SourceFiles.of(folder))
        self.validator = Validator(self.source)
        self.weights = load_weights()
        self.drafts: dict[str, list[dict[str, Any]]] = {}
        for row in labelled:
            if not row["sql"]:
                continue
            self.drafts.setdefault(row["id"], []).append(row)

    def question(self, each: Any) -> list[dict[str, Any]]:
        """All pairs of one question."""
        case = each.case
        schema = self.source.schema(case.database)
        gold = " ".join(extract_sql(each.gold).split())
        rng = random.Random(f"{self.source.name}/{case.id}")
        drafts = self.drafts.get(case.id, [])
        wrong = [row for row in drafts if not row["right"]]
        right = [row for row in drafts if row["right"] and row["sql"].lower() != gold.lower()]
        rng.shuffle(right)
        bases = [(gold, True, "gold"), *((r["sql"], True, "draft") for r in right[:1])]
        bases += [(row["sql"], False, "draft") for row in wrong[:2]]
        for sql, *_ in bases[:2]:
            bases += [(more, False, "along") for more in self._along(case, sql, gold, rng)]
        if isinstance(self.validator.result(case.database, gold), str | None):
            return []
        pairs: list[dict[str, Any]] = []
        for sql, is_right, what in bases:
            pairs += self._edited(case, schema, gold, sql, is_right, what, rng)
        for row in wrong[:3]:
            pairs.append(self._pair(case, schema, row["sql"], gold, 1, "draft to gold"))
            pairs.append(self._pair(case, schema, gold, row["sql"], 0, "gold to draft"))
            for other in right[:1]:
                pairs.append(self._pair(case, schema, other["sql"], row["sql"], 0, "draft to draft"))
        rng.shuffle(pairs)
        of_output = [pair for pair in pairs if "select-" in pair["kind"]][:MOST_OF_OUTPUT]
        others = [pair for pair in pairs if "select-" not in pair["kind"]]
        return [*of_output, *others[: MOST_PAIRS - len(of_output)]]

    def _along(self, case: Any, sql: str, gold: str, rng: random.Random) -> list[str]:
        """A query with one or two columns selected along: what it sorts, groups, filters or counts by, the
        keys and names of its tables."""
        schema = self.source.schema(case.database)
        query = BoundQuery(
            parse_select(sql, "sqlite"), schema, case.question, case.evidence, None, self.weights
        )
        tree = query.tree
        scope = scope_of(query, tree) if isinstance(tree, exp.Select) else None
        if scope is None or any(item.find(exp.AggFunc, exp.Star) for item in tree.expressions):
            return []
        used = [
            node.copy()
            for part in ("order", "group", "where", "having")
            if (clause := tree.args.get(part)) is not None
            for node in clause.find_all(exp.Column, exp.AggFunc)
            if node.find_ancestor(exp.Select) is tree and node.find_ancestor(exp.AggFunc) is None
        ]
        grouped = tree.args.get("group") is not None
        if grouped:
            used.append(exp.Count(this=exp.Star()))
        else:
            used = [node for node in used if isinstance(node, exp.Column)]
        for source in scope.sources:
            columns = list(source.table.columns) if source.table else []
            told = [column.name for column in columns if column.primary_key or "name" in column.name.lower()]
            told += [column.name for column in rng.sample(columns, min(2, len(columns)))]
            used += [column_of(source, name) for name in told]
        had = {item.unalias().sql().lower() for item in tree.expressions}
        more = list({each.sql().lower(): each for each in used if each.sql().lower() not in had}.values())
        found = []
        for count in (1, 1 if rng.random() < 0.6 else 2):
            if len(more) >= count:
                new = tree.copy()
                chosen = rng.sample(more, count)
                items = new.expressions
                front = rng.random() < 0.35
                new.set("expressions", [*chosen, *items] if front else [*items, *chosen])
                text = new.sql(dialect="sqlite")
                if not self.validator.right(case.database, text, gold)[0]:
                    found.append(text)
        return found

    def _edited(
        self, case: Any, schema: Schema, gold: str, sql: str, is_right: bool, what: str, rng: random.Random
    ) -> list[dict[str, Any]]:
        try:
            query = BoundQuery(
                parse_select(sql, "sqlite"), schema, case.question, case.evidence, None, self.weights
            )
            edits = single_edits(query, 24)
        except ShareError:
            return []
        before = self.validator.result(case.database, sql)
        made = []
        rng.shuffle(edits)
        edits.sort(key=lambda edit: edit.kind != "select-drop")
        idle = 0
        for edit in edits[: 6 if what == "along" else 14]:
            after = edit.tree.sql(dialect="sqlite")
            found = self.validator.result(case.database, after)
            if isinstance(found, str) or found is None or isinstance(before, str) or before is None:
                continue
            if found.rows == before.rows:
                continue
            becomes, _ = self.validator.right(case.database, after, gold)
            if is_right and not becomes:
                made.append(self._pair(case, schema, sql, after, 0, f"{what}: {edit.kind}"))
                if rng.random() < 0.5:
                    made.append(self._pair(case, schema, after, sql, 1, f"back: {edit.kind}"))
            elif not is_right and becomes:
                made.append(self._pair(case, schema, sql, after, 1, f"{what}: {edit.kind}"))
                made.append(self._pair(case, schema, after, sql, 0, f"back: {edit.kind}"))
            elif not is_right and idle < 3 and (what != "along" or edit.kind == "select-drop"):
                idle += 1
                made.append(self._pair(case, schema, sql, after, 0, f"idle: {edit.kind}"))
        return made

    def _pair(self, case: Any, schema: Schema, old: str, new: str, label: int, kind: str) -> dict[str, Any]:
        text = change_text(query_text(old, schema), query_text(new, schema), schema)
        return {
            "id": case.id,
            "database": case.database,
            "question": question_text(case.question, case.evidence),
            "change": text,
            "label": label,
            "kind": kind,
            "held": held_out(self.source.name, case.database),
        }


def main() -> None:
    logging.disable(logging.WARNING)
    folder, out, part, parts = Path(sys.argv[1]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    labelled = [json.loads(line) for line in Path(sys.argv[2]).read_text("utf-8").splitlines()]
    maker = Maker(folder, labelled)
    cases = sorted(maker.source.cases, key=lambda each: (each.case.database, each.case.id))
    every = int(sys.argv[6]) if len(sys.argv) > 6 else 1
    cases = cases[::every]
    mine = [each for at, each in enumerate(cases) if at * parts // len(cases) == part]
    with Path(f"{out}.{part}").open("w", encoding="utf-8") as file:
        for number, each in enumerate(mine):
            try:
                pairs = maker.question(each)
            except ShareError as error:
                print(f"{each.case.id}: {error}", file=sys.stderr)
                continue
            file.writelines(json.dumps(pair) + "\n" for pair in pairs)
            if number % 200 == 0:
                print(f"{number} of {len(mine)}", flush=True)
    maker.source.close()


if __name__ == "__main__":
    main()
