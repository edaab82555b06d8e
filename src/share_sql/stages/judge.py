"""judge: is a candidate better than the draft? The draft stays unless the evidence says otherwise.

Policies: `gated` (a candidate replaces the draft only where calibrated evidence is against the one and for
the other), `always` (the paper's: the last candidate that is SQL wins), `errors` (only drafts that do not
run are replaced).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from share_sql.case import Correction, Finding, StepNote, Verdict
from share_sql.errors import QueryError, SqlError, TrajectoryError
from share_sql.judgement.features import BLAMES, compare_features, edited_features, scored_features
from share_sql.judgement.weights import sigmoid
from share_sql.query.examined import BoundQuery
from share_sql.query.findings import findings
from share_sql.sql.text import extract_sql, parse_select
from share_sql.stages.bind import bind
from share_sql.stages.stage import Candidate, Compared, Query, Request, Response, State

if TYPE_CHECKING:
    from share_sql.database.base import QueryResult


@dataclass(eq=False)
class _Judged:
    """A draft or candidate with all that is known of it."""

    sql: str
    candidate: Candidate | None
    outcome: QueryResult | QueryError
    draft: BoundQuery | None
    """Parsed and bound; None where it cannot be parsed."""
    findings: tuple[Finding, ...]

    @property
    def runs(self) -> bool:
        return not isinstance(self.outcome, QueryError)


def judge(state: State) -> Generator[Request, Response, State]:
    """Run draft and candidates, weigh the evidence, and end the case with a verdict."""
    if not state.sql and not state.candidates:
        return _end(state, state.case.draft, "kept", _no_sql(state), 0.0, ())
    draft = None
    if state.sql:
        draft = yield from _examine(state, state.sql, None)
    others: list[_Judged] = []
    for candidate in _distinct(state):
        judged = yield from _examine(state, candidate.sql, candidate)
        others = [*others, judged]
    state = _compared(state, draft, others)
    chosen, why, confidence = _choose(state, draft, others)
    against = draft.findings if draft is not None else ()
    if chosen is None:
        sure = 1 - _wrong(state, against) if draft is not None else 0.0
        if draft is not None and _normal(state.case.draft) != _normal(state.sql):
            return _end(
                state, state.sql, "corrected", f"the text around the SQL is taken away; {why}", sure, against
            )
        doubtful = draft is not None and draft.runs and bool(against) and sure < 0.5
        verdict: Verdict = "abstained" if doubtful else "kept"
        return _end(state, state.case.draft, verdict, why, sure, against)
    mended = chosen.candidate.evidence if chosen.candidate is not None else ()
    # What a repair found says more than the finding of the same kind that led to it.
    kinds = {finding.kind for finding in mended}
    found = (*(finding for finding in against if finding.kind not in kinds), *mended)
    return _end(state, chosen.sql, "corrected", why, confidence, found)


def _compared(state: State, draft: _Judged | None, others: list[_Judged]) -> State:
    """The state with the features of what the scorer weighed, beside the draft or its repair."""
    standing = _repaired(others) or draft
    if standing is None:
        return state
    compared = []
    for other in others:
        row = _scored_row(standing, other) if other.runs else None
        if row is not None and other.candidate is not None:
            compared.append(Compared(standing.sql, other.sql, other.candidate.kind, tuple(row)))
    return replace(state, compared=tuple(compared))


def _repaired(others: list[_Judged]) -> _Judged | None:
    """The repair, if it runs; there is one at most."""
    return next((other for other in others if other.runs and _origin(other) == "repair"), None)


def _scored_row(standing: _Judged, other: _Judged) -> list[float] | None:
    """Features of a candidate; None where the scorer did not weigh it."""
    candidate = other.candidate
    if candidate is None or candidate.score is None or candidate.forth is None:
        return None
    if candidate.origin == "edit":
        drops = candidate.kind == "select-drop"
        return edited_features(candidate.score, forth=candidate.forth, drops=drops)
    gone = {finding.kind for finding in standing.findings} - {finding.kind for finding in other.findings}
    return scored_features(candidate.score, forth=candidate.forth, mends=bool(gone & BLAMES))


def _no_sql(state: State) -> str:
    errors = [step.error for step in state.steps if step.error]
    return errors[0] if errors else "the draft holds no SQL"


def _distinct(state: State) -> list[Candidate]:
    """Candidates that differ from the draft and from each other; the first of equals stays."""
    seen = {_normal(state.sql)}
    found = []
    for candidate in state.candidates:
        text = _normal(candidate.sql)
        if text not in seen:
            seen.add(text)
            found.append(candidate)
    return found


def _normal(sql: str) -> str:
    return " ".join(sql.split()).rstrip(";").strip()


def _examine(state: State, sql: str, candidate: Candidate | None) -> Generator[Request, Response, _Judged]:
    outcome = yield Query(sql)
    assert not isinstance(outcome, tuple)
    try:
        bound = bind(state, parse_select(sql, state.schema.dialect), outcome)
    except SqlError:
        bound = None
    found = findings(bound, outcome, state.plan.weights)  # type: ignore[arg-type]
    return _Judged(sql, candidate, outcome, bound, found)  # type: ignore[arg-type]


def _choose(state: State, draft: _Judged | None, others: list[_Judged]) -> tuple[_Judged | None, str, float]:
    """The candidate that replaces the draft with why and how sure; None where the draft stays."""
    runnable = [other for other in others if other.runs]
    if state.plan.policy == "always":
        last = others[-1] if others else None
        if last is None:
            return None, "no candidate was made", 0.0
        return last, f"the last candidate is taken, from {_origin(last)}", 1 - _wrong(state, last.findings)
    if draft is None or not draft.runs:
        if not runnable:
            return None, "the draft does not run and no candidate does" + _because(draft), 0.0
        if draft is not None and _repaired(runnable) is not None:
            # A rewrite must be better than the repair.
            chosen, why, confidence = _gated(state, draft, runnable)
            return chosen, f"the draft does not run{_because(draft)}; {why}", confidence
        best = runnable[0]
        for other in runnable[1:]:
            if _odds(state, best, other, runnable) > _odds(state, other, best, runnable):
                best = other
        return (
            best,
            f"the draft does not run{_because(draft)}; {_what(best)}",
            1 - _wrong(state, best.findings),
        )
    if state.plan.policy == "errors" or not runnable:
        return None, _kept_reason(draft, bool(others)), 0.0
    return _gated(state, draft, runnable)


def _gated(state: State, draft: _Judged, runnable: list[_Judged]) -> tuple[_Judged | None, str, float]:
    """Repairs have proved themselves edit by edit; a rewritten candidate must beat what stands."""
    standing, why = draft, ""
    confidence = 1 - _wrong(state, draft.findings)
    repaired = _repaired(runnable)
    if repaired is not None and repaired.candidate is not None:
        standing, why = repaired, _what(repaired)
        confidence = min(sigmoid(finding.weight) for finding in repaired.candidate.evidence)
    weights = state.plan.weights
    rows = {compared.candidate: compared.row for compared in state.compared}
    best, best_odds, best_lead = None, 0.0, 0.0
    for other in runnable:
        if other is standing:
            continue
        if other.sql in rows and _origin(other) == "edit":
            odds = weights.edits_better(rows[other.sql]) if weights.edited_features else 0.0
            lead = odds - weights.edited_threshold
        elif other.sql in rows:
            odds = weights.replaces_scored(rows[other.sql]) if weights.scored_features else 0.0
            lead = odds - weights.scored_threshold
        elif "scorer" in state.plan.roles and _origin(other) == "compile":
            continue  # not worth asking about
        else:
            odds = _odds(state, standing, other, runnable)
            lead = odds - weights.replace_threshold
        if lead > best_lead:
            best, best_odds, best_lead = other, odds, lead
    if best is not None:
        gone = [f.message for f in standing.findings if f.kind not in {g.kind for g in best.findings}]
        reason = f"{_what(best)}" + (f"; it removes: {'; '.join(gone)}" if gone else "")
        return best, reason, best_odds
    if standing is draft:
        return None, _kept_reason(draft, True), 0.0
    return standing, why, confidence


def _odds(state: State, standing: _Judged, other: _Judged, runnable: list[_Judged]) -> float:
    """Calibrated probability that `other` is right and `standing` wrong."""
    if standing.draft is None or other.draft is None or not state.plan.weights.replace_features:
        return 0.0
    row = compare_features(standing.draft, other.draft, _agreeing(other, runnable))
    return state.plan.weights.replaces(row)


def _agreeing(other: _Judged, runnable: list[_Judged]) -> int:
    """How many other candidates of another origin give the same rows."""
    rows = _rows(other)
    return sum(
        1
        for peer in runnable
        if peer is not other and _rows(peer) == rows and _origin(peer) != _origin(other)
    )


def _rows(judged: _Judged) -> frozenset[object]:
    return frozenset() if isinstance(judged.outcome, QueryError) else frozenset(judged.outcome.rows)


def _origin(judged: _Judged) -> str:
    return judged.candidate.origin if judged.candidate is not None else "draft"


def _what(judged: _Judged) -> str:
    assert judged.candidate is not None
    return judged.candidate.note or f"the candidate from {judged.candidate.origin} is better supported"


def _because(draft: _Judged | None) -> str:
    if draft is None or not isinstance(draft.outcome, QueryError):
        return ""
    return f" ({draft.outcome})"


def _kept_reason(draft: _Judged, had_candidates: bool) -> str:
    if draft.findings:
        seen = "; ".join(finding.message for finding in draft.findings)
        return f"{seen}; but no candidate is better supported"
    return "nothing speaks for another query" if had_candidates else "nothing speaks against the draft"


def _wrong(state: State, found: tuple[Finding, ...]) -> float:
    """Calibrated probability that a query with these findings is wrong."""
    return sigmoid(state.plan.weights.prior + sum(finding.weight for finding in found))


def _end(
    state: State, sql: str, verdict: Verdict, reason: str, confidence: float, found: tuple[Finding, ...]
) -> State:
    steps = (*state.steps, StepNote("judge", f"{verdict}: {reason}"))
    correction = Correction(
        id=state.case.id, sql=sql, verdict=verdict, reason=reason, confidence=round(confidence, 4),
        draft=state.case.draft, findings=found, steps=steps,
        changes=_changes(state, sql) if verdict == "corrected" else (), usage=dict(state.usage),
    )  # fmt: skip
    return replace(state, steps=steps, correction=correction)


def _changes(state: State, sql: str) -> tuple[str, ...]:
    """The trajectory's diff from draft to correction."""
    from share_sql.trajectory.diff import diff
    from share_sql.trajectory.from_sql import from_sql

    try:
        before = from_sql(state.sql, state.schema)
        after = from_sql(extract_sql(sql), state.schema)
    except (SqlError, TrajectoryError):
        return ()
    return tuple(str(change) for change in diff(before, after))
