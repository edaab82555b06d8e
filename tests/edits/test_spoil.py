"""Right queries made wrong: each kind does what its name says, and is the inverse of a mend."""

from __future__ import annotations

import random
import re

import pytest

from share_sql.edits.guesses import edits_of_kind
from share_sql.edits.name import NAMED, differences
from share_sql.edits.spoil import INVERSE, SPOILS, spoil
from share_sql.query.examined import Context, unrun
from share_sql.schema.model import Column, ColumnName, ForeignKey, Schema, Table
from share_sql.sql.text import parse_select
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.to_sql import to_sql

SCHEMA = Schema(
    "s",
    (
        Table(
            "team",
            (
                Column("id", "INTEGER", primary_key=True),
                Column("name", "TEXT"),
                Column("city", "TEXT"),
                Column("founded", "INTEGER"),
            ),
            ("id",),
        ),
        Table(
            "player",
            (
                Column("id", "INTEGER", primary_key=True),
                Column("name", "TEXT"),
                Column("team_id", "INTEGER"),
                Column("born", "DATE"),
                Column("goals", "INTEGER"),
            ),
            ("id",),
        ),
    ),
    (ForeignKey("player", "team_id", "team", "id"),),
)
LITERALS = {ColumnName("team", "city"): ("Springfield", "Jena"), ColumnName("player", "goals"): (3, 60)}

JOINED = "SELECT T1.name, T1.city FROM team AS T1 JOIN player AS T2 ON T2.team_id = T1.id WHERE "
QUERIES = {
    "city": JOINED + "T1.city = 'Springfield' AND T2.goals > 3",
    "born": "SELECT name FROM player WHERE born = '2001-03-04'",
    "top": "SELECT name FROM team ORDER BY founded DESC LIMIT 1",
    "sorted": "SELECT name FROM team ORDER BY COUNT(id)",
    "groups": "SELECT city, COUNT(DISTINCT name) FROM team GROUP BY city",
    "having": "SELECT city FROM team GROUP BY city HAVING COUNT(*) > 2",
    "total": "SELECT MAX(founded) FROM team",
    "share": "SELECT CAST(SUM(goals) AS REAL) * 100 / COUNT(id) FROM player",
    "both": "SELECT name FROM team WHERE city = 'Jena' INTERSECT SELECT name FROM team WHERE founded > 1900",
    "null": "SELECT DISTINCT name FROM team WHERE city IS NULL",
    "count": "SELECT COUNT(name) FROM player",
    "label": "SELECT name || ' of ' || city FROM team",
    "left": "SELECT team.name, player.name FROM team LEFT JOIN player ON player.team_id = team.id",
    "inner": "SELECT team.name, player.name FROM team JOIN player ON player.team_id = team.id",
    "flag": "SELECT name FROM player WHERE name = 'Y'",
    "code": "SELECT name FROM team WHERE city = 'Mon'",
    "padded": "SELECT name FROM team WHERE city = ' Jena'",
    "day": "SELECT name FROM player WHERE DATE(born) = '2001-03-04'",
    "year": "SELECT name FROM player WHERE STRFTIME('%Y', born) = '2001'",
    "like": "SELECT name FROM player WHERE name LIKE '%Ann%'",
    "idle": "SELECT COUNT(*) FROM player JOIN team ON player.team_id = team.id",
    "met": "SELECT COUNT(*) FROM team WHERE city = 'Jena'",
    "either": "SELECT name FROM team WHERE city IN ('Jena', 'Bonn')",
    "pair": "SELECT goals FROM player JOIN team ON player.team_id = team.id AND player.born = team.founded",
    "known": "SELECT name FROM team WHERE NOT founded IS NULL ORDER BY founded LIMIT 1",
}
WANTED = [
    ("literal-case", "born", None),
    ("literal-case", "city", "T1.city = 'SPRINGFIELD'|T1.city = 'springfield'"),
    ("literal-spelling", "city", "= 'Springfields'|= 'S[a-z]{9}'"),
    ("literal-date", "born", "born = '03/04/2001'|born = '2001/03/04'|born = '3/4/2001'"),
    ("literal-type", "having", "COUNT(.*) > '2'$"),
    ("literal-type", "city", None),
    ("literal-truth", "flag", "name = (TRUE|'(t|true|yes|1)')$"),
    ("literal-code", "code", "city = 'Monday'$"),
    ("literal-padding", "padded", "city = 'Jena'$"),
    ("date-unquoted", "born", "born = 2001 - 03 - 04$"),
    ("date-part", "year", "WHERE born = '2001'$"),
    ("pattern", "like", "LIKE 'Ann'$"),
    ("date-of-time", "day", "WHERE born = '2001-03-04'$"),
    ("literal-column", "city", "T1.\"name\" = 'Springfield'"),
    ("condition-literal", "city", "T1.city = 'Jena'|T2.goals > 60"),
    ("condition-literal", "having", "> (1|3|12)$"),
    ("condition-column", "city", 'T1."name" = \'Springfield\'|T2."(id|team_id)" > 3'),
    ("condition-add", "having", "GROUP BY city$"),
    ("condition-drop", "top", "WHERE (team.city = '(Springfield|Jena)'|NOT .* IS NULL) ORDER BY"),
    ("null-comparison", "null", "city = NULL"),
    ("comparison-direction", "city", "T2.goals < 3"),
    ("comparison-strictness", "city", "T2.goals >= 3"),
    ("contradiction", "both", "SELECT name FROM team WHERE city = 'Jena' AND founded > 1900"),
    ("select-column", "born", None),
    ("select-column", "groups", 'SELECT "name", COUNT'),
    ("select-column", "total", 'MAX."id".'),
    ("select-drop", "top", "SELECT name, founded FROM"),
    ("select-add", "city", "SELECT T1.(city|name) FROM"),
    ("unasked-column", "sorted", "SELECT name, COUNT.id. FROM"),
    ("unasked-column", "born", None),
    ("name-as-text", "top", "SELECT 'name' FROM"),
    ("name-as-text", "groups", None),
    ("concatenation", "city", "SELECT T1.name || ' ' || T1.city FROM"),
    ("aggregate-add", "total", "SELECT founded FROM team"),
    ("aggregate-drop", "born", "SELECT (COUNT|MAX).name. FROM"),
    ("count-distinct", "groups", "COUNT.name."),
    ("expression", "share", "SELECT SUM.goals. [*] 100 / |SELECT CAST.SUM.goals. AS REAL. / "),
    ("integer-division", "share", "SELECT SUM.goals. [*] 100 / COUNT.id."),
    ("unknown-column", "top", "founde |foundeds|team_founded"),
    ("count-condition", "met", "SELECT COUNT.CASE WHEN city = 'Jena' THEN 1 ELSE 0 END. FROM team$"),
    ("count-condition", "born", None),
    ("bare-alternative", "either", "city = 'Jena' OR 'Bonn'$"),
    ("aggregate-where", "having", "FROM team WHERE COUNT... > 2 GROUP BY city"),
    ("aggregate-where", "born", None),
    ("having-ungrouped", "born", "FROM player HAVING born = '2001-03-04'"),
    ("group-aggregate", "groups", "GROUP BY city, COUNT"),
    ("group-missing", "groups", "FROM team$"),
    ("group-missing", "having", None),
    ("half-key", "pair", "ON player.(team_id = team.id|born = team.founded)$"),
    ("limit-unasked", "null", "LIMIT (5|10|100)$"),
    ("limit-unasked", "top", None),
    ("null-extreme", "known", "FROM team ORDER BY founded LIMIT 1"),
    ("unknown-table", "city", "FROM teams AS T1|JOIN players AS T2"),
    ("ambiguous-column", "city", "SELECT name, T1.city"),
    ("missing-join", "city", "FROM team AS T1 WHERE T1.city = 'Springfield' AND goals > 3"),
    ("join-key", "inner", 'ON player."(id|name|born|goals)" = team.id|ON player.team_id = team."[a-z]+"$'),
    ("join-left", "left", "FROM team JOIN player"),
    ("join-inner", "inner", "FROM team LEFT JOIN player"),
    ("join-add", "idle", "FROM player$"),
    ("group-drop", "null", "GROUP BY name"),
    ("group-key", "groups", 'GROUP BY "name"'),
    ("order-add", "top", "FROM team LIMIT 1"),
    ("order-drop", "groups", "ORDER BY"),
    ("order-column", "top", 'ORDER BY "id" DESC'),
    ("limit-drop", "null", "LIMIT 1"),
    ("limit-count", "top", "LIMIT 2"),
]


