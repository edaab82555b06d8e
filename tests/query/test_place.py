"""Places in the SQL as places in the draft."""

from __future__ import annotations

import pytest

from share_sql.query.place import place_in_draft

SQL = "SELECT name\nFROM store\nWHERE city = 'Bonn'"


@pytest.mark.parametrize(
    "draft",
    [
        SQL,
        f"Sure, the city is Bonn:\n```sql\n{SQL};\n```\nThat's it.",
        '{"sql": "SELECT name\\nFROM store\\nWHERE city = \'Bonn\'"}',
    ],
)
@pytest.mark.parametrize("part", ["name", "city", "'Bonn'", "city = 'Bonn'"])
def test_a_part_is_found_in_the_draft(draft: str, part: str) -> None:
    start = SQL.index(part)
    place = place_in_draft(draft, SQL, (start, start + len(part)))
    assert place is not None
    assert draft[slice(*place)] == part
    assert place[0] >= draft.index("SELECT")


def test_a_part_that_is_written_otherwise_has_no_place() -> None:
    assert place_in_draft("SELECT na\\_me FROM store", "SELECT na_me FROM store", (7, 12)) is None
    assert place_in_draft("x" * 10_000, SQL, (0, 6)) is None
    assert place_in_draft(SQL, SQL, None) is None


def test_a_place_between_two_words() -> None:
    assert place_in_draft("a b", "a b", (1, 1)) == (1, 1)
    draft = '{"sql": "SELECT "a" FROM store"}'
    place = place_in_draft(draft, 'SELECT "a" FROM store', (15, 15))
    assert place is not None
    assert draft[place[0] :] == ' store"}'
