"""What training data are made from: labelled cases, their schemas and databases, in one data folder.

A data folder holds `source.json` (where everything lies) and the rows that are made from it, a line a case
in the order of the input. Later steps need nothing but the folder. `name` is the source that every
example names as where it comes from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql import __version__
from share_sql.benchmarks.cases import LabelledCase, mark_duplicates, read_cases_jsonl
from share_sql.catalog import Catalog
from share_sql.errors import BenchmarkError, DatabaseMissing, UsageError
from share_sql.runs.execute import file_fingerprint

if TYPE_CHECKING:
    from share_sql.catalog import OpenDatabase
    from share_sql.schema.model import ColumnName, Schema

SOURCE_FILE = "source.json"
ROWS_FILE = "trajectories.jsonl"


@dataclass(frozen=True)
class SourceFiles:
    """Where a source's files lie. Either `cases`, or `benchmark` with `questions`."""

    name: str
    """The source's name in every example made from it."""
    rule: str = "spider"
    """Whose execution match says whether a draft is right: bird (sets of rows) or spider."""
    cases: str | None = None
    """JSON Lines with id, question, evidence, database, gold, and draft where there is one."""
    benchmark: str | None = None
    questions: str | None = None
    tables: str | None = None
    databases: str | None = None
    """Folder with NAME/NAME.sqlite. Databases that are not there are done without."""
    meanings: str | None = None
    drafts: str | None = None

    def write(self, folder: Path) -> None:
        """Note them in a data folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SOURCE_FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def of(cls, folder: Path) -> SourceFiles:
        """Read them from a data folder. Raises BenchmarkError where it is none."""
        path = folder / SOURCE_FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BenchmarkError(
                f"{folder} is no data folder: it has no {SOURCE_FILE}; make one by `share data teacher`"
            ) from None
        except (OSError, ValueError) as error:
            raise BenchmarkError(f"{path} cannot be read: {error}") from error
        known = {each.name for each in fields(cls)}
        if not isinstance(found, dict) or set(found) - known or "name" not in found:
            raise BenchmarkError(f"{path} is not what `share data teacher` writes; make the folder anew")
        return cls(**found)


@dataclass
class Source:
    """A source, loaded: cases with gold (and drafts), and what is known of their databases."""

    files: SourceFiles
    cases: tuple[LabelledCase, ...]
    """In the input's order. One with a `problem` becomes a row with that cause."""
    catalog: Catalog
    declared: Mapping[str, Schema]
    """Schemas with column meanings, by database; for those whose file is absent."""
    _absent: set[str] = field(default_factory=set)
    _schemas: dict[str, Schema] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.files.name

    @property
    def settings(self) -> dict[str, Any]:
        """What of it determines the rows beside the cases; work that was begun must go on with the same."""
        tables = file_fingerprint(Path(self.files.tables)) if self.files.tables else None
        return {
            "version": __version__,
            "rule": self.files.rule,
            "databases": self.files.databases,
            "tables file": tables,
        }

    def open(self, database: str) -> AbstractContextManager[OpenDatabase | None]:
        """The database, opened for the length of a block; None where its file is absent.

        Raises DatabaseError and SchemaError where it is there and cannot be used.
        """
        if database in self._absent:
            return nullcontext(None)
        try:
            used = self.catalog.use(database)
            opened = used.__enter__()
        except DatabaseMissing:
            self._absent.add(database)
            return nullcontext(None)
        self._schemas[database] = opened.schema
        used.__exit__(None, None, None)  # the catalog keeps it open
        return self.catalog.use(database)

    def schema(self, database: str) -> Schema:
        """The database's schema: from its file where that is there, else from tables.json.

        Raises DatabaseMissing where there is neither.
        """
        if database not in self._schemas:
            with self.open(database) as opened:
                if opened is None:
                    if database not in self.declared:
                        raise DatabaseMissing(
                            f"there is no database {database!r}, and no tables.json that declares it"
                        )
                    self._schemas[database] = self.declared[database]
        return self._schemas[database]

    def close(self) -> None:
        """Close the databases."""
        self.catalog.close()


