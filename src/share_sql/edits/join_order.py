"""Joins in an order in which each condition names only tables that stand before it.

SQLite lets ON name a table that is joined later; other dialects do not. The conditions of inner joins may
stand at any of them, so that they can be put where all their tables are there.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.aggregates import conjuncts


def in_order(select: exp.Select, dialect: str, more: Sequence[exp.Expr] = ()) -> bool:
    """Put the joins of a SELECT in order, in place, where the dialect wants it and they are not.

    Args:
        select: the SELECT.
        dialect: sqlglot's name of the dialect.
        more: conditions that join its tables too, for those that would have none.

    Returns:
        Whether they are in order now. They cannot be put so where one is no inner join with ON, or where a
        bare name does not say of which table it is.
    """
    joins: list[exp.Join] = select.args.get("joins") or []
    start = select.args.get("from_")
    if dialect_of(dialect).on_sees_all or start is None or len(joins) < 2:
        return True
    items = [start.this, *(join.this for join in joins)]
    names = [str(item.alias_or_name).lower() for item in items]
    conditions = [_conditions(join) for join in joins]
    needs = [frozenset().union(*map(_named, parts)) & frozenset(names) for parts in conditions]
    seen = {names[0]}
    for name, need in zip(names[1:], needs, strict=True):
        seen.add(name)
        if not need <= seen:
            break
    else:
        return True
    plain = all(join.args.get("on") is not None and not join.side and not join.method for join in joins)
    bare = any(
        not column.table for parts in conditions for each in parts for column in each.find_all(exp.Column)
    )
    if not plain or bare or len(set(names)) < len(names):
        return False
    own = [part for parts in conditions for part in parts]
    ordered = _ordered(joins, names, own) or _ordered(joins, names, [*own, *more])
    if ordered is None:
        return False
    select.set("joins", ordered)
    return True


def _ordered(joins: list[exp.Join], names: list[str], parts: list[exp.Expr]) -> list[exp.Join] | None:
    """The joins, each with the conditions that it completes; None where one would have none."""
    left = dict(zip(names[1:], joins, strict=True))
    parts = list({_sides(part): part for part in reversed(parts)}.values())[::-1]
    seen, done = {names[0]}, []
    while left:
        name = next((name for name in left if _ready(parts, name, seen)), None)
        if name is None:
            return None
        ready = _ready(parts, name, seen)
        seen.add(name)
        parts = [part for part in parts if part not in ready]
        new = left.pop(name).copy()
        new.set("on", exp.and_(*ready, copy=True, wrap=False))
        done.append(new)
    return done if not parts else None


def _ready(parts: list[exp.Expr], name: str, seen: set[str]) -> list[exp.Expr]:
    """The conditions of a table that name it and tables before it alone."""
    return [part for part in parts if name in _named(part) and _named(part) <= seen | {name}]


def _conditions(join: exp.Join) -> list[exp.Expr]:
    on = join.args.get("on")
    return conjuncts(exp.Where(this=on.copy())) if on is not None else []


def _sides(part: exp.Expr) -> frozenset[str]:
    """A condition, whichever way round it is written."""
    both = (part.this, part.expression) if isinstance(part, exp.EQ) else (part,)
    return frozenset(side.sql().lower() for side in both)


def _named(part: exp.Expr) -> frozenset[str]:
    """The tables that a condition names, in lower case."""
    return frozenset(column.table.lower() for column in part.find_all(exp.Column) if column.table)
