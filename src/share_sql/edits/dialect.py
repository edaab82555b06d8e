"""What other dialects write and SQLite reads otherwise; what it does not read is in `edits.foreign`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, put
from share_sql.query.examined import Examined


def null_comparisons(draft: Examined) -> Iterator[Edit]:
    """`x = NULL` holds for no row in any dialect; `x IS NULL` is meant."""
    for node in draft.tree.find_all(exp.EQ, exp.NEQ):
        if not isinstance(node.expression, exp.Null):
            continue
        negated = isinstance(node, exp.NEQ)
        test: exp.Expr = exp.Is(this=node.this.copy(), expression=exp.Null())
        new = put(draft, node, exp.Not(this=test) if negated else test)
        word = "IS NOT NULL" if negated else "IS NULL"
        message = f"no row is {'un' if negated else ''}equal to NULL; {draft.text(node.this)} {word}"
        yield Edit("null-comparison", message, new)
