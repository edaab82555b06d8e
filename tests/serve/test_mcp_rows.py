"""Rows within a budget."""

from __future__ import annotations

import json

import pytest

from share_sql.serve.mcp_rows import shown
from share_sql.serve.mcp_shapes import Cell
from share_sql.serve.shapes import RunAnswer


def result(rows: list[list[Cell]], *, truncated: bool = False) -> RunAnswer:
    columns = [f"c{at}" for at in range(len(rows[0]) if rows else 1)]
    return RunAnswer(columns=columns, rows=rows, truncated=truncated, seconds=0.1)


def test_what_fits_is_given_as_it_is() -> None:
    rows: list[list[Cell]] = [[1, 2.5, None, "text"], [2, 3.5, None, ""]]
    answer = shown(result(rows))
    assert answer.rows == rows
    assert (answer.more, answer.note) == (False, None)
    assert shown(result([])).rows == []


def test_that_there_are_more_rows_is_told() -> None:
    assert shown(result([[1]], truncated=True)).more is True


def test_a_long_cell_is_cut_with_a_mark() -> None:
    answer = shown(result([["x" * 1000, "y"]]))
    assert answer.rows == [["x" * 300 + " (+700 characters)…", "y"]]
    assert "cut" in (answer.note or "")


@pytest.mark.parametrize(
    ("rows", "columns", "length"), [(500, 1, 200), (500, 30, 10), (1, 2000, 500), (3, 100, 300)]
)
def test_the_budget_holds_and_there_is_always_a_row(rows: int, columns: int, length: int) -> None:
    answer = shown(result([["x" * length] * columns for _ in range(rows)]))
    assert len(json.dumps(answer.model_dump(), ensure_ascii=False)) < 14_000
    assert answer.rows
    assert answer.note
    assert answer.more is (len(answer.rows) < rows)
