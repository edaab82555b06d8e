"""What was seen, told with its place as text: what stands there can be replaced by what is to be written."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from share_sql.case import Place, TextChange
from share_sql.check import Checked, Observation
from share_sql.serve.desk import Desk
from share_sql.serve.mcp_shapes import CheckAnswer, CheckAsk
from share_sql.serve.mcp_tools import TOOLS

DRAFT = "SELECT name FROM store WHERE city = 'bonn' ORDER BY size"


class Seen:
    """A desk that has seen one thing."""

    def __init__(self, *observations: Observation) -> None:
        self._checked = Checked(DRAFT, True, None, observations)

    async def check(self, *_: Any) -> Checked:
        return self._checked


def told(*observations: Observation) -> CheckAnswer:
    ask = CheckAsk(database="d", sql=DRAFT)
    answer = asyncio.run(TOOLS["check_sql"].run(cast(Desk, Seen(*observations)), ask, None))
    assert isinstance(answer, CheckAnswer)
    return answer


def place(text: str) -> Place:
    return DRAFT.index(text), DRAFT.index(text) + len(text)


@pytest.mark.parametrize(
    ("where", "change", "at", "write"),
    [
        (place("'bonn'"), TextChange(*place("'bonn'"), "'Bonn'"), "'bonn'", "'Bonn'"),
        (place("city = 'bonn'"), TextChange(*place("'bonn'"), "'Bonn'"), "city = 'bonn'", "city = 'Bonn'"),
        (
            place("ORDER BY size"),
            TextChange(len(DRAFT), len(DRAFT), " DESC"),
            "ORDER BY size",
            "ORDER BY size DESC",
        ),
        (None, TextChange(*place("'bonn'"), "'Bonn'"), "'bonn'", "'Bonn'"),
        (None, TextChange(6, 6, " DISTINCT"), "SELECT", "SELECT DISTINCT"),
        (
            place(" WHERE city = 'bonn'"),
            TextChange(*place(" WHERE city = 'bonn'"), ""),
            " WHERE city = 'bonn'",
            "",
        ),
    ],
)
def test_what_to_write_is_told_for_the_text_that_it_replaces(
    where: Place | None, change: TextChange, at: str, write: str
) -> None:
    (seen,) = told(Observation("k", "m", "error", where, change)).findings
    assert (seen.at, seen.write) == (at, write)
    assert DRAFT.replace(at, write) == DRAFT[: change.start] + change.text + DRAFT[change.end :]


def test_what_is_too_much_is_left_out_and_counted() -> None:
    answer = told(*(Observation("k", "m" * 1000, "info") for _ in range(50)))
    assert len(answer.findings) == 20
    assert answer.note == "30 more findings are left out"
    assert all(len(each.message) < 450 for each in answer.findings)
