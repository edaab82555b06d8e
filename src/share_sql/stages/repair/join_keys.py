"""Joins over columns that are no key and share no value, where the tables have a foreign key."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from sqlglot import exp

from share_sql.database.base import QueryResult
from share_sql.evidence.bind import Bound
from share_sql.evidence.bound_query import BoundQuery
from share_sql.evidence.outcome import is_abnormal
from share_sql.stages.repair.edit import Edit, edited
from share_sql.stages.stage import Query, Request, Response


def join_keys(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """Replace a join condition that matches no row at all by the tables' foreign key."""
    if draft.outcome is not None and not is_abnormal(draft.outcome):
        return []
    keys = {
        frozenset(((key.table, key.column), (key.to_table, key.to_column)))
        for key in draft.schema.foreign_keys
    }
    by_node: dict[int, Bound] = {id(bound.node): bound for bound in draft.binding.columns}
    edits = []
    for node in draft.tree.find_all(exp.EQ):
        left, right = by_node.get(id(node.this)), by_node.get(id(node.expression))
        if left is None or right is None or left.key is None or right.key is None:
            continue
        if left.source is right.source or frozenset((left.key, right.key)) in keys:
            continue
        between = [
            key
            for key in draft.schema.foreign_keys
            if {key.table, key.to_table} == {left.key[0], right.key[0]} and key.table != key.to_table
        ]
        if len(between) != 1:
            continue
        shared = yield Query(_shared(left.key, right.key))
        if not isinstance(shared, QueryResult) or shared.rows:
            continue
        key = between[0]
        if left.source is None or right.source is None:
            continue
        names = {left.key[0]: left.source.name, right.key[0]: right.source.name}
        condition = exp.EQ(
            this=exp.column(exp.to_identifier(key.column), table=names[key.table]),
            expression=exp.column(exp.to_identifier(key.to_column), table=names[key.to_table]),
        )
        tree = edited(draft, node, lambda _, new=condition: new.copy())  # type: ignore[misc]
        message = (
            f"{'.'.join(left.key)} and {'.'.join(right.key)} share no value; "
            f"joined by the key {key.table}.{key.column} = {key.to_table}.{key.to_column}"
        )
        edits.append(Edit("join-key", message, tree))
    return edits


def _shared(left: tuple[str, str], right: tuple[str, str]) -> str:
    """SQL that gives a row if two columns have a value in common."""
    first = exp.Table(this=exp.to_identifier(left[0], quoted=True), alias="a")
    second = exp.Table(this=exp.to_identifier(right[0], quoted=True), alias="b")
    equal = exp.EQ(
        this=exp.column(exp.to_identifier(left[1], quoted=True), table="a"),
        expression=exp.column(exp.to_identifier(right[1], quoted=True), table="b"),
    )
    return exp.select("1").from_(first).join(second, on=equal).limit(1).sql(dialect="sqlite")
