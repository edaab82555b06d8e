"""Which stored value is another spelling of a text, and which is another value."""

from __future__ import annotations

import pytest

from share_sql.edits.misspelt import is_misspelt, is_padded, same_letters


@pytest.mark.parametrize(
    ("written", "stored", "asked"),
    [
        ("Duseldorf", "Düsseldorf", ""),
        ("Slovkia", "Slovakia", "players from Slovakia"),
        ("Bachelors", "Bachelor", "in a Bachelors program"),
        (
            "Electrical",
            "Electrical Department",
            "the electrical department; 'Electrical Department' is meant",
        ),
        ("Water, chips and cookies", "Water, chips, cookies", "money for water, chips and cookies"),
        ("Nroway Lines", "Norway Lines", "flights of Norway Lines"),
    ],
)
def test_misspelt(written: str, stored: str, asked: str) -> None:
    assert is_misspelt(written, stored, asked)


@pytest.mark.parametrize(
    ("written", "stored", "asked"),
    [
        ("Austria", "Australia", "players from Austria"),
        ("Austria", "Australia", "players from Austria or Australia"),
        ("Pro 400", "Pro 4000", "the Pro 4000"),
        ("inactive", "active", "customers that are not active"),
        ("Anderson", "Andersen", "the number of Anderson"),
        ("Kim Berg II", "Kim Berg", "where was Kim Berg II born"),
        ("grade A+", "grade A-", "all of grade A-"),
    ],
)
def test_another_value(written: str, stored: str, asked: str) -> None:
    assert not is_misspelt(written, stored, asked)


def test_letters_and_signs() -> None:
    assert same_letters("back ordered", "Back-Ordered")
    assert same_letters("São Paulo", "sao paulo")
    assert not same_letters("A+", "A-")
    assert not same_letters("C", "C++")
    assert not same_letters("1.5", "15")
    assert is_padded(" B07", "b07")
    assert not is_padded("B07", "b07")
