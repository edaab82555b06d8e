"""A query that was examined once: parsed, its names bound, run, searched for findings.

All that later stages want to know of a query is kept with it, so that nothing is done twice. An `Examiner`
lives as long as its case and examines each text once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlglot import exp

from share_sql.errors import QueryError, SqlError, TrajectoryError
from share_sql.query.asked import select_features
from share_sql.query.findings import Finding, Static, result_finding, static_findings
from share_sql.query.outcome import is_abnormal, is_unfinished
from share_sql.requests import Steps
from share_sql.requests import query as run
from share_sql.sql.names import resolve_tree
from share_sql.sql.resolution import Resolution
from share_sql.sql.text import parse_select
from share_sql.sql.written import write_sql

if TYPE_CHECKING:
    from share_sql.database.base import QueryResult
    from share_sql.schema.model import Schema
    from share_sql.trajectory.nodes import Trajectory

_T = TypeVar("_T")

UNBOUND = frozenset({"unknown", "ambiguous", "unknown-source"})
"""States of a column reference that keep a query from running."""


class AskedModel(Protocol):
    """Says how likely an output column was asked for."""

    @property
    def threshold(self) -> float:
        """Below this probability a column is dropped."""
        ...

    def __call__(self, row: Sequence[float]) -> float:
        """Probability, from the column's features (`query.asked.FEATURES`)."""
        ...


@dataclass(frozen=True, eq=False)
class Context:
    """What the queries of one case are examined against."""

    schema: Schema
    question: str
    evidence: str = ""
    asked: AskedModel | None = None
    """The model of asked columns; None, or one that is false, where none is fitted."""


@dataclass(frozen=True, eq=False)
class Ran:
    """A text and what running it gave. Alone it stands for a text that cannot be parsed."""

    sql: str
    outcome: QueryResult | QueryError | None
    """None where nothing was run."""
    unreadable: SqlError | None = None
    """Why it cannot be parsed; None where it can."""

    @property
    def runs(self) -> bool:
        """Whether it ran."""
        return self.outcome is not None and not isinstance(self.outcome, QueryError)

    @property
    def unfinished(self) -> bool:
        """Whether it was stopped at a bound: nobody knows whether it would have run to its end."""
        return is_unfinished(self.outcome)

    @property
    def failure(self) -> QueryError | None:
        """Why it does not run; None where it does, or was not run."""
        return self.outcome if isinstance(self.outcome, QueryError) else None

    @property
    def rows(self) -> Sequence[tuple[object, ...]] | None:
        """Its rows in order; None where it did not run."""
        return None if self.outcome is None or isinstance(self.outcome, QueryError) else self.outcome.rows

    @cached_property
    def row_set(self) -> frozenset[object] | None:
        """Its rows whatever their order and number; None where it did not run."""
        return None if self.rows is None else frozenset(self.rows)

    @property
    def is_abnormal(self) -> bool:
        """Whether its result is one that questions rarely have: failed, empty, all NULL or zero."""
        return is_abnormal(self.outcome)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What speaks against it, in a fixed order, each kind at most once."""
        found = result_finding(self.outcome)
        return (*([found] if found is not None else ()), *self._static_findings())

    def _static_findings(self) -> list[Finding]:
        return []

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of its findings."""
        return frozenset(finding.kind for finding in self.findings)


@dataclass(frozen=True, eq=False)
class Examined(Ran):
    """A query that could be parsed. What is costly is worked out when it is first asked for, and once."""

    tree: exp.Query = field(kw_only=True)
    """The parsed query; whoever changes it copies it first."""
    context: Context = field(kw_only=True)
    _known: dict[object, Any] = field(default_factory=dict, init=False, repr=False)

    def once(self, work: Callable[[Examined], _T]) -> _T:
        """What a function says of this query: worked out when it is first asked for, and kept with the query
        as long as there is one."""
        if work not in self._known:
            self._known[work] = work(self)
        found: _T = self._known[work]
        return found

    @property
    def schema(self) -> Schema:
        """The database's schema."""
        return self.context.schema

    @property
    def question(self) -> str:
        """What the query is to answer."""
        return self.context.question

    @property
    def evidence(self) -> str:
        """Outside knowledge; may be empty."""
        return self.context.evidence

    @cached_property
    def binding(self) -> Resolution:
        """What its names stand for."""
        # The text tells names in backticks, which are never text, from names in double quotes.
        return resolve_tree(self.tree, self.schema, self.sql)

    @property
    def faults(self) -> int:
        """How many names do not bind."""
        binding = self.binding
        return len(binding.unknown_sources) + len(binding.unknown_columns) + len(binding.ambiguous)

    @cached_property
    def asked(self) -> tuple[float, ...]:
        """Probability of each output column that the question asks for it; empty where there is one column
        only, or no model."""
        model, tree = self.context.asked, self.tree
        if not model or not isinstance(tree, exp.Select) or len(tree.expressions) < 2:
            return ()
        if not f"{self.question}{self.evidence}".strip():
            return ()  # nothing is asked for in words
        return tuple(model(row) for row in select_features(tree, self.question, self.evidence))

    def _static_findings(self) -> list[Finding]:
        return static_findings(
            Static(self.tree, self.binding, self.schema, self.question, self.runs, self.asked, self.sql)
        )

    @cached_property
    def trajectory(self) -> Trajectory | SqlError | TrajectoryError:
        """The query as a trajectory, or why it cannot be written as one."""
        from share_sql.trajectory.from_sql import from_tree

        try:
            return from_tree(self.tree, self.binding, self.schema)
        except (SqlError, TrajectoryError) as error:
            return error

    def text(self, node: exp.Expr, *, keep: bool = True) -> str:
        """A node as SQL, in the schema's dialect; `keep` as `sql.written.write_sql` has it."""
        return write_sql(node, self.schema.dialect, keep=keep)


MOST_TRIED = 150_000
"""Characters of changed texts that are tried in one case: hundreds of changes of a common draft, three of one
of 50 KB. They are counted and not timed, so that the same case always ends alike."""


class Examiner:
    """Examines the queries of one case, each text once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._tried = 0
        self._seen: dict[str, Ran] = {}

    def may_try(self, sql: str) -> bool:
        """Whether one more change may be tried; counts its text. False from when MOST_TRIED are used up."""
        is_first = self._tried == 0
        self._tried += len(sql)
        return is_first or self._tried <= MOST_TRIED

    @property
    def is_tired(self) -> bool:
        """Whether changes were left untried because the case had its share."""
        return self._tried > MOST_TRIED

    def examine(self, sql: str) -> Steps[Ran]:
        """Run a text and parse it; the result is `Examined` where it can be parsed."""
        if sql not in self._seen:
            outcome = yield from run(sql)
            try:
                tree = parse_select(sql, self.context.schema.dialect)
                self._seen[sql] = Examined(sql, outcome, tree=tree, context=self.context)
            except SqlError as error:
                self._seen[sql] = Ran(sql, outcome, error)
        return self._seen[sql]


def unrun(sql: str, context: Context) -> Examined:
    """A query as far as it is known without a database.

    Args:
        sql: one SELECT, without text around it.
        context: schema and question.

    Raises:
        SqlError: the text is not one readable SELECT.
    """
    return Examined(sql, None, tree=parse_select(sql, context.schema.dialect), context=context)
