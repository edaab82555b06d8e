"""Warnings: what is risky in a query that may well be right. They are told, never acted on and never weighed.

As reasons to change a query they fire on right queries as often as on wrong ones; a person who knows the data
can tell. Some are read off the query (here), some are proved on the data (`warning_probes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlglot import exp

from share_sql.case import QueryWarning, TextChange
from share_sql.errors import SqlError
from share_sql.query.findings import place_of
from share_sql.query.warning_probes import PROBES, Seen
from share_sql.query.warnings_asked import evidence_column, evidence_condition, id_shown
from share_sql.requests import Steps
from share_sql.sql.text import parse_select

if TYPE_CHECKING:
    from share_sql.query.examined import Examined
    from share_sql.sql.scopes import Scope, Source


def warnings(query: Examined) -> Steps[tuple[QueryWarning, ...]]:
    """The warnings on a query, in a fixed order, each kind at most once.

    Args:
        query: it may fail; then only what can be read off it is told.

    Returns:
        Warnings with places in the query's text.
    """
    seen: dict[str, Seen] = {}
    for kind, look in _LOOKS.items():
        if (first := next(look(query), None)) is not None:
            seen[kind] = first
    if query.runs:
        for kinds, probe in PROBES.items():
            found = yield from probe(query)
            seen.update({kind: found[kind] for kind in kinds if kind in found})
    return tuple(_warning(query, kind, seen[kind]) for kind in WARNINGS if kind in seen)


def _warning(query: Examined, kind: str, seen: Seen) -> QueryWarning:
    place = place_of(seen.node, query.sql)
    change = TextChange(*place, seen.instead) if place is not None and seen.instead else None
    return QueryWarning(kind, seen.message, place, change if _parses(query, change) else None)


def _parses(query: Examined, change: TextChange | None) -> bool:
    """Whether the text still is a query after the change."""
    if change is None:
        return False
    try:
        parse_select(query.sql[: change.start] + change.text + query.sql[change.end :], query.schema.dialect)
    except SqlError:
        return False
    return True


def _cross_join(query: Examined) -> Iterator[Seen]:
    """Two sources of one FROM clause that no condition ties together."""
    for scope in query.binding.scopes:
        sources = [source for source in scope.sources if source.table is not None]
        if len(sources) < 2 or len(sources) != len(scope.sources) or not isinstance(scope.select, exp.Select):
            continue
        if any(join.args.get("using") or join.method for join in scope.select.find_all(exp.Join)):
            continue
        groups = {id(source): {id(source)} for source in sources}
        for condition in _conditions(scope):
            bound = [query.binding.names.get(id(column)) for column in condition.find_all(exp.Column)]
            tied = [each.source for each in bound if each is not None and each.source is not None]
            whole = set().union(*(groups.get(id(source), set()) for source in tied))
            for each in whole:
                groups[each] = whole
        alone = next((each for each in sources if len(groups[id(each)]) < len(sources)), None)
        if alone is not None:
            last = sources[-1] if id(sources[-1]) not in groups[id(sources[0])] else alone
            yield Seen(
                f"no condition joins {last.name} to the other tables: every row meets every row", last.node
            )


def _conditions(scope: Scope) -> Iterator[exp.Expr]:
    """The parts of ON and WHERE that hold together."""
    select = scope.select
    wholes = [join.args.get("on") for join in select.args.get("joins") or ()]
    where = select.args.get("where")
    wholes += [where.this] if where is not None else []
    for whole in wholes:
        if whole is not None:
            yield from whole.flatten() if isinstance(whole, exp.And) else (whole,)


def _half_key(query: Examined) -> Iterator[Seen]:
    """A join over a part of a compound key whose other part both tables have."""
    names = query.binding.names
    for scope in query.binding.scopes:
        tied: set[tuple[int, str]] = set()
        joined: list[tuple[Source, Source, exp.Expr]] = []
        for condition in _conditions(scope):
            if not isinstance(condition, exp.EQ):
                continue
            left, right = names.get(id(condition.this)), names.get(id(condition.expression))
            tied |= {(id(end.source), end.key[1]) for end in (left, right) if end is not None and end.key}
            if left is not None and right is not None and left.source and right.source:
                joined += [(left.source, right.source, condition), (right.source, left.source, condition)]
        for near, far, condition in joined:
            if near is far or near.table is None or far.table is None:
                continue
            for key in _compound_keys(query, near.table.name, far.table.name):
                # A column that is tied to another table's, or to a constant, needs no condition more.
                loose = [pair for pair in sorted(key) if (id(far), pair[1]) not in tied]
                if loose and len(loose) < len(key):
                    mine, theirs = loose[0]
                    missing = f"{near.name}.{mine} = {far.name}.{theirs}"
                    where = f"{near.name} and {far.name} are joined over a part of the key"
                    yield Seen(f"{where}; {missing} is missing", condition)


def _compound_keys(query: Examined, near: str, far: str) -> Iterator[frozenset[tuple[str, str]]]:
    """Compound keys by which rows of `near` find one row of `far`: declared, or `far`'s primary key where
    `near` has columns of all its names."""
    groups: dict[int, set[tuple[str, str]]] = {}
    for key in query.schema.foreign_keys:
        if key.group is not None and (key.table, key.to_table) == (near, far):
            groups.setdefault(key.group, set()).add((key.column, key.to_column))
    yield from (frozenset(pairs) for pairs in groups.values() if len(pairs) > 1)
    here, there = query.schema.table(near), query.schema.table(far)
    if here is None or there is None or groups or len(there.primary_key) < 2:
        return
    mine = [here.column(name) for name in there.primary_key]
    if None not in mine:
        yield frozenset((each.name, name) for each, name in zip(mine, there.primary_key, strict=True) if each)


_COMPARISONS = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.In, exp.Between)


def _outer_filter(query: Examined) -> Iterator[Seen]:
    """WHERE compares a column of the table that a LEFT JOIN may leave without a row."""
    for scope in query.binding.scopes:
        where = scope.select.args.get("where")
        if where is None:
            continue
        optional = {
            id(join.this): join for join in scope.select.args.get("joins") or () if join.side == "LEFT"
        }
        outer = {id(source) for source in scope.sources if id(source.node) in optional}
        for part in where.this.flatten() if isinstance(where.this, exp.And) else (where.this,):
            if not isinstance(
                part, exp.EQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Like | exp.In | exp.Between
            ):
                continue
            bound = query.binding.names.get(id(part.this))
            if bound is not None and id(bound.source) in outer:
                yield Seen(
                    f"the condition on {query.text(part.this)} drops the rows that the LEFT JOIN keeps; "
                    "it may belong into ON",
                    part,
                )


def _distinct_aggregate(query: Examined) -> Iterator[Seen]:
    """DISTINCT over a single row of aggregates does nothing."""
    for select in query.tree.find_all(exp.Select):
        items = [item.this if isinstance(item, exp.Alias) else item for item in select.expressions]
        if not select.args.get("distinct") or select.args.get("group") or not items:
            continue
        if all(isinstance(item, exp.AggFunc) for item in items):
            shown = query.text(items[0])
            yield Seen(f"DISTINCT does nothing beside {shown}, which gives one row", items[0])


def _having_alone(query: Examined) -> Iterator[Seen]:
    for select in query.tree.find_all(exp.Select):
        having = select.args.get("having")
        if having is not None and select.args.get("group") is None:
            yield Seen("HAVING stands without GROUP BY: all rows are one group", having.this)


def _mixed_and_or(query: Examined) -> Iterator[Seen]:
    """AND beside OR without parentheses; AND binds first."""
    for either in query.tree.find_all(exp.Or):
        inner = next((side for side in (either.this, either.expression) if isinstance(side, exp.And)), None)
        if inner is not None and not isinstance(either.parent, exp.Paren):
            yield Seen(
                f"AND binds before OR: this reads ({query.text(inner)}) OR …; parentheses would say so", inner
            )


def _between_reversed(query: Examined) -> Iterator[Seen]:
    for node in query.tree.find_all(exp.Between):
        low, high = node.args["low"], node.args["high"]
        if not (isinstance(low, exp.Literal) and isinstance(high, exp.Literal)):
            continue
        if low.is_string != high.is_string:
            continue
        try:
            turned = low.this > high.this if low.is_string else float(low.this) > float(high.this)
        except ValueError:
            continue
        if turned:
            yield Seen(f"BETWEEN {query.text(low)} AND {query.text(high)} holds for no value", node)


_LOOKS: Mapping[str, Callable[[Examined], Iterator[Seen]]] = MappingProxyType(
    {
        "cross-join": _cross_join,
        "half-key": _half_key,
        "outer-filter": _outer_filter,
        "distinct-aggregate": _distinct_aggregate,
        "having-alone": _having_alone,
        "and-or-mixed": _mixed_and_or,
        "between-reversed": _between_reversed,
        "evidence-condition": evidence_condition,
        "evidence-column": evidence_column,
        "id-shown": id_shown,
    }
)

OTHER_ANSWER = "other-answer"
"""Seen by a model and not here: `check.py` tells it."""

WARNINGS = (*_LOOKS, *(kind for kinds in PROBES for kind in kinds), OTHER_ANSWER)
"""Every kind of warning, in the order in which they are told."""
