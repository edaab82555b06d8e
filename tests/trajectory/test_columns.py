"""Columns that a trajectory names."""

from __future__ import annotations

import pytest

from share_sql.schema.model import Column, Schema, Table
from share_sql.trajectory.columns import columns, unknown_columns
from share_sql.trajectory.read import read

SCHEMA = Schema(
    "towns",
    (
        Table("Towns", (Column("id"), Column("Name"), Column("size"))),
        Table("Roads", (Column("id"), Column("town_id"), Column("length"))),
        Table("People", (Column("id"), Column("Name"))),
    ),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("res = df.where(element = towns.NAME, filter = 'x').select(towns.size)", "Towns.Name Towns.size"),
        ("res = df.from(Towns as t).join(Roads as r, on = t.id = r.town_id).select(r.length)",
         "Towns.id Roads.town_id Roads.length"),
        ("res = df.from(Towns as Roads).select(Roads.name)", "Towns.Name"),
        ("res = df.where(element = towns.size, filter = 5).select(name)", "Towns.size Towns.Name"),
        ("res = df.select(name)", "Towns.Name People.Name"),
        ("res = df.select(roads.size)", "Towns.size"),
        ("df1 = df.select(towns.size as length)\nres = df1.select(length, df1.length)", "Towns.size"),
        ("df1 = df.select(towns.id)\nres = df.where(element = roads.town_id, filter = df1.towns.id)",
         "Towns.id Roads.town_id"),
        ("res = df.select(Roads.*)", "Roads.id Roads.town_id Roads.length"),
        ("res = df.from(Towns).join(Roads, using = [id]).count()", "Towns.id Roads.id"),
        ("res = df.select(count(*), nowhere.nothing, [MASK])", ""),
    ],
)  # fmt: skip
def test_columns(text: str, expected: str) -> None:
    assert {str(column) for column in columns(read(text).trajectory, SCHEMA)} == set(expected.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("res = df.where(element = towns.NAME, filter = 'x').select(size, Roads.*)", ""),
        ("res = df.where(element = towns.length, filter = 5).select(towns.nothing)",
         "towns.length towns.nothing"),
        ("res = df.select(nowhere.Name, nothing, nowhere.Name)", "nowhere.Name nothing"),
        ("res = df.from(Towns as t).join(Roads as r, on = t.id = r.town_id).select(r.length)", ""),
        ("df1 = df.select(towns.size as most)\nres = df1.select(most, df1.most)", ""),
        ("res = df.select(count(*), [MASK])", ""),
    ],
)  # fmt: skip
def test_unknown_columns(text: str, expected: str) -> None:
    assert unknown_columns(read(text).trajectory, SCHEMA) == tuple(expected.split())