def _spoilt(kind: str, sql: str, seed: int = 0) -> str | None:
    query = unrun(sql, Context(SCHEMA, ""))
    tree = spoil(query, kind, random.Random(seed), LITERALS)
    assert query.tree.sql("sqlite") == parse_select(sql, "sqlite").sql("sqlite")
    return None if tree is None else tree.sql("sqlite")


@pytest.mark.parametrize(("kind", "name", "wanted"), WANTED)
@pytest.mark.parametrize("seed", range(4))
def test_each_does_what_its_name_says(kind: str, name: str, wanted: str | None, seed: int) -> None:
    found = _spoilt(kind, QUERIES[name], seed)
    assert found is None if wanted is None else found and re.search(wanted, found)


@pytest.mark.parametrize("kind", SPOILS)
def test_each_changes_some_query_into_one_that_can_be_parsed(kind: str) -> None:
    found = {sql: wrong for sql in QUERIES.values() if (wrong := _spoilt(kind, sql)) is not None}
    assert found, "no query gives this kind anything to work on"
    for sql, wrong in found.items():
        assert wrong != parse_select(sql, "sqlite").sql("sqlite")
        # Casts to types that SQLite does not have are written otherwise by sqlglot.
        assert kind.startswith("cast-") or parse_select(wrong, "sqlite").sql("sqlite") == wrong
        assert parse_select(wrong, "sqlite")


@pytest.mark.parametrize("kind", sorted(SPOILS.keys() & NAMED))
def test_what_is_named_is_made_under_its_name_and_compiles(kind: str) -> None:
    named = []
    for seed, sql in enumerate(QUERIES.values()):
        wrong = _spoilt(kind, sql, seed)
        if wrong is not None:
            trajectory = from_sql(wrong, SCHEMA)
            named.append(kind in {d.kind for d in differences(from_sql(sql, SCHEMA), trajectory)})
            assert to_sql(trajectory, SCHEMA)
    assert any(named)


@pytest.mark.parametrize(("kind", "guess"), INVERSE.items())
def test_the_inverse_of_a_guess_is_one_of_its_edits(kind: str, guess: str) -> None:
    for sql in QUERIES.values():
        query = unrun(sql, Context(SCHEMA, ""))
        edits = {edit.tree.sql("sqlite") for edit in edits_of_kind(query, guess)}
        found = {_spoilt(kind, sql, seed) for seed in range(4)}
        assert found <= edits if edits else found == {None}


def test_a_seed_fixes_everything() -> None:
    for sql in QUERIES.values():
        assert [_spoilt(kind, sql, 7) for kind in SPOILS] == [_spoilt(kind, sql, 7) for kind in SPOILS]


def test_nothing_to_work_on_gives_nothing() -> None:
    allowed = {"limit-drop", "distinct-drop"}
    assert {kind for kind in SPOILS if _spoilt(kind, "SELECT 1") is not None} <= allowed
