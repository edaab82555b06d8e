"""Spider's exact set match and hardness (taoyds/spider, evaluation.py). Pure functions on SQL texts.

Each clause of the prediction is compared with the gold's as a set; values are left out, DISTINCT in the
outermost SELECT too, and columns that a foreign key ties together are the same column. All components
must agree, and the tables in FROM.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from share_sql.errors import SqlUnreadable
from share_sql.evaluation.spider_nodes import (
    EMPTY,
    ColUnit,
    Condition,
    Conditions,
    Query,
    ValUnit,
)
from share_sql.evaluation.spider_parse import parse

Hardness: TypeAlias = Literal["easy", "medium", "hard", "extra"]


def exact_match(
    prediction: str,
    gold: str,
    schema: Mapping[str, Iterable[str]],
    same_columns: Mapping[str, str] | None = None,
) -> bool:
    """Whether two queries are the same by Spider's exact set match.

    Args:
        prediction: the SQL to judge.
        gold: the gold SQL.
        schema: columns by table, both in lower case.
        same_columns: see `foreign_key_classes`; None ties no columns.

    Returns:
        Whether all clauses and the tables agree. A prediction outside the grammar matches nothing.

    Raises:
        SqlUnreadable: the gold is outside the benchmark's grammar, so that there is no verdict.
    """
    theirs = parse(gold, schema)
    try:
        ours = parse(prediction, schema)
    except SqlUnreadable:
        ours = EMPTY
    same = same_columns or {}
    return _same_clauses(_canonical(ours, same), _canonical(theirs, same)) and _same_tables(ours, theirs)


def hardness(gold: str, schema: Mapping[str, Iterable[str]]) -> Hardness:
    """How hard Spider's script takes a question to be, by its gold SQL.

    Raises:
        SqlUnreadable: the gold is outside the benchmark's grammar.
    """
    query = parse(gold, schema)
    items = _all_conditions(query)
    clauses = (
        bool(query.where.items)
        + bool(query.group)
        + bool(query.direction)
        + (query.limit is not None)
        + max(len(query.tables) - 1, 0)
        + _all_words(query).count("or")
        + sum(item.comparison == "like" for item in items)
    )
    nested = sum(isinstance(operand, Query) for item in items for operand in (item.first, item.second)) + len(
        query.combined
    )
    others = _others(query)
    if clauses <= 1 and others == 0 and nested == 0:
        return "easy"
    if nested == 0 and ((others <= 2 and clauses <= 1) or (clauses <= 2 and others < 2)):
        return "medium"
    if (
        (nested == 0 and others > 2 and clauses <= 2)
        or (nested == 0 and 2 < clauses <= 3 and others <= 2)
        or (clauses <= 1 and others == 0 and nested <= 1)
    ):
        return "hard"
    return "extra"


def foreign_key_classes(columns: Sequence[str], foreign_keys: Iterable[tuple[int, int]]) -> dict[str, str]:
    """Which columns are one to the exact match: those that foreign keys tie together.

    Args:
        columns: all columns as `table.column` in lower case, in the order of tables.json.
        foreign_keys: pairs of places in `columns`, in the file's order.

    Returns:
        For each tied column the one that represents its class, the first in order. As in the script a
        key joins the first class that holds one of its ends, and two classes are never merged.
    """
    classes: list[set[int]] = []
    for pair in foreign_keys:
        home = next((members for members in classes if members & set(pair)), None)
        if home is None:
            home = set()
            classes.append(home)
        home |= set(pair)
    return {columns[at]: columns[min(members)] for members in classes for at in members}


# ------------------------------------------------------------------ what is left out


def _canonical(query: Query, same: Mapping[str, str], tables: frozenset[str] | None = None) -> Query:
    """The query without values and DISTINCT, tied columns replaced.

    Only columns of the outermost FROM's tables are replaced, also in the right side of a set operation;
    subqueries lose their values but keep columns and DISTINCT, those in FROM keep all.
    """
    if tables is None:
        tables = frozenset(table for table in query.tables if isinstance(table, str))
    known = tables

    def col(unit: ColUnit) -> ColUnit:
        table = unit.column.partition(".")[0]
        column = same.get(unit.column, unit.column) if table in known else unit.column
        return ColUnit(unit.aggregate, column, False)

    def val(unit: ValUnit) -> ValUnit:
        return ValUnit(unit.operator, col(unit.left), col(unit.right) if unit.right else None)

    def conditions(found: Conditions) -> Conditions:
        return replace(found, items=tuple(replace(item, subject=val(item.subject)) for item in found.items))

    bare = _without_values(query)
    return replace(
        bare,
        distinct=False,
        select=tuple((aggregate, val(unit)) for aggregate, unit in bare.select),
        on=conditions(bare.on),
        where=conditions(bare.where),
        having=conditions(bare.having),
        group=tuple(col(unit) for unit in bare.group),
        order=tuple(val(unit) for unit in bare.order),
        combined=tuple((word, _canonical(part, same, known)) for word, part in bare.combined),
    )


def _without_values(query: Query) -> Query:
    def bare(found: Conditions) -> Conditions:
        items = (
            replace(item, first=_subquery(item.first), second=_subquery(item.second)) for item in found.items
        )
        return replace(found, items=tuple(items))

    return replace(
        query,
        on=bare(query.on),
        where=bare(query.where),
        having=bare(query.having),
        combined=tuple((word, _without_values(part)) for word, part in query.combined),
    )


def _subquery(operand: object) -> Query | None:
    return _without_values(operand) if isinstance(operand, Query) else None


# ----------------------------------------------------------------------------- clauses


def _same_clauses(ours: Query, theirs: Query) -> bool:
    # The script also compares SELECT without aggregates, WHERE without operators and GROUP BY without
    # HAVING; each of them agrees where the whole clause does.
    return (
        Counter(ours.select) == Counter(theirs.select)
        and Counter(ours.where.items) == Counter(theirs.where.items)
        and set(ours.where.words) == set(theirs.where.words)
        and _same_group(ours, theirs)
        and _same_order(ours, theirs)
        and _same_operations(ours, theirs)
        and _keywords(ours) == _keywords(theirs)
    )


def _same_group(ours: Query, theirs: Query) -> bool:
    if not ours.group or not theirs.group:
        return not ours.group and not theirs.group
    return [unit.column for unit in ours.group] == [unit.column for unit in theirs.group] and (
        ours.having == theirs.having
    )


def _same_order(ours: Query, theirs: Query) -> bool:
    if not ours.direction or not theirs.direction:
        return not ours.direction and not theirs.direction
    return (ours.direction, ours.order) == (theirs.direction, theirs.order) and (
        (ours.limit is None) == (theirs.limit is None)
    )


def _same_operations(ours: Query, theirs: Query) -> bool:
    """Set operations by kind. The script sums what is there over the kinds and compares the sums, so that
    another kind on either side fails only by its right side, which then has no partner."""
    present, wanted = dict(ours.combined), dict(theirs.combined)
    agreeing = sum(
        _same_clauses(present[word], wanted[word]) and _same_tables(present[word], wanted[word])
        for word in present.keys() & wanted.keys()
    )
    return len(present) == len(wanted) == agreeing


def _same_tables(ours: Query, theirs: Query) -> bool:
    """Tables and subqueries in FROM, in any order; not looked at where the gold has none."""
    return not theirs.tables or Counter(ours.tables) == Counter(theirs.tables)


def _keywords(query: Query) -> set[str]:
    items = _all_conditions(query)
    found = {
        "where": bool(query.where.items),
        "group": bool(query.group),
        "having": bool(query.having.items),
        "order": bool(query.direction),
        query.direction: bool(query.direction),
        "limit": query.limit is not None,
        "or": "or" in _all_words(query),
        "not": any(item.negated for item in items),
        "in": any(item.comparison == "in" for item in items),
        "like": any(item.comparison == "like" for item in items),
    }
    return {word for word, there in found.items() if there} | {word for word, _ in query.combined}


def _all_conditions(query: Query) -> tuple[Condition, ...]:
    return (*query.on.items, *query.where.items, *query.having.items)


def _all_words(query: Query) -> tuple[str, ...]:
    return (*query.on.words, *query.where.words, *query.having.words)


# --------------------------------------------------------------------------- hardness


def _others(query: Query) -> int:
    """How many of these there are more than one of: aggregates, columns selected, conditions, keys."""
    aggregates = (
        sum(aggregate != "none" for aggregate, _ in query.select)
        + sum(unit.aggregate != "none" for unit in query.group)
        + sum(side.aggregate != "none" for unit in query.order for side in (unit.left, unit.right) if side)
        # The script takes NOT in a condition, and each AND and OR of HAVING, for aggregates.
        + sum(item.negated for item in query.where.items)
        + sum(item.negated for item in query.having.items)
        + len(query.having.words)
    )
    where = len(query.where.items) + len(query.where.words)
    return (aggregates > 1) + (len(query.select) > 1) + (where > 1) + (len(query.group) > 1)
