"""A run's cases, a few bytes each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from share_sql.runfolder.known import KnownCases

PAIRS = [("7", "aa"), ("x", "bb"), ("8", "cc")]
texts = st.text(st.characters(codec=None), max_size=5)
pairs = st.lists(st.tuples(texts, texts), max_size=6)


def test_ids_are_known_by_their_position() -> None:
    known = KnownCases(PAIRS)
    assert len(known) == 3
    assert [known.has(at, "x") for at in range(-1, 4)] == [False, False, True, False, False]
    assert not known.has(0, 7)


@given(pairs, pairs)
def test_two_lists_differ_where_they_do(before: list[tuple[str, str]], now: list[tuple[str, str]]) -> None:
    what, first = KnownCases(now).difference(KnownCases(before).said())
    if before == now:
        assert (what, first) == ("", None)
    elif first is not None:
        assert what == ""
        assert before[:first] == now[:first]
        assert before[first] != now[first]
    else:
        assert what


def test_where_an_id_ends_is_part_of_it() -> None:
    assert KnownCases([("ab", "c")]).difference(KnownCases([("a", "bc")]).said()) == ("", 0)


def test_another_number_of_cases_is_told() -> None:
    what, first = KnownCases(PAIRS[:2]).difference(KnownCases(PAIRS).said())
    assert (what, first) == ("it has 3 cases, now there are 2", None)
    assert KnownCases(PAIRS).difference([["7", "aa"]]) == ("its cases cannot be read", None)
