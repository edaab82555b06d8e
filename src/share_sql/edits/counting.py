"""`COUNT(x)` where the question counts different ones."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable

from sqlglot import exp

from share_sql.edits.edit import Edit
from share_sql.query.examined import BoundQuery
from share_sql.stages.stage import Request, Response

_DIFFERENT = re.compile(
    r"\b(?:how many|number of|count(?: the)?)\s+(?:\w+\s+)?(?:different|distinct|unique)\b"
)


def distinct_counts(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """ "How many different X": the one COUNT of a column becomes COUNT(DISTINCT …)."""
    yield from ()
    if not _DIFFERENT.search(draft.question.lower()):
        return []
    if draft.tree.find(exp.Distinct) or draft.tree.find(exp.Group) or not isinstance(draft.tree, exp.Select):
        return []
    counts = [count for count in draft.tree.find_all(exp.Count) if isinstance(count.this, exp.Column)]
    if len(counts) != 1:
        return []
    tree = draft.tree.copy()
    count = next(count for count in tree.find_all(exp.Count) if isinstance(count.this, exp.Column))
    shown = count.this.sql(dialect="sqlite")
    count.set("this", exp.Distinct(expressions=[count.this]))
    return [
        Edit("count-distinct", f"the question counts different ones, so {shown} is counted distinct", tree)
    ]
