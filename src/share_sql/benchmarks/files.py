"""A benchmark's files, loaded: questions with their drafts, and the databases they speak of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.benchmarks.benchmark import Benchmark
from share_sql.benchmarks.cases import LabelledCase, mark_duplicates, read_json
from share_sql.benchmarks.drafts import Drafts, read_drafts
from share_sql.benchmarks.places import Places, check_places, place_of
from share_sql.benchmarks.places import database_path as database_path  # where callers look for it
from share_sql.benchmarks.registry import BENCHMARKS
from share_sql.case import Case
from share_sql.errors import BenchmarkError

if TYPE_CHECKING:
    from share_sql.catalog import Catalog
    from share_sql.schema.model import ColumnName, Schema


@dataclass(frozen=True)
class BenchmarkFiles:
    """Where a benchmark's files lie."""

    benchmark: str
    """A name in BENCHMARKS."""
    questions: Path
    databases: Places
    """Folder with `<name>/<name>.sqlite` for each database, or a URL with `{name}`; see places.py."""
    tables: Path | None = None
    """tables.json; None: schemas come from the databases alone."""
    meanings: Path | None = None
    """column_meaning.json; None: from each database's database_description folder where there is one."""
    drafts: Path | None = None
    """None: every draft is empty, for uses that need none."""


@dataclass(frozen=True)
class BenchmarkDatabase:
    """One database of a benchmark."""

    name: str
    where: str | Path
    """Path or URL at which it is, or would be: whether it is there is found out when a case needs it."""
    declared: Schema | None = None
    """Its entry in tables.json."""
    meanings: Mapping[ColumnName, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Path of its file; only for one that is a file."""
        return Path(self.where)


@dataclass(frozen=True)
class LoadedBenchmark:
    """A benchmark, ready to run or to score."""

    benchmark: Benchmark
    cases: tuple[LabelledCase, ...]
    databases: Mapping[str, BenchmarkDatabase]
    """By name, all that a question is about."""

    def register(self, catalog: Catalog) -> None:
        """Make its databases known to a catalog, under their names."""
        for database in self.databases.values():
            catalog.add(
                database.name, database.where, declared=database.declared, meanings=database.meanings or None
            )


def load(files: BenchmarkFiles) -> LoadedBenchmark:
    """Load a benchmark's questions, with their drafts where there is a file of drafts.

    A question's id is its `idx` where the file has one (the reference's run files go by it), else its
    `question_id`, else its position, as text. A question without a draft becomes a case with an empty
    one and a `problem` that says so.

    Args:
        files: where its files lie.

    Returns:
        Cases with gold, and with evidence and difficulty where the benchmark has them, and the databases.

    Raises:
        BenchmarkError: a file is missing or not of its kind, or the drafts are not of these questions.
    """
    benchmark = BENCHMARKS[files.benchmark]
    rows = read_json(files.questions, "a JSON list of questions")
    if not isinstance(rows, list) or not rows:
        raise BenchmarkError(f"{files.questions}: expected a JSON list with one object a question")
    drafts = read_drafts(files.drafts, keep_bad=True) if files.drafts else None
    cases, without = [], []
    wrong_database = 0
    for position, row in enumerate(rows):
        labelled = _case(position, row, files, benchmark.gold)
        if drafts is not None and not labelled.problem:
            name = labelled.case.id
            draft = drafts.get(name, position)
            if draft is None:
                without.append(name)
                problem = f"the drafts file {drafts.source} has no draft for the question {name}"
                labelled = replace(labelled, problem=problem)
            else:
                wrong_database += bool(draft.database) and draft.database != labelled.case.database
                case = replace(labelled.case, draft=draft.sql)
                labelled = replace(labelled, case=case, problem=draft.problem)
        cases.append(labelled)
    if drafts is not None and files.drafts is not None:
        _check_alignment(drafts, files.drafts, cases, without, wrong_database)
    names = dict.fromkeys(case.case.database for case in cases if case.case.database)
    return LoadedBenchmark(benchmark, tuple(mark_duplicates(cases)), _databases(files, benchmark, names))


def _case(position: int, row: Any, files: BenchmarkFiles, gold: str) -> LabelledCase:
    place = f"{files.questions.name}, position {position}"
    if not isinstance(row, dict):
        case = Case(id=str(position), question="", database="", draft="")
        return LabelledCase(case, place=place, problem="expected a JSON object for the question")
    name = next((row[key] for key in ("idx", "question_id") if row.get(key) is not None), position)
    problem = None
    if isinstance(name, bool) or not isinstance(name, str | int):
        problem, name = f"the question's id {name!r} is neither text nor a number", position
    texts = {}
    for key in ("question", "db_id", "evidence", gold, "difficulty"):
        value = row.get(key)
        if not isinstance(value, str):
            if key in ("question", "db_id"):
                problem = problem or f"the field {key!r} is missing or no text"
            value = ""
        texts[key] = value
    case = Case(str(name), texts["question"], texts["db_id"], draft="", evidence=texts["evidence"])
    return LabelledCase(
        case, gold=texts[gold], difficulty=texts["difficulty"], raw=row, place=place, problem=problem
    )


def _check_alignment(
    drafts: Drafts, path: Path, cases: list[LabelledCase], without: list[str], wrong_database: int
) -> None:
    """Refuse drafts that cannot be those of these questions."""
    if drafts.by_position is not None and len(drafts) > len(cases):
        raise BenchmarkError(
            f"{path} has {len(drafts)} drafts by position for {len(cases)} questions; expected one each"
        )
    if len(without) == len(cases):
        known = ", ".join(list(drafts.by_id or ())[:3])
        raise BenchmarkError(
            f"{path} has no draft for any of the {len(cases)} questions: its ids are {known}…, "
            f"the questions' are {', '.join(without[:3])}…"
        )
    if wrong_database * 2 > len(cases):
        raise BenchmarkError(
            f"{path}: {wrong_database} of {len(cases)} drafts are tagged for another database than their "
            "question's; expected the drafts of this questions file"
        )


def _databases(
    files: BenchmarkFiles, benchmark: Benchmark, names: Mapping[str, None]
) -> dict[str, BenchmarkDatabase]:
    check_places(files.databases)
    schemas: Mapping[str, Schema] = {}
    meanings = None
    if files.tables:
        from share_sql.schema.tables_json import read_tables_json

        schemas = read_tables_json(files.tables)
    if files.meanings:
        from share_sql.schema.meanings import read_column_meanings

        meanings = read_column_meanings(files.meanings, verbatim=True)
    found = {}
    for name in names:
        where, declared = place_of(files.databases, name), schemas.get(name)
        if meanings is None:
            known = _descriptions(where, declared, benchmark.descriptions)
        else:
            known = meanings.get(name, {})
        found[name] = BenchmarkDatabase(name, where, declared, known)
    return found


def _descriptions(where: str | Path, declared: Schema | None, name: str) -> dict[ColumnName, str]:
    """What the benchmark's folder of descriptions beside a database says; nothing where there is none."""
    if not isinstance(where, Path) or not name or not declared:
        return {}
    folder = where.parent / name
    if not os.path.isdir(folder):
        return {}
    from share_sql.schema.meanings import read_descriptions

    return read_descriptions(folder, declared)
