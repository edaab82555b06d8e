"""How often real drafts are wrong in which way."""

from __future__ import annotations

import pytest

from share_sql.errors import BenchmarkError
from share_sql.training.error_profile import ErrorProfile, measure
from share_sql.trajectory.from_sql import from_sql

from .conftest import SCHEMA


def test_a_profile_is_measured_and_comes_through_json() -> None:
    gold = from_sql("SELECT name FROM store WHERE city = 'Bonn' AND size > 50", SCHEMA)
    drafts = ("SELECT name FROM store", "SELECT name FROM store WHERE city = 'Bonn' AND size > 50")
    profile = measure((gold, from_sql(draft, SCHEMA)) for draft in drafts)
    assert profile == ErrorProfile({"condition-add": 2}, {2: 1}, 2)
    assert ErrorProfile.from_json(profile.to_json()) == profile


@pytest.mark.parametrize(
    ("value", "message"),
    [({"kinds": []}, "kinds"), ({"kinds": {"delete where": 1}, "sizes": {}}, "'delete where' is no kind")],
)
def test_what_is_no_profile_is_refused(value: dict[str, object], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        ErrorProfile.from_json(value)
