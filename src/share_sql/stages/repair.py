"""repair: what can be proved wrong is mended, in the draft and in candidates alike.

Passes look for faults, each edit is tried on the database, the good ones stay and add up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlglot import exp

from share_sql.case import TextChange, WeighedFinding
from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit
from share_sql.edits.proofs import NAME_KINDS, PROOFS
from share_sql.query.examined import Examined, Ran
from share_sql.query.layout import layout_changes
from share_sql.query.outcome import abnormality
from share_sql.query.place import place_in_draft
from share_sql.requests import Steps
from share_sql.stages.asking import noted
from share_sql.stages.readable import MAX_MENDED, examined, fault, is_unread, readable
from share_sql.stages.state import Candidate, State, abouts

_MOST_EDITS = 12
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
            own = abouts(mended.faults)
            ran = candidate.query.runs
            candidates.append(replace(candidate, query=mended.query, note=note, own_repairs=own, ran=ran))
    state = replace(state, candidates=tuple(candidates))
    did = f"{len(candidates) - (state.draft is not None)} candidates"
    if state.examiner.is_tired:
        did += "; the SQL is too large for all changes to be tried"
    unmended = None
    if state.draft is not None and not state.draft.query.runs and len(state.sql) > MAX_MENDED:
        unmended = (
            f"the SQL is {len(state.sql):,} characters long; slips are looked for in at most {MAX_MENDED:,}"
        )
    return noted(state, "repair", did, error=unmended)


def mend(state: State, query: Ran) -> Steps[Mended | None]:
    """Mend what can be proved wrong in one query.

    Each edit of an enabled kind is run; it stays if the query now runs, and gives rows where it gave rows
    before.

    Returns:
        The query with all edits that stayed; None where there is nothing to mend.
    """
    if isinstance(query, Examined) and _is_own(query):
        # As it stands it is the database's own dialect, so that its faults are looked for before another is.
        mended = yield from _proved(state, query, query, [])
        if mended is not None and mended.query.runs and not mended.query.is_abnormal:
            return mended
    draft, found = yield from readable(state, query)
    return None if draft is None else (yield from _proved(state, query, draft, found))


def _is_own(query: Examined) -> bool:
    """Whether a query that fails is read as it is meant: its names are the schema's, and where they stand, or
    types or groups, are at fault, which the dialect is strict about."""
    facts = dialect_of(query.schema.dialect)
    strict = not facts.value_types and not query.runs and not is_unread(query, facts.name)
    if not strict:
        return False
    schema, binding = query.schema, query.binding
    names = (bound.column for bound in (*binding.unknown_columns, *binding.ambiguous))
    tables = (source.node.name for source in binding.unknown_sources)
    return all(map(schema.tables_with, names)) and all(schema.table(name) is not None for name in tables)


def _proved(state: State, query: Ran, draft: Examined, found: list[WeighedFinding]) -> Steps[Mended | None]:
    """Mend a query by proofs, pass by pass.

    Args:
        state: the case.
        query: as it was written.
        draft: the same as it was read.
        found: what was mended in it to read it.
    """
    trees: list[exp.Query] = []
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
                found.append(fault(state, edit))
                trees.append(edit.tree)
        if draft.runs:
            break
    return Mended(draft, tuple(_placed(state, query, found, trees))) if found else None


def _placed(
    state: State, query: Ran, found: list[WeighedFinding], trees: list[exp.Query]
) -> list[WeighedFinding]:
    """The draft's faults with their places: what each edit changes in the draft's text that the edits before
    it did not. The last of the faults are those of the trees."""
    if state.draft is None or query is not state.draft.query:
        return found
    own = query.tree if isinstance(query, Examined) else None
    seen: set[TextChange] = set()
    for at, tree in enumerate(trees, start=len(found) - len(trees)):
        changes = set(layout_changes(query.sql, own, tree, state.schema.dialect) or ())
        if new := changes - seen:
            place = min(each.start for each in new), max(each.end for each in new)
            found[at] = replace(found[at], place=place_in_draft(state.case.draft, state.sql, place))
        seen |= changes
    return found


def _first_good(
    state: State, draft: Examined, edits: Iterable[Edit], refused: set[str]
) -> Steps[tuple[Edit, Examined] | None]:
    """Try the enabled edits in order; the first whose result is good is taken. A name that binds to a column
    of another type than what it is compared with is the last choice."""
    mistyped: tuple[Edit, Examined] | None = None
    for edit in edits:
        if edit.kind not in state.plan.weights.enabled:
            continue
        text = draft.text(edit.tree)
        if not state.examiner.may_try(text):
            return mistyped
        if text in refused:
            continue
        refused.add(text)
        after = yield from examined(state, text)
        if after is not None and _is_good(draft, after, edit):
            if edit.kind not in NAME_KINDS or not _is_mistyped(after):
                return edit, after
            mistyped = mistyped or (edit, after)
    return mistyped


def _is_mistyped(query: Examined) -> bool:
    """Whether it fails because values of different types are compared."""
    pattern = dialect_of(query.schema.dialect).mistyped
    return bool(pattern and query.failure is not None and re.search(pattern, str(query.failure)))


def _is_good(before: Examined, after: Examined, edit: Edit) -> bool:
    """An edit may not break a query that runs, nor empty a result that had rows."""
    if not after.runs:
        dialect = before.schema.dialect
        if before.runs or is_unread(after, dialect) > is_unread(before, dialect):
            return False
        # A query with two faults needs two edits. Fewer names unbound is progress; an unknown table hides its
        # columns' faults, so that one table fewer is, too. A fault that is no name leaves their number alone.
        tables = len(after.binding.unknown_sources) - len(before.binding.unknown_sources)
        if edit.kind in NAME_KINDS or tables > 0:
            return tables < 0 or (tables == 0 and after.faults < before.faults)
        return tables < 0 or after.faults <= before.faults
    if edit.certain and abnormality(after.outcome) == "zero-result":
        return True
    return not before.runs or before.is_abnormal or not after.is_abnormal
