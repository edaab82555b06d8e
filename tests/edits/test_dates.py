"""Days as texts write them."""

from __future__ import annotations

from datetime import date

import pytest

from share_sql.edits.dates import days, spellings


@pytest.mark.parametrize("day", [date(2023, 1, 5), date(1999, 12, 31), date(2024, 2, 29)])
def test_each_spelling_of_a_day_is_read_as_that_day(day: date) -> None:
    for text in spellings(day):
        assert day in days(text)
        assert day in days(f"  {text}\n")


@pytest.mark.parametrize(
    "text", ["", "2014", "12", "Room 12", "3.5", "a b c", "2023-13-45", "123456789", "5"]
)
def test_what_is_no_day_is_none(text: str) -> None:
    assert days(text) == []
