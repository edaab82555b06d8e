"""What training data are made from: labelled cases, their schemas and databases, in one data folder.

A data folder holds `source.json` (where everything lies) and the rows that are made from it, a line a case
in the order of the input. Later steps need nothing but the folder. `name` is the source that every
example names as where it comes from.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from share_sql import __version__
from share_sql.benchmarks.cases import LabelledCase, mark_duplicates, read_cases_jsonl
from share_sql.catalog import Catalog
from share_sql.database.address import is_url
from share_sql.dialects import PLAIN, dialect_of
from share_sql.errors import BenchmarkError, DatabaseMissing, ShareError, UsageError
from share_sql.runfolder.execute import file_fingerprint
from share_sql.schema.model import ColumnName

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from share_sql.catalog import OpenDatabase
    from share_sql.schema.model import Schema
    from share_sql.training.made_up import Condition

Row = TypeVar("Row", bound="DataclassInstance")
"""What is made of a case, a line of a data folder's files."""

SOURCE_FILE = "source.json"
ROWS_FILE = "trajectories.jsonl"


@dataclass(frozen=True)
class SourceFiles:
    """Where a source's files lie. Either `cases`, or `benchmark` with `questions`."""

    name: str
    """The source's name in every example made from it."""
    rule: str = "spider"
    """Whose execution match says whether a draft is right: a name in BENCHMARKS."""
    cases: str | None = None
    """JSON Lines with id, question, evidence, database, gold, and draft where there is one."""
    benchmark: str | None = None
    questions: str | None = None
    tables: str | None = None
    databases: str | None = None
    """Folder with NAME/NAME.sqlite, or a URL with `{name}`, without a password; see `benchmarks.places`.
    Databases that are not there are done without."""
    meanings: str | None = None
    drafts: str | None = None
    made_up: str | None = None
    """Folder for made-up databases that stand in for those that are not there; None: done without."""
    dialect: str | None = None
    """sqlglot's name of the dialect of databases that are not there, and of gold over them; None: the one
    that goes without saying."""

    def write(self, folder: Path) -> None:
        """Note them in a data folder."""
        folder.mkdir(parents=True, exist_ok=True)
        told = {key: value for key, value in asdict(self).items() if key != "dialect" or value is not None}
        (folder / SOURCE_FILE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

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
    made_up: frozenset[str] = frozenset()
    """Databases whose rows are made up."""
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
            "made up": self.files.made_up is not None,
            "tables file": tables,
            **({"dialect": self.files.dialect} if self.files.dialect else {}),
        }

    @contextmanager
    def open(self, database: str) -> Iterator[OpenDatabase | None]:
        """The database, opened for the length of a block; None where its file is absent.

        Raises DatabaseError and SchemaError where it is there and cannot be used.
        """
        with ExitStack() as stack:
            opened = None
            if database not in self._absent:
                try:
                    opened = stack.enter_context(self.catalog.use(database))
                    self._schemas[database] = opened.schema
                except DatabaseMissing:
                    self._absent.add(database)
            yield opened

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
    from share_sql.benchmarks.places import check_places, place_of, read_places
    from share_sql.schema.meanings import read_column_meanings, with_meanings
    from share_sql.schema.tables_json import read_tables_json
    from share_sql.training.made_up import made_up_file

    cases = _from_cases(Path(files.cases)) if files.cases else _from_benchmark(files)
    schemas = read_tables_json(Path(files.tables)) if files.tables else {}
    meanings: Mapping[str, Mapping[ColumnName, str]] = (
        read_column_meanings(Path(files.meanings), verbatim=True) if files.meanings else {}
    )
    dialect = dialect_of(files.dialect or PLAIN.name).name
    schemas = {name: replace(schema, dialect=dialect) for name, schema in schemas.items()}
    places = read_places(files.databases) if files.databases else None
    if isinstance(places, str):
        check_places(places)
    catalog = Catalog(cache=cache)
    declared: dict[str, Schema] = {}
    made_up = set()
    for name in dict.fromkeys(each.case.database for each in cases):
        known = meanings.get(name)
        if name in schemas:
            declared[name] = with_meanings(schemas[name], known) if known else schemas[name]
        where: str | Path = name
        if places is not None and Path(name).name == name:
            where = place_of(places, name)
        elif files.cases and not is_url(name) and not os.path.isfile(name):
            where = Path(files.cases).absolute().parent / name
        if files.made_up and name in declared and not (is_url(str(where)) or os.path.isfile(where)):
            where = Path(files.made_up) / made_up_file(safe_name(name), dialect)
            made_up.add(name)
        catalog.add(name, where, declared=schemas.get(name), meanings=known)
    source = Source(files, tuple(cases), catalog, declared, frozenset(made_up))
    if files.made_up:
        _make_up(source, Path(files.made_up))
    return source


def _from_cases(path: Path) -> list[LabelledCase]:
    return read_cases_jsonl(path, need=("question", "database", "gold"), keep_bad=True)


