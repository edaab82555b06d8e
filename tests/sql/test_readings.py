"""The queries that a text of a model may mean."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.errors import SqlTooLarge
from share_sql.sql.readings import LONGEST_OTHER, MAX_TEXT, MOST_CHARACTERS, MOST_TEXTS, readings
from share_sql.sql.size import MAX_SQL_BYTES
from share_sql.sql.text import no_sql

QUERY = "SELECT name, COUNT(*) FROM singer WHERE town = 'St. John''s; Oslo' AND age < 40 GROUP BY name"
OTHER = "SELECT DISTINCT town FROM singer"
WRAPPERS = [
    "{}", "{};", " {} ;\n", "```sql\n{}\n```", "Sure!\n~~~\n{};\n~~~\nDone.", "'''\n{}\n'''", "<sql>{}</sql>",
    "<query><![CDATA[{}]]></query>", "<think>Let's see: " + OTHER + "</think>\n{}",
    "It's " + OTHER + "\n</think>{}", "Here it is:\n{}\n\nThis selects what's asked.",
    "SQLQuery: {}\nSQLResult: [(1,)]\nAnswer: 1", "**SQL:** {}", "Use `{}` for that.", "{};;", "{};\n{};",
    "USE db;\n{};", "-- it's simple; really\n{}", "1. {}", "{}\n<|im_end|>",
]  # fmt: skip


def _texts(text: str) -> list[str]:
    return [each for reading in readings(text) for each in reading.texts]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_query_is_read_out_of_what_stands_round_it(wrapper: str) -> None:
    assert QUERY in _texts(wrapper.replace("{}", QUERY))


@pytest.mark.parametrize("text", [QUERY, f"{QUERY};", f"\n\n{QUERY}\n", f"({QUERY}) UNION ({OTHER})"])
def test_a_text_that_is_a_query_has_one_reading(text: str) -> None:
    (reading,) = readings(text)
    assert reading.texts == (text.strip().rstrip(";"),)
    assert reading.sure


@pytest.mark.parametrize(
    "text",
    [
        f"```sql\n{OTHER}\n```\nthen\n```sql\n{QUERY}\n```",
        f"```sql\n{QUERY}\n```\nAlternatively:\n```sql\n{OTHER}\n```",
        f"```sql\n{QUERY}\n```\nOutput:\n```\n| a |\n```",
        json.dumps({"sql": QUERY, "previous_sql": OTHER}),
        json.dumps({"draft": OTHER, "final_answer": QUERY}),
        json.dumps({"arguments": json.dumps({"query": QUERY})}),
        f"<draft>{OTHER}</draft><final>{QUERY}</final>",
        f"Use `{QUERY}`, not `{OTHER}`.",
        f"Step 1: {OTHER}\nFinal SQL: {QUERY}",
        f"{OTHER};\n{QUERY};",
        f"{QUERY}\n\nQuestion: another one\nSQLQuery: {OTHER}",
    ],
)
def test_the_answer_comes_first(text: str) -> None:
    assert _texts(text)[0] == QUERY


@pytest.mark.parametrize(
    "text",
    [
        f"SELECTname FROM a UNION {OTHER}",
        f"SELCT name FROM a WHERE b IN ({OTHER})",
        f"WITH x AS ({OTHER}) SELECT 1",
        f"SELECT name FROM a WHERE t IN (\n{OTHER}\n)",
        f"SELECT name FROM a\nEXCEPT -- those\n{OTHER}",
    ],
)
def test_a_part_of_a_query_is_no_reading(text: str) -> None:
    assert _texts(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT COUNT(*) # all\nFROM singer",
        "SELECT COUNT(*)) FROM singer",
        "SELECT name FROM a. Where it is\nWHERE b = 1",
        "SELECT name FROM a\nWhere b is 1\nAND c = 2",
    ],
)
def test_no_end_cuts_a_clause_off(text: str) -> None:
    assert _texts(text) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "", "I cannot answer that.", "Please select the right table.", '{"sql": null}', "```\n```",
        "<think>hm</think>", f"INSERT INTO a VALUES (1); {OTHER}", f"UPDATE a SET b = 1;\n{OTHER}",
        f"```sql\n{OTHER}\n```\n```sql\nDROP TABLE a\n```",
    ],
)  # fmt: skip
def test_no_reading(text: str) -> None:
    assert readings(text) == ()


def test_what_writes_after_a_query_is_not_taken_away() -> None:
    assert _texts(f"{OTHER}; DELETE FROM a") == [f"{OTHER}; DELETE FROM a"]


@pytest.mark.parametrize(
    "many",
    [
        "SELECT 1\n", "SELECT 1;\n", "WITH a ", "`", "`SELECT 1` ", '"SELECT ', "{", '{"sql": "SELECT 1"} ',
        "<sql>SELECT 1", "```sql\nSELECT 1\n```\n", "'''\nSELECT 1\n'''\n", "<think>", "</think>", "(", "[",
        "SELECT a FROM b. Then ",
    ],
)  # fmt: skip
def test_texts_to_try_are_bounded(many: str) -> None:
    assert len(_texts(many * 2_000)) <= MOST_TEXTS


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    readings(text)


_MARKS = [
    "SELECT a FROM b", "```", "'''", '"', "'", "`", "{", "}", "<sql>", "</sql>", "<think>", "</think>", ";",
    "\n", "\n\n", ":", "WITH x AS (", ")", "\\", "\\n", "DROP TABLE a", "it's", "Answer", "-- ", "/*",
    "<|im_end|>",
]  # fmt: skip


@given(st.lists(st.sampled_from(_MARKS), max_size=30))
def test_any_heap_of_marks_is_read(parts: list[str]) -> None:
    assert len(_texts(" ".join(parts))) <= MOST_TEXTS


_PIECES = [
    "\n", " ", "(", "((", "[", "{", '{"a": ', "[[", "'", '"', "`", "\\", "\\n\\\"", "```", "~~~\n",
    "<a ", "<sql>SELECT 1 ",
    "<think>", "</think>", "-- ", "/* ", "/* a */ ", "SELECT ", "SELECT 1\n", "SELECT 1;\n", "WITH a ",
    "`SELECT 1` is ",
    '"SELECT a ', "'SELECT a' + ", '{"sql": "SELECT 1 FROM a"} ', "```sql\nSELECT 1\n```\n",
    "SELECT a FROM b. Then ",
    ")(", "VALUES (", ": SELECT a", "\n- a ", "\n\nThe a is ", "&amp;", "> ", "<|a|>", "a b ",
    "UNION SELECT 1 ",
]  # fmt: skip


@pytest.mark.parametrize("first", ["", "SELECT a FROM b WHERE c = 'd", "The query is: ", "```sql\nSELECT 1 "])
def test_a_long_text_is_read_soon(first: str) -> None:
    """What grows with the square of a text takes minutes."""
    for number, piece in enumerate(_PIECES):
        text = first + piece * (60_000 // len(piece)) + ("", " x", "\nSELECT 1")[number % 3]
        started = time.thread_time()
        readings(text)
        assert time.thread_time() - started < 10, piece


def test_a_longest_text_is_read_soon() -> None:
    for piece in ("</think>", ")(", '"SELECT a" ', '"SELECT a", ', "<a>SELECT 1", '\\n\\"SELECT a'):
        text = "[" + piece * (MAX_TEXT // len(piece) - 1)
        started = time.thread_time()
        readings(text)
        assert time.thread_time() - started < 20, piece


def test_a_longer_text_is_not_read() -> None:
    text = f"{QUERY} {' ' * MAX_TEXT}"
    assert readings(text) == ()
    error = no_sql(text)
    assert isinstance(error, SqlTooLarge)
    assert f"at most {MAX_TEXT:,} are read" in str(error)


def test_thoughts_may_be_long() -> None:
    assert _texts(f"<think>{'We join, then select from a. ' * 20_000}</think>\n{QUERY}") == [QUERY]
    assert _texts(f"{'We join, and then take from a. ' * 10_000}\n```sql\n{QUERY}\n```")[0] == QUERY


@pytest.mark.parametrize("size", [30_000, 90_000, 150_000])
def test_what_is_tried_is_bounded_in_sum(size: int) -> None:
    texts = [f"SELECT {at}, '{'a' * size}' FROM b" for at in range(5)]
    found = _texts("\n".join(f"```sql\n{text}\n```\n" for text in texts))
    assert found[0] == texts[-1]
    assert sum(len(text) for text in found[1:]) <= MOST_CHARACTERS
    assert all(len(text) <= LONGEST_OTHER for text in found[1:])


def test_what_is_read_can_be_parsed() -> None:
    assert LONGEST_OTHER <= MAX_SQL_BYTES
