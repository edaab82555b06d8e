"""What is wrong with a draft, in few words: examples for the role `errors`.

    python -m small.errors OUT --of SOURCE LABELLED... [--of ...] [--prompts SET] [--without-rows]

Arguments as for `small.pairs`; the prompt set must have a prompt for `errors`. Wrong drafts come with what is
wrong with them, found by comparing their trajectories with gold's (`edits/error_kinds.py`); right drafts and,
where a question has none, gold come with `nothing`. OUT gets the examples in the layout of `share data`.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from share_sql.edits.error_kinds import NOTHING, error_words
from share_sql.errors import ShareError
from share_sql.prompts.library import CODER_SET
from share_sql.training.examples import Example
from share_sql.trajectory.nodes import Trajectory
from small.queries import Queries, arguments, sources

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase

MOST_WRONG = 3
"""Wrong drafts of a question."""
MOST_RIGHT = 2


def question_errors(queries: Queries, each: LabelledCase) -> Iterator[Example]:
    """The examples of one question; none where gold is no good, or cannot be written as a trajectory.

    Raises ShareError.
    """
    case, gold = each.case, queries.gold(each)
    right = queries.read(case, gold).trajectory if gold else None
    if gold is None or not isinstance(right, Trajectory):
        return
    drafts = queries.drafts.get(case.id, [])
    good = [row["sql"] for row in drafts if row["right"]]

    def example(sql: str, kind: str, *words: str) -> Example:
        prompt = queries.error_prompt(case, sql)
        return Example(
            case.id, queries.source.name, case.database, kind, prompt, ", ".join(words), errors=words
        )

    for sql in dict.fromkeys(good[:MOST_RIGHT] or [gold]):
        yield example(sql, "right draft" if good else "gold", NOTHING)
    for sql in [row["sql"] for row in drafts if not row["right"]][:MOST_WRONG]:
        if queries.result(case, sql) is None:
            continue
        wrong = queries.read(case, sql).trajectory
        if isinstance(wrong, Trajectory):
            yield example(
                sql, "wrong draft", *error_words(right, wrong, queries.source.schema(case.database))
            )


def source_errors(queries: Queries) -> Iterator[Example]:
    """The examples of one source."""
    for each in queries.source.cases:
        try:
            yield from question_errors(queries, each)
        except ShareError:
            continue  # what cannot be read teaches nothing


def main() -> None:
    """Write the examples of all sources."""
    logging.disable(logging.CRITICAL)
    parser = arguments(__doc__)
    parser.set_defaults(prompts=CODER_SET)
    args = parser.parse_args()
    rows = [asdict(each) for queries in sources(args) for each in source_errors(queries)]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows), encoding="utf-8")
    counted = Counter(word for row in rows for word in row["errors"])
    print(f"{len(rows)} examples: {', '.join(f'{word} {count}' for word, count in counted.most_common())}")


if __name__ == "__main__":
    main()
