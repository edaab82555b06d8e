"""Findings: what can be said against a query without a model, each named.

A finding says what was seen and where. What it weighs is the judge's business (`judgement.weights`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sqlglot import exp

from share_sql.errors import QueryError
from share_sql.query.cues import number_cues
from share_sql.query.outcome import abnormality
from share_sql.sql.written import write_sql

if TYPE_CHECKING:
    from share_sql.database.base import QueryResult
    from share_sql.schema.model import Schema
    from share_sql.sql.resolution import Resolution


@dataclass(frozen=True)
class Finding:
    """One piece of evidence against a query."""

    kind: str
    """Stable name, a row of `edits.table`."""
    message: str
    """One line: what was seen, with the names and values at fault."""
    place: tuple[int, int] | None = None
    """Start and end in the query's text, in characters; None where it is about the whole query."""


@dataclass(frozen=True)
class Static:
    """What the findings that need no result are read from."""

    tree: exp.Query
    binding: Resolution
    schema: Schema
    question: str
    runs: bool
    """Whether the query ran. False also where nothing was run."""
    asked: tuple[float, ...] = ()
    """Probability of each output column that the question asks for it; empty where there is no model."""

    sql: str = ""
    """The query's text."""

    def place(self, node: exp.Expr | None) -> tuple[int, int] | None:
        """Where a node stands in the query's text, by the positions that the parser left."""
        return place_of(node, self.sql)

    def text(self, node: exp.Expr) -> str:
        """A node of the tree as SQL."""
        return write_sql(node, self.schema.dialect)


def place_of(node: exp.Expr | None, text: str) -> tuple[int, int] | None:
    """Start and end of a node in the text that was parsed, by the positions that the parser left. It leaves
    none of a call's closing parenthesis."""
    spans = [part.meta for part in node.walk() if "start" in part.meta] if node else []
    if not spans:
        return None
    start, end = min(span["start"] for span in spans), max(span["end"] for span in spans) + 1
    for _ in range(text.count("(", start, end) - text.count(")", start, end)):
        after = len(text) - len(text[end:].lstrip())
        if text[after : after + 1] != ")":
            break
        end = after + 1
    return start, end


Seen: TypeAlias = tuple[str, exp.Expr | None]
"""What was seen, in words, and the node at fault; None where it is about the whole query."""

_RESULTS = {
    "fails": "it does not run",
    "empty-result": "its result is empty",
    "null-result": "a column of its result is all NULL",
    "zero-result": "its result is a single zero",
}


def result_finding(outcome: QueryResult | QueryError | None) -> Finding | None:
    """The finding on what running a query gave; None for an ordinary result, or where nothing was run."""
    state = abnormality(outcome)
    if state is None:
        return None
    detail = f": {outcome}" if isinstance(outcome, QueryError) else ""
    return Finding(state, _RESULTS[state] + detail)


def static_findings(query: Static) -> list[Finding]:
    """The findings on a query's text, in a fixed order, each kind at most once."""
    found = []
    for kind, look in _LOOKS.items():
        message, node = next(look(query), ("", None))
        if message:
            found.append(Finding(kind, message, query.place(node)))
    return found


def _unknown_table(query: Static) -> Iterator[Seen]:
    for source in query.binding.unknown_sources:
        yield f"there is no table {source.node.name}", source.node


def _unknown_column(query: Static) -> Iterator[Seen]:
    # A column that the schema lacks and the database takes is a hidden one (of a virtual table, say).
    for bound in () if query.runs else query.binding.unknown_columns:
        yield f"there is no column {query.text(bound.node)}", bound.node


def _ambiguous_column(query: Static) -> Iterator[Seen]:
    for bound in query.binding.ambiguous:
        yield f"{bound.column} is in several tables", bound.node


def _unasked_column(query: Static) -> Iterator[Seen]:
    if query.asked and min(query.asked) < 0.5:
        worst = query.tree.expressions[query.asked.index(min(query.asked))]
        yield f"{query.text(worst)} seems not to be asked for", worst


def _ungrouped_column(query: Static) -> Iterator[Seen]:
    """A bare column beside an aggregate in a query without GROUP BY."""
    tree = query.tree
    if not isinstance(tree, exp.Select) or tree.args.get("group") is not None or not tree.find(exp.From):
        return
    values = [item.this if isinstance(item, exp.Alias) else item for item in tree.expressions]
    bare = [value for value in values if isinstance(value, exp.Column)]
    if bare and any(isinstance(value, exp.AggFunc) for value in values):
        shown = query.text(bare[-1])
        message = f"{shown} is selected beside an aggregate without grouping"
        yield message, bare[-1]


def _join_no_key(query: Static) -> Iterator[Seen]:
    """An equality between columns of two tables that is no foreign key."""
    names, keys = query.binding.names, query.schema.key_pairs
    for node in query.tree.find_all(exp.EQ):
        left, right = names.get(id(node.this)), names.get(id(node.expression))
        if left is None or right is None or left.key is None or right.key is None:
            continue
        if left.source is not right.source and frozenset((left.key, right.key)) not in keys:
            yield f"joined on {query.text(node)}, which is no declared key", node


def _idle_table(query: Static) -> Iterator[Seen]:
    """A joined table that only its own join condition speaks of, at the end of a chain."""
    for scope in query.binding.scopes:
        for source in scope.sources if len(scope.sources) > 1 else ():
            uses = [bound.node for bound in query.binding.names.values() if bound.source is source]
            if source.table is None or not uses:
                continue
            conditions = [_condition(node) for node in uses]
            if None not in conditions and len({id(condition) for condition in conditions}) == 1:
                message = f"{source.name} is joined but nothing of it is used and no key needs it"
                yield message, source.node


def _condition(node: exp.Expr) -> exp.Expr | None:
    """The ON equality a column stands in; None where it stands elsewhere."""
    parent = node.parent
    return parent if isinstance(parent, exp.EQ) and isinstance(parent.parent, exp.Join) else None


def _number_unused(query: Static) -> Iterator[Seen]:
    cues = number_cues(query.question)
    numbers = {_number(literal) for literal in query.tree.find_all(exp.Literal)} if cues else set()
    for cue in cues:
        if cue.value not in numbers:
            yield f"the question's “{cue.words}” is not in the query", None


def _number(literal: exp.Literal) -> float | None:
    try:
        return float(literal.this)
    except ValueError:
        return None


_LOOKS: Mapping[str, Callable[[Static], Iterator[Seen]]] = {
    "unknown-table": _unknown_table,
    "unknown-column": _unknown_column,
    "ambiguous-column": _ambiguous_column,
    "unasked-column": _unasked_column,
    "ungrouped-column": _ungrouped_column,
    "join-no-key": _join_no_key,
    "idle-table": _idle_table,
    "number-unused": _number_unused,
}

KINDS = (*_RESULTS, *_LOOKS)
"""Every kind of finding."""
