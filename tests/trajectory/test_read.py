"""The tolerant reader."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from share_sql.errors import TrajectoryUnreadable
from share_sql.schema.model import ColumnName
from share_sql.trajectory import nodes as n
from share_sql.trajectory.read import MAX_TEXT, read
from share_sql.trajectory.write import write
from tests.trajectory.answer_pairs import Pair, pairs

STEP = "df1 = df.where(element = towns.size, filter = 5)"


@pytest.mark.parametrize("pair", pairs("reading.txt"), ids=lambda pair: pair.title)
def test_golden(pair: Pair) -> None:
    trajectory = read(pair.given).trajectory
    assert write(trajectory) == pair.expected
    assert trajectory.raw_count == pair.unread


@pytest.mark.parametrize(
    ("answer", "fence"),
    [
        (f"```SR\n{STEP}\n```", "SR"),
        (f"```sql\n{STEP}\n```", "sql"),
        (f"``` SR\n{STEP}", "SR"),
        (f"```\n{STEP}\n```", ""),
        (STEP, None),
        (f"Here is the mended SR:\n\n```SR\n{STEP}\n```\nIt now filters by size.", "SR"),
        (f"The steps are as follows.\n{STEP}\nThat is all.", None),
        (f"{STEP}\n```", None),
        (f"```SR {STEP} ```", "SR"),
        (f"```sql\nSELECT * FROM towns\n```\n```SR\n# the size\n{STEP}  # five\n\n```", "SR"),
        (f"```SR\n{STEP}\n```\n```sql\nres = df.count()\n```", "SR"),
    ],
)
def test_fences_and_prose(answer: str, fence: str | None) -> None:
    reading = read(answer)
    assert reading.fence == fence
    assert write(reading.trajectory) == STEP


def test_statements_over_several_lines_and_several_on_one() -> None:
    text = "df1 = df.where(\n    element = towns.size,\n    filter = 5\n)\n  .limit(1); res = df1.count()"
    assert write(read(text).trajectory) == f"{STEP}.limit(1)\nres = df1.count()"


def test_a_block_that_goes_on_in_the_next() -> None:
    reading = read(f"```SR\n{STEP}\n```\n```SQL\nres = df1.count()\n```")
    assert [step.name for step in reading.trajectory.steps] == ["df1", "res"]
    assert reading.notes


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "   \n",
        "I cannot answer that.",
        "```SR\n```",
        "SELECT 1",
        "```sql\nSELECT a FROM b\n```",
        "x" * 10,
    ],
)
def test_no_trajectory_is_a_named_error(answer: str) -> None:
    with pytest.raises(TrajectoryUnreadable, match="holds no trajectory"):
        read(answer)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 9000, "[" * 9000, "not " * 9000 + "x", "- " * 9000 + "x", "a." * 9000 + "b", "f(" * 9000,
        "x" + ".sum()" * 9000, "case when " * 5000, "a = " * 9000, "df.where(a in " * 5000,
        "df.where(" + " or ".join(["a.b = 5"] * 5000) + ")",
        "df.where(element = a, filter = '" + "> 5 and " * 2000 + "< 3')",
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_deep_nesting_is_a_named_error(text: str) -> None:
    with pytest.raises(TrajectoryUnreadable, match="nested too deeply"):
        read("res = " + text)


@pytest.mark.parametrize(
    "nested",
    [
        "case(when a = (", "df1.where(x, filter, case(when = ", "case(when x in (",
        "df1.where(x, filter, if(",
    ],
)  # fmt: skip
@pytest.mark.parametrize("last", ["1", " !"])
def test_what_is_read_in_several_ways_is_read_soon(nested: str, last: str) -> None:
    """Each level is read in two ways: without a bound 2 to the power of 28 of them."""
    with pytest.raises(TrajectoryUnreadable, match="nested too deeply"):
        read("res = " + nested * 28 + last)


@pytest.mark.parametrize(
    "line",
    [
        "; df1 = df.a b", "df1 = df.where(element = T.c, filter = '> 5')\nx as ", "'; df1 = df", "df = a b\n",
        "a.b, ", "filter = ' ", "x, \n", "`a` ", "[MASK1], ", "between 1 and ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", ["df1 = df.select(", "df1 = df.where(element = a, filter = '", ""])
def test_a_long_answer_is_read_soon(first: str, line: str) -> None:
    """What grows with the square of a text takes minutes."""
    started = time.thread_time()
    with suppress(TrajectoryUnreadable):
        read((first + line * (MAX_TEXT // len(line)))[:MAX_TEXT])
    assert time.thread_time() - started < 15


@pytest.mark.parametrize("text", ["> " + "(" * 200, "> " + "case(when " * 28, "in (" + "[" * 200])
def test_a_text_that_would_be_nested_too_deeply_is_written_as_it_is(text: str) -> None:
    condition = n.Binary("=", n.ColumnRef("towns", "name"), n.Literal(text))
    tree = n.Trajectory((n.Step("res", n.Frame("df", (n.Where(condition),))),))
    assert text in write(tree)


def test_a_long_text_is_a_named_error() -> None:
    with pytest.raises(TrajectoryUnreadable, match="characters long"):
        read(STEP + " " * MAX_TEXT)


@given(st.text(alphabet="df1res=.wherselct()[]'\"`,> <*MASK-+/|\n;:#", max_size=120))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reading = read("res = df." + text)
    except TrajectoryUnreadable:
        return
    assert read(write(reading.trajectory))


def test_what_cannot_be_read_keeps_its_text() -> None:
    tree = read("res = df.pivot(index = a.b, values = c).select(cast(a.b, c.d), a.e)").trajectory
    raws = [node.text for node in tree.walk() if isinstance(node, n.Raw | n.RawAction)]
    assert raws == ["pivot(index = a.b, values = c)", "cast(a.b, c.d)"]
    assert not tree.is_typed


COLUMNS = [
    ColumnName("stats", "+/-"), ColumnName("stats", "R/P"), ColumnName("stats", "R"),
    ColumnName("stats", "Date of end"),
    ColumnName("sales team", "Order Id"), ColumnName("stats", "T-BIL"), ColumnName("stats", "is new?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("stats.+/-", n.ColumnRef("stats", "+/-")),
        ("stats.R/P", n.ColumnRef("stats", "R/P")),
        ("stats.r/p", n.ColumnRef("stats", "r/p")),
        ("stats.Date of end", n.ColumnRef("stats", "Date of end")),
        ("sales team.Order Id", n.ColumnRef("sales team", "Order Id")),
        ("stats.is new?", n.ColumnRef("stats", "is new?")),
        ("stats.T-BIL", n.ColumnRef("stats", "T-BIL")),
        ("Date of end", n.ColumnRef(None, "Date of end")),
    ],
)
def test_the_schema_tells_where_a_name_ends(text: str, column: n.ColumnRef) -> None:
    tree = read(f"res = df.where(element = {text}, filter = 5).select({text} as x)", COLUMNS).trajectory
    assert tree == n.Trajectory(
        (
            n.Step(
                "res",
                n.Frame(
                    "df", (n.Where(n.Binary("=", column, n.Literal(5))), n.Select((n.Alias(column, "x"),)))
                ),
            ),
        )
    )


def test_a_filter_names_a_column_of_a_joins_alias() -> None:
    columns = [ColumnName("film", "id"), ColumnName("film", "won")]
    text = "res = df.from(film, T1).join(film, T2).where(element = T1.won, filter = '> T2.won').select(T1.id)"
    condition = n.Binary(">", n.ColumnRef("T1", "won"), n.ColumnRef("T2", "won"))
    tree = read(text, columns).trajectory
    assert [node.condition for node in tree.walk() if isinstance(node, n.Where)] == [condition]
    # Without that column it stays the text that it is.
    other = read(text, [ColumnName("film", "id")]).trajectory
    (where,) = (node for node in other.walk() if isinstance(node, n.Where))
    assert n.ColumnRef("T2", "won") not in set(where.walk())


def test_recorded_answers_are_typed(shared_data: Path) -> None:
    total = typed = 0
    for path in sorted((shared_data / "recorded").glob("*/*_traj.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()[::25]
        for line in lines:
            total += 1
            typed += read(json.loads(line)["response"]).trajectory.is_typed
    assert typed >= 0.97 * total
