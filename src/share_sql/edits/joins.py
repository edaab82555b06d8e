"""Joins over columns that are no key and share no value, where the tables have a foreign key."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from sqlglot import exp

from share_sql.database.base import QueryResult
from share_sql.edits.edit import Edit, edited
from share_sql.query.examined import BoundQuery
from share_sql.query.outcome import is_abnormal
from share_sql.sql.scopes import Bound
from share_sql.stages.stage import Query, Request, Response


def join_keys(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """Replace a join condition that is no key by the tables' foreign key.

    `join-key`: the condition matches no row at all, and the result is abnormal. `join-off-key`: it does
    match rows, by chance of equal numbers, yet neither column refers to the other's table.
    """
    abnormal = draft.outcome is None or is_abnormal(draft.outcome)
    keys = {
        frozenset(((key.table, key.column), (key.to_table, key.to_column)))
        for key in draft.schema.foreign_keys
    }
    equalities = _equalities(draft)
    joined = {
        frozenset((left.source, right.source))
        for _, left, right in equalities
        if frozenset((left.key, right.key)) in keys
    }
    edits = []
    for node, left, right in equalities:
        # Tables that a key joins already may have a further condition between them.
        if left.key is None or right.key is None or frozenset((left.source, right.source)) in joined:
            continue
        between = [
            key
            for key in draft.schema.foreign_keys
            if {key.table, key.to_table} == {left.key[0], right.key[0]} and key.table != key.to_table
        ]
        if len(between) != 1:
            continue
        shared = yield Query(_shared(left.key, right.key))
        if not isinstance(shared, QueryResult) or (not shared.rows and not abnormal):
            continue
        if shared.rows and left.key[1].lower() == right.key[1].lower():
            continue  # equal names are a key that nobody declared
        key = between[0]
        if left.source is None or right.source is None:
            continue
        names = {left.key[0]: left.source.name, right.key[0]: right.source.name}
        condition = exp.EQ(
            this=exp.column(exp.to_identifier(key.column), table=names[key.table]),
            expression=exp.column(exp.to_identifier(key.to_column), table=names[key.to_table]),
        )
        tree = edited(draft, node, lambda _, new=condition: new.copy())  # type: ignore[misc]
        fault = "are no key of each other" if shared.rows else "share no value"
        message = (
            f"{'.'.join(left.key)} and {'.'.join(right.key)} {fault}; "
            f"joined by the key {key.table}.{key.column} = {key.to_table}.{key.to_column}"
        )
        edits.append(Edit("join-off-key" if shared.rows else "join-key", message, tree))
    return edits


def _equalities(draft: BoundQuery) -> list[tuple[exp.EQ, Bound, Bound]]:
    """Equalities between schema columns of two sources."""
    names = draft.binding.names
    found = []
    for node in draft.tree.find_all(exp.EQ):
        left, right = names.get(id(node.this)), names.get(id(node.expression))
        if (
            left is not None
            and right is not None
            and left.key
            and right.key
            and left.source is not right.source
        ):
            found.append((node, left, right))
    return found


def _shared(left: tuple[str, str], right: tuple[str, str]) -> str:
    """SQL that gives a row if two columns have a value in common."""
    first = exp.Table(this=exp.to_identifier(left[0], quoted=True), alias="a")
    second = exp.Table(this=exp.to_identifier(right[0], quoted=True), alias="b")
    equal = exp.EQ(
        this=exp.column(exp.to_identifier(left[1], quoted=True), table="a"),
        expression=exp.column(exp.to_identifier(right[1], quoted=True), table="b"),
    )
    return exp.select("1").from_(first).join(second, on=equal).limit(1).sql(dialect="sqlite")
