"""repair: what can be proved wrong is mended, in the draft and in candidates alike.

Passes look for faults, each edit is tried on the database, the good ones stay and add up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from share_sql.case import WeighedFinding
from share_sql.edits.bare_values import are_stored
from share_sql.edits.edit import Edit
from share_sql.edits.table import PROOFS
from share_sql.edits.text import MENDERS, TextEdit, as_text
from share_sql.errors import SqlError
from share_sql.judgement.logistic import logit
from share_sql.query.examined import Examined, Ran, unrun
from share_sql.requests import Steps
from share_sql.stages.asking import noted
from share_sql.stages.state import Candidate, State

_MOST_EDITS = 8
"""Edits applied to one query at most; one with more faults needs a model, not mending."""


@dataclass(frozen=True, eq=False)
class Mended:
    """A query after its repair."""

    query: Examined
    faults: tuple[WeighedFinding, ...]
    """What was wrong, each with the log-odds that repairs of its kind mend rather than break."""

    @property
    def message(self) -> str:
        """What was changed, one line."""
        return "; ".join(fault.message for fault in self.faults)


def repair(state: State) -> Steps[State]:
    """Add the draft's repair as a candidate; put that of other candidates in their place."""
    candidates: list[Candidate] = []
    for candidate in state.candidates:
        if candidate.origin != "draft" and not state.plan.policy.weighs:
            candidates.append(candidate)
            continue
        mended = yield from mend(state, candidate.query)
        if mended is None:
            candidates.append(candidate)
        elif candidate.origin == "draft":
            candidates += [candidate, Candidate(mended.query, "repair", mended.message, mended.faults)]
        else:
            # Rewritten SQL has the same kinds of fault as drafts have.
            note = f"from {candidate.origin}, mended: {mended.message}"
            candidates.append(replace(candidate, query=mended.query, note=note))
    state = replace(state, candidates=tuple(candidates))
    return noted(state, "repair", f"{len(candidates) - (state.draft is not None)} candidates")


def mend(state: State, query: Ran) -> Steps[Mended | None]:
    """Mend what can be proved wrong in one query.

    Each edit of an enabled kind is run; it stays if the query now runs, and gives rows where it gave rows
    before.

    Returns:
        The query with all edits that stayed; None where there is nothing to mend.
    """
    draft, found = yield from _readable(state, query)
    if draft is None:
        return None
    before = -1
    while before != len(found) < _MOST_EDITS:
        # A query that still fails is gone through again: one fault may hide another.
        before = len(found)
        for proof in PROOFS:
            refused: set[str] = set()
            while len(found) < _MOST_EDITS:
                edits = yield from proof.edits(draft)
                tried = yield from _first_good(state, draft, edits, refused)
                if tried is None:
                    break
                edit, draft = tried
                found.append(_fault(state, edit))
        if draft.runs:
            break
    return Mended(draft, tuple(found)) if found else None


def _readable(state: State, query: Ran) -> Steps[tuple[Examined | None, list[WeighedFinding]]]:
    """The query as repairs begin with it. Where it does not run, its text is mended first."""
    draft: Examined | None = None
    if isinstance(query, Examined):
        tree = as_text(query)
        if tree is query.tree and query.runs:
            return query, []
        # A text that fails as it stands may run as sqlglot writes it.
        draft = yield from _examined(state, query.text(tree))
        if draft is not None and draft.runs and query.runs:
            return draft, []
    # Slips that the parser overlooks are to be named too.
    rewritten = draft is not None and draft.runs
    mended, found = yield from _respelled(state, query.sql, None if rewritten else draft)
    return (
        (draft, []) if rewritten and not (found and mended is not None and mended.runs) else (mended, found)
    )


def _respelled(
    state: State, sql: str, draft: Examined | None
) -> Steps[tuple[Examined | None, list[WeighedFinding]]]:
    """Mend a text that does not run, slip by slip.

    The one slip is looked for first whose mend gives rows. Else slips add up: a text that can be parsed
    changes only where it comes nearer to running. One that cannot may have several slips, so that what a
    slip's first mend gives is taken where none can be parsed yet.
    """
    for mender in MENDERS:
        for edit, after in (yield from _tried(state, mender(sql, state.schema))):
            if after is not None and after.runs and not after.is_abnormal:
                return after, [_fault(state, edit)]
    found: list[WeighedFinding] = []
    for mender in MENDERS:
        tried = yield from _tried(state, mender(sql, state.schema))
        best = next((each for each in tried if each[1] is not None and each[1].runs), None)
        if best is None:
            readable = (each for each in tried if each[1] is not None)
            best = next((each for each in readable if draft is None or _is_nearer(draft, each[1])), None)
        if best is None and draft is None:
            # What is put in quotes must be proved, so it is not taken on trust.
            best = next((each for each in tried if not each[0].values), None)
        if best is None:
            continue
        edit, draft = best
        sql = edit.sql
        if edit.kind not in {fault.kind for fault in found}:
            found.append(_fault(state, edit))
        if draft is not None and draft.runs:
            break
    return draft, found if draft is not None else []


def _tried(state: State, edits: Iterable[TextEdit]) -> Steps[list[tuple[TextEdit, Examined | None]]]:
    """Enabled changes of a text, each with the query that it gives; None where that cannot be parsed."""
    tried: list[tuple[TextEdit, Examined | None]] = []
    for edit in edits:
        if edit.kind not in state.plan.weights.enabled:
            continue
        try:
            parsed = unrun(edit.sql, state.examiner.context)
        except SqlError:
            tried.append((edit, None))
            continue
        after = yield from _examined(state, parsed.text(as_text(parsed)))
        if after is None or not edit.values or (yield from are_stored(after, edit.values)):
            tried.append((edit, after))
    return tried


def _fault(state: State, edit: Edit | TextEdit) -> WeighedFinding:
    tally = state.plan.weights.repairs.get(edit.kind)
    return WeighedFinding(edit.kind, edit.message, round(logit(tally.precision), 4) if tally else 0.0)


def _first_good(
    state: State, draft: Examined, edits: Iterable[Edit], refused: set[str]
) -> Steps[tuple[Edit, Examined] | None]:
    """Try the enabled edits in order; the first whose result is good is taken."""
    for edit in edits:
        text = draft.text(edit.tree)
        if edit.kind not in state.plan.weights.enabled or text in refused:
            continue
        refused.add(text)
        after = yield from _examined(state, text)
        if after is not None and _is_good(draft, after):
            return edit, after
    return None


def _examined(state: State, sql: str) -> Steps[Examined | None]:
    """A query that was written anew; None where its own text cannot be parsed."""
    query = yield from state.examiner.examine(sql)
    return query if isinstance(query, Examined) else None


def _is_good(before: Examined, after: Examined) -> bool:
    """An edit may not break a query that runs, nor empty a result that had rows."""
    if not after.runs:
        # A query with two faults needs two edits: fewer names unbound is progress.
        return not before.runs and _is_nearer(before, after)
    return not before.runs or before.is_abnormal or not after.is_abnormal


def _is_nearer(before: Examined, after: Examined | None) -> bool:
    """Whether fewer names stay unbound. Tables count first: an unknown one hides its columns' faults."""
    return after is not None and _unbound(after) < _unbound(before)


def _unbound(query: Examined) -> tuple[bool, int, int]:
    # The parser takes more than the database does: what that refuses unread is further off than a name.
    unread = query.failure is not None and _UNREAD.search(str(query.failure)) is not None
    tables = len(query.binding.unknown_sources)
    return unread, tables, query.faults - tables


_UNREAD = re.compile(r"syntax error|unrecognized token|incomplete input")
