"""The demo's questions, gold and drafts, and the meanings of its database's columns.

They are written for `database.SEED` and held as package data: `cases.jsonl`, a line a case, and
`meanings.json`, in the form of BIRD's `column_meaning.json` (`database|table|column`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from share_sql.case import Case
from share_sql.demo.database import NAME
from share_sql.schema.model import ColumnName


@dataclass(frozen=True)
class DemoCase:
    """A question with its draft, and what only the reader of the demo knows: gold and error."""

    id: str
    question: str
    evidence: str
    gold: str
    """SQL that answers the question. Correcting never sees it."""
    draft: str
    """As a model might have written it, prose and fences included."""
    error: str
    """Kind of error in the draft, e.g. `literal-case`; `right` where there is none."""

    def case(self, database: str = NAME) -> Case:
        """The case to correct, without gold and label.

        Args:
            database: name or path under which the demo's database can be opened.
        """
        return Case(
            id=self.id, question=self.question, database=database, draft=self.draft, evidence=self.evidence
        )


def load_cases() -> tuple[DemoCase, ...]:
    """All cases of the demo, in their order."""
    lines = _data("cases.jsonl").splitlines()
    return tuple(DemoCase(**json.loads(line)) for line in lines if line)


def load_meanings() -> dict[ColumnName, str]:
    """A meaning for every column of the demo's database."""
    meanings: dict[ColumnName, str] = {}
    for key, text in json.loads(_data("meanings.json")).items():
        _, table, column = key.split("|")
        meanings[ColumnName(table, column)] = text
    return meanings


def write_cases(path: Path, database: str, *, gold: bool = True) -> None:
    """Write the cases for `share run --cases` and `share eval --cases`: with database and gold.

    Args:
        path: the JSONL file, replaced where it exists.
        database: what goes into each case's `database` field.
        gold: False for a database that does not speak gold's dialect, SQLite's: it is left out.
    """
    rows = (asdict(case.case(database)) | ({"gold": case.gold} if gold else {}) for case in load_cases())
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_meanings(path: Path) -> None:
    """Write the column meanings in the form of BIRD's `column_meaning.json`."""
    path.write_text(_data("meanings.json"), encoding="utf-8")


def _data(name: str) -> str:
    return files("share_sql.demo").joinpath(name).read_text(encoding="utf-8")
