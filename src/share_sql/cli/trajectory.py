"""`share trajectory`: SQL and model answers as action trajectories, and back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from share_sql.cli.common import (
    DATABASES,
    DATABASES_HELP,
    FILE,
    as_json,
    fill_catalog,
    options,
    read_stdin,
    use_database,
)
from share_sql.cli.configured import config_option, db_option, known_as
from share_sql.cli.terminal import interruptible, print_json, progress_bar, say

if TYPE_CHECKING:
    from share_sql.benchmarks.places import Places
    from share_sql.case import Case
    from share_sql.catalog import Catalog, OpenDatabase
    from share_sql.database.base import Database

_Function = TypeVar("_Function", bound=Callable[..., Any])

SAME, DIFFER, NOT_COMPARED = "same", "differ", "not compared"
"""What a round trip does to a query's rows."""


@dataclass(frozen=True)
class Done:
    """What came of a case."""

    sql: str | None = None
    error: str | None = None
    rows: str | None = None
    """For a round trip: SAME, DIFFER, or NOT_COMPARED with the reason."""


EXAMPLES = """\b
Examples:
  share trajectory show --db shop.sqlite --sql "SELECT name FROM store LIMIT 3"
  share trajectory roundtrip --cases sql.jsonl --json
  share trajectory compile --cases trajectories.jsonl --json
  share trajectory read --file out/first/final_traj.jsonl
"""


@click.group("trajectory", epilog=EXAMPLES)
def command() -> None:
    """Show, read, compile and round-trip action trajectories."""


@command.command("show", epilog='\b\nExample:\n  share trajectory show --db shop.sqlite --sql "SELECT …"')
@db_option
@click.option("--sql", required=True, help="The SQL; - reads it from standard input.")
@click.option(
    "--dialect",
    type=click.Choice(["paper", "extended"]),
    default="extended",
    show_default=True,
    help="paper leaves joins out, extended keeps what keys cannot give back.",
)
@click.option("--masked", is_flag=True, help="Hide names of tables and columns.")
@config_option
@as_json
def show(db: str, sql: str, dialect: Literal["paper", "extended"], masked: bool, as_json: bool) -> None:
    """Print the trajectory of one query."""
    from share_sql.catalog import Catalog
    from share_sql.sql.text import extract_sql
    from share_sql.trajectory.from_sql import from_sql
    from share_sql.trajectory.mask import mask
    from share_sql.trajectory.write import write

    if sql == "-":
        sql = read_stdin()
    catalog = Catalog()
    db = use_database(catalog, db)
    with closing(catalog), catalog.use(db) as opened:
        trajectory = from_sql(extract_sql(sql), opened.schema)
    text = write(mask(trajectory) if masked else trajectory, dialect)
    if as_json:
        print_json({"trajectory": text, "steps": len(trajectory.steps)})
        return
    say(text)


def _each_options(field: str) -> Callable[[_Function], _Function]:
    return options(
        click.option("--cases", type=FILE, required=True, help=f"JSON Lines with id, database, {field}."),
        click.option("--databases", type=DATABASES, help=DATABASES_HELP),
        click.option("--tables", type=FILE, help="tables.json that completes the schemas."),
        config_option,
        as_json,
    )


@command.command("roundtrip", epilog="\b\nExample:\n  share trajectory roundtrip --cases sql.jsonl --json")
@_each_options("sql")
def roundtrip(**given: Any) -> None:
    """Take SQL to its trajectory and back; the SQL that comes back must give the same rows.

    Both are run, read-only. A case's `rows` are `same`, `differ` (which is an error), or `not compared: …`
    where the SQL itself does not run or its result is cut. Exit code 1 where rows differ, or all failed.
    """
    from share_sql.sql.text import extract_sql
    from share_sql.trajectory.from_sql import from_sql
    from share_sql.trajectory.to_sql import to_sql

    def back(text: str, opened: OpenDatabase, case: Case) -> Done:
        sql = extract_sql(text)
        again = to_sql(from_sql(sql, opened.schema), opened.schema)
        rows = _compared(opened.database, sql, again)
        error = f"the SQL that comes back {rows[1]}" if rows[0] == DIFFER else None
        return Done(again, error, rows[0] if rows[1] is None or error else f"{rows[0]}: {rows[1]}")

    _each("sql", back, **given)


