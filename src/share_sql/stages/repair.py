"""The repair loop: passes look for faults, each edit is tried on the database, the good ones stay."""

from __future__ import annotations

from collections.abc import Generator

from sqlglot import exp

from share_sql.case import Finding
from share_sql.edits.arithmetic import divisions
from share_sql.edits.comparisons import comparisons
from share_sql.edits.counting import distinct_counts
from share_sql.edits.dialect import functions, null_comparisons
from share_sql.edits.edit import Edit, Pass
from share_sql.edits.joins import join_keys
from share_sql.edits.literals import literals
from share_sql.edits.names import names
from share_sql.edits.select_list import concatenations, unasked
from share_sql.edits.set_logic import contradictions
from share_sql.edits.text import TextEdit, text_edits
from share_sql.errors import QueryError, SqlError
from share_sql.judgement.weights import logit
from share_sql.query.examined import BoundQuery
from share_sql.query.outcome import is_abnormal
from share_sql.sql.text import parse_select
from share_sql.stages.bind import bind
from share_sql.stages.stage import Candidate, Query, Request, Response, State

PASSES: tuple[Pass, ...] = (
    names, functions, null_comparisons, literals, join_keys, comparisons, contradictions, distinct_counts,
    divisions, concatenations, unasked,
)  # fmt: skip
"""In order: what keeps a query from running comes first, what it selects last."""

KINDS = (
    "unquoted-name", "unclosed-parenthesis", "unknown-function", "null-comparison",
    "unknown-table", "unknown-column", "wrong-table", "missing-join", "ambiguous-column", "literal-case",
    "literal-spelling", "literal-date", "literal-column", "join-key", "join-off-key", "comparison-direction",
    "comparison-strictness", "contradiction", "count-distinct", "integer-division", "concatenation-listed",
    "concatenation", "unasked-column",
)  # fmt: skip
"""Every kind of edit that the passes propose."""

ONLY_FAILING = frozenset(
    {
        "unquoted-name", "unclosed-parenthesis", "unknown-function", "unknown-table", "unknown-column",
        "wrong-table", "missing-join", "ambiguous-column",
    }
)  # fmt: skip
"""Kinds that act only on drafts that do not run; these cannot break a right draft."""

_MOST_EDITS = 8
"""Edits applied to one draft at most; a draft with more faults needs a model, not mending."""


def repair(state: State) -> Generator[Request, Response, tuple[Candidate, ...]]:
    """Mend what can be proved wrong in the draft.

    Each edit of an enabled kind is run; it stays if the query now runs, and gives rows where it gave rows
    before. Edits add up.

    Returns:
        At most one candidate, with all edits that stayed as its evidence; none where nothing was found.
    """
    draft, found = yield from _readable(state)
    if draft is None:
        return ()
    for step in PASSES:
        refused: set[str] = set()
        while len(found) < _MOST_EDITS:
            edits = yield from step(draft)
            tried = yield from _first_good(state, draft, edits, refused)
            if tried is None:
                break
            edit, draft = tried
            found.append(_finding(state, edit))
    if not found:
        return ()
    sql = draft.tree.sql(dialect=state.schema.dialect)
    return (Candidate(sql, "repair", "; ".join(f.message for f in found), tuple(found)),)


def _readable(state: State) -> Generator[Request, Response, tuple[BoundQuery | None, list[Finding]]]:
    """The draft parsed; its text is mended first where it cannot be parsed, or does not run."""
    draft = None
    try:
        tree = parse_select(state.sql, state.schema.dialect)
        draft = yield from _run(state, _quoted_text(tree, state))
    except SqlError:
        pass  # what is wrong is said by bam; here it only means that the text is tried first
    found: list[Finding] = []
    if draft is not None and not isinstance(draft.outcome, QueryError):
        return draft, found
    for edit in text_edits(state.sql, state.schema):
        if edit.kind not in state.plan.weights.enabled:
            continue
        try:
            tree = parse_select(edit.sql, state.schema.dialect)
        except SqlError:
            found = [*found, _finding(state, edit)]  # a second text edit may be needed, and builds on it
            continue
        after = yield from _run(state, _quoted_text(tree, state))
        if draft is None or not isinstance(after.outcome, QueryError) or after.faults < draft.faults:
            return after, [*found, _finding(state, edit)]
    return draft, []


def _finding(state: State, edit: Edit | TextEdit) -> Finding:
    tally = state.plan.weights.repairs.get(edit.kind)
    return Finding(edit.kind, edit.message, round(logit(tally.precision), 4) if tally else 0.0)


def _first_good(
    state: State, draft: BoundQuery, edits: object, refused: set[str]
) -> Generator[Request, Response, tuple[Edit, BoundQuery] | None]:
    """Try the enabled edits in order; the first whose result is good is taken."""
    assert isinstance(edits, list | tuple)
    for edit in edits:
        text = edit.tree.sql(dialect=state.schema.dialect)
        if edit.kind not in state.plan.weights.enabled or text in refused:
            continue
        refused.add(text)
        after = yield from _run(state, edit.tree)
        if _is_good(draft, after):
            return edit, after
    return None


def _is_good(before: BoundQuery, after: BoundQuery) -> bool:
    """An edit may not break a query that runs, nor empty a result that held something."""
    if isinstance(after.outcome, QueryError):
        # A query with two faults needs two edits: fewer names unbound is progress.
        return isinstance(before.outcome, QueryError) and after.faults < before.faults
    return (
        isinstance(before.outcome, QueryError)
        or is_abnormal(before.outcome)
        or not is_abnormal(after.outcome)
    )


def _run(state: State, tree: exp.Query) -> Generator[Request, Response, BoundQuery]:
    outcome = yield Query(tree.sql(dialect=state.schema.dialect))
    return bind(state, tree, outcome)


def _quoted_text(tree: exp.Query, state: State) -> exp.Query:
    """Write as strings what stands in double quotes and is no column: SQLite reads it so.

    Where such a name is a column of another table and stands where a column does, not a value, SQLite's
    reading is nobody's: the name is qualified instead, so that the query fails as it should and is mended
    as any other.
    """
    from share_sql.sql.names import resolve_tree

    for bound in resolve_tree(tree, state.schema).names.values():
        if bound.status != "text":
            continue
        source = next((source.name for source in bound.scope.sources if source.name), None)
        if source is None or _is_value(bound.node) or not state.schema.tables_with(bound.column):
            bound.node.replace(exp.Literal.string(bound.column))
        else:
            bound.node.set("table", exp.to_identifier(source, quoted=True))
    return tree


def _is_value(node: exp.Expr) -> bool:
    """Whether a name stands where a constant is compared with something else than a constant."""
    parent = node.parent
    if not isinstance(parent, exp.Predicate):
        return isinstance(parent, exp.Func) and not isinstance(parent, exp.AggFunc)
    others = [other for other in parent.iter_expressions() if other is not node]
    return not all(isinstance(other, exp.Literal) for other in others)
