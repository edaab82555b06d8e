"""What the scorer reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.golden import titled_pairs

from share_sql.query.change_text import alike, change_text, query_text, question_text, shortened
from share_sql.schema.model import Column, ForeignKey, Schema, Table

GOLDEN = Path(__file__).with_name("golden") / "changes.txt"
POSTERS = "the year in which the concert was given, as it stands on the posters that were printed for it"
SCHEMA = Schema(
    "music",
    (
        Table(
            "singer",
            (
                Column("id", "int"),
                Column("Name", "text", meaning="stage name"),
                Column("Country", "text", meaning="where the singer was born"),
                Column("Age", "int"),
            ),
        ),
        Table(
            "concert",
            (
                Column("id", "int"),
                Column("singer_id", "int"),
                Column("Year", "int", meaning=POSTERS),
                Column("Free Seats", "int"),
            ),
        ),
    ),
    (ForeignKey("concert", "singer_id", "singer", "id"),),
)


@pytest.mark.parametrize(
    ("title", "pair"), titled_pairs(GOLDEN), ids=lambda value: value if isinstance(value, str) else ""
)
def test_golden(title: str, pair: dict[str, str]) -> None:
    draft, candidate = query_text(pair["draft"], SCHEMA), query_text(pair["candidate"], SCHEMA)
    assert candidate == pair["read"]
    assert change_text(draft, candidate, SCHEMA) == pair["text"]


def test_at_most_four_meanings_are_given() -> None:
    columns = tuple(Column(name, meaning=f"meaning of {name}") for name in "abcdef")
    schema = Schema("letters", (Table("t", columns),))
    text = change_text("select(t.a, t.b, t.c)", "select(t.d, t.e, t.f)", schema)
    assert text.count("meaning of") == 4


@pytest.mark.parametrize(
    ("evidence", "expected"), [("", "How many?"), (" \n", "How many?"), ("all", "How many? | all")]
)
def test_the_question_comes_with_its_evidence(evidence: str, expected: str) -> None:
    assert question_text("How many?", evidence) == expected


@pytest.mark.parametrize(
    ("trajectory", "expected"),
    [
        ("df1 = df.where(element = t.a, filter = 1)\nres = df1.count()", "where(t.a, 1) count()"),
        ("df1 = df.count()\ndf2 = df.limit(1)\nres = df2.union(df1)", "count() as df1 ; limit(1) union(df1)"),
        ("df1 = df.count()\ndf2 = df1.limit(1)\nres = df1.union(df2)",
         "count() as df1 ; df1.limit(1) as df2 ; df1.union(df2)"),
        ("df1 = df.count()\nres = df1.union(df1)", "count() as df1 ; df1.union(df1)"),
        ("res = sum(t.a) / 2", "res = sum(t.a) / 2"),
        ("", ""),
    ],
)  # fmt: skip
def test_names_of_steps_that_only_pass_rows_on_are_left_out(trajectory: str, expected: str) -> None:
    assert shortened(trajectory) == expected


def test_queries_with_little_in_common_are_no_change_of_each_other() -> None:
    names = query_text("SELECT Name FROM singer WHERE Age > 30", SCHEMA)
    assert alike(names, query_text("SELECT Country FROM singer WHERE Age > 30", SCHEMA))
    other = query_text("SELECT Year, COUNT(*) FROM concert GROUP BY Year ORDER BY COUNT(*) DESC", SCHEMA)
    assert not alike(names, other)
    assert change_text(names, other, SCHEMA).startswith("{ where")
