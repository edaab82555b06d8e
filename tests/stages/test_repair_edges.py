"""Where each kind of repair begins and ends: pairs of a fault and its nearest neighbour that is none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.database.sqlite import SqliteDatabase
from share_sql.edits.proofs import PROVED
from share_sql.judgement.weights import load_weights
from share_sql.stages.repair import repair
from tests.golden import titled_pairs
from tests.stages.driving import start, take

GOLDEN = Path(__file__).with_name("golden") / "edges.txt"
EVERYTHING = replace(load_weights(), enabled=frozenset(PROVED))
DATABASE = """
CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT, city TEXT, region TEXT, founded TEXT,
    motto TEXT COLLATE NOCASE);
INSERT INTO team VALUES (1, 'Reds', 'Bonn', 'North', '2001-05-03', 'Win'),
    (2, 'Season 2012', 'Jena', 'South', '1999-11-30', 'Play');
CREATE TABLE player (id INTEGER PRIMARY KEY, name TEXT, team_id INTEGER REFERENCES team(id), side TEXT,
    goals INTEGER, shots INTEGER, played BOOLEAN, hand TEXT);
INSERT INTO player VALUES (1, 'Ann', 1, 'North', 107, 210, 'yes', 'L'),
    (2, 'Bea', 2, 'East', 92, 205, 'no', 'R'), (3, 'Cyd', 1, 'East', 92, 0, 'yes', 'L');
CREATE TABLE duel (id INTEGER PRIMARY KEY, first_id INTEGER REFERENCES player(id),
    second_id INTEGER REFERENCES player(id), team_id INTEGER, held TEXT, gate TEXT);
INSERT INTO duel VALUES (501, 1, 2, 1, '2012-03-04 18:30', ' A4'), (502, 2, 3, 1, '2012-03-31 20:00', ' B1');
"""


@pytest.fixture(scope="module")
def league(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteDatabase]:
    path = tmp_path_factory.mktemp("league") / "league.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DATABASE)
        connection.commit()
    database = SqliteDatabase(path)
    yield database
    database.close()


@pytest.mark.parametrize(
    ("title", "pair"), titled_pairs(GOLDEN), ids=lambda value: value if isinstance(value, str) else ""
)
def test_edges(title: str, pair: dict[str, str], league: SqliteDatabase) -> None:
    state = start(league, pair["question"], pair["draft"], pair.get("evidence", ""), EVERYTHING)
    found = [each for each in take(repair, league, state).candidates if each.origin == "repair"]
    kinds = [fault.kind for each in found for fault in each.evidence]
    assert ", ".join(kinds) == pair["kinds"].replace("-", "", pair["kinds"] == "-")
    assert [each.sql for each in found] == ([pair["result"]] if "result" in pair else [])


def test_no_kind_that_is_not_enabled_acts(league: SqliteDatabase) -> None:
    nothing = replace(EVERYTHING, enabled=frozenset())
    for _, pair in titled_pairs(GOLDEN):
        state = start(league, pair["question"], pair["draft"], pair.get("evidence", ""), nothing)
        assert len(take(repair, league, state).candidates) == 1
