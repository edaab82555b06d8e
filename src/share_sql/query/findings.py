"""Findings: what can be said against a query without a model, each named.

A finding's weight is the log-odds that its kind adds to "this query is wrong", estimated on labelled
queries by `share calibrate`; a kind that was never calibrated weighs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from share_sql.case import Finding
from share_sql.errors import QueryError
from share_sql.query.asked import select_features
from share_sql.query.cues import number_cues
from share_sql.query.outcome import abnormality

if TYPE_CHECKING:
    from share_sql.database.base import QueryResult
    from share_sql.judgement.weights import Weights
    from share_sql.query.examined import BoundQuery

_OUTCOMES = {
    "fails": "it does not run",
    "empty-result": "its result is empty",
    "null-result": "a column of its result is all NULL",
    "zero-result": "its result is a single zero",
}


def findings(
    query: BoundQuery | None, outcome: QueryResult | QueryError | None, weights: Weights
) -> tuple[Finding, ...]:
    """All findings on a query.

    Args:
        query: parsed and bound; None where it cannot be parsed.
        outcome: what running it gave.
        weights: calibrated weights.

    Returns:
        Findings in a fixed order, each kind at most once.
    """
    found: dict[str, str] = {}
    state = abnormality(outcome)
    if state is not None:
        detail = f": {outcome}" if isinstance(outcome, QueryError) else ""
        found[state] = _OUTCOMES[state] + detail
    if query is not None:
        _static(query, weights, found)
    return tuple(Finding(kind, text, weights.findings.get(kind, 0.0)) for kind, text in found.items())


def _static(query: BoundQuery, weights: Weights, found: dict[str, str]) -> None:
    tree = query.tree
    for source in query.binding.unknown_sources:
        found.setdefault("unknown-table", f"there is no table {source.node.name}")
    # A column that the schema lacks and the database takes is a hidden one (of a virtual table, say).
    runs = query.outcome is not None and not isinstance(query.outcome, QueryError)
    for bound in () if runs else query.binding.unknown_columns:
        found.setdefault("unknown-column", f"there is no column {bound.node.sql(dialect='sqlite')}")
    for bound in query.binding.ambiguous:
        found.setdefault("ambiguous-column", f"{bound.column} is in several tables")
    if isinstance(tree, exp.Select):
        if weights.asked_features and len(tree.expressions) > 1:
            scores = [weights.asked(row) for row in select_features(tree, query.question, query.evidence)]
            worst = min(range(len(scores)), key=lambda at: scores[at])
            if scores[worst] < 0.5:
                shown = tree.expressions[worst].sql(dialect="sqlite")
                found["unasked-column"] = f"{shown} seems not to be asked for"
        ungrouped = _ungrouped(tree)
        if ungrouped:
            found["ungrouped-column"] = f"{ungrouped} is selected beside an aggregate without grouping"
    loose = _loose_join(query)
    if loose:
        found["join-no-key"] = f"joined on {loose}, which is no declared key"
    idle = _idle_tables(query)
    if idle:
        found["idle-table"] = f"{idle} is joined but nothing of it is used and no key needs it"
    for cue in number_cues(query.question):
        if not any(_is_number(literal, cue.value) for literal in tree.find_all(exp.Literal)):
            found.setdefault("number-unused", f"the question's “{cue.words}” is not in the query")


def _is_number(literal: exp.Literal, value: float) -> bool:
    try:
        return float(literal.this) == value
    except ValueError:
        return False


def _ungrouped(tree: exp.Select) -> str | None:
    """A bare column beside an aggregate in a query without GROUP BY."""
    if tree.args.get("group") is not None or not tree.find(exp.From):
        return None
    bare, aggregated = None, False
    for item in tree.expressions:
        value = item.this if isinstance(item, exp.Alias) else item
        if isinstance(value, exp.Column):
            bare = value.sql(dialect="sqlite")
        elif isinstance(value, exp.AggFunc):
            aggregated = True
    return bare if aggregated else None


def _loose_join(query: BoundQuery) -> str | None:
    """An equality between columns of two tables that is no foreign key, and whose names differ."""
    keys = {
        frozenset(((key.table, key.column), (key.to_table, key.to_column)))
        for key in query.schema.foreign_keys
    }
    names = query.binding.names
    for node in query.tree.find_all(exp.EQ):
        left, right = names.get(id(node.this)), names.get(id(node.expression))
        if left is None or right is None or left.key is None or right.key is None:
            continue
        if left.source is right.source or frozenset((left.key, right.key)) in keys:
            continue
        return str(node.sql(dialect="sqlite"))
    return None


def _idle_tables(query: BoundQuery) -> str | None:
    """A joined table that only its own join condition speaks of, at the end of a chain."""
    for scope in query.binding.scopes:
        if len(scope.sources) < 2:
            continue
        for source in scope.sources:
            uses = [bound for bound in query.binding.names.values() if bound.source is source]
            if source.table is None or not uses:
                continue
            conditions = {id(_condition(bound.node)) for bound in uses}
            if len(conditions) == 1 and None not in (_condition(bound.node) for bound in uses):
                return source.name
    return None


def _condition(node: exp.Expr) -> exp.Expr | None:
    """The ON equality a column stands in; None where it stands elsewhere."""
    parent = node.parent
    if isinstance(parent, exp.EQ) and isinstance(parent.parent, exp.Join):
        return parent
    return None
