"""Trouble as users met it: drafts as models write them, and the rows that a careful person expects.

Each file beside this one holds cases of one topic, each with a database of `databases/`. `rows` is SQL whose
rows the SQL handed back must give (in order where it sorts); the draft as given does not give them. `kept`
says that the draft must come back as it is; `warns` names the one warning that is told of it, or `none`.
`conventions` is as on the command line.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.edits.table import CONVENTIONS
from tests.golden import titled_pairs

HERE = Path(__file__).parent
CASES = [
    pytest.param(pair, id=f"{path.stem}: {title}")
    for path in sorted(HERE.glob("*.txt"))
    for title, pair in titled_pairs(path)
]


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("field")
    paths = {}
    for script in sorted((HERE / "databases").glob("*.sql")):
        paths[script.stem] = folder / f"{script.stem}.sqlite"
        with closing(sqlite3.connect(paths[script.stem])) as connection:
            connection.executescript(script.read_text(encoding="utf-8"))
            connection.commit()
    return paths


@pytest.fixture(scope="session")
def assistants() -> Iterator[dict[str, Assistant]]:
    made = {name: Assistant(conventions=name, inspect=True) for name in CONVENTIONS}
    yield made
    for assistant in made.values():
        assistant.close()


@pytest.mark.parametrize("pair", CASES)
def test_field(pair: dict[str, str], databases: dict[str, Path], assistants: dict[str, Assistant]) -> None:
    path = databases[pair["database"]]
    case = Case("1", pair["question"], str(path), pair["draft"], pair.get("evidence", ""))
    correction = assistants[pair.get("conventions", "none")].correct(case)
    if "kept" in pair:
        assert correction.sql == case.draft, correction.reason
        if "warns" in pair:
            assert correction.inspection is not None
            told = [warning.kind for warning in correction.inspection.warnings]
            assert told == ([] if pair["warns"] == "none" else [pair["warns"]])
        return
    wanted = _rows(path, pair["rows"])
    assert wanted is not None, "the wanted SQL does not run"
    ordered = "order by" in pair["rows"].lower()
    assert not _same(_rows(path, case.draft), wanted, ordered), "the draft is right as it is"
    assert correction.verdict == "corrected"
    assert _same(_rows(path, correction.sql), wanted, ordered), f"{correction.sql!r}: {correction.reason}"


def _rows(path: Path, sql: str) -> list[tuple[object, ...]] | None:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return [
                tuple(round(value, 6) if isinstance(value, float) else value for value in row)
                for row in connection.execute(sql)
            ]
        except (sqlite3.Error, sqlite3.Warning):
            return None


def _same(found: list[tuple[object, ...]] | None, wanted: list[tuple[object, ...]], ordered: bool) -> bool:
    if found is None:
        return False
    return found == wanted if ordered else Counter(found) == Counter(wanted)
