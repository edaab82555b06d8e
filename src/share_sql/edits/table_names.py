"""A table that does not exist: the nearest name, or the one table that has the columns."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, with_columns
from share_sql.edits.spelling import NEAR, column_likeness, table_likeness
from share_sql.query.examined import Examined
from share_sql.query.named import identifier, table_node
from share_sql.schema.model import Table
from share_sql.sql.scopes import Source

_MOST_TABLES = 20
"""Tables that do not exist for which others are proposed, at most."""
_MOST_COMPARED = 200_000
"""Names of columns compared for one such table; of larger schemas only tables of a like name are searched."""
_SURE = 94.0
"""Likeness from which two names have the same words."""


def unknown_tables(draft: Examined) -> Iterator[Edit]:
    """Propose tables for each name that is none, the likeliest first; all its uses are one name."""
    done: set[str] = set()
    for source in draft.binding.unknown_sources:
        written = source.node.name
        if written.lower() not in done:
            if len(done) >= _MOST_TABLES:
                return
            done.add(written.lower())
            yield from _table(draft, written)


def _table(draft: Examined, written: str) -> Iterator[Edit]:
    sources = [each for each in draft.binding.unknown_sources if each.node.name.lower() == written.lower()]
    wanted = _wanted(draft, sources)
    present = _present(draft, sources)
    ranked = []
    is_large = len(wanted) * sum(len(table.columns) for table in draft.schema.tables) > _MOST_COMPARED
    for table in draft.schema.tables:
        near_name = table_likeness(written, table)
        exact = sum(table.column(name) is not None for name in wanted)
        looked_into = not is_large or near_name >= NEAR
        alike = sum(_has(table, name) for name in wanted) if looked_into else exact
        ranked.append((near_name, exact, alike, table))
    # A name of the same words is meant whatever its columns; of others the one that has the columns.
    ranked.sort(
        key=lambda entry: (entry[0] < _SURE, -(entry[2] == len(wanted)), -entry[0], -entry[1], -entry[2])
    )
    near = [
        entry
        for entry in ranked
        if entry[0] >= NEAR or (wanted and entry[1] == len(wanted) and entry[0] >= 60)
    ]
    for _, _, _, table in near[:3]:
        yield _renamed(draft, sources, table, f"{table.name} is the nearest name")
    if near:
        return
    absent = [entry for entry in ranked if entry[3].name not in present]
    for count in (1, 2):
        holders = [entry[3] for entry in absent if wanted and entry[count] == len(wanted)]
        if len(holders) == 1:
            yield _renamed(
                draft, sources, holders[0], f"{holders[0].name} alone has {', '.join(sorted(wanted))}"
            )
        if holders:
            return
    if len(draft.schema.tables) == 1:
        only = draft.schema.tables[0]
        yield _renamed(draft, sources, only, f"{only.name} is the only table")


def _wanted(draft: Examined, sources: list[Source]) -> set[str]:
    """The columns that a query asks of its unknown tables."""
    names = {source.name.lower() for source in sources}
    return {
        bound.node.name
        for bound in draft.binding.names.values()
        if not isinstance(bound.node.this, exp.Star)
        and bound.status != "alias"
        and (bound.source in sources or bound.node.table.lower() in names)
    }


def _present(draft: Examined, sources: list[Source]) -> set[str]:
    """The tables that stand beside the unknown ones: a join brings in another."""
    scopes = [scope for scope in draft.binding.scopes if any(source in scope.sources for source in sources)]
    return {table.name for scope in scopes for table in scope.tables}


def _has(table: Table, name: str) -> bool:
    return table.column(name) is not None or any(
        column_likeness(name, column.name, table) >= NEAR for column in table.columns
    )


def _renamed(draft: Examined, sources: list[Source], table: Table, why: str) -> Edit:
    written = sources[0].node.name
    nodes = {id(source.node) for source in sources}
    bare = {source.name.lower() for source in sources if source.name.lower() == written.lower()}
    tree, columns = with_columns(draft.tree)
    for own, copy in zip(list(draft.tree.find_all(exp.Table)), list(tree.find_all(exp.Table)), strict=True):
        if id(own) in nodes:
            node = table_node(draft.schema, table.name, always=False)
            copy.set("this", node.this)
            copy.set("db", node.args.get("db"))
            copy.set("catalog", None)
    for _, column in columns:
        if column.table.lower() in bare:
            column.set("table", identifier(table.own, draft.schema.dialect))
            column.set("db", None)
    if written.lower() == table.own.lower() and table.name != table.own:
        return Edit("unknown-table", f"{table.own} lies in {table.namespace}: {table.name}", tree)
    if written.lower() == table.own.lower():  # it fails for its capitals, or for want of quotes, alone
        return Edit("name-case", f"capitals count in names here: {table.own}", tree)
    return Edit("unknown-table", f"there is no table {written}; {why}", tree)