def _compared(database: Database, sql: str, again: str) -> tuple[str, str | None]:
    """Whether two queries give the same rows, and what there is to say of it."""
    from share_sql.database.base import Limits
    from share_sql.errors import QueryError
    from share_sql.evaluation.execution import sorts_rows, strict_ex

    limits = Limits(seconds=30.0, rows=100_000)
    try:
        wanted = database.query(sql, limits)
    except QueryError as error:
        return NOT_COMPARED, f"the SQL does not run: {error}"
    try:
        found = database.query(again, limits)
    except QueryError as error:
        return DIFFER, f"does not run: {error}"
    if wanted.truncated or found.truncated:
        return NOT_COMPARED, f"there are more than {limits.rows:,} rows"
    if not strict_ex(found.rows, wanted.rows, ordered=False):
        places = f"{len(found.rows)} rows, not {len(wanted.rows)}"
        there = set(found.rows)
        missing = next((row for row in wanted.rows if row not in there), None)
        if missing is not None and len(found.rows) == len(wanted.rows):
            places = f"it lacks {missing!r}"
        return DIFFER, f"gives other rows: {places}"
    if sorts_rows(sql) and not strict_ex(found.rows, wanted.rows, ordered=True):
        # Rows that the order leaves equal may come either way.
        if sorts_rows(again):
            return SAME, None
        return DIFFER, "does not sort its rows"
    return SAME, None


@command.command("compile", epilog="\b\nExample:\n  share trajectory compile --cases answers.jsonl --json")
@_each_options("trajectory")
def compile_(**given: Any) -> None:
    """Compile trajectories (bare, or a model's whole answer) to SQL, without any model."""
    from share_sql.errors import TrajectoryUnreadable
    from share_sql.schema.model import ColumnName
    from share_sql.trajectory.read import read
    from share_sql.trajectory.to_sql import to_sql

    def compiled(text: str, opened: OpenDatabase, case: Case) -> Done:
        schema = opened.schema
        names = [ColumnName(table.name, column.name) for table, column in schema.columns()]
        trajectory = read(text, names).trajectory
        if not trajectory.steps:
            raise TrajectoryUnreadable("there is no trajectory in the text")
        # Question and evidence decide between join paths of the same length.
        return Done(to_sql(trajectory, schema, hint=f"{case.question} {case.evidence}"))

    _each("trajectory", compiled, **given)


@command.command("read", epilog="\b\nExample:\n  share trajectory read --file final_traj.jsonl --json")
@click.option("--file", "path", type=FILE, required=True, help="JSON Lines with a model's answers.")
@click.option("--field", default="response", show_default=True, help="Where the answer is.")
@click.option("--problems", is_flag=True, help="List what could not be read.")
@as_json
def read_(path: Path, field: str, problems: bool, as_json: bool) -> None:
    """Read trajectories as models write them, and count what could not be read.

    typed: read in full. raw: read, with parts kept as they are. failed: no trajectory in the answer.
    masked: readable ones that could be masked.
    """
    counts, found = _read_all(path, field)
    if as_json:
        print_json({**counts, "problems": found} if problems else counts)
        return
    say(", ".join(f"{what} {count}" for what, count in counts.items()))
    if problems:
        for problem in found:
            say(f"  line {problem['line']}: {problem['text']}")


