"""The demo's drafts: right where they say so, wrong where they say so, and every kind of error."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from share_sql.demo.cases import DemoCase, load_cases, write_cases
from share_sql.demo.database import write_database
from share_sql.evaluation.execution import sorts_rows, strict_ex

KINDS = {
    "ambiguous-column", "extra-columns", "fence", "literal-case", "literal-spelling", "misplaced-column",
    "missing-distinct", "missing-filter", "missing-join", "misspelt-column", "misspelt-table", "prose",
    "unparsable", "unquoted-name", "wrong-aggregate", "wrong-column", "wrong-comparison", "wrong-grouping",
    "wrong-join", "wrong-limit", "wrong-literal", "wrong-order", "wrong-table",
}  # fmt: skip

CASES = load_cases()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("demo") / "shop.sqlite"
    write_database(path)
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def rows(shop: sqlite3.Connection, sql: str) -> list[tuple[object, ...]] | None:
    try:
        return shop.execute(sql).fetchall()
    except sqlite3.Error:
        return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.id}-{case.error}")
def test_label_tells_whether_the_draft_gives_golds_rows(shop: sqlite3.Connection, case: DemoCase) -> None:
    gold = rows(shop, case.gold)
    assert gold, "gold must run and give rows"
    assert any(value not in (None, 0) for row in gold for value in row), "gold's rows must say something"
    draft = rows(shop, case.draft)
    right = draft is not None and strict_ex(draft, gold, ordered=sorts_rows(case.gold))
    assert right == (case.error == "right")


@pytest.mark.parametrize("case", [c for c in CASES if "LIMIT" in c.gold], ids=lambda case: case.id)
def test_gold_with_a_limit_cuts_at_no_tie(shop: sqlite3.Connection, case: DemoCase) -> None:
    """Else the answer would hang on the order in which rows are stored."""
    head, limit = case.gold.rsplit(" LIMIT ", 1)
    select, order = head.rsplit(" ORDER BY ", 1)
    key = order.removesuffix(" DESC")
    keys = [
        row[0] for row in shop.execute(f"SELECT {key}{select[select.index(' FROM ') :]} ORDER BY {order}")
    ]
    assert keys[int(limit) - 1] != keys[int(limit)]


def test_every_kind_of_error_is_there_and_a_third_is_right() -> None:
    kinds = [case.error for case in CASES]
    assert set(kinds) >= KINDS
    assert len(CASES) >= 48
    assert 0.3 <= kinds.count("right") / len(kinds) <= 0.36


def test_ids_and_questions_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert len({case.question for case in CASES}) == len(CASES)


def test_a_case_to_correct_carries_neither_gold_nor_label() -> None:
    case = CASES[0].case("somewhere")
    assert case.database == "somewhere"
    assert not {"gold", "error"} & set(case.__dataclass_fields__)


def test_written_cases_are_what_share_run_and_share_eval_read(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    write_cases(path, "shop.sqlite")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(CASES)
    assert set(lines[0]) == {"id", "question", "evidence", "database", "draft", "gold"}
    assert [line["draft"] for line in lines] == [case.draft for case in CASES]
