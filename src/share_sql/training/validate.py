"""Is a trajectory what its SQL says? Proofs by rows, by reading back, or by a model's word.

The proof is of the text, for that is what a model learns: the trajectory is written, read, compiled, and
the compiled SQL compared with the SQL it came from. With a database, their rows must be equal as bags, in
order where the SQL sorts. Two results without a value prove little, so that there, and where no database
is at hand, the compiled SQL must read back as the SQL's own trajectory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from share_sql.benchmarks.registry import BENCHMARKS
from share_sql.database.base import Limits, QueryResult, Row
from share_sql.errors import QueryError, ShareError, SqlError, TrajectoryError
from share_sql.evaluation.execution import sorts_rows, strict_ex
from share_sql.schema.model import ColumnName, Schema
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.likeness import same_trajectory
from share_sql.trajectory.read import read
from share_sql.trajectory.to_sql import to_sql
from share_sql.trajectory.write import Dialect, write

if TYPE_CHECKING:
    from share_sql.training.sources import Source
    from share_sql.trajectory.nodes import Trajectory

LIMITS = Limits(seconds=20.0, rows=50_000)
"""What one query may spend."""


@dataclass(frozen=True)
class Proof:
    """The outcome of comparing two queries."""

    how: str
    """`rows`, `made-up rows` or `trajectory`; empty where they differ or nothing could be said."""
    cause: str | None = None
    """Why not, in one line; None where it is proved."""

    @property
    def holds(self) -> bool:
        """Whether they were found to be the same."""
        return bool(self.how)


def columns_of(schema: Schema) -> tuple[ColumnName, ...]:
    """All columns of a schema, as the reader wants them."""
    return tuple(ColumnName(table.name, column.name) for table, column in schema.columns())


def reread(trajectory: Trajectory, schema: Schema, dialect: Dialect) -> Trajectory:
    """The trajectory as its text says it. Raises TrajectoryUnreadable."""
    return read(write(trajectory, dialect), columns_of(schema)).trajectory


def tells(rows: Sequence[Row]) -> bool:
    """Whether a result says anything: no rows, and nothing but NULL and 0, come from many queries."""
    return any(value not in (None, 0, "") for row in rows for value in row)


class Validator:
    """Compares queries over a source's databases. Results of the last queries are kept."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._results: dict[tuple[str, str], QueryResult | str] = {}

    def same_query(self, database: str, sql: str, other: str, other_trajectory: Trajectory) -> Proof:
        """Whether two queries say the same: by rows where the database is there, else by their trajectories.

        Args:
            database: its name.
            sql: the one that was made.
            other: the one that it must equal, e.g. gold.
            other_trajectory: the trajectory of `other`.
        """
        found, wanted = self.result(database, sql), self.result(database, other)
        if found is None or wanted is None:
            return self._by_trajectory(database, sql, other_trajectory)
        if isinstance(wanted, str):
            proof = self._by_trajectory(database, sql, other_trajectory)
            return proof if proof.holds else Proof("", f"the gold SQL does not run: {wanted}")
        if isinstance(found, str):
            return Proof("", f"the compiled SQL does not run: {found}")
        if not strict_ex(found.rows, wanted.rows, ordered=False):
            return Proof("", "the compiled SQL gives other rows")
        in_order = not sorts_rows(other) or found.rows == wanted.rows
        if tells(wanted.rows) and not wanted.truncated and in_order:
            return Proof(self._rows_of(database))
        # It tells nothing, is cut, or is in another order, which ties may be to blame for.
        return self._by_trajectory(database, sql, other_trajectory)

    def _by_trajectory(self, database: str, sql: str, wanted: Trajectory) -> Proof:
        try:
            back = from_sql(sql, self._source.schema(database))
        except (SqlError, TrajectoryError) as error:
            return Proof("", f"the compiled SQL does not read back: {error}")
        if same_trajectory(back, wanted):
            return Proof("trajectory")
        return Proof("", "the compiled SQL reads back as another trajectory")

    def right(self, database: str, draft: str, gold: str) -> tuple[bool, str]:
        """Whether a draft is right by the benchmark's own rule.

        Returns:
            The verdict, and how it was found: `rows`, `made-up rows`, or `trajectory` where no database is
            there (or gold does not run in it): then a draft is right whose trajectory says what gold's says.
        """
        wanted = self.result(database, gold)
        how = self._rows_of(database)
        if isinstance(wanted, QueryResult):
            found = self.result(database, draft)
            if not isinstance(found, QueryResult):
                return False, how
            if how == "rows" or tells(wanted.rows) or tells(found.rows):
                return BENCHMARKS[self._source.files.rule].match(found.rows, wanted.rows, gold), how
        schema = self._source.schema(database)
        try:
            return same_trajectory(from_sql(draft, schema), from_sql(gold, schema)), "trajectory"
        except (SqlError, TrajectoryError):
            return False, "trajectory"

    def _rows_of(self, database: str) -> str:
        return "made-up rows" if database in self._source.made_up else "rows"

    def result(self, database: str, sql: str) -> QueryResult | str | None:
        """The rows; the error's message where the query fails; None where there is no database."""
        key = (database, sql)
        if key in self._results:
            return self._results[key]
        outcome: QueryResult | str
        with self._source.open(database) as opened:
            if opened is None:
                return None
            try:
                outcome = opened.database.query(sql, LIMITS)
            except QueryError as error:
                outcome = str(error)
        if len(self._results) > 200:
            self._results.clear()
        self._results[key] = outcome
        return outcome


def compiles_to(trajectory: Trajectory, schema: Schema, dialect: Dialect) -> str:
    """The SQL of the trajectory's text in a dialect.

    Raises TrajectoryError where the text cannot be read back or compiled.
    """
    return to_sql(reread(trajectory, schema, dialect), schema)


def paper_text_proved(
    validator: Validator, database: str, schema: Schema, trajectory: Trajectory, sql: str, gold: str
) -> bool:
    """Whether the paper's text, without joins, compiles to what the whole trajectory compiles to."""
    try:
        short = compiles_to(trajectory, schema, "paper")
        return short == sql or validator.same_query(database, short, gold, trajectory).holds
    except ShareError:
        return False