def _from_benchmark(files: SourceFiles) -> list[LabelledCase]:
    from share_sql.benchmarks.drafts import read_drafts
    from share_sql.benchmarks.files import BenchmarkFiles, load
    from share_sql.benchmarks.places import read_places

    if not files.questions:
        raise UsageError("a benchmark needs its questions")
    questions = Path(files.questions)
    # The loader wants a folder of databases; here they may be absent, and any folder will do.
    folder = read_places(files.databases) if files.databases else questions.parent
    loaded = list(load(BenchmarkFiles(files.benchmark or "", questions, folder)).cases)
    if not files.drafts:
        return loaded
    drafts = read_drafts(Path(files.drafts))
    paired = []
    for position, each in enumerate(loaded):
        draft = drafts.get(each.case.id, position)
        paired.append(replace(each, case=replace(each.case, draft=draft.sql)) if draft else each)
    return mark_duplicates(paired)


def safe_name(name: str) -> str:
    """A database's name as a file's."""
    return re.sub(r"[^\w.-]", "_", name).lstrip(".") or "_"


def constants_by_database(
    cases: Sequence[LabelledCase], schemas: Callable[[str], Schema]
) -> dict[str, dict[ColumnName, tuple[str | int | float, ...]]]:
    """By database, the constants that gold compares each column with.

    Args:
        cases: those whose SQL cannot be read are passed over; their own rows say so.
        schemas: gives a database's schema.
    """
    exact = ("=", "!=", "in", "not in", "<", "<=", ">", ">=", "between")
    found: dict[str, dict[ColumnName, dict[str | int | float, None]]] = {}
    for each in cases:
        pool = found.setdefault(each.case.database, {})
        for column, operator, value in _conditions(each.gold, each.case.database, schemas):
            if operator in exact:
                pool.setdefault(column, {})[value] = None
    return {database: {name: tuple(v) for name, v in pool.items()} for database, pool in found.items()}


def _conditions(sql: str, database: str, schemas: Callable[[str], Schema]) -> tuple[Condition, ...]:
    """A query's comparisons of columns with constants; none where it cannot be read."""
    from share_sql.sql.literals import literal_uses
    from share_sql.sql.names import resolve
    from share_sql.sql.text import extract_sql

    try:
        uses = literal_uses(resolve(extract_sql(sql), schemas(database)))
    except ShareError:
        return ()
    return tuple((ColumnName(use.table, use.column), use.op, use.value) for use in uses)


def _make_up(source: Source, folder: Path) -> None:
    """Write the made-up databases that are not written yet."""
    from share_sql.training.made_up import Witness, made_up_file, write_made_up

    paths = {
        name: folder / made_up_file(safe_name(name), source.declared[name].dialect) for name in source.made_up
    }
    wanted = {name for name, path in paths.items() if not path.exists()}
    if not wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    witnesses: dict[str, dict[Witness, None]] = {name: {} for name in wanted}
    for each in source.cases:
        if each.case.database in wanted:
            for sql in (each.gold, each.case.draft):
                conditions = _conditions(sql, each.case.database, lambda name: source.declared[name])
                year = re.search(r"\b(?:19|20)\d\d\b", sql)
                if conditions or year:
                    witness = Witness(conditions, year[0] if year else None)
                    witnesses[each.case.database][witness] = None
    for name in sorted(wanted):
        write_made_up(source.declared[name], tuple(witnesses[name]), paths[name])


@dataclass(frozen=True)
class TrajectoryRow:
    """What the teacher made of one case's gold."""

    id: str
    database: str
    trajectory: str | None
    """In the extended dialect, without a fence; None where there is none."""
    proof: str
    """How it was proved to say what gold says: `rows` (the same rows from the database), `made-up rows` (the
    same from a made-up one), `trajectory` (the SQL compiled from it reads back as gold's own trajectory),
    `model` (a model's yes); empty: not proved."""
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
    lost: bool = False
    """Whether a model did not answer; the next run asks again."""
    usage: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Tokens by role."""

    @property
    def proved(self) -> bool:
        """Whether there is a proof."""
        return bool(self.proof)


def from_json(kind: type[Row], row: Mapping[str, Any]) -> Row:
    """The row of a JSON object; keys that the class has not are left out."""
    known = {each.name for each in fields(kind)}
    kept = {key: tuple(v) if isinstance(v, list) else v for key, v in row.items() if key in known}
    return kind(**kept)


def read_rows(folder: Path) -> dict[str, TrajectoryRow]:
    """The teacher's rows of a data folder, by id. Raises BenchmarkError where there are none."""
    path = folder / ROWS_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [from_json(TrajectoryRow, json.loads(line)) for line in lines]
    except FileNotFoundError:
        raise BenchmarkError(f"there is no {path}; finish `share data teacher` first") from None
    except (OSError, ValueError, TypeError) as error:
        raise BenchmarkError(f"{path} cannot be read: {error}") from error
    return {row.id: row for row in rows}
