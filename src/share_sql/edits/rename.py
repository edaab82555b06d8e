"""Write a name that does not bind otherwise, wherever a SELECT uses it."""

from __future__ import annotations

from sqlglot import exp

from share_sql.edits.edit import with_columns
from share_sql.query.examined import Examined
from share_sql.query.named import identifier
from share_sql.sql.scopes import Bound


def renamed(
    draft: Examined, bound: Bound, source: exp.Identifier | None, name: str | None = None
) -> exp.Query:
    """A copy of the query in which all uses of one name are written otherwise.

    Args:
        draft: the query.
        bound: one use; the others are those in the same SELECT with the same qualifier that fail alike.
        source: the qualifier to write; None for none.
        name: the column's name to write; None where it stays.
    """
    same = {
        id(other.node)
        for other in draft.binding.names.values()
        if other.status == bound.status
        and other.scope is bound.scope
        and other.node.name.lower() == bound.node.name.lower()
        and other.node.table.lower() == bound.node.table.lower()
    }
    tree, columns = with_columns(draft.tree)
    for own, column in columns:
        if id(own) in same:
            if name is not None:
                column.set("this", identifier(name, draft.schema.dialect))
            column.set("table", source.copy() if source is not None else None)
            column.set("db", None)
    return tree
