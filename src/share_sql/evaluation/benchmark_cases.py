"""A benchmark's files as cases to score: questions with gold, predictions, drafts, corrected gold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from share_sql.benchmarks.benchmark import Benchmark
from share_sql.benchmarks.cases import LabelledCase, read_json
from share_sql.benchmarks.drafts import Draft, Drafts, read_drafts
from share_sql.benchmarks.files import BenchmarkFiles, LoadedBenchmark, load
from share_sql.benchmarks.registry import BENCHMARKS
from share_sql.errors import BenchmarkError
from share_sql.evaluation.cases import EvalCase
from share_sql.evaluation.inputs import Inputs
from share_sql.models.run_files import CORRECTIONS, TIMINGS

_ID_KEYS = ("question_id", "id", "idx")


def read_questions(benchmark: str, questions: Path, databases: Path) -> LoadedBenchmark:
    """Read a benchmark's questions and gold.

    Args:
        benchmark: a name in BENCHMARKS.
        questions: dev.json with gold.
        databases: folder with `<name>/<name>.sqlite`.

    Raises:
        BenchmarkError: a file is missing or of another benchmark.
    """
    loaded = load(BenchmarkFiles(benchmark, questions, databases))
    _check_gold(loaded.cases, loaded.benchmark, questions)
    return loaded


def read_benchmark(
    loaded: LoadedBenchmark,
    *,
    predictions: Path,
    drafts: Path | None = None,
    gold: Path | None = None,
    by_position: bool = False,
    only_present: bool = False,
) -> Inputs:
    """Pair a benchmark's questions with SQL to score.

    Args:
        loaded: the questions, see `read_questions`.
        predictions: SQL to score in any format of `benchmarks.drafts`, or a run folder.
        drafts: SQL before correction, likewise.
        gold: corrected gold by id: a questions file, or a file of SQL.
        by_position: pair the nth prediction with the nth question whatever its id, as BIRD's scripts do.
        only_present: leave out questions whose database is not in the folder.

    Returns:
        The cases.

    Raises:
        BenchmarkError: a file is missing, or has no SQL for any question.
    """
    labelled = loaded.cases
    places = list(range(len(labelled)))
    predicted = _Paired(predictions, by_position)
    drafted = _Paired(drafts, by_position) if drafts is not None else None
    warnings = [f"{case.place}: {case.problem}" for case in labelled if case.problem]
    if only_present:
        present = {name for name, database in loaded.databases.items() if database.path.is_file()}
        places = [at for at in places if labelled[at].case.database in present]
        if not places:
            folder = next(iter(loaded.databases.values())).path.parent.parent
            raise BenchmarkError(f"{folder} has none of the questions' databases; expected NAME/NAME.sqlite")
        if len(places) < len(labelled):
            warnings.append(
                f"{len(labelled) - len(places)} questions left out: their databases are not there"
            )
    cases = []
    for at in places:
        row = labelled[at]
        draft = predicted.get(row, at)
        before = drafted.get(row, at) if drafted is not None else None
        note = predicted.notes.get(row.case.id, {})
        confidence = note.get("confidence")
        database = loaded.databases.get(row.case.database)
        cases.append(
            EvalCase(
                id=row.case.id,
                database=str(database.path if database else row.case.database),
                gold=row.gold,
                prediction=draft.sql if draft is not None else None,
                draft=before.sql if before is not None else None,
                difficulty=row.difficulty,
                question=row.case.question,
                confidence=float(confidence) if isinstance(confidence, int | float) else None,
                verdict=str(note.get("verdict") or ""),
                reason=str(note.get("reason") or ""),
                changes=tuple(str(change) for change in note.get("changes") or ()),
                tokens={
                    str(stage): (int(spent["prompt_tokens"]), int(spent["completion_tokens"]))
                    for stage, spent in (note.get("usage") or {}).items()
                },
                seconds=predicted.seconds.get(row.case.id, {}),
            )
        )
    _check_paired(predictions, predicted, labelled, places, cases)
    return Inputs(
        cases=tuple(cases),
        extra=predicted.unknown(labelled),
        warnings=tuple(warnings),
        corrected=_corrected(cases, [labelled[at] for at in places], gold, loaded.benchmark.gold)
        if gold
        else (),
    )


class _Paired:
    """A file of SQL and how it is matched to questions."""

    def __init__(self, path: Path, by_position: bool) -> None:
        file = path / CORRECTIONS if path.is_dir() else path
        found = read_drafts(file)
        if by_position and found.by_id is not None:
            found = Drafts(found.source, by_position=tuple(found.by_id.values()))
        self.drafts = found
        self.notes = _notes(file)
        self.seconds = _timings(file.with_name(TIMINGS)) if file.name == CORRECTIONS else {}

    def get(self, row: LabelledCase, at: int) -> Draft | None:
        """The SQL for a question; None where there is none."""
        return self.drafts.get(row.case.id, at)

    def unknown(self, rows: Sequence[LabelledCase]) -> tuple[str, ...]:
        """Ids, or places, that no question has."""
        known = {row.case.id for row in rows}
        if self.drafts.by_id is not None:
            return tuple(name for name in self.drafts.by_id if name not in known)
        return tuple(f"position {at}" for at in range(len(rows), len(self.drafts)))


def _notes(file: Path) -> dict[str, Mapping[str, Any]]:
    """What corrections.jsonl says beside the SQL, by id. The file has been read as drafts already."""
    if file.suffix != ".jsonl":
        return {}
    rows = [json.loads(line) for line in file.read_text("utf-8-sig").split("\n") if line.strip()]
    return {str(row.get("id")): row for row in rows if isinstance(row, dict)}


def _timings(file: Path) -> dict[str, dict[str, float]]:
    """Seconds by stage, by id; empty where the run left none. Of an id given twice the first counts, as in
    the run's other files."""
    if not file.exists():
        return {}
    found: dict[str, dict[str, float]] = {}
    try:
        for line in file.read_text("utf-8-sig").split("\n"):
            if line.strip():
                row = json.loads(line)
                spent = {str(stage): float(seconds) for stage, seconds in row["seconds"].items()}
                found.setdefault(str(row["id"]), spent)
    except OSError as error:
        raise BenchmarkError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchmarkError(
            f"{file} holds no times by case ({error!r}); delete it, or make it anew by `share run --resume`"
        ) from error
    return found


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


