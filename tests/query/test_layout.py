"""A changed query in the draft's layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.golden import titled_pairs
from tests.limited import limited

from share_sql.errors import SqlError
from share_sql.query.layout import applied, keep_layout, layout_changes, same_query
from share_sql.sql.text import parse_select

PAIRS = titled_pairs(Path(__file__).parent / "golden" / "layouts.txt")
GOLDEN = Path(__file__).parents[1] / "stages" / "golden"
QUERIES = [
    text
    for path in sorted(GOLDEN.glob("*.txt"))
    for _, pair in titled_pairs(path)
    for text in (pair.get("draft"), pair.get("repair"), pair.get("after"))
    if text
]


def _kept(draft: str, query: str) -> str:
    try:
        own = parse_select(draft, "sqlite")
    except SqlError:
        own = None
    return keep_layout(draft, own, parse_select(query, "sqlite"), "sqlite")


@pytest.mark.parametrize("pair", [pair for _, pair in PAIRS], ids=[title for title, _ in PAIRS])
def test_layouts(pair: dict[str, str]) -> None:
    assert _kept(pair["draft"], pair["query"]) == pair["written"]


def _parsed(text: str) -> bool:
    try:
        parse_select(text, "sqlite")
    except SqlError:
        return False
    return True


SPACES = st.sampled_from([" ", "  ", "\n", "\n  ", " /* why */ ", "\t", " -- so\n"])


@given(st.data())
def test_the_text_parses_to_the_query(data: st.DataObject) -> None:
    """Whatever the draft's layout, and however much the query differs from it."""
    readable = [text for text in QUERIES if _parsed(text)]
    draft, query = data.draw(st.sampled_from(readable)), data.draw(st.sampled_from(readable))
    if "'" not in draft and '"' not in draft and "`" not in draft:
        draft = data.draw(st.sampled_from([str.lower, str.upper, str]))(draft)
        draft = "".join(data.draw(SPACES) if char == " " else char for char in draft)
    assume(_parsed(draft))  # sqlglot reads no comment inside ORDER BY
    own, tree = parse_select(draft, "sqlite"), parse_select(query, "sqlite")
    assert same_query(parse_select(keep_layout(draft, own, tree, "sqlite"), "sqlite"), tree, "sqlite")


@given(st.sampled_from([text for text in QUERIES if _parsed(text)]), st.text(max_size=5))
def test_one_literal_more_or_less_changes_nothing_else(draft: str, value: str) -> None:
    own = parse_select(draft, "sqlite")
    assert layout_changes(draft, own, own, "sqlite") == ()
    from sqlglot import exp

    tree = own.copy()
    found = [literal for literal in tree.find_all(exp.Literal) if literal.is_string]
    if not found or "\x00" in value:
        return
    found[-1].set("this", value)
    changes = layout_changes(draft, own, tree, "sqlite")
    assert changes is not None
    assert len(changes) <= 1
    assert same_query(parse_select(applied(draft, changes), "sqlite"), tree, "sqlite")


def test_texts_of_the_same_few_tokens_are_not_compared() -> None:
    said = limited("""
        from share_sql.query.layout import keep_layout, same_query
        from share_sql.sql.text import parse_select

        draft = f"select a from t where {' OR '.join(['a = 1'] * 900)}"
        query = parse_select(draft.replace("1", "2"), "sqlite")
        kept = keep_layout(draft, parse_select(draft, "sqlite"), query, "sqlite")
        print(same_query(parse_select(kept, "sqlite"), query, "sqlite"))
        """)
    assert said == "True\n"


def test_a_text_of_some_equal_tokens_keeps_its_layout() -> None:
    draft = f"select  a from t where {' or '.join(['a = 1'] * 100)}"
    query = parse_select(draft.replace("a from", "b from"), "sqlite")
    assert keep_layout(draft, parse_select(draft, "sqlite"), query, "sqlite") == draft.replace(
        "a from", "b from"
    )
