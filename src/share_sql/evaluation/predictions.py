"""A file or run folder of SQL to score, with what a run says of each correction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from share_sql.benchmarks.cases import read_rows
from share_sql.benchmarks.drafts import Draft, Drafts, read_drafts
from share_sql.errors import BenchmarkError
from share_sql.evaluation.inputs import Inputs, own_word
from share_sql.models.run_files import CORRECTIONS, FINAL_SQL, STEP_FILES, TIMINGS


@dataclass(frozen=True)
class Predictions:
    """SQL by id or by position, and a run's own word on it."""

    source: Path
    """The file or folder as given."""
    sql: Drafts
    """What is scored."""
    _notes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def get(self, name: str, position: int) -> Draft | None:
        """The SQL of a case by its id and its place, from 0; None where there is none."""
        return self.sql.get(name, position)

    def own_word(self, name: str) -> dict[str, Any]:
        """What the run says of a case's correction, as the fields of an `EvalCase`. Raises BenchmarkError
        where the file was changed since."""
        note = self._notes.get(name, {})
        try:
            return {
                "changes": tuple(str(change) for change in note.get("changes") or ()),
                "tokens": {
                    str(stage): (int(spent["prompt_tokens"]), int(spent["completion_tokens"]))
                    for stage, spent in (note.get("usage") or {}).items()
                },
                "seconds": self._seconds.get(name, {}),
                **own_word(note),
            }
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise BenchmarkError(
                f"{self.source}: what it says of the case {name[:80]} is no run's ({error!r}); a run's file "
                "is made anew by `share run --resume`"
            ) from error

    def unpaired(self, known: Iterable[str]) -> tuple[str, ...]:
        """Ids, or places, of SQL that no case has.

        Args:
            known: ids of all cases, in order.
        """
        ids = list(known)
        if self.sql.by_id is not None:
            there = set(ids)
            return tuple(name for name in self.sql.by_id if name not in there)
        return tuple(f"position {at}" for at in range(len(ids), len(self.sql)))


def read_predictions(path: Path, by_position: bool = False) -> Predictions:
    """Read SQL in any format of `benchmarks.drafts`, or a run folder.

    Args:
        path: the file or folder.
        by_position: pair the nth with the nth case whatever its id.

    Raises:
        BenchmarkError: it is missing or holds no SQL.
    """
    file = _sql_file(path)
    found = read_sql(path, by_position)
    seconds = _timings(file.with_name(TIMINGS)) if file.name == CORRECTIONS else {}
    return Predictions(path, found, _read_notes(file), seconds)


def read_sql(path: Path, by_position: bool) -> Drafts:
    """SQL from a file or a run folder; by position whatever its ids, where that is asked for."""
    file = _sql_file(path)
    if file.name in STEP_FILES.values():
        raise BenchmarkError(
            f"{file} holds trajectories, no SQL; a run's SQL is in its {FINAL_SQL}, and `share trajectory "
            "read` looks at trajectories"
        )
    found = read_drafts(file)
    if found.by_id is None and file.name == CORRECTIONS:
        raise BenchmarkError(
            f"{file} holds no corrections by id; it is damaged, or no run's, whose file is made anew by "
            "`share run --resume`"
        )
    if by_position and found.by_id is not None:
        return Drafts(found.source, by_position=tuple(found.by_id.values()))
    return found


def _sql_file(path: Path) -> Path:
    """The file of SQL in a run folder, or the file itself. A folder of the reference has no corrections, only
    its final SQL."""
    if not path.is_dir():
        return path
    final = path / FINAL_SQL
    return final if final.is_file() and not (path / CORRECTIONS).exists() else path / CORRECTIONS


def with_predictions(
    inputs: Inputs, predictions: Path, *, drafts: Path | None = None, by_position: bool = False
) -> Inputs:
    """The cases of one's own file with SQL from another in the place of its `prediction`.

    Args:
        inputs: the cases.
        predictions: SQL to score, see `read_predictions`.
        drafts: SQL before correction, likewise; None leaves the cases' own `draft`.
        by_position: pair in order, whatever the ids.

    Raises:
        BenchmarkError: a file is missing, or has no SQL for any case.
    """
    predicted = read_predictions(predictions, by_position)
    drafted = read_sql(drafts, by_position) if drafts is not None else None
    names = [str(case.id) for case in inputs.cases]
    cases = []
    for at, (name, case) in enumerate(zip(names, inputs.cases, strict=True)):
        found = predicted.get(name, at)
        case = replace(case, prediction=found.sql if found else None, **predicted.own_word(name))
        if drafted is not None:
            before = drafted.get(name, at)
            case = replace(case, draft=before.sql if before else None)
        cases.append(case)
    if all(case.prediction is None for case in cases):
        known = ", ".join(list(predicted.sql.by_id or ())[:3])
        raise BenchmarkError(
            f"{predictions}: expected SQL for the cases {', '.join(names[:3])}, …; found ids {known}…; check "
            "that it is of these cases"
        )
    return replace(inputs, cases=tuple(cases), extra=predicted.unpaired(names))


def _read_notes(file: Path) -> dict[str, Mapping[str, Any]]:
    """What corrections.jsonl says beside the SQL, by id. The file has been read as drafts already."""
    rows = read_rows(file) if file.suffix == ".jsonl" else ()
    return {str(row.get("id")): row for _, row in rows if isinstance(row, dict)}


def _timings(file: Path) -> dict[str, dict[str, float]]:
    """Seconds by stage, by id; empty where the run left none. Of an id given twice the first counts, as in
    the run's other files."""
    found: dict[str, dict[str, float]] = {}
    try:
        for _, row in read_rows(file, "times by case, one JSON object a line") if file.exists() else ():
            if isinstance(row, Exception):
                raise row
            spent = {str(stage): float(seconds) for stage, seconds in row["seconds"].items()}
            found.setdefault(str(row["id"]), spent)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BenchmarkError(
            f"{file} holds no times by case ({error!r}); delete it, or make it anew by `share run --resume`"
        ) from error
    return found
