"""What came of the demo: each case with its correction, both compared with gold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from share_sql.case import Correction
from share_sql.demo.cases import DemoCase
from share_sql.demo.database import WRITTEN_FOR
from share_sql.demo.stages import StageShown
from share_sql.dialects import dialect_of
from share_sql.sql.marks import Mark, mark_changes, signed_lines

Outcome: TypeAlias = Literal["fixed", "broken", "right", "wrong"]
"""fixed: wrong draft made right. broken: right draft made wrong. right, wrong: as before."""


@dataclass(frozen=True)
class DemoItem:
    """One case of the demo and what came of it."""

    case: DemoCase
    correction: Correction
    right_before: bool
    """The draft, as written, gives gold's rows."""
    right_after: bool
    """The correction's SQL gives gold's rows."""
    rows_before: int | None
    """Number of rows the draft gives; None where it does not run."""
    rows_after: int | None
    stages: tuple[StageShown, ...] = ()
    """What each stage made."""

    @property
    def touched(self) -> bool:
        """The SQL handed back is another than the draft; space and a final semicolon do not count."""
        return _plain(self.correction.sql) != _plain(self.case.draft)

    @property
    def what_changed(self) -> tuple[str, ...]:
        """Lines that say what is new in the SQL handed back; none where it is the draft.

        Actions taken out begin with `-`, new ones with `+`.
        """
        if not self.touched:
            return ()
        if self.correction.changes:
            return tuple(line for change in self.correction.changes for line in signed_lines(change))
        inside = _plain(self.correction.sql) in _plain(self.case.draft)
        return ("prose around the SQL taken off",) if inside else ("the SQL's text",)

    @cached_property
    def marks(self) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
        """Runs of draft and SQL handed back, changed ones marked."""
        return mark_changes(self.case.draft, self.correction.sql)

    @property
    def rows(self) -> str:
        """How many rows draft and correction give, in words."""
        before, after = (
            "does not run" if count is None else f"{count:,} row{'' if count == 1 else 's'}"
            for count in (self.rows_before, self.rows_after)
        )
        return f"{before} → {after}" if self.touched else before

    @property
    def outcome(self) -> Outcome:
        """What correcting did to this draft."""
        if self.right_before:
            return "right" if self.right_after else "broken"
        return "fixed" if self.right_after else "wrong"


@dataclass(frozen=True)
class DemoResult:
    """All that the demo made."""

    items: tuple[DemoItem, ...]
    out: Path
    """Folder with shop.sqlite, cases.jsonl, column_meaning.json, corrections.jsonl and demo.html."""
    models: tuple[str, ...] = ()
    """The roles that a model answered."""
    dialect: str = WRITTEN_FOR
    """Of the database that the drafts were corrected on."""
    right_at_home: int = 0
    """How many drafts are right in the dialect that they were written for."""

    @property
    def place(self) -> str:
        """Where the drafts were corrected, in a sentence; empty where that is what they were written for."""
        if self.dialect == WRITTEN_FOR:
            return ""
        home, here = dialect_of(WRITTEN_FOR).title, dialect_of(self.dialect).title
        return (
            f"The drafts are written for {home}, where {self.right_at_home} of {len(self.items)} are right; "
            f"here they are corrected on {here}. Gold's rows are {home}'s."
        )

    @property
    def page(self) -> Path:
        """The HTML page."""
        return self.out / "demo.html"

    @property
    def counts(self) -> dict[str, int]:
        """Cases, right before and after, fixed, broken, and cases by verdict."""
        outcomes = Counter(item.outcome for item in self.items)
        verdicts = Counter(item.correction.verdict for item in self.items)
        return {
            "cases": len(self.items),
            "right_before": sum(item.right_before for item in self.items),
            "right_after": sum(item.right_after for item in self.items),
            "fixed": outcomes["fixed"],
            "broken": outcomes["broken"],
            "kept": verdicts["kept"],
            "corrected": verdicts["corrected"],
            "abstained": verdicts["abstained"],
        }


def _plain(sql: str) -> str:
    return " ".join(sql.split()).rstrip("; ")
