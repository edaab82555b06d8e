"""A benchmark's files as cases to score: questions with gold, predictions, drafts, corrected gold."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from share_sql.benchmarks.benchmark import Benchmark
from share_sql.benchmarks.cases import LabelledCase, read_bytes, read_json
from share_sql.benchmarks.drafts import Draft, Drafts, read_drafts
from share_sql.benchmarks.files import BenchmarkFiles, LoadedBenchmark, load
from share_sql.benchmarks.places import Places
from share_sql.benchmarks.registry import BENCHMARKS
from share_sql.database.address import is_url, shown
from share_sql.errors import BenchmarkError, DatabaseError
from share_sql.evaluation.cases import EvalCase
from share_sql.evaluation.inputs import Inputs
from share_sql.evaluation.predictions import read_predictions, read_sql

_ID_KEYS = ("question_id", "id", "idx")


def read_questions(benchmark: str, questions: Path, databases: Places) -> LoadedBenchmark:
    """Read a benchmark's questions and gold.

    Args:
        benchmark: a name in BENCHMARKS.
        questions: dev.json with gold.
        databases: folder with `<name>/<name>.sqlite`, or a URL with `{name}`; see `benchmarks.places`.

    Raises:
        BenchmarkError: a file is missing or of another benchmark.
    """
    loaded = load(BenchmarkFiles(benchmark, questions, databases))
    _check_gold(loaded.cases, loaded.benchmark, questions)
    return loaded


def _is_there(where: str | Path) -> bool:
    """Whether a database can be opened; a file is not."""
    if isinstance(where, Path) or not is_url(where):
        return os.path.isfile(where)
    from share_sql.database.open import open_database

    try:
        with open_database(where) as database:
            database.fingerprint()
    except DatabaseError:
        return False
    return True


def read_benchmark(
    loaded: LoadedBenchmark,
    *,
    predictions: Path,
    drafts: Path | None = None,
    corrected: Path | None = None,
    by_position: bool = False,
    only_present: bool = False,
) -> Inputs:
    """Pair a benchmark's questions with SQL to score.

    Args:
        loaded: the questions, see `read_questions`.
        predictions: SQL to score in any format of `benchmarks.drafts`, or a run folder.
        drafts: SQL before correction, likewise.
        corrected: corrected gold: a questions file, whose question and evidence may be corrected too, or a
            file of SQL by id. Questions that it lacks are left out of `Inputs.corrected`.
        by_position: pair the nth prediction with the nth question whatever its id, as BIRD's scripts do.
        only_present: leave out questions whose database is not there.

    Returns:
        The cases.

    Raises:
        BenchmarkError: a file is missing, or has no SQL for any question.
    """
    rows = list(enumerate(loaded.cases))
    warnings = [f"{row.place}: {row.problem}" for _, row in rows if row.problem]
    if only_present:
        present = {name for name, database in loaded.databases.items() if _is_there(database.where)}
        rows = [(at, row) for at, row in rows if row.case.database in present]
        if not rows:
            raise BenchmarkError(_none_there(next(iter(loaded.databases.values())).where))
        if left_out := len(loaded.cases) - len(rows):
            warnings.append(f"{left_out} questions left out: their databases are not there")
    predicted = read_predictions(predictions, by_position)
    drafted = read_sql(drafts, by_position) if drafts is not None else None
    pairs, cases = [], []
    for at, row in rows:
        name = row.case.id
        draft = predicted.get(name, at)
        before = drafted.get(name, at) if drafted is not None else None
        database = loaded.databases.get(row.case.database)
        pairs.append((row, draft))
        cases.append(
            EvalCase(
                id=name,
                database=str(database.where if database else row.case.database),
                name=row.case.database if database and isinstance(database.where, str) else "",
                gold=row.gold,
                prediction=draft.sql if draft is not None else None,
                draft=before.sql if before is not None else None,
                difficulty=row.difficulty,
                question=row.case.question,
                **predicted.own_word(name),
            )
        )
    _check_paired(predictions, predicted.sql, pairs)
    extra = predicted.unpaired(row.case.id for row in loaded.cases)
    other: tuple[EvalCase, ...] = ()
    if corrected is not None:
        other, reworded = _corrected(cases, [row for _, row in rows], corrected, loaded.benchmark.gold)
        if reworded:
            warnings.append(
                f"{reworded} of {len(other)} corrected questions have another question or evidence; what is "
                "scored was written for the original"
            )
    return Inputs(tuple(cases), extra, tuple(warnings), other)


def _none_there(where: str | Path) -> str:
    if isinstance(where, Path) or not is_url(where):
        return f"{Path(where).parent.parent} has none of the questions' databases; expected NAME/NAME.sqlite"
    return f"none of the questions' databases can be opened, not {shown(where)} either; check --databases"


def _check_gold(rows: Sequence[LabelledCase], benchmark: Benchmark, questions: Path) -> None:
    if any(row.gold for row in rows):
        return
    first = rows[0].raw if rows else {}
    other = next((each for each in BENCHMARKS.values() if each != benchmark and each.gold in first), None)
    found = f"{other.name}'s (gold under {other.gold!r})" if other else f"objects with {sorted(first)}"
    raise BenchmarkError(
        f"{questions}: expected {benchmark.name}'s questions (gold under {benchmark.gold!r}), found {found}; "
        f"check --benchmark and --questions"
    )


def _check_paired(path: Path, predicted: Drafts, pairs: Sequence[tuple[LabelledCase, Draft | None]]) -> None:
    """Refuse predictions that cannot be of these questions."""
    tagged = [(draft, row.case.database) for row, draft in pairs if draft is not None]
    if pairs and not tagged:
        known = ", ".join(list(predicted.by_id or ())[:3])
        raise BenchmarkError(
            f"{path}: expected SQL for the questions {pairs[0][0].case.id}, …; found ids {known}…; "
            "check that it is of this benchmark and split"
        )
    wrong = sum(bool(draft.database) and draft.database != name for draft, name in tagged)
    if wrong * 2 > len(tagged):
        raise BenchmarkError(
            f"{path}: expected SQL for these questions, found {wrong} of {len(tagged)} tagged for another "
            "database; check the file, or --pairing"
        )


@dataclass(frozen=True)
class _Gold:
    """Corrected gold by id or by position, and the rows that it was read from, by id; none for bare SQL."""

    sql: Drafts
    rows: Mapping[str, Mapping[str, Any]]


def _corrected(
    cases: Sequence[EvalCase], rows: Sequence[LabelledCase], path: Path, key: str
) -> tuple[tuple[EvalCase, ...], int]:
    """The cases that have corrected gold, with it, and how many of them ask something else there."""
    gold = _read_gold(path, key)
    changed: dict[str | int, EvalCase] = {}
    reworded = 0
    for at, (case, row) in enumerate(zip(cases, rows, strict=True)):
        name = str(row.raw.get("question_id", row.case.id))
        sql = gold.sql.get(name, at)
        if sql is None or case.id in changed:
            continue
        changed[case.id] = replace(case, gold=sql.sql)
        reworded += _reworded(row, gold.rows.get(name, {}))
    if not changed:
        raise BenchmarkError(f"{path}: expected gold SQL by question id, found none for these questions")
    return tuple(changed.values()), reworded


def _reworded(row: LabelledCase, corrected: Mapping[str, Any]) -> bool:
    """Whether a corrected question asks otherwise than the original, or knows something else."""
    asked = {"question": row.case.question, "evidence": row.case.evidence}
    return any(
        isinstance(other := corrected.get(field), str) and other.split() != text.split()
        for field, text in asked.items()
    )


def _read_gold(path: Path, key: str) -> _Gold:
    """Corrected gold by id, from a questions file or a file of SQL."""
    try:
        rows = json.loads(read_bytes(path, "gold SQL by id; check --corrected").decode("utf-8-sig"))
    except ValueError:
        return _Gold(read_drafts(path), {})
    if not (isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)):
        return _Gold(read_drafts(path), {})
    found, known = {}, {}
    for row in rows:
        name = next((row[field] for field in _ID_KEYS if row.get(field) is not None), None)
        sql = next((row[field] for field in (key, "SQL", "query", "gold", "sql") if field in row), None)
        if name is not None and isinstance(sql, str):
            found[str(name)] = Draft(sql)
            known[str(name)] = row
    return _Gold(Drafts(path.name, by_id=found), known)


def same_columns(tables: Path) -> dict[str, dict[str, str]]:
    """By database: which columns foreign keys tie together, for the exact set match.

    Args:
        tables: tables.json. BIRD's compound keys come as lists of places, which are paired off.

    Raises:
        BenchmarkError: the file is missing or not of its kind.
    """
    from share_sql.evaluation.exact_match import foreign_key_classes

    try:
        found = {}
        for entry in read_json(tables, "a tables.json; check --tables"):
            names = [name.lower() for name in entry["table_names_original"]]
            columns = [
                f"{names[at]}.{column.lower()}" if at >= 0 else "*"
                for at, column in entry["column_names_original"]
            ]
            keys: list[tuple[int, int]] = []
            for first, second in entry["foreign_keys"]:
                keys += zip(first, second, strict=True) if isinstance(first, list) else [(first, second)]
            found[str(entry["db_id"])] = foreign_key_classes(columns, keys)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BenchmarkError(f"{tables} is no tables.json ({error!r}); check --tables") from error
    return found
