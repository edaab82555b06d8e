"""SQL's text in tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from share_sql.sql.tokens import joined, neighbours, tokens


@given(st.text(max_size=200))
def test_nothing_is_lost(text: str) -> None:
    assert joined(tokens(text)) == text


def test_kinds() -> None:
    found = [(part.kind, part.text) for part in tokens("a.b>=1.5 'it''s' [c d]--x\n\"e") if part.solid]
    assert found == [
        ("word", "a"), ("sign", "."), ("word", "b"), ("sign", ">="), ("number", "1.5"), ("text", "'it''s'"),
        ("name", "[c d]"), ("name", '"e'),
    ]  # fmt: skip


def test_neighbours_are_solid() -> None:
    parts = tokens("a /* x */ , b")
    around = neighbours(parts)
    assert (around[0][0].text, around[0][1].text) == ("", ",")
    assert around[-1][0].text == ","
