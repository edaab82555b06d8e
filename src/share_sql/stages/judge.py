"""judge: the policy compares the candidates, and the case ends with a verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from share_sql.case import Correction, Inspection, StepNote, Verdict, WeighedFinding, failures_in_words
from share_sql.query.examined import Examined
from share_sql.query.findings import Finding
from share_sql.query.layout import keep_layout, same_query
from share_sql.query.outcome import rows_hash
from share_sql.query.place import place_in_draft
from share_sql.requests import Steps
from share_sql.sql.tag import split_tag
from share_sql.sql.tokens import uncommented
from share_sql.stages.policies import answers_of, normal, sureness
from share_sql.stages.state import Candidate, Choice, State
from share_sql.trajectory.nodes import Trajectory
from share_sql.trajectory.told import told_changes

DOUBTED = 0.3
"""Confidence below which a draft is doubted where the drafter's answers give other rows: five in six of those
are wrong."""


def judge(state: State) -> Steps[State]:
    """End the case with a verdict. A correction made by edits is written in the draft's layout."""
    if not state.candidates:
        errors = [step.error for step in state.steps if step.error]
        return _end(state, None, "kept", errors[0] if errors else "the draft holds no SQL", 0.0, ())
    choice = state.plan.policy.choose(state)
    if choice.candidate is not None and choice.confidence < state.plan.min_confidence:
        least = state.plan.min_confidence
        why = f"a change is only {choice.confidence:.2f} sure, less than {least:g}"
        choice = Choice(None, f"{why}: {choice.reason}")
    against = _weighed(state, state.draft.query.findings if state.draft is not None else ())
    if choice.candidate is not None:
        mended = choice.candidate.evidence
        # What a repair found says more than the finding of the same kind that led to it.
        kinds = {fault.kind for fault in mended}
        found = (*(finding for finding in against if finding.kind not in kinds), *mended)
        chosen = yield from _laid_out(state, choice.candidate)
        return _end(state, chosen, "corrected", choice.reason, choice.confidence, found)
    if state.draft is None:
        return _end(state, None, "kept", choice.reason, 0.0, against)
    unfinished = state.draft.query.unfinished
    sure = None if unfinished else sureness(state, state.draft)
    if (state.draft.query.runs or unfinished) and not _is_bare(state.case.draft, state.sql):
        reason = f"the text around the SQL is taken away; {choice.reason}"
        return _end(state, state.draft, "corrected", reason, sure, against)
    wrong = state.plan.weights.wrong(state.draft.query.kinds)
    doubtful = state.draft.query.runs and bool(against) and wrong > 0.5
    reason = choice.reason
    doubts = sure is not None and sure < DOUBTED and answers_of(state).rival(state.draft.query)
    if state.draft.query.runs and doubts:
        doubtful, reason = True, f"{reason}; a model that did not see the draft answers with other rows"
    return _end(state, None, "abstained" if doubtful else "kept", reason, sure, against)


def _laid_out(state: State, chosen: Candidate) -> Steps[Candidate]:
    """The candidate in the draft's layout, where it was made of the draft by edits and that text, run, gives
    the same rows."""
    query = chosen.query
    if chosen.origin not in ("repair", "edit") or not isinstance(query, Examined) or not query.runs:
        return chosen
    own = state.draft.query.tree if state.draft and isinstance(state.draft.query, Examined) else None
    try:
        text = keep_layout(state.sql, own, query.tree, state.schema.dialect)
    except RecursionError:
        return chosen  # the layout is a nicety, and no verdict is lost for it
    written = yield from state.examiner.examine(text)
    if not isinstance(written, Examined) or Counter(written.rows or ()) != Counter(query.rows or ()):
        return chosen  # a database with several threads gives them in any order
    same = same_query(written.tree, query.tree, state.schema.dialect)
    return replace(chosen, query=written) if same else chosen


def _is_bare(draft: str, sql: str) -> bool:
    """Whether a draft is its SQL and nothing else. Comments are no text around it: it runs with them."""
    plain, tag = split_tag(draft)
    if tag:
        return False
    return normal(plain) == normal(sql) or normal(uncommented(plain)) == normal(uncommented(sql))


def _weighed(state: State, findings: tuple[Finding, ...]) -> tuple[WeighedFinding, ...]:
    weights = state.plan.weights.findings
    return tuple(
        WeighedFinding(
            each.kind, each.message, weights.get(each.kind, 0.0),
            place_in_draft(state.case.draft, state.sql, each.place),
        )
        for each in findings
    )  # fmt: skip


def _end(
    state: State,
    chosen: Candidate | None,
    verdict: Verdict,
    reason: str,
    confidence: float | None,
    found: tuple[WeighedFinding, ...],
) -> State:
    if confidence:
        # Without a question nobody knows what the SQL should answer.
        confidence = round(confidence, 4) if state.case.question.strip() else None
    if told := failures_in_words(state.failures):
        reason = f"{reason}; {told}"
    handed = chosen or state.draft
    runs: bool | None = handed is not None and handed.query.runs
    if handed is not None and handed.query.unfinished:
        runs = None
    steps = (*state.steps, StepNote("judge", f"{verdict}: {reason}"))
    correction = Correction(
        id=state.case.id, sql=chosen.sql if chosen is not None else state.case.draft, verdict=verdict,
        reason=reason, confidence=confidence, draft=state.case.draft, findings=found, steps=steps,
        changes=_changes(state.draft, chosen), usage=dict(state.usage), runs=runs, failures=state.failures,
        inspection=_inspected(state, chosen),
    )  # fmt: skip
    return replace(state, steps=steps, correction=correction)


def _inspected(state: State, chosen: Candidate | None) -> Inspection | None:
    """What warn found, with the hashes of the rows before and after."""
    if state.inspection is None:
        return None
    before = _rows_hash(state.draft)
    after = _rows_hash(chosen) if chosen is not None else before
    return replace(state.inspection, rows_before=before, rows_after=after)


def _rows_hash(candidate: Candidate | None) -> str | None:
    query = candidate.query if candidate is not None else None
    sorts = isinstance(query, Examined) and query.tree.args.get("order") is not None
    return rows_hash(query.outcome, ordered=sorts) if query is not None else None


def _changes(draft: Candidate | None, chosen: Candidate | None) -> tuple[str, ...]:
    """The trajectory's diff from draft to correction."""
    before, after = _trajectory(draft), _trajectory(chosen)
    if before is None or after is None:
        return ()
    try:
        return tuple(str(change) for change in told_changes(before, after))
    except RecursionError:
        return ()  # telling is a nicety too


def _trajectory(candidate: Candidate | None) -> Trajectory | None:
    query = candidate.query if candidate is not None else None
    trajectory = query.trajectory if isinstance(query, Examined) else None
    return trajectory if isinstance(trajectory, Trajectory) else None
