"""Single edits of held-out drafts, for the scorer to weigh: which kinds are worth asking about?

    python runs/small/held_edits.py SOURCE LABELLED OUT

SOURCE and LABELLED as for `pairs.py`. Of each question of a held-out database every labelled draft is taken,
and gold as a right draft. Writes OUT, a line an edit that runs and gives other rows: `case`, `kind`, `before`
and `after` (right or not), and the scorer's texts both ways.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from share_sql.edits.guesses import single_edits
from share_sql.errors import ShareError
from share_sql.judgement.weights import load_weights
from share_sql.query.change_text import change_text, query_text, question_text
from share_sql.query.examined import BoundQuery
from share_sql.sql.text import extract_sql, parse_select
from share_sql.training.sources import SourceFiles, load_source
from share_sql.training.validate import Validator

sys.path.insert(0, str(Path(__file__).parent))
from folds import held_out

MOST = 40


def main() -> None:
    logging.disable(logging.CRITICAL)
    source = load_source(SourceFiles.of(Path(sys.argv[1])))
    validator, weights = Validator(source), load_weights()
    drafts: dict[str, list[str]] = {}
    for row in map(json.loads, Path(sys.argv[2]).read_text("utf-8").splitlines()):
        if row["sql"]:
            drafts.setdefault(row["id"], []).append(row["sql"])
    cases = [each for each in source.cases if held_out(source.name, each.case.database)]
    told = 0
    with Path(sys.argv[3]).open("w", encoding="utf-8") as out:
        for number, each in enumerate(cases):
            case, schema = each.case, source.schema(each.case.database)
            gold = " ".join(extract_sql(each.gold).split())
            if isinstance(validator.result(case.database, gold), str | None):
                continue
            for at, sql in enumerate(dict.fromkeys([*drafts.get(case.id, []), gold])):
                try:
                    before = validator.result(case.database, sql)
                    if isinstance(before, str) or before is None:
                        continue
                    right = validator.right(case.database, sql, gold)[0]
                    tree = parse_select(sql, "sqlite")
                    query = BoundQuery(tree, schema, case.question, case.evidence, None, weights)
                    edits = single_edits(query, MOST)
                    old = query_text(sql, schema)
                except ShareError:
                    continue
                told += 1
                key = f"{source.name}/{case.database}/{case.id}.{at}"
                out.write(json.dumps({"case": key, "kind": "", "before": right, "gold": sql == gold}) + "\n")
                for edit in edits:
                    after = edit.tree.sql(dialect="sqlite")
                    found = validator.result(case.database, after)
                    if isinstance(found, str) or found is None or found.rows == before.rows:
                        continue
                    new = query_text(after, schema)
                    line = {
                        "case": key, "kind": edit.kind, "before": right,
                        "after": validator.right(case.database, after, gold)[0],
                        "question": question_text(case.question, case.evidence),
                        "change": change_text(old, new, schema), "back": change_text(new, old, schema),
                    }  # fmt: skip
                    out.write(json.dumps(line) + "\n")
            if number % 100 == 0:
                print(f"{number} of {len(cases)}, {told} drafts", flush=True)
    source.close()


if __name__ == "__main__":
    main()
