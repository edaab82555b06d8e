"""Pairs of answers to one question for the scorer: what one model wrote beside what another did.

    python -m small.rivals OUT --of SOURCE LABELLED... [--of ...] [--prompts SET] [--without-rows]

Arguments as `small.pairs`. Where that changes single places of queries, here whole answers of models stand
beside each other, as a draft and the drafter's answer do at work: wrong ones with right ones, both ways, and
wrong ones with other wrong ones. Gold is one of the right ones. Only pairs whose rows differ are kept.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from share_sql.errors import ShareError
from share_sql.training.examples import Example
from small.queries import Queries, arguments, sources

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase

MOST_WRONG = 3
"""Wrong answers of a question."""
MOST_RIGHT = 2
"""Right ones, gold among them."""


def rivals(queries: Queries, each: LabelledCase) -> Iterator[Example]:
    """The pairs of one question; none where gold is no good. Raises ShareError."""
    gold = queries.gold(each)
    if gold is None:
        return
    case, rng = each.case, random.Random(f"{queries.source.name}/{each.case.id}")
    drafts = queries.drafts.get(case.id, [])
    wrong = list(dict.fromkeys(row["sql"] for row in drafts if not row["right"]))
    right = list(dict.fromkeys(row["sql"] for row in drafts if row["right"]))
    rng.shuffle(wrong)
    rng.shuffle(right)
    wrong, right = wrong[:MOST_WRONG], [*right[: MOST_RIGHT - 1], gold]
    for at, old in enumerate(wrong):
        new = right[at % len(right)]
        if _differ(queries, each, old, new):
            yield _pair(queries, each, old, new, "draft to draft", mends=True)
            yield _pair(queries, each, new, old, "draft to draft")
    if len(wrong) > 1 and _differ(queries, each, *wrong[:2]):
        yield _pair(queries, each, *wrong[:2], "draft to draft")


def _differ(queries: Queries, each: LabelledCase, one: str, other: str) -> bool:
    found = [queries.result(each.case, sql) for sql in (one, other)]
    rows = [set(result.rows) if result is not None else None for result in found]
    return rows[0] is not None and rows[1] is not None and rows[0] != rows[1]


def _pair(
    queries: Queries, each: LabelledCase, old: str, new: str, kind: str, *, mends: bool = False
) -> Example:
    prompt = queries.prompt(each.case, old, new)
    answer = "yes" if mends else "no"
    return Example(each.case.id, queries.source.name, each.case.database, kind, prompt, answer)


def main() -> None:
    """Write the pairs of all sources."""
    logging.disable(logging.CRITICAL)
    args = arguments(__doc__).parse_args()
    rows = []
    for queries in sources(args):
        for each in sorted(queries.source.cases, key=lambda each: (each.case.database, each.case.id)):
            try:
                rows += [asdict(pair) for pair in rivals(queries, each)]
            except ShareError as error:
                print(f"{each.case.id}: {error}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows), encoding="utf-8")
    print(f"{len(rows)} pairs, {sum(row['output'] == 'yes' for row in rows)} mend")


if __name__ == "__main__":
    main()
