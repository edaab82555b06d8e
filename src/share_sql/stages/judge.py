"""judge: the policy compares the candidates, and the case ends with a verdict."""

from __future__ import annotations

import re
from dataclasses import replace

from share_sql.case import Correction, StepNote, Verdict, WeighedFinding
from share_sql.query.examined import Examined
from share_sql.query.findings import Finding
from share_sql.sql.tag import split_tag
from share_sql.stages.policies import normal
from share_sql.stages.state import Candidate, State
from share_sql.trajectory.diff import diff
from share_sql.trajectory.nodes import Trajectory


def judge(state: State) -> State:
    """End the case with a verdict."""
    if not state.candidates:
        errors = [step.error for step in state.steps if step.error]
        return _end(state, None, "kept", errors[0] if errors else "the draft holds no SQL", 0.0, ())
    choice = state.plan.policy.choose(state)
    against = _weighed(state, state.draft.query.findings if state.draft is not None else ())
    if choice.candidate is not None:
        mended = choice.candidate.evidence
        # What a repair found says more than the finding of the same kind that led to it.
        kinds = {fault.kind for fault in mended}
        found = (*(finding for finding in against if finding.kind not in kinds), *mended)
        return _end(state, choice.candidate, "corrected", choice.reason, choice.confidence, found)
    if state.draft is None:
        return _end(state, None, "kept", choice.reason, 0.0, against)
    sure = 1 - state.plan.weights.wrong(state.draft.query.kinds)
    if state.draft.query.runs and not _is_bare(state.case.draft, state.sql):
        reason = f"the text around the SQL is taken away; {choice.reason}"
        return _end(state, state.draft, "corrected", reason, sure, against)
    doubtful = state.draft.query.runs and bool(against) and sure < 0.5
    return _end(state, None, "abstained" if doubtful else "kept", choice.reason, sure, against)


def _is_bare(draft: str, sql: str) -> bool:
    """Whether a draft is its SQL and nothing else. Comments are no text around it: it runs with them."""
    plain, tag = split_tag(draft)
    return not tag and normal(_uncommented(plain)) == normal(_uncommented(sql))


def _uncommented(sql: str) -> str:
    return _QUOTED_OR_COMMENT.sub(lambda match: match[0] if match["quoted"] else " ", sql)


_QUOTED_OR_COMMENT = re.compile(
    r"(?P<quoted>'[^']*'|\"[^\"]*\"|`[^`]*`)|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL
)


def _weighed(state: State, findings: tuple[Finding, ...]) -> tuple[WeighedFinding, ...]:
    weights = state.plan.weights.findings
    return tuple(WeighedFinding(each.kind, each.message, weights.get(each.kind, 0.0)) for each in findings)


def _end(
    state: State,
    chosen: Candidate | None,
    verdict: Verdict,
    reason: str,
    confidence: float,
    found: tuple[WeighedFinding, ...],
) -> State:
    steps = (*state.steps, StepNote("judge", f"{verdict}: {reason}"))
    correction = Correction(
        id=state.case.id, sql=chosen.sql if chosen is not None else state.case.draft, verdict=verdict,
        reason=reason, confidence=round(confidence, 4), draft=state.case.draft, findings=found, steps=steps,
        changes=_changes(state.draft, chosen), usage=dict(state.usage),
    )  # fmt: skip
    return replace(state, steps=steps, correction=correction)


def _changes(draft: Candidate | None, chosen: Candidate | None) -> tuple[str, ...]:
    """The trajectory's diff from draft to correction."""
    before, after = _trajectory(draft), _trajectory(chosen)
    return () if before is None or after is None else tuple(str(change) for change in diff(before, after))


def _trajectory(candidate: Candidate | None) -> Trajectory | None:
    query = candidate.query if candidate is not None else None
    trajectory = query.trajectory if isinstance(query, Examined) else None
    return trajectory if isinstance(trajectory, Trajectory) else None
