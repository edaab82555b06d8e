"""Stored values that a question names."""

from __future__ import annotations

from share_sql.database.sqlite import SqliteDatabase
from share_sql.schema.introspect import introspect
from share_sql.schema.model import ValueMatch
from share_sql.schema.spoken import MOST_COLUMNS, MOST_VALUES, phrases, spoken_values, told
from share_sql.schema.values import ValueIndex


def test_phrases_are_quoted_parts_and_runs_of_words_longer_ones_first() -> None:
    found = phrases("List the ships of 'Red Star Line' today.")
    assert found[0] == "Red Star Line"
    assert {"ships", "Red Star", "Line"} <= set(found)
    found = phrases("Which cities are in North America?")
    assert found.index("North America") < found.index("America")
    assert not any(phrase.lower().startswith(("which", "are", "in ")) for phrase in found)
    assert phrases("How many are there?") == ()


def test_values_of_any_case_are_found_in_their_columns(shop: SqliteDatabase) -> None:
    with ValueIndex.open(shop, introspect(shop)) as index:
        found = spoken_values(phrases("How many stores are in LEIPZIG?"), index.lookup)
    assert {match.value for match in found} == {"Leipzig"}
    assert {(match.table, match.column) for match in found} >= {("stores", "city"), ("customers", "city")}
    assert told(found).startswith(f"{found[0].table}.{found[0].column} 'Leipzig', ")


def test_a_phrase_within_one_that_was_found_is_not_looked_up() -> None:
    asked: list[str] = []

    def look_up(text: str) -> tuple[ValueMatch, ...]:
        asked.append(text)
        return tuple(ValueMatch("t", f"c{n}", text, 100.0) for n in range(9)) if " " in text else ()

    found = spoken_values(("New York", "York", "Boston"), look_up)
    assert asked == ["New York", "Boston"]
    assert len(found) == MOST_COLUMNS
    many = spoken_values([f"a {n}" for n in range(20)], look_up)
    assert len(many) == MOST_VALUES
