"""Masking: no name of the schema survives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from share_sql.schema.model import Column, Schema, Table
from share_sql.trajectory import nodes as n
from share_sql.trajectory.mask import mask
from share_sql.trajectory.read import read
from share_sql.trajectory.write import write
from tests.trajectory.trees import COLUMNS, TABLES, trajectories

SCHEMA = Schema(
    "towns",
    (Table("towns", (Column("name"), Column("size"), Column("total"))), Table("roads", (Column("town_id"),))),
)


def names(tree: n.Node) -> Iterator[str | None]:
    """Every place of a tree that can hold a name."""
    for node in tree.walk():
        if isinstance(node, n.ColumnRef):
            yield from (node.table, node.name)
        elif isinstance(node, n.Star):
            yield node.table
        elif isinstance(node, n.Alias | n.Step):
            yield node.name
        elif isinstance(node, n.Named):
            yield from (node.name, *node.columns)
        elif isinstance(node, n.Join):
            yield from (node.alias, *node.using)
        elif isinstance(node, n.Frame):
            yield node.source
        elif isinstance(node, n.FrameColumn):
            yield node.frame


@given(trajectories)
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
def test_no_name_survives(tree: n.Trajectory) -> None:
    masked = mask(tree)
    given_names = {name.lower() for name in (*TABLES, *COLUMNS)} - {"df1", "df"}
    assert not given_names & {name.lower() for name in names(masked) if name}
    assert mask(masked) == masked
    assert read(write(masked)).trajectory == masked


def test_the_logic_stays() -> None:
    tree = read(
        "df1 = df.where(element = towns.size, filter = '> 5').groupby(towns.name)\n"
        "tmp_res1 = df1.select(sum(towns.size) as total)\n"
        "res = df.where(element = towns.name, filter = 'Ghent').select(tmp_res1.total * 100 / df1.count())"
    ).trajectory
    assert write(mask(tree)) == (
        "df1 = df.where(element = [MASK], filter = '> 5').groupby([MASK])\n"
        "tmp_res1 = df1.select(sum([MASK]) as out1)\n"
        "res = df.where(element = [MASK], filter = 'Ghent').select(tmp_res1.out1 * 100 / df1.count())"
    )


def test_with_a_schema_harmless_names_stay() -> None:
    tree = read(
        "best = df.select(max(towns.size) as peak, towns.name as total)\nres = best.count()"
    ).trajectory
    assert (
        write(mask(tree, SCHEMA))
        == "best = df.select(max([MASK]) as peak, [MASK] as out2)\nres = best.count()"
    )


@pytest.mark.parametrize(
    "text",
    [
        "res = df.from(towns as t).join(roads as r, using = [town_id]).select(t.name, r.*)",
        "res = df.pivot(index = towns.name, `size` = 'towns.size', roads.town_id)",
        "res = df.select(cast(towns.size, towns.name), towns.name as size)",
        "res = df.select(towns.size).as(name, size)",
        "size = df.select(towns.size)\nres = size.select(size.name)",
        "res = df.where(element = towns.size, filter = 'towns.name')",
        "res = towns.where(towns.size > 5)",
    ],
)
def test_no_name_survives_in_text(text: str) -> None:
    written = write(mask(read(text).trajectory)).lower()
    for name in ("towns", "size", "roads", "town_id", "name"):
        assert name not in written