def _check_paired(
    path: Path,
    predicted: _Paired,
    rows: Sequence[LabelledCase],
    places: Sequence[int],
    cases: Sequence[EvalCase],
) -> None:
    """Refuse predictions that cannot be of these questions."""
    if cases and all(case.prediction is None for case in cases):
        known = ", ".join(list(predicted.drafts.by_id or ())[:3])
        raise BenchmarkError(
            f"{path}: expected SQL for the questions {cases[0].id}, …; found ids {known}…; "
            "check that it is of this benchmark and split"
        )
    tagged = [
        (draft, rows[at].case.database) for at in places if (draft := predicted.get(rows[at], at)) is not None
    ]
    wrong = sum(bool(draft.database) and draft.database != name for draft, name in tagged)
    if wrong * 2 > len(tagged):
        raise BenchmarkError(
            f"{path}: expected SQL for these questions, found {wrong} of {len(tagged)} tagged for another "
            "database; check the file, or --pairing"
        )


def _corrected(
    cases: Sequence[EvalCase], rows: Sequence[LabelledCase], gold: Path, key: str
) -> tuple[EvalCase, ...]:
    by_id = _read_gold(gold, key)
    changed = []
    hits = 0
    for at, (case, row) in enumerate(zip(cases, rows, strict=True)):
        name = str(row.raw.get("question_id", row.case.id))
        sql = by_id.get(name) if isinstance(by_id, dict) else by_id.get(name, at)
        text = sql.sql if isinstance(sql, Draft) else sql
        hits += text is not None
        changed.append(replace(case, gold=text) if text is not None else case)
    if not hits:
        raise BenchmarkError(f"{gold}: expected gold SQL by question id, found none for these questions")
    return tuple(changed)


def _read_gold(path: Path, key: str) -> dict[str, str] | Drafts:
    """Corrected gold by id, from a questions file or a file of SQL."""
    try:
        rows = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise BenchmarkError(f"cannot read {path}: {error.strerror}; check --gold") from error
    except ValueError:
        return read_drafts(path)
    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        found = {}
        for row in rows:
            name = next((row[field] for field in _ID_KEYS if row.get(field) is not None), None)
            sql = next((row[field] for field in (key, "SQL", "query", "gold", "sql") if field in row), None)
            if name is not None and isinstance(sql, str):
                found[str(name)] = sql
        return found
    return read_drafts(path)


def same_columns(tables: Path) -> dict[str, dict[str, str]]:
    """By database: which columns foreign keys tie together, for the exact set match.

    Args:
        tables: tables.json.

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
            keys = [(int(first), int(second)) for first, second in _pairs(entry["foreign_keys"])]
            found[str(entry["db_id"])] = foreign_key_classes(columns, keys)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BenchmarkError(f"{tables} is no tables.json ({error!r}); check --tables") from error
    return found


def _pairs(keys: Iterable[Any]) -> list[tuple[int, int]]:
    """Foreign keys as pairs; BIRD's compound keys come as lists of places, which are paired off."""
    pairs: list[tuple[int, int]] = []
    for first, second in keys:
        if isinstance(first, list):
            pairs += zip(first, second, strict=True)
        else:
            pairs.append((first, second))
    return pairs
