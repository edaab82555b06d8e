"""Evidence about one draft, as data: does it run, what is wrong or risky in it, where. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from share_sql.case import (
    Case,
    Place,
    QueryWarning,
    TextChange,
    WeighedFinding,
    failures_in_words,
)
from share_sql.errors import UsageError
from share_sql.judgement.logistic import sigmoid
from share_sql.query.examined import Examined
from share_sql.query.layout import layout_changes
from share_sql.query.place import place_in_draft
from share_sql.query.warnings import OTHER_ANSWER
from share_sql.runfolder.record import case_error
from share_sql.sql.marks import mark_changes
from share_sql.stages.policies import answers_of, sureness

if TYPE_CHECKING:
    from share_sql.assistant import Assistant
    from share_sql.judgement.weights import Weights
    from share_sql.stages.state import Candidate, State

Severity: TypeAlias = Literal["error", "warning", "info"]
"""error: the SQL does not run, or a repair proves it wrong. warning: a risk that is told, or a finding with
which a query is wrong more often than right, by the calibrated weights. info: a finding that right queries
have as often; it does not count as something found."""


@dataclass(frozen=True)
class Observation:
    """One thing seen in a draft."""

    kind: str
    """Stable name, a row of `edits.table`."""
    message: str
    """One line: what was seen, with the names and values at fault."""
    severity: Severity
    place: Place | None = None
    """Where in the draft as given; None where it is about the whole query."""
    suggestion: TextChange | None = None
    """A change to the draft that mends it; None where there is none, or not one of its own."""


@dataclass(frozen=True)
class Checked:
    """All that is known about a draft."""

    sql: str
    """The SQL in the draft, without text around it; empty where there is none."""
    runs: bool
    """Whether it runs."""
    error: str | None
    """Why it does not run; None where it does."""
    observations: tuple[Observation, ...]
    """What was seen: errors first, then warnings, then what is only told."""
    columns: tuple[str, ...] = ()
    """Names of the result's columns; empty where it does not run."""
    row_count: int | None = None
    """Rows of the result; None where it does not run."""
    truncated: bool = False
    """Whether the result has more rows than were counted."""
    suggestion: str | None = None
    """The whole SQL with all proved repairs; None where there is none."""
    wrong: float = 0.0
    """Calibrated probability that the draft is wrong, 0 to 1; of a draft that a repair proves wrong, the
    probability that the repair is right."""
    unusable: str | None = None
    """Why nothing could be checked (no such database); None where it could."""
    incomplete: str | None = None
    """What could not be looked at, and why (the draft is too much work, the database went away, a drafter did
    not answer); None where all was."""
    fingerprint: str = ""
    """The database's fingerprint."""
    rows_hash: str | None = None
    """Hash of the rows, as `query.outcome.rows_hash` gives it; None where it does not run."""

    @property
    def found(self) -> bool:
        """Whether there is an error or a warning."""
        return any(each.severity != "info" for each in self.observations)

    def _repr_html_(self) -> str:
        """What a notebook shows: the SQL as it is and mended, and what was seen; all escaped (`display`)."""
        from share_sql import display

        sql, mended = mark_changes(self.sql, self.suggestion or self.sql)
        groups = (("Errors", "error"), ("Warnings", "warning"), ("Also seen", "info"))
        return display.frame(
            self._said,
            (f"wrong with probability {self.wrong:.2f}",) if self.unusable is None else (),
            display.paragraph("" if self.observations else self.error or ""),
            display.paragraph(f"Not all could be looked at: {self.incomplete}" if self.incomplete else ""),
            display.sides(("SQL", sql), *([("Mended", mended)] if self.suggestion else [])),
            *(
                display.listed(
                    title, ((seen.kind, seen.message) for seen in self.observations if seen.severity == name)
                )
                for title, name in groups
            ),
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The same in short, for IPython in a terminal."""
        from share_sql.display import plain

        seen = "".join(f"\n{each.severity}: {each.kind}: {each.message}" for each in self.observations)
        printer.text(plain(f"{self._said}{seen}\n{self.suggestion or self.sql}"))

    @property
    def _said(self) -> str:
        """What came of it in a few words."""
        if self.unusable is not None:
            return "could not be checked"
        return (
            "does not run"
            if not self.runs
            else "runs, with findings"
            if self.found
            else "runs, nothing found"
        )


def check(assistant: Assistant, case: Case) -> Checked:
    """Look at a draft without changing it.

    Args:
        assistant: with `inspect`, and without models, or with a drafter alone: what it answers counts too.
        case: the draft; its question and evidence may be empty, and what they would prove is then not seen.

    Returns:
        What was seen. Never raises for what is wrong with the case.

    Raises:
        UsageError: the assistant was made without `inspect`, and would not see the warnings.
        AssistantClosed: it is closed, or was closed meanwhile.
    """
    return checked(next(iter(assistant.correct_states([case]))))


async def acheck(assistant: Assistant, case: Case) -> Checked:
    """As `check`, for an event loop of the caller's."""
    return checked(await assistant.acorrect_state(case))


def checked(state: State) -> Checked:
    """What was seen of a draft, from the final state of its case: with `inspect`, see `check`. Raises
    UsageError where it was worked on without."""
    if not state.plan.inspects:
        raise UsageError("a check needs an assistant that was made with inspect=True")
    correction = state.correction
    assert correction is not None, "the judge always leaves a correction"
    failed = case_error(correction)
    draft = state.draft
    if draft is None or draft.query.outcome is None:
        said = failed or correction.reason
        none = Observation("fails", said, "error")
        return Checked("", False, said, (none,), unusable=failed)
    repair = state.repaired
    weights = state.plan.weights
    outcome = draft.query.outcome if draft.query.runs else None
    inspection = correction.inspection
    warnings = inspection.warnings if inspection is not None else ()
    wrong = max((weights.wrong(draft.query.kinds), *(_WRONG_SHARE.get(each.kind, 0.0) for each in warnings)))
    if repair is not None:
        wrong = max(wrong, min(sigmoid(fault.weight) for fault in repair.evidence))
    if state.answers and draft.query.runs:
        wrong = max(wrong, 1 - sureness(state, draft))
    return Checked(
        sql=draft.sql,
        runs=draft.query.runs,
        error=_why(draft),
        observations=tuple(sorted(_observed(state, repair), key=lambda each: _ORDER.index(each.severity))),
        columns=getattr(outcome, "columns", ()),
        row_count=len(draft.query.rows) if draft.query.rows is not None else None,
        truncated=bool(getattr(outcome, "truncated", False)),
        suggestion=repair.sql if repair is not None else None,
        wrong=round(wrong, 4),
        incomplete=failed or failures_in_words(correction.failures) or None,
        fingerprint=inspection.fingerprint if inspection is not None else "",
        rows_hash=inspection.rows_before if inspection is not None else None,
    )


def checked_row(checked: Checked) -> dict[str, Any]:
    """What was seen, as JSON: what `share check --json` prints."""
    return {
        "runs": checked.runs,
        "error": checked.error,
        "findings": [_observation_row(each) for each in checked.observations],
        "wrong": checked.wrong,
        "incomplete": checked.incomplete,
        "sql": checked.sql,
        "suggestion": checked.suggestion,
        "columns": list(checked.columns),
        "row_count": checked.row_count,
        "truncated": checked.truncated,
        "fingerprint": checked.fingerprint,
        "rows_hash": checked.rows_hash,
    }


def _observation_row(seen: Observation) -> dict[str, Any]:
    change = seen.suggestion
    start, end = seen.place or (None, None)
    return {
        "kind": seen.kind,
        "message": seen.message,
        "severity": seen.severity,
        "start": start,
        "end": end,
        "suggestion": {"start": change.start, "end": change.end, "text": change.text} if change else None,
    }


_WRONG_SHARE = {
    "literal-unstored": 0.89,
    "join-multiplies": 0.83,
    "group-value": 0.97,
    "id-shown": 0.72,
    "evidence-condition": 0.56,
    "evidence-column": 0.56,
}
"""Share of wrong queries among real drafts that run and have a warning of the kind, under Jeffreys'
prior: 106 of 119, 12 of 14, 14 of 14 and 39 of 54 on Spider's dev set, where 17% of all are wrong
(`runs/warning_rates.py`); the last two from `query.warnings_asked`. Kinds that are rarer, or wrong less
often than right, have none."""
_ORDER: tuple[Severity, ...] = ("error", "warning", "info")


def _observed(state: State, repair: Candidate | None) -> Iterator[Observation]:
    """Faults that repairs prove, findings and warnings, each with its severity."""
    correction = state.correction
    assert correction is not None
    faults = repair.evidence if repair is not None else ()
    for fault in faults:
        yield Observation(fault.kind, fault.message, "error", fault.place, _suggested(state, repair, fault))
    known = {fault.kind for fault in faults}
    draft = state.draft
    for finding in draft.query.findings if draft is not None else ():
        if finding.kind not in known:
            place = place_in_draft(state.case.draft, state.sql, finding.place)
            severity = _severity(finding.kind, state.plan.weights, runs=draft is None or draft.query.runs)
            yield Observation(finding.kind, finding.message, severity, place)
    for warning in correction.inspection.warnings if correction.inspection is not None else ():
        yield _warned(warning)
    if draft is not None and (other := _other_answer(state, draft)):
        yield Observation(OTHER_ANSWER, other, "warning")


def _other_answer(state: State, draft: Candidate) -> str:
    """What the drafter answers with other rows, where that makes the draft more likely wrong than right;
    empty elsewhere."""
    answers = answers_of(state)
    if not draft.query.runs or not answers.rival(draft.query) or sureness(state, draft) >= 0.5:
        return ""
    others = [each for each in state.candidates if each.origin == "drafter" and each.query.runs]
    best = max(others, key=lambda each: answers.share(each.query))
    votes = round(answers.share(best.query) * answers.count)
    return f"a model that did not see it answers with other rows ({votes} of {answers.count}): {best.sql}"


def _warned(warning: QueryWarning) -> Observation:
    return Observation(warning.kind, warning.message, "warning", warning.place, warning.suggestion)


def _severity(kind: str, weights: Weights, *, runs: bool) -> Severity:
    """How much a finding counts by itself."""
    if not runs:
        return "error"
    return "warning" if weights.wrong(frozenset((kind,))) >= 0.5 else "info"


def _suggested(state: State, repair: Candidate | None, fault: WeighedFinding) -> TextChange | None:
    """The one change to the draft that mends a fault; None where it takes several."""
    query = repair.query if repair is not None else None
    draft = state.draft.query if state.draft is not None else None
    if fault.place is None or not isinstance(query, Examined) or draft is None:
        return None
    start, end = fault.place
    found = []
    own = draft.tree if isinstance(draft, Examined) else None
    for change in layout_changes(draft.sql, own, query.tree, state.schema.dialect) or ():
        place = place_in_draft(state.case.draft, state.sql, (change.start, change.end))
        if place is not None and start <= place[0] and place[1] <= end:
            found.append(TextChange(*place, change.text))
    return found[0] if len(found) == 1 else None


def _why(draft: Candidate) -> str | None:
    """Why a draft does not run."""
    if draft.query.runs:
        return None
    return str(draft.query.failure or draft.query.unreadable or "it was not run")
