"""The table of kinds."""

from __future__ import annotations

import pytest

from share_sql.edits.guesses import EDIT_KINDS
from share_sql.edits.proofs import ONLY_FAILING, PROVED
from share_sql.edits.table import KINDS, Kind, allowed_kinds, find_kind
from share_sql.errors import SqlError, UsageError
from share_sql.query.findings import KINDS as FINDINGS
from share_sql.sql.text import parse_select


def test_everything_that_is_proposed_or_found_stands_in_it() -> None:
    assert set(KINDS) >= {*PROVED, *EDIT_KINDS, *FINDINGS}
    assert len(set(PROVED)) == len(PROVED)
    assert set(PROVED) >= ONLY_FAILING


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_explains_itself(kind: Kind) -> None:
    assert kind.line.endswith(".")
    assert kind.before != kind.after
    if kind.after:
        parse_select(kind.after, "sqlite")
    elif kind.name != "fails":
        parse_select(kind.before, "sqlite")
    else:
        with pytest.raises(SqlError):
            parse_select(kind.before, "sqlite")
    assert bool(kind.after) or kind.roles == ("finding",)


def test_roles() -> None:
    assert find_kind("literal-case").roles == ("proved",)
    assert find_kind("unknown-column").roles == ("proved", "finding")
    assert find_kind("select-drop").roles == ("guessed",)
    assert find_kind("empty-result").roles == ("finding",)
    assert find_kind("condition-add").roles == ()


def test_a_kind_that_there_is_not_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean literal-case"):
        find_kind("literal_case")
    with pytest.raises(UsageError, match="share explain"):
        find_kind("zzz")


def test_kinds_of_conventions_act_only_where_they_are_followed() -> None:
    habits = {name for name, kind in KINDS.items() if kind.conventions == "benchmark"}
    shared = {name for name, kind in KINDS.items() if kind.conventions == "none"}
    assert {"concatenation", "unasked-column", "select-drop"} <= habits
    assert "text-number" in shared
    assert allowed_kinds("none") == set(KINDS) - habits
    assert allowed_kinds("benchmark") == set(KINDS) - shared


def test_kinds_are_switched_on_and_off_by_name() -> None:
    assert "literal-case" not in allowed_kinds(without=["literal-case"])
    assert allowed_kinds(only=["literal-case", "join-key"]) == {"literal-case", "join-key"}


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"without": ["literal_case"]}, "did you mean literal-case"),
        ({"only": ["empty-result"]}, "empty-result changes no query"),
        ({"conventions": "bird"}, "there are none, benchmark"),
        (
            {"only": ["literal-case"], "without": ["literal-case"]},
            "literal-case is named to act alone and not",
        ),
        ({"only": ["concatenation"]}, "concatenation acts under --conventions benchmark alone"),
        ({"only": ["text-number"], "conventions": "benchmark"}, "under --conventions none alone"),
    ],
)
def test_a_wrong_choice_is_refused(choice: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        allowed_kinds(**choice)  # type: ignore[arg-type]
