"""What the words beside a number say."""

from __future__ import annotations

import pytest

from share_sql.query.cues import number_cues


@pytest.mark.parametrize(
    ("text", "value", "operator"),
    [
        ("stores with more than 30 employees", 30, ">"),
        ("players over 180 cm", 180, ">"),
        ("suppliers rated at least four", 4, ">="),
        ("orders of 10 units or more", 10, ">="),
        ("people under age 30", 30, "<"),
        ("fewer than 1,500 seats", 1500, "<"),
        ("no more than 3 cylinders", 3, "<="),
        ("not less than 12.5 kilos", 12.5, ">="),
        ("at most $200", 200, "<="),
        ("founded in or after 2005", 2005, ">="),
        ("established before 1990", 1990, "<"),
        ("aged 60 and above", 60, ">="),
    ],
)
def test_cues(text: str, value: float, operator: str) -> None:
    (cue,) = number_cues(text)
    assert (cue.value, cue.operator) == (value, operator)


@pytest.mark.parametrize(
    "text",
    [
        "the store with number 30",
        "over 30 in one place and under 30 in another",  # the number occurs twice: which one is meant?
        "in the year 2005",
        "",
    ],
)
def test_no_cue_where_it_is_not_plain(text: str) -> None:
    assert number_cues(text) == ()


def test_two_numbers_are_not_run_together() -> None:
    # "50 or below" stands in the text, yet "below" belongs to 46.
    cues = {cue.value: cue.operator for cue in number_cues("managers aged above 50 or below 46")}
    assert cues == {50: ">", 46: "<"}