def _read_all(path: Path, field: str) -> tuple[dict[str, int], list[dict[str, Any]]]:
    from share_sql.benchmarks.cases import read_rows
    from share_sql.errors import BenchmarkError, TrajectoryError
    from share_sql.trajectory.mask import mask
    from share_sql.trajectory.nodes import Raw, RawAction
    from share_sql.trajectory.read import read

    counts = dict.fromkeys(("total", "typed", "raw", "failed", "masked"), 0)
    problems: list[dict[str, Any]] = []
    with interruptible(), progress_bar("reading") as progress:
        rows = list(read_rows(path, "a model's answers, one JSON object a line"))
        if rows and not any(isinstance(row, dict) and field in row for _, row in rows):
            number, row = rows[0]
            if isinstance(row, Exception):
                raise BenchmarkError(f"{path}, line {number} is not JSON: {row}") from row
            raise BenchmarkError(f"{path}, line {number} has no field {field!r}; name another by --field")
        for done, (number, row) in enumerate(rows, 1):
            if progress:
                progress(done, len(rows))
            counts["total"] += 1
            try:
                trajectory = read(_answer(row, field)).trajectory
                if not trajectory.steps:
                    raise TrajectoryError("there is no trajectory in the answer")
            except TrajectoryError as error:
                counts["failed"] += 1
                problems.append({"line": number, "kind": "failed", "text": str(error)})
                continue
            raw = [node.text for node in trajectory.walk() if isinstance(node, Raw | RawAction)]
            counts["raw" if raw else "typed"] += 1
            problems += [{"line": number, "kind": "raw", "text": text} for text in raw]
            try:
                mask(trajectory)
                counts["masked"] += 1
            except TrajectoryError as error:
                problems.append({"line": number, "kind": "unmasked", "text": str(error)})
    return counts, problems


def _answer(row: object, field: str) -> str:
    """A row's answer; empty where it is null. Raises TrajectoryUnreadable where there is no text."""
    from share_sql.errors import TrajectoryUnreadable

    if isinstance(row, Exception):
        raise TrajectoryUnreadable(f"the line is not JSON ({row})")
    if not isinstance(row, dict) or field not in row:
        raise TrajectoryUnreadable(f"the line is no JSON object with a field {field!r}")
    answer = row[field]
    if not isinstance(answer, str | None):
        raise TrajectoryUnreadable(f"the field {field!r} is {type(answer).__name__}, not text")
    return answer or ""


def _each(
    field: str,
    work: Callable[[str, OpenDatabase, Case], Done],
    *,
    cases: Path,
    databases: Places | None,
    tables: Path | None,
    as_json: bool,
) -> None:
    """Apply `work` to a field of every case; print SQL or error of each. Exit code 1 where all failed, or
    rows differ."""
    from share_sql.benchmarks.cases import read_cases_jsonl
    from share_sql.errors import ShareError

    labelled = read_cases_jsonl(cases, need=("database",), keep_bad=True)
    names = [each.case.database for each in labelled if not each.problem]
    catalog = _catalog(names, databases, tables, beside=cases.absolute().parent)
    rows: list[dict[str, str | None]] = []
    with interruptible(), progress_bar(field) as progress:
        for number, each in enumerate(labelled, 1):
            done = Done()
            error = each.problem
            text = each.raw.get(field)
            if not error and not isinstance(text, str):
                error = f"the field {field!r} is missing or no text"
            if not error:
                try:
                    with catalog.use(known_as(each.case.database)) as opened:
                        done = work(str(text), opened, each.case)
                    error = done.error
                except ShareError as caught:
                    error = str(caught)
                except Exception as caught:
                    # One case's fault, ours included, must not cost the others; it is named in its row.
                    error = f"internal error ({type(caught).__name__}: {caught}); please report it"
            row = {"id": each.case.id, "sql": done.sql, "error": error}
            rows.append(row | ({"rows": done.rows} if field == "sql" else {}))
            if progress:
                progress(number, len(labelled))
    catalog.close()
    failed = sum(row["error"] is not None for row in rows)
    differ = sum(row.get("rows") == DIFFER for row in rows)
    counts = {"total": len(rows), "failed": failed} | ({"differ": differ} if field == "sql" else {})
    if as_json:
        print_json({"cases": rows, **counts})
    else:
        for row in rows:
            text = row["sql"] if row["error"] is None else f"error: {row['error']}"
            note = f"  -- rows {row['rows']}" if NOT_COMPARED in (row.get("rows") or "") else ""
            say(f"{row['id']}: {text}{note}")
        of_rows = f", {differ} of them with other rows" if differ else ""
        say(f"{len(rows)} cases, {failed} failed{of_rows}", err=True)
    if differ or failed == len(rows):
        raise SystemExit(1)


def _catalog(
    names: list[str],
    databases: Places | None = None,
    tables: Path | None = None,
    beside: Path | None = None,
) -> Catalog:
    from share_sql.catalog import Catalog

    catalog = Catalog()
    fill_catalog(catalog, names, databases=databases, tables=tables, beside=beside)
    return catalog
