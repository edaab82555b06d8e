"""Large drafts: worked on in proportion to their size, or kept with the reason; never lost or endless."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.query.examined import Context, Examiner
from share_sql.schema.model import Schema
from tests.limited import limited


@pytest.fixture
def singers(tmp_path: Path) -> Path:
    """A database of one table."""
    path = tmp_path / "singers.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, town TEXT, age INTEGER)")
        rows = [(at, f"n{at}", f"v{at}", at % 7) for at in range(300)]
        connection.executemany("INSERT INTO singer VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return path


CORRECTED = {
    "concatenations": f"SELECT {' || '.join(['name'] * 900)} FROM singer WHERE town = 'V3'",
    "unions": " UNION ALL ".join([f"SELECT name FROM singer WHERE age = {at}" for at in range(400)])
    + " UNION ALL SELECT name FROM singer WHERE town = 'V3'",
    "a chain of common table expressions": "WITH a0 AS (SELECT * FROM singer)"
    + "".join(f", a{at} AS (SELECT * FROM a{at - 1})" for at in range(1, 200))
    + " SELECT name FROM a199 JOIN singer USING (id) WHERE singer.town = 'V3'",
    "a list of numbers": f"SELECT name FROM singer WHERE age IN ({', '.join(map(str, range(5_000)))}) "
    "AND town = 'V3'",
    "branches": f"SELECT CASE {' '.join(f'WHEN age = {at} THEN {at}' for at in range(1_000))} END "
    "FROM singer WHERE town = 'V3'",
}


@pytest.mark.parametrize("draft", CORRECTED.values(), ids=CORRECTED)
def test_a_large_draft_is_mended_as_a_small_one_is(singers: Path, draft: str) -> None:
    with Assistant(work_seconds=60) as assistant:
        correction = assistant.correct(Case("1", "Which singers are there?", str(singers), draft))
    assert correction.verdict == "corrected", correction.reason
    assert "'v3'" in correction.sql
    assert correction.runs


@pytest.mark.parametrize(
    ("draft", "why"),
    [
        (f"SELECT name FROM singer WHERE name <> '{'lorem ' * 30_000}'", "characters"),
        (f"SELECT name FROM singer WHERE age IN ({', '.join(map(str, range(12_000)))})", "tokens"),
        ("SELECT name FROM singer AS a " + "JOIN (SELECT 1 AS one) " * 30, "joins without a condition"),
    ],
    ids=["characters", "tokens", "joins"],
)
def test_what_is_too_large_is_run_and_kept_with_the_reason(singers: Path, draft: str, why: str) -> None:
    with Assistant(work_seconds=60) as assistant:
        correction = assistant.correct(Case("1", "Which singers are there?", str(singers), draft))
    assert (correction.verdict, correction.sql, correction.runs) == ("kept", draft, True)
    assert why in correction.reason
    assert any(step.stage == "bam" and step.error for step in correction.steps)
    assert correction.confidence is not None
    assert correction.confidence > 0.3


def test_many_faults_take_no_more_than_a_few_seconds(singers: Path) -> None:
    texts = " UNION ALL ".join(f"SELECT name FROM singer WHERE town = 'V{at}'" for at in range(300))
    names = "SELECT " + ", ".join(f"nosuch{at}" for at in range(300)) + " FROM singer"
    listed = f"SELECT name FROM singer WHERE town IN ({', '.join(repr(f'V{at}') for at in range(300))})"
    said = limited(
        f"""
        from share_sql.assistant import Assistant
        from share_sql.case import Case
        with Assistant(work_seconds=60) as assistant:
            for draft in {(texts, names, listed)!r}:
                print(assistant.correct(Case("1", "Which singers?", {str(singers)!r}, draft)).verdict)
        """,
        seconds=120,
    )
    assert said.split() == ["corrected", "kept", "corrected"]


def test_what_a_case_may_try_is_counted_in_characters() -> None:
    examiner = Examiner(Context(Schema("made", ()), ""))
    tried = 0
    while examiner.may_try("x" * 1_000):
        tried += 1
    assert 100 <= tried <= 1_000
    assert examiner.is_tired
    # One change is always tried, however large.
    assert Examiner(examiner.context).may_try("x" * 1_000_000)
