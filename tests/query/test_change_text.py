"""What the scorer reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.golden import titled_pairs

from share_sql.database.base import QueryResult
from share_sql.errors import QueryError, SqlError
from share_sql.prompts.library import load_prompts
from share_sql.query import change_text as texts
from share_sql.query.change_text import alike, change_text, question_text, shortened
from share_sql.query.examined import Context, Examined, Ran, unrun
from share_sql.schema.model import Column, ColumnName, ForeignKey, Schema, Table
from share_sql.sql.text import parse_select

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


def query_text(sql: str, schema: Schema) -> str:
    try:
        return texts.query_text(unrun(sql, Context(schema, "")))
    except SqlError as error:
        return texts.query_text(Ran(sql, None, error))


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


def ran(sql: str, outcome: QueryResult | QueryError | None) -> Examined:
    return Examined(sql, outcome, tree=parse_select(sql, "sqlite"), context=Context(SCHEMA, ""))


def test_rows_are_counted_and_the_first_are_shown() -> None:
    rows = (("Joe", None, 1.0), ("x" * 31, b"\n a", 2.5), (1, 2, 3), (4, 5, 6))
    assert texts.rows_text(ran("SELECT 1", QueryResult(("a", "b", "c"), rows))) == (
        f"3 columns, 4 rows: Joe, NULL, 1; {'x' * 30}…, b'\\n a', 2.5; 1, 2, 3"
    )
    assert texts.rows_text(ran("SELECT 1", QueryResult(("a",), (("v",),), truncated=True))) == (
        "1 column, 1 or more row: v"
    )
    assert texts.rows_text(ran("SELECT 1", QueryResult(("a", "b"), ()))) == "2 columns, 0 rows"
    assert texts.rows_text(ran("SELECT 1", QueryError("no such table"))) == "it fails"
    assert texts.rows_text(ran("SELECT 1", None)) == ""


def test_columns_that_change_are_told_first() -> None:
    draft = ran("SELECT Name FROM singer WHERE Age > 30", None)
    other = ran("SELECT Country FROM singer WHERE Age > 30", None)
    assert [name.column for name in texts.concerned(draft, other)] == ["Country", "Name", "Age"]
    assert texts.concerned(Ran("?", None)) == ()


def test_a_column_is_told_with_its_meaning_and_what_it_stores() -> None:
    schema = Schema("s", (Table("t", (Column("a b", meaning="where from"), Column("c"))),))
    names = [ColumnName("t", "a b"), ColumnName("t", "c")]
    stored = {names[0]: ["Ghana", "Chad", "Mali", "Peru"]}
    assert texts.column_text(names, schema, stored) == "t.a b: where from, such as Ghana, Chad, Mali\nt.c"
    assert texts.examples_sql(names[0], schema) == (
        'SELECT DISTINCT "a b" FROM (SELECT "a b" FROM "t" LIMIT 1000) AS first_rows '
        'WHERE NOT "a b" IS NULL LIMIT 3'
    )


def test_the_coder_set_asks_for_all_that_is_known() -> None:
    prompts = load_prompts("coder")
    draft = ran("SELECT Name FROM singer", QueryResult(("Name",), (("Joe",),)))
    other = ran("SELECT Country FROM singer", QueryResult(("Country",), ()))
    asked = ("Who?", "all")
    (message,) = prompts.render("scorer", **texts.scorer_variables(asked, draft, other, SCHEMA))
    assert "Rows before: 1 column, 1 row: Joe\nRows after: 1 column, 0 rows\n" in message.content
    change = "select ( { singer.Name => singer.Country } )"
    assert message.content.startswith(f"Question: Who? | all\nChange: {change}\n")
    (message,) = prompts.render("errors", **texts.errors_variables(asked, draft, SCHEMA))
    assert "Query: select(singer.Name)\n" in message.content
    # The shipped adapters were trained on these words alone.
    (message,) = load_prompts("brief").render("scorer", **texts.scorer_variables(asked, draft, other, SCHEMA))
    assert message.content.startswith("Who? | all\nselect ( { singer.Name")
    assert message.content.endswith("\nBetter?")
    assert "Joe" not in message.content
