"""From a trajectory to SQL: what models' trajectories mean, named errors, the same text every time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from share_sql import errors
from share_sql.trajectory import nodes as n
from share_sql.trajectory.read import read
from share_sql.trajectory.to_sql import to_sql
from tests.limited import limited
from tests.trajectory.club import club, club_schema
from tests.trajectory.goldens import Golden, goldens


@pytest.mark.parametrize("golden", goldens("meaning.txt"), ids=lambda golden: golden.title)
def test_golden(golden: Golden) -> None:
    text, wanted = golden.parts
    hint, lines = "", text.split("\n")
    if lines[0].startswith("?"):
        hint, lines = lines[0][1:].strip(), lines[1:]
    trajectory = read("\n".join(lines)).trajectory
    if wanted.startswith("! "):
        kind, _, message = wanted[2:].partition(": ")
        with pytest.raises(getattr(errors, kind)) as caught:
            to_sql(trajectory, club_schema(), hint=hint)
        assert str(caught.value) == message
    else:
        sql = to_sql(trajectory, club_schema(), hint=hint)
        assert sql == wanted
        club().execute(sql)


def test_an_empty_trajectory_is_an_error() -> None:
    with pytest.raises(errors.CompileError, match="empty"):
        to_sql(n.Trajectory(()), club_schema())


def test_a_step_made_of_itself_is_an_error() -> None:
    trajectory = n.Trajectory((n.Step("res", n.Frame("res", (n.Select((n.Literal(1),)),))),))
    with pytest.raises(errors.CompileError, match="res"):
        to_sql(trajectory, club_schema())


def test_deep_nesting_is_an_error() -> None:
    value: n.Expr = n.Literal(1)
    for _ in range(5000):
        value = n.Unary("-", value)
    trajectory = n.Trajectory((n.Step("res", n.Frame("df", (n.Select((value,)),))),))
    with pytest.raises(errors.CompileError, match="nested too deeply"):
        to_sql(trajectory, club_schema())


@pytest.mark.parametrize(
    "node",
    [
        n.Call("count(*) from player; drop table player; --", (n.ColumnRef("player", "id"),)),
        n.Cast(n.ColumnRef("player", "id"), "integer) from player; --"),
        n.Binary("collate", n.ColumnRef("player", "name"), n.Literal("nocase; drop table player")),
        n.Binary("= 1 or 1 =", n.ColumnRef("player", "id"), n.Literal(1)),
        n.Parameter("1; drop table player"),
        n.Call("sum", (n.ColumnRef("player", "id"),), over=n.Over(bounds="rows) from player; --")),
    ],
)
def test_text_of_a_model_never_becomes_syntax(node: n.Expr) -> None:
    trajectory = n.Trajectory((n.Step("res", n.Frame("df", (n.Select((node,)),))),))
    with pytest.raises(errors.CompileError):
        to_sql(trajectory, club_schema())


def test_constants_and_names_are_quoted() -> None:
    items = (n.Literal("it's; --"), n.Alias(n.ColumnRef("player", "birth date"), 'a "name"'))
    trajectory = n.Trajectory((n.Step("res", n.Frame("df", (n.Select(items),))),))
    sql = to_sql(trajectory, club_schema())
    rows = club().execute(sql)
    assert rows.description[1][0] == 'a "name"'
    assert rows.fetchone()[0] == "it's; --"


def test_the_same_text_in_every_process() -> None:
    program = (
        "from tests.trajectory.club import club_schema\n"
        "from share_sql.trajectory.read import read\n"
        "from share_sql.trajectory.to_sql import to_sql\n"
        "text = 'res = df.where(element = prize.worth, filter = 5).select(kind.kind, prize.id)'\n"
        "print(to_sql(read(text).trajectory, club_schema()))\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1


def test_steps_that_use_each_other_twice_do_not_double_the_work_each_time() -> None:
    said = limited("""
        from share_sql.errors import CompileError
        from share_sql.trajectory.read import read
        from share_sql.trajectory.to_sql import to_sql
        from tests.trajectory.club import club_schema

        text = "s0 = df.select(player.id)"
        for at in range(1, 26):
            last = f"where(element = player.id, filter = 'in', value = s{at - 1})"
            text += f"\\ns{at} = df.{last}.{last}.select(player.id)"
        try:
            to_sql(read(text).trajectory, club_schema())
        except CompileError as error:
            print(error)
        """)
    assert said == "the trajectory's steps use each other too often to be compiled\n"
