"""What the service answers, as pydantic models; OpenAPI is made of them."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from share_sql.case import Verdict

Place: TypeAlias = tuple[int, int]
"""Start and end in a text, in characters from 0; the end is exclusive."""
Mark: TypeAlias = tuple[bool, str]
"""Whether the other side lacks a run of text, and the run."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class DatabaseItem(_Answer):
    """A database that may be asked."""

    name: str
    dialect: str
    """sqlglot's name of its SQL dialect."""


class ColumnItem(_Answer):
    """A column."""

    name: str
    type: str
    nullable: bool
    primary_key: bool
    meaning: str | None
    """In words; null where nobody wrote any."""
    allowed: list[str]
    """The values that its type or a check lets in; empty where none is declared."""


class TableItem(_Answer):
    """A table or view."""

    name: str
    is_view: bool
    columns: list[ColumnItem]


class KeyItem(_Answer):
    """A foreign key; a compound one is several, with one `group`."""

    table: str
    column: str
    to_table: str
    to_column: str
    group: int | None


class SchemaAnswer(_Answer):
    """A database's schema."""

    database: str
    dialect: str
    tables: list[TableItem]
    foreign_keys: list[KeyItem]


class UsageItem(_Answer):
    """What a model used."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    requests: int = 0


class FindingItem(_Answer):
    """Evidence against the draft."""

    kind: str
    message: str
    weight: float
    """Log-odds that it adds to "the draft is wrong"."""
    place: Place | None
    """Where in the draft; null: it is about the whole query."""


class ChangeItem(_Answer):
    """A replacement in the draft."""

    start: int
    end: int
    text: str


class WarningItem(_Answer):
    """A risk in the draft: told, never acted on."""

    kind: str
    message: str
    place: Place | None
    suggestion: ChangeItem | None


class FailureItem(_Answer):
    """A model that gave nothing of use."""

    role: str
    cause: str
    message: str


class ErrorItem(_Answer):
    """A stage that failed."""

    stage: str
    cause: str | None
    message: str


class ActionItem(_Answer):
    """An action that differs between the draft's trajectory and the correction's."""

    kind: Literal["added", "removed", "changed"]
    step: str
    before: str | None
    after: str | None


class StepAction(_Answer):
    """An action of a step."""

    text: str
    mark: Literal["same", "added", "removed", "changed"]
    """What became of it: `removed` stands before only, `added` after only, `changed` on both sides."""


class StepItem(_Answer):
    """A step of a trajectory."""

    name: str
    source: StepAction | None
    """The frame that it goes on from; null where its value is no frame."""
    actions: list[StepAction]


class TrajectoryPair(_Answer):
    """Draft and correction as trajectories; null where one cannot be made."""

    before: str | None
    after: str | None
    actions: list[ActionItem]
    """What differs, action by action."""
    steps_before: list[StepItem]
    """The steps of `before` with marks; empty where there is none."""
    steps_after: list[StepItem]
    """The steps of `after` with marks; empty where there is none."""


class Diff(_Answer):
    """Draft and SQL handed back, run by run; each side's runs joined are its text."""

    before: list[Mark]
    after: list[Mark]


class StageItem(_Answer):
    """What one stage did."""

    stage: str
    text: str
    seconds: float
    error: str | None


class CorrectAnswer(_Answer):
    """A correction. The fields that a line of corrections.jsonl has mean the same there."""

    id: str
    database: str
    draft: str
    sql: str
    verdict: Verdict
    reason: str
    confidence: float | None
    """Calibrated probability that `sql` answers the question; null where nothing can be said."""
    usage: dict[str, UsageItem]
    """Tokens by stage."""
    findings: list[FindingItem]
    changes: list[str]
    """The trajectory's changes, one line an action."""
    runs: bool | None
    """Whether `sql` runs; null where nothing could be run."""
    failures: list[FailureItem]
    errors: list[ErrorItem]
    error: str | None
    """What kept the case from being worked on to its end; null where nothing did."""
    warnings: list[WarningItem]
    fingerprint: str
    """The database's; another one says that its content may have changed."""
    rows_before: str | None
    """Hash of the draft's rows; null where it does not run."""
    rows_after: str | None
    """Hash of the rows of `sql`."""
    trajectory: TrajectoryPair
    diff: Diff
    stages: list[StageItem]
    lost: bool
    """Whether a model or the database did not answer: asked again, another answer may come. Over HTTP such a
    correction comes within a problem of status 503."""


