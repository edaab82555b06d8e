"""What a stage is: a generator that yields requests and returns the next state.

A stage does no input or output. It yields what it needs and receives the answer; the driver in
`assistant.py` fetches answers from models and databases. The same stages therefore serve one case, a
batch, a dry run and a replay (the habit is httpx's auth flow).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from share_sql.database.base import Limits

if TYPE_CHECKING:
    from share_sql.case import Case, Correction, Finding, StepNote
    from share_sql.database.base import QueryResult
    from share_sql.errors import QueryError
    from share_sql.judgement.weights import Weights
    from share_sql.models.base import ModelReply, ModelRequest, Usage
    from share_sql.prompts.library import PromptSet
    from share_sql.schema.model import ColumnSet, Schema, ValueMatch
    from share_sql.trajectory.nodes import Trajectory

Policy: TypeAlias = Literal["gated", "always", "errors"]
"""gated: a candidate must earn its place. always: the paper's, the last candidate wins. errors: only
drafts that do not run are touched."""

QUERY_LIMITS = Limits(seconds=10.0, rows=20_000, bytes=32 * 1024 * 1024)
"""What a stage may spend on one query."""


@dataclass(frozen=True)
class Ask:
    """A stage wants a model's answer. Receives ModelReply; ModelError is thrown into the stage."""

    request: ModelRequest


@dataclass(frozen=True)
class Query:
    """A stage wants SQL run read-only. Receives QueryResult, or the QueryError as a value: a failing
    query is what the judge wants to know, not a fault."""

    sql: str
    limits: Limits = QUERY_LIMITS
    """Bounds on time, rows and memory."""


@dataclass(frozen=True)
class Lookup:
    """A stage wants the stored values nearest to a text. Receives a tuple of ValueMatch, best first."""

    text: str
    columns: ColumnSet | None = None
    """Only these columns; None for all text columns."""
    limit: int = 10


@dataclass(frozen=True)
class AskAll:
    """A stage wants answers to several prompts at once. Receives a list of ModelReply, in their order; the
    first ModelError is thrown into the stage."""

    requests: tuple[ModelRequest, ...]


Request: TypeAlias = Ask | AskAll | Query | Lookup
Response: TypeAlias = "ModelReply | QueryResult | QueryError | tuple[ValueMatch, ...] | list[ModelReply]"


@dataclass(frozen=True)
class Candidate:
    """SQL that may replace the draft."""

    sql: str
    origin: str
    """Where it comes from: repair, compile, generator, recorded, edit."""
    note: str = ""
    """For repairs: what was changed and why, one line."""
    evidence: tuple[Finding, ...] = ()
    """The findings on the draft that this candidate answers."""
    kind: str = ""
    """For edits: the kind of edit."""
    score: float | None = None
    """The scorer's log-odds that this mends what stands, less those of the way back; None: not asked."""
    forth: float | None = None
    """Those log-odds alone."""


@dataclass(frozen=True)
class Compared:
    """A scored candidate beside what stands."""

    standing: str
    """SQL of the draft, or of its repair."""
    candidate: str
    """SQL of the candidate."""
    kind: str
    """The kind of edit; empty for others."""
    row: tuple[float, ...]
    """Its features, in the order of `evidence.compare.SCORED`; for an edit, of EDITED."""


@dataclass(frozen=True)
class Plan:
    """How cases are corrected; the same for a whole run."""

    policy: Policy
    roles: frozenset[str]
    """Roles that a model answers."""
    prompts: PromptSet | None
    """None where no role is set: nothing is asked then."""
    weights: Weights
    held: frozenset[str] = frozenset()
    """Roles whose model can be held to a grammar."""

    @staticmethod
    def make(
        policy: Policy,
        roles: frozenset[str] = frozenset(),
        prompts: PromptSet | None = None,
        weights: Weights | None = None,
        held: frozenset[str] = frozenset(),
    ) -> Plan:
        """Fill in the shipped prompts and weights where none are given."""
        from share_sql.judgement.weights import load_weights

        if roles and prompts is None:
            from share_sql.prompts.library import load_prompts

            prompts = load_prompts()
        return Plan(policy, roles, prompts, weights or load_weights(), held)


@dataclass(frozen=True)
class State:
    """All that is known about a case; each stage returns a new one."""

    case: Case
    schema: Schema
    """The database's whole schema, with column meanings."""
    plan: Plan
    sql: str = ""
    """The draft with prose and fences stripped; empty where there is no SQL in it."""
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
    candidates: tuple[Candidate, ...] = ()
    compared: tuple[Compared, ...] = ()
    """What the judge compared, for `share calibrate`."""
    correction: Correction | None = None
    """judge's result."""
    steps: tuple[StepNote, ...] = ()
    """What each stage did."""
    usage: dict[str, Usage] = field(default_factory=dict)
    """Tokens by role."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock time of each stage, and of opening the database under `database`. Where several cases are
    under way, it counts the waiting for one another too."""
    texts: dict[str, str] = field(default_factory=dict)
    """Each model's answer as given, by role, for the run folder."""
    prompts: dict[str, str] = field(default_factory=dict)
    """Each prompt as sent, by role, for the run folder."""


Stage: TypeAlias = Callable[[State], Generator[Request, Response, State]]
