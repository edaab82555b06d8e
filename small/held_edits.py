"""Single edits of drafts of held-out databases, for the scorer to weigh: which kinds are worth asking about?

    python -m small.held_edits OUT --of SOURCE LABELLED... [--of ...] [--prompts SET] [--without-rows]

Arguments as for `small.pairs`. Gold is no draft here: it is right even where it selects what nobody
asked for. OUT gets a line an edit that runs and gives other rows: `source`, `draft` (which one), `kind`,
`before` and `after` (whether right), and the scorer's prompts both ways, `forth` and `back`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from share_sql.errors import ShareError
from small.examples import write_rows
from small.folds import held_out
from small.queries import Queries, arguments, sources

MOST = 40
"""Edits of a draft."""


def held_edits(queries: Queries) -> Iterator[dict[str, Any]]:
    """The edits of one source's drafts."""
    name = queries.source.name
    for each in queries.source.cases:
        case = each.case
        if not held_out(name, case.database) or (gold := queries.gold(each)) is None:
            continue
        drafts = dict.fromkeys(row["sql"] for row in queries.drafts.get(case.id, ()))
        for number, sql in enumerate(sql for sql in drafts if sql != gold):
            try:
                before = queries.right(case, sql, gold)
                for kind, after, right in queries.changes(case, sql, queries.edits(case, sql, MOST), gold):
                    yield {
                        "source": name, "draft": f"{case.id}.{number}", "kind": kind,
                        "before": before, "after": right,
                        "forth": queries.prompt(case, sql, after), "back": queries.prompt(case, after, sql),
                    }  # fmt: skip
            except ShareError:
                continue


def main() -> None:
    """Write the edits of all sources."""
    logging.disable(logging.CRITICAL)
    args = arguments(__doc__).parse_args()
    write_rows(args.out, (edit for queries in sources(args) for edit in held_edits(queries)))


if __name__ == "__main__":
    main()