class CandidateItem(_Answer):
    """A query that a stage made or scored."""

    origin: str
    """Where it comes from: draft, repair, compile, generator, drafter, edit."""
    sql: str
    note: str
    """What was changed and why; empty where it was written anew."""
    runs: bool | None
    """Null where it was not run."""
    rows: int | None
    """How many rows it gives; null where it does not run."""
    score: float | None
    """The scorer's log-odds for it; null where it was not asked."""


class StageEvent(_Answer):
    """A stage that has ended, while a correction is under way."""

    stage: str
    seconds: float
    text: str
    """What it did, in a line; empty where it had nothing to do."""
    error: str | None
    lines: list[str]
    """The trajectory that it made, a step a line, or the warnings."""
    candidates: list[CandidateItem]
    """The queries that it made or scored, a few of them."""


class KindItem(_Answer):
    """A kind of finding, warning or change, as `share explain` prints it."""

    name: str
    about: str
    """The part of a query that it is about."""
    line: str
    """What it says, in a line."""
    before: str
    """A query with the fault."""
    after: str
    """The query mended; empty where the kind mends nothing."""


class CheckAnswer(_Answer):
    """What was seen in a draft, as `share check --json` prints it."""

    runs: bool
    error: str | None
    findings: list[dict[str, Any]]
    wrong: float
    incomplete: str | None
    sql: str
    suggestion: str | None
    columns: list[str]
    row_count: int | None
    truncated: bool
    fingerprint: str
    rows_hash: str | None


class TrajectoryAnswer(_Answer):
    """A trajectory, and the SQL that it compiles to."""

    trajectory: str
    sql: str
    raw: int
    """Steps that could not be read and were kept as they stand."""


class RunAnswer(_Answer):
    """A query's result."""

    columns: list[str]
    rows: list[list[str | int | float | None]]
    """Bytes are given as `x'…'`; numbers that JSON does not have, as text."""
    truncated: bool
    """Whether there are more rows."""
    seconds: float


class ExampleItem(_Answer):
    """A case to try."""

    id: str
    question: str
    database: str
    draft: str
    evidence: str


class HealthAnswer(_Answer):
    """That the service is there."""

    status: Literal["ok"] = "ok"


class ReadyAnswer(_Answer):
    """That the service can work."""

    status: Literal["ready"] = "ready"
    databases: int
    """How many are served."""
    away: int
    """How many of them could not be read when they were last asked."""


class FaultItem(_Answer):
    """What is wrong with one member of a body."""

    place: list[str | int]
    """Its names from the outside in; empty: the whole body."""
    message: str


class Problem(BaseModel):
    """What was wrong and what to do (RFC 9457)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str
    """`urn:share:problem:` and a stable name."""
    title: str
    """The status in words."""
    status: int
    detail: str
    """One line: what was wrong, and what to do."""
    errors: list[FaultItem] | None = None
    """Where a body is not as it should be."""
    incident: str | None = None
    """Where the fault is SHARE's own: what finds it in the service's log."""


class LostProblem(Problem):
    """A model or the database did not answer; no answer is lost for that."""

    draft: str | None = None
    """The draft as it was sent."""
    failures: list[FailureItem] | None = None
    """The models that gave nothing of use."""
    correction: CorrectAnswer | None = None
    """What came of the case without them."""


class BatchProblem(_Answer):
    """A line of a batch that came to nothing, or not to its end."""

    id: str
    """The case's; its line's number where that has none, or cannot be read."""
    line: int
    """Its line in what was sent, from 1."""
    problem: LostProblem


class UploadAnswer(_Answer):
    """An upload that may be asked."""

    name: str
    """The database's."""
    bytes: int
    expires: str
    """When it is deleted: ISO 8601, in UTC."""
