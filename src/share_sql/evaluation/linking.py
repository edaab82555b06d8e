"""Schema linking: are the right columns in the set? Pure functions on sets of columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from share_sql.schema.model import ColumnSet


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

    def __add__(self, other: LinkingScore) -> LinkingScore:
        return LinkingScore(
            self.found + other.found,
            self.extra + other.extra,
            self.missing + other.missing,
            self.complete + other.complete,
            self.cases + other.cases,
        )


def score_linking(linked: ColumnSet, gold: ColumnSet) -> LinkingScore:
    """Compare linked columns with those the gold SQL uses.

    Args:
        linked: the columns a stage linked (the draft's, or the augmented schema after sam).
        gold: the columns of the gold SQL.

    Returns:
        Counts of one case. Names compare without regard to case; `table.*` counts for nothing, for it
        names no column.
    """
    ours, theirs = _names(linked), _names(gold)
    missing = len(theirs - ours)
    return LinkingScore(len(ours & theirs), len(ours - theirs), missing, complete=int(not missing))


def total_linking(scores: Iterable[LinkingScore]) -> LinkingScore:
    """Counts over many cases (micro average); `complete` / `cases` is the share of full recall."""
    return sum(scores, start=LinkingScore(0, 0, 0, cases=0))


def _names(columns: ColumnSet) -> set[tuple[str, str]]:
    return {(name.table.lower(), name.column.lower()) for name in columns if name.column != "*"}
