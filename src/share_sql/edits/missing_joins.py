"""A column whose table is not in FROM: the table is joined along the foreign keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit, twin
from share_sql.edits.join_order import in_order
from share_sql.edits.likely import named_share
from share_sql.edits.rename import renamed
from share_sql.errors import JoinPathError
from share_sql.query.examined import Examined
from share_sql.query.named import called, identifier, table_node
from share_sql.schema.model import Schema, Table
from share_sql.sql.scopes import Bound, Scope
from share_sql.trajectory.join_tree import JoinEdge
from share_sql.trajectory.joins import join_path


def joined(draft: Examined, bound: Bound, owners: list[Table], column: str) -> Iterator[Edit]:
    """Join the owner of a column to the tables that are there, nearest owner first.

    Args:
        draft: the query.
        bound: the name that does not bind.
        owners: tables that have the column.
        column: its name there.
    """
    present = [table.name for table in bound.scope.tables]
    if not present or any(source.table is None for source in bound.scope.sources):
        return
    reached = []
    for owner in owners:
        try:
            path = join_path(draft.schema, [*present, owner.name], hint=f"{draft.question} {draft.evidence}")
        except JoinPathError:
            continue
        reached.append((len(path.tables), owner, path))
    reached.sort(key=lambda entry: entry[0])
    if len(reached) > 1 and reached[0][0] == reached[1][0]:
        # Two owners equally near: only the question's own words could tell, so both are offered.
        reached = sorted(reached, key=lambda entry: (entry[0], -named_share(entry[1].name, draft.question)))
    names_of = {
        source.table.name: called(source, draft.schema.dialect)
        for source in bound.scope.sources
        if source.table
    }
    for _, owner, path in reached[:2]:
        added = [table for table in path.tables if table not in names_of]
        dialect = draft.schema.dialect
        qualifier = identifier(owner.own, dialect)
        tree = renamed(draft, bound, qualifier, _spelled(owner, column, bound, dialect))
        target = twin(bound.scope.select, draft.tree, tree)
        if not isinstance(target, exp.Select):
            continue
        in_from = dict(names_of)
        for table in added:
            edge = next(
                (
                    edge
                    for edge in path.edges
                    if table in (edge.table, edge.to_table)
                    and (edge.table in in_from or edge.to_table in in_from)
                ),
                None,
            )
            if edge is None:
                break
            new = table_node(draft.schema, table, always=False)
            in_from[table] = new.this
            conditions = _equal(edge, in_from, dialect)
            target.append("joins", exp.Join(this=new, on=exp.and_(*conditions), kind="INNER"))
        else:
            _qualify_all(target, draft.schema, bound.scope, set(added))
            whole = [each for edge in path.edges for each in _equal(edge, in_from, dialect)]
            if not in_order(target, dialect, whole):
                continue
            shown = ", ".join(added) or owner.name
            yield Edit(
                "missing-join", f"{column} stands in {owner.name}; joined {shown} along the keys", tree
            )


def _equal(edge: JoinEdge, in_from: Mapping[str, exp.Identifier], dialect: str) -> list[exp.EQ]:
    """The conditions that join two tables along a key."""
    return [
        exp.EQ(
            this=exp.column(identifier(left, dialect), table=in_from[edge.table].copy()),
            expression=exp.column(identifier(right, dialect), table=in_from[edge.to_table].copy()),
        )
        for left, right in edge.pairs
    ]


def _spelled(owner: Table, column: str, bound: Bound, dialect: str) -> str | None:
    """The column's name where it is to be written otherwise; None where it stays as it is."""
    if column == bound.node.name and dialect_of(dialect).name_case != "folded":
        return None
    known = owner.column(column)
    return known.name if known is not None else column


def _qualify_all(select: exp.Select, schema: Schema, scope: Scope, added: set[str]) -> None:
    """Bare columns of the old sources that the added tables have too get their old source's name."""
    for column in select.find_all(exp.Column):
        if column.table or isinstance(column.this, exp.Star):
            continue
        holders = [source for source in scope.sources if source.has(column.name)]
        clash = any((table := schema.table(name)) and table.column(column.name) for name in added)
        if clash and len(holders) == 1:
            column.set("table", called(holders[0], schema.dialect))
