"""Schema linking: are the right columns in the set? Of one set of columns, and of a run's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from share_sql.benchmarks.cases import read_json
from share_sql.errors import BenchmarkError, SqlError
from share_sql.evaluation.cases import EvalCase
from share_sql.models.run_files import AUGMENTED
from share_sql.schema.model import ColumnName, ColumnSet, Schema


@dataclass(frozen=True)
class LinkingScore:
    """Columns found, extra and missing, over one case or many."""

    found: int
    """Linked columns that the gold uses."""
    extra: int
    """Linked columns that it does not use."""
    missing: int
    """Gold's columns that were not linked."""
    complete: int = 0
    """Cases none of whose gold columns is missing."""
    cases: int = 1
    """Cases counted."""

    @property
    def precision(self) -> float:
        """Share of linked columns that the gold uses; 1 where nothing was linked."""
        return self.found / (self.found + self.extra) if self.found + self.extra else 1.0

    @property
    def recall(self) -> float:
        """Share of the gold's columns that were linked; 1 where the gold uses none."""
        return self.found / (self.found + self.missing) if self.found + self.missing else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where both are."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def score_linking(linked: ColumnSet, gold: ColumnSet) -> LinkingScore:
    """Compare the columns a stage linked (the draft's, or the augmented schema after sam) with gold's.

    Names compare without regard to case; `table.*` counts for nothing, for it names no column.
    """
    ours, theirs = _names(linked), _names(gold)
    missing = len(theirs - ours)
    return LinkingScore(len(ours & theirs), len(ours - theirs), missing, complete=int(not missing))


def total_linking(scores: Iterable[LinkingScore]) -> LinkingScore:
    """Counts over one case or more (micro average); `complete` / `cases` is the share of full recall."""
    return LinkingScore(*map(sum, zip(*map(astuple, scores), strict=True)))


def _names(columns: ColumnSet) -> set[tuple[str, str]]:
    return {(name.table.lower(), name.column.lower()) for name in columns if name.column != "*"}


def linking_of_run(
    cases: Sequence[EvalCase], schemas: Mapping[str, Schema], folder: Path
) -> dict[str, LinkingScore]:
    """Score schema linking before and after sam.

    Args:
        cases: with gold, and drafts where there are any.
        schemas: by database name; cases of other databases are passed over.
        folder: a run folder.

    Returns:
        Under `draft` the columns of the drafts, under `augmented` the augmented schemas, each summed over
        the cases that have it and whose gold can be read. A draft that cannot be read links nothing.

    Raises:
        BenchmarkError: the folder has no augmented schemas.
    """
    augmented = _read_augmented(folder / AUGMENTED)
    scores: dict[str, list[LinkingScore]] = {"draft": [], "augmented": []}
    for case in cases:
        schema = schemas.get(case.database_name)
        gold = _columns(case.gold, schema) if schema is not None else None
        if schema is None or gold is None:
            continue
        if case.draft is not None:
            scores["draft"].append(score_linking(_columns(case.draft, schema) or frozenset(), gold))
        if str(case.id) in augmented:
            scores["augmented"].append(score_linking(augmented[str(case.id)], gold))
    return {name: total_linking(found) for name, found in scores.items() if found}


def linking_json(found: Mapping[str, LinkingScore]) -> dict[str, dict[str, float]]:
    """Linking scores as `share eval --json` prints them; shares from 0 to 1."""
    return {
        name: {
            "cases": score.cases,
            "precision": round(score.precision, 4),
            "recall": round(score.recall, 4),
            "f1": round(score.f1, 4),
            "complete": score.complete,
        }
        for name, score in found.items()
    }


def _columns(sql: str, schema: Schema) -> ColumnSet | None:
    from share_sql.sql.names import linked_columns
    from share_sql.sql.text import extract_sql

    try:
        return linked_columns(extract_sql(sql), schema)
    except SqlError:
        return None


def _read_augmented(file: Path) -> dict[str, ColumnSet]:
    try:
        return {
            str(name): frozenset(ColumnName(*column.split(".", 1)) for column in columns if "." in column)
            for name, columns in read_json(file, "a run folder's augmented schema, for --linking").items()
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise BenchmarkError(f"{file} is no augmented schema ({error}); give a run folder") from error
