"""What stages pass on: the state of a case, its candidates, and the plan that a whole run shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from share_sql.edits.table import KINDS
from share_sql.query.examined import Context, Examiner
from share_sql.requests import Steps

if TYPE_CHECKING:
    from share_sql.case import Case, Correction, Inspection, ModelFailure, StepNote, WeighedFinding
    from share_sql.judgement.weights import Weights
    from share_sql.models.base import Usage
    from share_sql.prompts.library import PromptSet
    from share_sql.query.examined import Ran
    from share_sql.schema.model import ColumnSet, Schema
    from share_sql.trajectory.nodes import Trajectory


@dataclass(frozen=True, eq=False)
class Candidate:
    """A query that may be handed back. The draft is candidate 0."""

    query: Ran
    """The query, examined once."""
    origin: str
    """Where it comes from: draft, repair, compile, generator, drafter, edit."""
    note: str = ""
    """What was changed and why, one line; empty where it was written anew."""
    evidence: tuple[WeighedFinding, ...] = ()
    """For a repair: the faults that it mends."""
    kind: str = ""
    """For a guessed change: its kind."""
    worth_asking: bool = False
    """Whether the scorer is asked about it."""
    score: float | None = None
    """The scorer's log-odds that the change to it mends, less those of the way back; None: not asked."""
    forth: float | None = None
    """The log-odds of the change alone."""
    own_repairs: frozenset[str] = frozenset()
    """Of a query that was written anew: what its own repairs are about (`edits.table.Kind.about`)."""
    ran: bool = True
    """Of a query that was written anew: whether it ran before its own repairs, if it had any."""
    votes: int = 1
    """How many of a model's samples agree on it: give its SQL, or, of lom and the generator, other SQL with
    the same rows, if any."""

    @property
    def sql(self) -> str:
        """Its text."""
        return self.query.sql

    @property
    def mended(self) -> frozenset[str]:
        """What its repairs are about (`edits.table.Kind.about`); empty where nothing was repaired."""
        return abouts(self.evidence)


def abouts(faults: Iterable[WeighedFinding]) -> frozenset[str]:
    """What repairs are about, by the faults that they mend."""
    return frozenset(KINDS[fault.kind].about for fault in faults if fault.kind in KINDS)


@dataclass(frozen=True)
class Choice:
    """What a policy decides."""

    candidate: Candidate | None
    """What replaces the draft; None where the draft stays."""
    reason: str
    confidence: float = 0.0
    """Probability that the candidate answers the question; of no meaning where the draft stays."""


@dataclass(frozen=True)
class Policy:
    """When a candidate replaces the draft."""

    name: str
    summary: str
    """One line for people."""
    choose: Callable[[State], Choice]
    weighs: bool = False
    """Whether candidates are repaired and scored before; otherwise they stay as their makers wrote them, as
    in the paper."""


@dataclass(frozen=True)
class Plan:
    """How cases are corrected; the same for a whole run."""

    policy: Policy
    roles: frozenset[str]
    """Roles that a model answers."""
    prompts: PromptSet | None
    """None where no role is set: nothing is asked then."""
    weights: Weights
    constrained: frozenset[str] = frozenset()
    """Roles whose model can keep its answer to a grammar."""
    min_confidence: float = 0.0
    """A change of less confidence is not made, 0 to 1."""
    drops: bool = True
    """Whether what a model wrote may select fewer columns than a draft that runs, as benchmarks want it."""
    inspects: bool = False
    """Whether drafts are inspected too: warnings, hashes of rows, the database's fingerprint."""

    samples: Mapping[str, int] = field(default_factory=dict)
    """How many answers lom, the generator and the drafter are asked for, by role; one where it says
    nothing."""
    calibrated: bool = True
    """Whether the weights hold for the scorer's scores."""
    answers_act: bool = True
    """Whether they hold for the answers of both drafters; those of others can only change the confidence."""

    @property
    def scores(self) -> bool:
        """Whether a scorer is asked about candidates."""
        return self.policy.weighs and "scorer" in self.roles

    @property
    def weighs_scores(self) -> bool:
        """Whether scores decide. Those of a scorer that the weights were not fitted on can only speak against
        a candidate."""
        return self.scores and self.calibrated


@dataclass(frozen=True)
class State:
    """All that is known about a case; each stage returns a new one."""

    case: Case
    schema: Schema
    """The database's whole schema, with column meanings."""
    plan: Plan
    examiner: Examiner
    """Examines each of the case's queries once."""
    fingerprint: str = ""
    """The database's fingerprint as the case began; empty where it could not be opened."""
    candidates: tuple[Candidate, ...] = ()
    """The draft first, where there is SQL in it."""
    linked: ColumnSet = frozenset()
    """The draft's linked columns."""
    trajectory: Trajectory | None = None
    """bam's result."""
    masked: Trajectory | None = None
    filled: Trajectory | None = None
    """sam's result."""
    augmented: ColumnSet = frozenset()
    """The augmented schema: the draft's columns and the filled ones."""
    final: Trajectory | None = None
    """lom's result."""
    answers: int = 0
    """How many answers the drafter gave."""
    second: Ran | None = None
    """The second drafter's answer; None where it was not asked, or gave none."""
    samples: tuple[Trajectory, ...] = ()
    """All of lom's answers, the final trajectory first; each as often as it was given."""
    inspection: Inspection | None = None
    """warn's result; judge adds the hashes of rows."""
    correction: Correction | None = None
    """judge's result."""
    steps: tuple[StepNote, ...] = ()
    """What each stage did."""
    failures: tuple[ModelFailure, ...] = ()
    """Models that were asked and gave nothing of use."""
    usage: dict[str, Usage] = field(default_factory=dict)
    """Tokens by role."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock time of each stage, and of opening the database under `database`. Where several cases are
    under way, it counts the waiting for one another too."""
    texts: dict[str, str] = field(default_factory=dict)
    """Each model's answer as given, by role, for the run folder."""
    prompts: dict[str, str] = field(default_factory=dict)
    """Each prompt as sent, by role, for the run folder."""

    @staticmethod
    def start(case: Case, schema: Schema, plan: Plan) -> State:
        """The state in which a case enters the first stage."""
        context = Context(schema, case.question, case.evidence, plan.weights.asked)
        return State(case, schema, plan, Examiner(context))

    @property
    def draft(self) -> Candidate | None:
        """Candidate 0; None where there is no SQL in the draft."""
        first = self.candidates[0] if self.candidates else None
        return first if first is not None and first.origin == "draft" else None

    @property
    def sql(self) -> str:
        """The draft without the text around it; empty where there is no SQL in it."""
        return self.draft.sql if self.draft is not None else ""

    @property
    def repaired(self) -> Candidate | None:
        """The draft's repair, if it runs; there is one at most."""
        return next((each for each in self.candidates if each.origin == "repair" and each.query.runs), None)


Stage: TypeAlias = Callable[[State], "State | Steps[State]"]
"""A stage gives the next state, at once or after requests."""
