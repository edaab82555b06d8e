"""Cases to score from a JSONL file: `{"id", "database", "gold", "prediction"}`, draft and more if there."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os.path import exists, isfile  # Path's raise for a name that is too long
from pathlib import Path
from typing import Any

from share_sql.benchmarks.cases import read_rows
from share_sql.benchmarks.places import Places, database_path, place_of
from share_sql.database.address import is_url
from share_sql.errors import CaseError
from share_sql.evaluation.cases import EvalCase
from share_sql.sql.tag import split_tag


@dataclass(frozen=True)
class Inputs:
    """Everything `share eval` scores."""

    cases: tuple[EvalCase, ...]
    """In the order of the questions."""
    extra: tuple[str, ...] = ()
    """Ids (or places) of predictions that no question has."""
    warnings: tuple[str, ...] = ()
    """What is odd in the files, one line each."""
    corrected: tuple[EvalCase, ...] = ()
    """Those of the cases that have corrected gold, with it; empty without --corrected."""


def read_eval_cases(
    file: Path, databases: Places | None = None, known: Callable[[str], str | None] = lambda name: None
) -> Inputs:
    """Read labelled cases with their predictions.

    Args:
        file: JSONL, a case a line (or one JSON list). `id` may be missing: the case's place, from 0,
            stands in. `prediction` may be missing or null: counted wrong. `draft`, `difficulty`,
            `question`, `confidence`, `verdict` and `reason` are used where they are.
        databases: folder of databases, or a URL with `{name}`, for names; None takes `database` as a path,
            from here or from the file's folder. A URL is always taken as it stands.
        known: the place of a database that the settings name; None for any other.

    Returns:
        The cases in order, with a warning for each id given twice.

    Raises:
        BenchmarkError: the file cannot be read.
        CaseError: it holds no case, a line is no JSON object, or a field is missing or of the
            wrong kind; the message names the line.
    """
    cases: list[EvalCase] = []
    for at, (number, record) in enumerate(read_rows(file)):
        where = f"{file}, line {number}"
        if isinstance(record, Exception):
            raise CaseError(f"{where} is no valid JSON: {record}")
        cases.append(_case(record, at, where, databases, file.parent, known))
    if not cases:
        raise CaseError(f"{file} holds no cases; give one JSON object a line")
    counts = Counter(str(case.id) for case in cases)
    repeated = [name for name, count in counts.items() if count > 1]
    return Inputs(
        tuple(cases),
        warnings=tuple(f"id {name} is given more than once; each is scored" for name in repeated),
    )


def _case(
    record: object,
    at: int,
    where: str,
    databases: Places | None,
    folder: Path,
    known: Callable[[str], str | None],
) -> EvalCase:
    if not isinstance(record, dict):
        raise CaseError(f"{where}: not a JSON object; a case looks like {{'id': …, 'database': …}}")
    name = record.get("database", record.get("db_id"))
    gold = record.get("gold")
    if not isinstance(name, str) or not name:
        raise CaseError(f"{where}: no `database`; give a path, a URL or, with --databases, a name")
    if not isinstance(gold, str):
        raise CaseError(f"{where}: no `gold`; `share eval` needs the gold SQL of each case")
    case_id = record.get("id", at)
    if not isinstance(case_id, str | int):
        raise CaseError(f"{where}: `id` is neither text nor a whole number")
    named = known(name) if databases is None else None
    return EvalCase(
        id=case_id,
        database=named or str(find_database(name, databases, folder)),
        name=name if named or (isinstance(databases, str) and not is_url(name)) else "",
        gold=gold,
        prediction=_sql(record, "prediction", where),
        draft=_sql(record, "draft", where),
        difficulty=str(record.get("difficulty") or ""),
        question=str(record.get("question") or ""),
        **own_word(record),
    )


def own_word(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says of its correction: the fields confidence, verdict and reason of a case."""
    confidence = row.get("confidence")
    # JSON as Python reads it has NaN, infinities, and whole numbers that no float holds.
    if not isinstance(confidence, int | float) or not abs(confidence) <= sys.float_info.max:
        confidence = None
    return {
        "confidence": None if confidence is None else float(confidence),
        "verdict": str(row.get("verdict") or ""),
        "reason": str(row.get("reason") or ""),
    }


def _sql(record: dict[str, object], field: str, where: str) -> str | None:
    value = record.get(field)
    if value is not None and not isinstance(value, str):
        raise CaseError(f"{where}: `{field}` is {type(value).__name__}, not text")
    return split_tag(value)[0] if isinstance(value, str) else None


def find_database(name: str, databases: Places | None, folder: Path) -> Path | str:
    """Where a case's database lies: the URL that it names; `DIR/name/name.sqlite` or `DIR/name.sqlite` in the
    folder of databases (see `benchmarks.places` for other endings, and for a URL in a folder's place), else
    the path itself, else the path from the case file's folder. It need not exist."""
    if is_url(name):
        return name
    if databases is not None and not isinstance(databases, Path):
        return place_of(databases, name)
    if databases is not None:
        nested = databases / name / f"{name}.sqlite"
        if exists(nested) or not exists(databases / f"{name}.sqlite"):
            other = database_path(databases, name)
            return Path(name) if isfile(name) else other if exists(other) else nested
        return databases / f"{name}.sqlite"
    path = Path(name)
    return path if exists(path) or path.is_absolute() or not exists(folder / path) else folder / path
