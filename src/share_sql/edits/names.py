"""Names that do not bind: misspelt tables and columns, columns of another table, ambiguous names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, edited, put, twin, with_columns
from share_sql.edits.likely import named_share
from share_sql.errors import JoinPathError
from share_sql.query.examined import UNBOUND, Examined
from share_sql.schema.model import Schema, Table
from share_sql.sql.scopes import Bound, Scope, Source
from share_sql.trajectory.joins import join_path

_NEAR = 78.0
"""Likeness (0 to 100) from which a name counts as a misspelling of another."""


def names(draft: Examined) -> Iterator[Edit]:
    """Propose mends for the first name that does not bind; only for drafts that do not run."""
    if draft.runs:
        return
    for source in draft.binding.unknown_sources:
        yield from _table(draft, source)
        return
    for bound in draft.binding.names.values():
        if bound.status in UNBOUND:
            yield from _column(draft, bound)
            return


def likeness(left: str, right: str) -> float:
    """How alike two identifiers are, 0 to 100; case, underscores and spaces do not count."""
    from rapidfuzz import fuzz

    return fuzz.ratio(_plain(left), _plain(right))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _table(draft: Examined, source: Source) -> Iterator[Edit]:
    """An unknown table: the nearest name that has the columns asked of it."""
    written = source.node.name
    wanted = {
        bound.node.name
        for bound in draft.binding.names.values()
        if bound.source is source or bound.node.table.lower() == source.name.lower()
    }
    ranked = sorted(
        (
            (sum(table.column(name) is not None for name in wanted), _table_likeness(written, table), table)
            for table in draft.schema.tables
        ),
        key=lambda entry: (-entry[1], -entry[0]),
    )
    for having, near, table in ranked[:3]:
        if near >= _NEAR or (wanted and having == len(wanted) and near >= 60):
            tree = put(draft, source.node.this, exp.to_identifier(table.name))
            for column in tree.find_all(exp.Column):
                if column.table.lower() == written.lower() and source.name.lower() == written.lower():
                    column.set("table", exp.to_identifier(table.name))
            yield Edit(
                "unknown-table", f"there is no table {written}; {table.name} is the nearest name", tree
            )


def _table_likeness(written: str, table: Table) -> float:
    near = likeness(written, table.name)
    ours, theirs = set(re.split(r"[\W_]+", written.lower())), set(re.split(r"[\W_]+", table.name.lower()))
    # superhero_power for hero_power: one name's words within the other's.
    if ours and theirs and (ours <= theirs or theirs <= ours):
        near = max(near, 80.0)
    return near


def _column(draft: Examined, bound: Bound) -> Iterator[Edit]:
    if bound.status == "ambiguous":
        yield from _qualify(draft, bound)
        return
    written = bound.node.name
    in_reach = bound.scope.reach()
    # The column of another source in reach.
    for source in in_reach:
        if source.table is not None and source.table.column(written) is not None:
            yield Edit(
                "wrong-table",
                f"{draft.text(bound.node)} is not there; {source.table.name} has {written}",
                _requalified(draft, bound, source.name),
            )
    # A misspelling of a column in reach.
    spelled = sorted(
        (
            (likeness(written, column.name), source, column.name)
            for source in in_reach
            if source.table is not None and (not bound.node.table or bound.source in (None, source))
            for column in source.table.columns
        ),
        key=lambda entry: -entry[0],
    )
    for near, source, name in spelled[:2]:
        if near >= _NEAR:
            tree = _requalified(
                draft, bound, source.name if bound.node.table or len(in_reach) > 1 else None, name
            )
            yield Edit("unknown-column", f"there is no column {written}; {name} is the nearest name", tree)
    # The column of a table that is not in FROM: bring it in along the keys.
    owners = list(draft.schema.tables_with(written))
    named = draft.schema.table(bound.node.table) if bound.status == "unknown-source" else None
    if named is not None and named.column(written) is not None:
        owners = [named]
    yield from _joined(draft, bound, owners, written)


def _requalified(draft: Examined, bound: Bound, source: str | None, name: str | None = None) -> exp.Query:
    def change(node: exp.Expr) -> None:
        if name is not None:
            node.set("this", exp.to_identifier(name))
        node.set("table", exp.to_identifier(source))

    return edited(draft, bound.node, change)


def _joined(draft: Examined, bound: Bound, owners: list[Table], column: str) -> Iterator[Edit]:
    """Join the owner of a column to the tables that are there, nearest owner first."""
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
    names_of = {source.table.name: source.name for source in bound.scope.sources if source.table}
    for _, owner, path in reached[:2]:
        added = [table for table in path.tables if table not in names_of]
        tree = _requalified(draft, bound, owner.name)
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
            in_from[table] = table
            conditions = [
                exp.EQ(
                    this=exp.column(exp.to_identifier(left), table=exp.to_identifier(in_from[edge.table])),
                    expression=exp.column(
                        exp.to_identifier(right), table=exp.to_identifier(in_from[edge.to_table])
                    ),
                )
                for left, right in edge.pairs
            ]
            target.append(
                "joins",
                exp.Join(
                    this=exp.Table(this=exp.to_identifier(table)), on=exp.and_(*conditions), kind="INNER"
                ),
            )
        else:
            _qualify_all(target, draft.schema, bound.scope, set(added))
            shown = ", ".join(added) or owner.name
            yield Edit(
                "missing-join", f"{column} stands in {owner.name}; joined {shown} along the keys", tree
            )


def _qualify_all(select: exp.Select, schema: Schema, scope: Scope, added: set[str]) -> None:
    """Bare columns of the old sources that the added tables have too get their old source's name."""
    for column in select.find_all(exp.Column):
        if column.table or isinstance(column.this, exp.Star):
            continue
        holders = [source for source in scope.sources if source.has(column.name)]
        clash = any((table := schema.table(name)) and table.column(column.name) for name in added)
        if clash and len(holders) == 1:
            column.set("table", exp.to_identifier(holders[0].name))


def _qualify(draft: Examined, bound: Bound) -> Iterator[Edit]:
    """An ambiguous name: the source that grouping or the question points to, else the first."""
    select = bound.scope.select
    group = select.args.get("group")
    grouped = {
        column.table.lower()
        for column in (group.find_all(exp.Column) if group is not None else ())
        if column.name.lower() == bound.node.name.lower() and column.table
    }

    def rank(source: Source) -> tuple[bool, bool, float, int]:
        table = source.table
        refers = table is not None and any(
            key.table == table.name and key.column.lower() == bound.node.name.lower()
            for key in draft.schema.foreign_keys
        )
        named = named_share(table.name, draft.question) if table is not None else 0.0
        return (source.name.lower() not in grouped, refers, -named, bound.scope.sources.index(source))

    choices = [source for source in bound.choices if source in bound.scope.sources] or list(bound.choices)
    for source in sorted(choices, key=rank):
        holders = " and ".join(holder.name for holder in bound.choices)
        yield Edit(
            "ambiguous-column",
            f"{bound.node.name} is in {holders}; taken from {source.name}",
            _requalified_all(draft, bound, source.name),
        )


def _requalified_all(draft: Examined, bound: Bound, source: str) -> exp.Query:
    """Qualify every ambiguous bare use of the name in this SELECT alike."""
    same = {
        id(other.node)
        for other in draft.binding.names.values()
        if other.status == "ambiguous"
        and other.scope is bound.scope
        and other.node.name.lower() == bound.node.name.lower()
    }
    tree, columns = with_columns(draft.tree)
    for own, column in columns:
        if id(own) in same:
            column.set("table", exp.to_identifier(source))
    return tree