def load_source(files: SourceFiles, cache: Path | None = None) -> Source:
    """Read a source's files.

    Args:
        files: where they lie.
        cache: folder for value indexes.

    Raises:
        BenchmarkError: a file is missing or not of its kind.
        CaseError: as `read_cases_jsonl`.
    """
    from share_sql.benchmarks.files import database_path
    from share_sql.schema.meanings import read_column_meanings, with_meanings
    from share_sql.schema.tables_json import read_tables_json

    cases = _from_cases(Path(files.cases)) if files.cases else _from_benchmark(files)
    schemas = read_tables_json(Path(files.tables)) if files.tables else {}
    meanings: Mapping[str, Mapping[ColumnName, str]] = (
        read_column_meanings(Path(files.meanings), verbatim=True) if files.meanings else {}
    )
    catalog = Catalog(cache=cache)
    declared = {}
    for name in dict.fromkeys(each.case.database for each in cases):
        known = meanings.get(name)
        if name in schemas:
            declared[name] = with_meanings(schemas[name], known) if known else schemas[name]
        where: str | Path = name
        if files.databases and Path(name).name == name:
            where = database_path(Path(files.databases), name)
        elif files.cases and not Path(name).is_file():
            where = Path(files.cases).absolute().parent / name
        catalog.add(name, where, declared=schemas.get(name), meanings=known)
    return Source(files, tuple(cases), catalog, declared)


def _from_cases(path: Path) -> list[LabelledCase]:
    return read_cases_jsonl(path, need=("question", "database", "gold"), keep_bad=True)


def _from_benchmark(files: SourceFiles) -> list[LabelledCase]:
    from share_sql.benchmarks.bird import load_bird
    from share_sql.benchmarks.drafts import read_drafts
    from share_sql.benchmarks.files import BenchmarkFiles
    from share_sql.benchmarks.spider import load_spider

    if not files.questions:
        raise UsageError("a benchmark needs its questions")
    questions = Path(files.questions)
    # The loader wants a folder of databases; here they may be absent, and any folder will do.
    folder = Path(files.databases) if files.databases else questions.parent
    given = BenchmarkFiles(files.benchmark or "", questions, folder)
    loaded = list((load_bird if files.benchmark == "bird" else load_spider)(given).cases)
    if not files.drafts:
        return loaded
    drafts = read_drafts(Path(files.drafts))
    paired = []
    for position, each in enumerate(loaded):
        draft = drafts.get(each.case.id, position)
        paired.append(replace(each, case=replace(each.case, draft=draft.sql)) if draft else each)
    return mark_duplicates(paired)


@dataclass(frozen=True)
class TrajectoryRow:
    """What the teacher made of one case's gold."""

    id: str
    database: str
    trajectory: str | None
    """In the extended dialect, without a fence; None where there is none."""
    proof: str
    """How it was proved to say what gold says: `rows` (the same rows from the database), `trajectory` (the
    SQL compiled from it reads back as gold's own trajectory), `model` (a model's yes); empty: not proved."""
    cause: str | None
    """Why it is not proved; None where it is."""
    paper: bool = False
    """Whether the text in the paper's dialect, which leaves joins out, compiles to the same."""
    by: str = "symbolic"
    """Who made it: symbolic, or the model's name."""
    sql: str | None = None
    """The SQL it compiles (or was converted) to."""
    outside: tuple[str, ...] = ()
    """Tables and columns that gold names and the schema has not; such rows stay out of the data."""
    usage: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Tokens by role."""

    @property
    def proved(self) -> bool:
        """Whether there is a proof."""
        return bool(self.proof)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self), "outside": list(self.outside)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> TrajectoryRow:
        """The row of a line."""
        known = {each.name for each in fields(cls)}
        kept = {key: value for key, value in row.items() if key in known}
        return cls(**{**kept, "outside": tuple(kept.get("outside", ()))})


def read_rows(folder: Path) -> dict[str, TrajectoryRow]:
    """The teacher's rows of a data folder, by id. Raises BenchmarkError where there are none."""
    path = folder / ROWS_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [TrajectoryRow.from_json(json.loads(line)) for line in lines]
    except FileNotFoundError:
        raise BenchmarkError(f"there is no {path}; finish `share data teacher` first") from None
    except (OSError, ValueError, TypeError) as error:
        raise BenchmarkError(f"{path} cannot be read: {error}") from error
    return {row.id: row for row in rows}
