"""What a finished case leaves in the journal: plain JSON values. Only `seconds` differs between runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from share_sql.case import Case, Correction, failures_in_words
from share_sql.database.address import shown
from share_sql.errors import PromptError
from share_sql.runfolder.counts import IN_THE_CASE
from share_sql.runfolder.journal import FAILED, FINGERPRINT, Line

if TYPE_CHECKING:
    from share_sql.case import ModelFailure
    from share_sql.models.base import Usage
    from share_sql.prompts.library import PromptSet
    from share_sql.stages.state import State
    from share_sql.trajectory.nodes import Trajectory


INPUT = "input"
"""The cause of a case that could not be read."""


def fingerprint(case: Case) -> str:
    """A short hash of all that is asked; another one means another case."""
    return hashlib.sha256(json.dumps(asdict(case), sort_keys=True).encode()).hexdigest()[:16]


def correction_row(correction: Correction, error: str | None = None) -> dict[str, Any]:
    """A correction as the line of corrections.jsonl.

    Args:
        correction: the case's end.
        error: message of the named error that kept the case from being worked on; None: taken from the
            correction's steps.
    """
    return {
        "id": correction.id,
        "sql": correction.sql,
        "verdict": correction.verdict,
        "reason": correction.reason,
        "confidence": correction.confidence,
        "usage": {stage: asdict(usage) for stage, usage in sorted(correction.usage.items())},
        "findings": [asdict(finding) for finding in correction.findings],
        "changes": list(correction.changes),
        "runs": correction.runs,
        "failures": [
            {"role": each.role, "cause": each.cause, "message": each.message} for each in correction.failures
        ],
        "errors": [
            {"stage": step.stage, "cause": step.cause, "message": step.error}
            for step in correction.steps
            if step.error is not None
        ],
        "error": error or case_error(correction),
    }


def inspection_row(correction: Correction) -> dict[str, Any]:
    """What a correction tells beside itself, with what a replay of the verdict compares; empty where that was
    not asked for. The hashes are `query.outcome.rows_hash`."""
    found = correction.inspection
    if found is None:
        return {}
    return {
        "warnings": [asdict(warning) for warning in found.warnings],
        "fingerprint": found.fingerprint,
        "rows_before": found.rows_before,
        "rows_after": found.rows_after,
    }


def case_error(correction: Correction) -> str | None:
    """What kept a case from being worked on, or from being worked on to its end (its database, too much work,
    a fault of SHARE's own), or from a model's answer; else None."""
    return _failed(correction)[0]


def case_cause(correction: Correction) -> str | None:
    """The same in one word: a step's (`case.StepNote.cause`), or a model's (`errors.ModelError.cause`); None
    for a case that nothing failed in."""
    return _failed(correction)[1]


def _failed(correction: Correction) -> tuple[str | None, str | None]:
    """Error and cause; of several that which doing the case again may mend, and a step's before a model's."""
    failed = [(step.error, step.cause) for step in correction.steps if step.cause]
    if correction.lost:
        failed.append((failures_in_words(correction.lost), correction.lost[0].cause))
    failed.sort(key=lambda each: each[1] in IN_THE_CASE)
    return failed[0] if failed else (None, None)


def state_row(state: State, prompts: PromptSet | None = None) -> dict[str, Any]:
    """All that a case produced.

    Args:
        state: the final state.
        prompts: renders the generator's prompt where no generator was asked; None: left empty then.
    """
    from share_sql.prompts.render import in_schema_order

    assert state.correction is not None, "the judge always leaves a correction"
    made: Mapping[str, Trajectory | None] = {
        "bam": state.trajectory,
        "mask": state.masked,
        "sam": state.filled,
        "lom": state.final,
    }
    steps = {
        role: (state.prompts.get(role, ""), state.texts.get(role) or _answer(trajectory))
        for role, trajectory in made.items()
    }
    return {
        "id": state.case.id,
        "database": shown(state.case.database),
        FINGERPRINT: state.fingerprint,
        "correction": correction_row(state.correction),
        "steps": steps,
        "augmented": [str(name) for name in in_schema_order(state.augmented, state.schema)],
        "generator_prompt": state.prompts.get("generator") or _generator_prompt(state, prompts),
        "seconds": {stage: round(spent, 6) for stage, spent in state.seconds.items()},
        "cause": (cause := case_cause(state.correction)),
        # Done again by --resume where what failed was not the case.
        FAILED: cause is not None and cause not in IN_THE_CASE,
    }


@dataclass(frozen=True)
class EndedCase:
    """What a run needs of a case that has ended; it may come from another process."""

    line: Line
    """All that the case produced, for the journal."""
    error: str | None
    """What failed, where it is to be done again."""
    cause: str | None
    """The same in one word."""
    failures: tuple[ModelFailure, ...]
    """Models that were asked and gave nothing of use."""
    usage: Mapping[str, Usage]
    """Tokens by role."""


@dataclass(frozen=True)
class Recorder:
    """Makes of a final state what a run needs of it."""

    prompts: PromptSet | None = None
    """As for `state_row`."""

    def __call__(self, state: State) -> EndedCase:
        """That of one state, with its judge's correction."""
        row = state_row(state, self.prompts)
        error = row["correction"]["error"] if row[FAILED] else None
        return EndedCase(Line.of(row), error, row["cause"], state.failures, state.usage)


def failed_row(case: Case, problem: str, *, duplicate: bool = False) -> dict[str, Any]:
    """The row of a case that could not be started: its draft is kept, with the problem as the reason.

    Args:
        case: the case, as far as it could be read.
        problem: what is wrong with it.
        duplicate: its id is another case's, so that it has no place in files that go by id.
    """
    correction = Correction(case.id, case.draft, "kept", problem, 0.0, draft=case.draft)
    return {
        "id": case.id,
        "database": shown(case.database),
        "correction": correction_row(correction, problem),
        "steps": {},
        "augmented": [],
        "generator_prompt": "",
        "seconds": {},
        "duplicate": duplicate,
        "cause": INPUT,
    }


def _answer(trajectory: Trajectory | None) -> str | None:
    """A trajectory made without a model, as a model would have answered it; None where there is none, so
    that a replay of the run knows that the stage has no answer."""
    if trajectory is None:
        return None
    from share_sql.trajectory.write import write

    return f"```SR\n{write(trajectory, 'paper').strip()}\n```"


def _generator_prompt(state: State, prompts: PromptSet | None) -> str:
    trajectory = state.final or state.filled or state.trajectory
    if prompts is None or trajectory is None:
        return ""
    from share_sql.prompts.render import generator_variables
    from share_sql.trajectory.write import write

    variables = generator_variables(
        state.augmented,
        state.schema,
        question=state.case.question,
        evidence=state.case.evidence,
        trajectory=write(trajectory, "paper"),
    )
    try:
        return prompts.render("generator", **variables)[-1].content
    except PromptError:
        return ""  # a prompt set without a generator prompt: there is nothing to write down
