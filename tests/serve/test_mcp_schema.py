"""A schema within a budget: all of it where it fits, else what fits and how to see the rest."""

from __future__ import annotations

import json

import pytest

from share_sql.errors import UsageError
from share_sql.serve.mcp_schema import as_text, described
from share_sql.serve.shapes import ColumnItem, KeyItem, SchemaAnswer, TableItem


def column(name: str, kind: str = "TEXT", **more: object) -> ColumnItem:
    fields = {"nullable": True, "primary_key": False, "meaning": None, "allowed": [], **more}
    return ColumnItem.model_validate({"name": name, "type": kind, **fields})


def schema(*tables: tuple[str, list[ColumnItem]], keys: tuple[KeyItem, ...] = ()) -> SchemaAnswer:
    items = [TableItem(name=name, is_view=False, columns=columns) for name, columns in tables]
    return SchemaAnswer(database="d", dialect="sqlite", tables=items, foreign_keys=list(keys))


def key(table: str, name: str, to_table: str, to_column: str) -> KeyItem:
    return KeyItem(table=table, column=name, to_table=to_table, to_column=to_column, group=None)


SALES = schema(
    ("city", [column("id", "INTEGER", primary_key=True), column("name")]),
    (
        "sales.order",
        [
            column("id", "INTEGER", primary_key=True),
            column("city id", "INTEGER", nullable=False),
            column("state", "text", allowed=["new", "paid"], meaning="how far\nit is"),
        ],
    ),
    keys=(key("sales.order", "city id", "city", "id"),),
)


def test_in_short_a_column_is_its_name_type_and_keys() -> None:
    assert [table.columns for table in described(SALES).tables] == [
        ["id INTEGER key", "name TEXT"],
        ["id INTEGER key", '"city id" INTEGER > city.id', "state text"],
    ]


def test_in_detail_it_also_has_its_meaning_and_values() -> None:
    (table,) = described(SALES, ["sales.order"]).tables
    assert table.columns[1:] == [
        '"city id" INTEGER > city.id not null',
        "state text one of 'new', 'paid' -- how far it is",
    ]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["city"], ["city"]),
        (["CITY"], ["city"]),
        (["order"], ["sales.order"]),
        (["*i*"], ["city"]),
        (["sales.*", "city"], ["city", "sales.order"]),
        (["[c]ity"], ["city"]),
    ],
)
def test_tables_are_found_by_names_and_patterns(asked: list[str], found: list[str]) -> None:
    assert [table.name for table in described(SALES, asked).tables] == found


def test_a_name_is_that_table_alone_whatever_signs_are_in_it() -> None:
    odd = schema(("a*", [column("x")]), ("ab", [column("x")]), ("[ab]", [column("x")]))
    assert [table.name for table in described(odd, ["a*"]).tables] == ["a*"]
    assert [table.name for table in described(odd, ["[ab]"]).tables] == ["[ab]"]


def test_columns_are_found_in_all_tables_or_in_some() -> None:
    assert [(each.name, each.columns) for each in described(SALES, columns=["ID"]).tables] == [
        ("city", ["id INTEGER key"]),
        ("sales.order", ["id INTEGER key"]),
    ]
    assert [each.name for each in described(SALES, ["city"], ["*"]).tables] == ["city"]


@pytest.mark.parametrize(
    ("tables", "columns", "told"),
    [
        (["citty"], [], "no table matches citty; did you mean city?"),
        ([], ["nam"], "no column matches nam; did you mean name?"),
        (["city"], ["state"], "no column matches state; known are id, name"),
    ],
)
def test_what_matches_nothing_is_told_with_what_there_is(
    tables: list[str], columns: list[str], told: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        described(SALES, tables, columns)
    assert str(refusal.value) == told


WIDE = schema(*((f"table_{at:04}", [column(f"c{n}") for n in range(20)]) for at in range(500)))


@pytest.mark.parametrize("budget", [500, 2_000, 10_000, 100_000])
def test_the_budget_holds_and_every_table_is_shown_named_or_counted(budget: int) -> None:
    answer = described(WIDE, budget=budget)
    assert len(json.dumps(answer.model_dump(exclude_defaults=True))) < budget * 1.2 + 300
    assert len(answer.tables) + len(answer.more) + answer.left_out == 500
    assert answer.note is None or "`tables`" in answer.note
    assert len(as_text("d", WIDE, budget)) < budget * 1.2 + 300


def test_what_fits_is_whole() -> None:
    answer = described(WIDE, budget=1_000_000)
    assert len(answer.tables) == 500
    assert (answer.more, answer.left_out, answer.note) == ([], 0, None)


def test_a_table_that_is_too_wide_has_a_part_of_its_columns() -> None:
    wide = schema(("t", [column(f"column_{at}") for at in range(3000)]))
    (table,) = described(wide).tables
    assert 0 < len(table.columns) < 3000
    assert f"{3000 - len(table.columns):,} of its columns are left out" in (described(wide).note or "")
    assert described(wide, ["t"], ["column_2999"]).tables[0].columns == ["column_2999 TEXT"]


def test_very_long_names_types_and_meanings_do_not_break_the_budget() -> None:
    long = "x" * 100_000
    odd = schema((long, [column(long, long, meaning=long, allowed=[long] * 50)]), ("t", [column("a")]))
    for answer in (described(odd), described(odd, ["*"])):
        assert len(answer.model_dump_json()) < 12_000
    assert "t" in [*(table.name for table in described(odd).tables), *described(odd).more]


def test_text_has_a_line_a_table() -> None:
    lines = as_text("d", SALES).splitlines()
    assert lines[0].startswith("-- d: sqlite.")
    assert lines[2] == 'sales.order (id INTEGER key, "city id" INTEGER > city.id, state text)'


def test_a_name_with_a_line_break_stays_in_its_line() -> None:
    lines = as_text("d", schema(("t\nDROP TABLE x", [column("a\nb")]))).splitlines()
    assert len(lines) == 2
