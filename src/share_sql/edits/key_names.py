"""Names in join conditions that do not bind: the tables' foreign key says what is meant."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, edited, put
from share_sql.query.examined import UNBOUND, Examined
from share_sql.query.named import called, identifier
from share_sql.schema.model import ForeignKey
from share_sql.sql.scopes import Bound, Source


def along_key(draft: Examined, bound: Bound) -> Iterator[Edit]:
    """`o.cust = c.id`, of which one side or both do not bind, where one foreign key joins the two tables."""
    node = bound.node.parent
    if not isinstance(node, exp.EQ):
        return
    other = draft.binding.names.get(id(node.expression if node.this is bound.node else node.this))
    if other is None or bound.source is None or other.source is None or bound.source is other.source:
        return
    key = _only_key(draft, bound.source, other.source)
    if key is None:
        return
    ends = ((key.table, key.column), (key.to_table, key.to_column))
    if other.status not in UNBOUND and other.key not in ends:
        return
    dialect = draft.schema.dialect
    sides = [
        _column(source, key.column if _is_table(source, key.table) else key.to_column, dialect)
        for source in (bound.source, other.source)
    ]
    left, right = sides if node.this is bound.node else sides[::-1]
    message = (
        f"there is no column {bound.node.name}; {key.table} and {key.to_table} are joined along their key"
    )
    yield Edit("unknown-column", message, put(draft, node, exp.EQ(this=left, expression=right)))


def using_keys(draft: Examined) -> Iterator[Edit]:
    """`USING (cust)`, which not both tables have, where one foreign key joins it to those before."""
    for bound in draft.binding.unknown_columns:
        if id(bound.node) in draft.binding.names:
            continue
        for join in bound.scope.select.args.get("joins") or ():
            names = [name.name.lower() for name in join.args.get("using") or ()]
            source = draft.binding.sources.get(id(join.this))
            if names != [bound.node.name.lower()] or source is None or source not in bound.scope.sources:
                continue
            before = bound.scope.sources[: bound.scope.sources.index(source)]
            found = [(key, each) for each in before if (key := _only_key(draft, source, each)) is not None]
            if len(found) != 1:
                continue
            key, other = found[0]
            refers = source if _is_table(source, key.table) else other
            referred = other if refers is source else source
            dialect = draft.schema.dialect
            on = exp.EQ(
                this=_column(refers, key.column, dialect),
                expression=_column(referred, key.to_column, dialect),
            )

            def change(old: exp.Expr, on: exp.Expr = on) -> None:
                old.set("using", None)
                old.set("on", on)

            message = f"not both tables have {bound.node.name}; joined by the key {key.table}.{key.column}"
            yield Edit("unknown-column", message, edited(draft, join, change))


def _is_table(source: Source, name: str) -> bool:
    return source.table is not None and source.table.name == name


def _column(source: Source, name: str, dialect: str) -> exp.Column:
    return exp.column(identifier(name, dialect), table=called(source, dialect))


def _only_key(draft: Examined, one: Source, other: Source) -> ForeignKey | None:
    """The foreign key between two tables, where there is one only, of one column."""
    if one.table is None or other.table is None or one.table is other.table:
        return None
    ends = {one.table.name, other.table.name}
    between = [key for key in draft.schema.foreign_keys if {key.table, key.to_table} == ends]
    return between[0] if len(between) == 1 else None
