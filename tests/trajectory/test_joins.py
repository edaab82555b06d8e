"""Join paths: the shortest tree, what decides between equals, and the errors that name the choices."""

from __future__ import annotations

import pytest

from share_sql.errors import JoinPathError
from share_sql.schema.model import Column, ForeignKey, Schema, Table
from share_sql.trajectory.joins import join_path
from tests.limited import limited


def table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column, "integer", True, column == "id") for column in columns), ("id",))


def schema(*keys: str, tables: tuple[Table, ...]) -> Schema:
    made = []
    for key in keys:
        child, parent = key.split(" = ")
        made.append(ForeignKey(*child.split("."), *parent.split(".")))
    return Schema("made", tables, tuple(made))


BANK = schema(
    "account.district_id = district.id",
    "client.district_id = district.id",
    "disp.client_id = client.id",
    "disp.account_id = account.id",
    tables=(
        table("account", "id", "district_id"),
        table("client", "id", "district_id"),
        table("district", "id", "name"),
        table("disp", "id", "client_id", "account_id"),
    ),
)


def test_one_table_needs_no_join() -> None:
    tree = join_path(BANK, ["CLIENT"])
    assert tree.tables == ("client",)
    assert tree.edges == ()


def test_two_tables_with_a_key() -> None:
    tree = join_path(BANK, ["district", "client"])
    assert tree.tables == ("district", "client")
    assert [str(edge) for edge in tree.edges] == ["client.district_id = district.id"]


def test_a_table_that_refers_to_both_beats_one_that_both_refer_to() -> None:
    assert join_path(BANK, ["account", "client"]).tables == ("account", "disp", "client")


def test_a_shared_parent_that_is_used_is_taken() -> None:
    assert set(join_path(BANK, ["account", "district", "client"]).tables) == {"account", "district", "client"}


GAMES = schema(
    "game.home_id = team.id",
    "game.away_id = team.id",
    tables=(table("game", "id", "home_id", "away_id"), table("team", "id", "name")),
)


def test_two_roles_name_both_choices() -> None:
    with pytest.raises(JoinPathError) as caught:
        join_path(GAMES, ["game", "team"])
    assert "game.home_id = team.id" in str(caught.value)
    assert "game.away_id = team.id" in str(caught.value)


def test_a_guess_takes_the_column_that_comes_first() -> None:
    assert str(join_path(GAMES, ["team", "game"], guess=True).edges[0]) == "game.home_id = team.id"
    assert str(join_path(GAMES, ["team", "game"], [("game", "away_id")], guess=True).edges[0]).startswith(
        "game.away_id"
    )


def test_a_mentioned_column_decides() -> None:
    tree = join_path(GAMES, ["game", "team"], mentioned=[("game", "away_id")])
    assert str(tree.edges[0]) == "game.away_id = team.id"


def test_the_hint_decides() -> None:
    tree = join_path(GAMES, ["game", "team"], hint="Which home team won?")
    assert str(tree.edges[0]) == "game.home_id = team.id"


def test_the_hint_is_read_next_to_the_constant() -> None:
    hint = "games of Ajax at home against the away team Porto"
    assert str(join_path(GAMES, ["game", "team"], hint=hint, near=["Ajax"]).edges[0]).startswith("game.home")
    assert str(join_path(GAMES, ["game", "team"], hint=hint, near=["Porto"]).edges[0]).startswith("game.away")


def test_two_keys_of_the_same_row_are_no_choice() -> None:
    players = schema(
        "skill.api_id = player.api_id",
        "skill.fifa_id = player.fifa_id",
        tables=(table("player", "id", "api_id", "fifa_id"), table("skill", "id", "api_id", "fifa_id")),
    )
    assert str(join_path(players, ["player", "skill"]).edges[0]) == "skill.api_id = player.api_id"


def test_a_compound_key_is_one_edge() -> None:
    made = Schema(
        "made",
        (table("a", "id", "x", "y"), table("b", "id", "x", "y")),
        (ForeignKey("a", "x", "b", "x", 1), ForeignKey("a", "y", "b", "y", 1)),
    )
    tree = join_path(made, ["b", "a"])
    assert tree.edges[0].pairs == (("x", "x"), ("y", "y"))


@pytest.mark.parametrize(
    ("child", "parent"),
    [(("order", "customer_no"), ("customer", "customer_no")), (("match", "league_id"), ("League", "id"))],
)
def test_undeclared_keys_are_guessed_by_name_and_marked(
    child: tuple[str, str], parent: tuple[str, str]
) -> None:
    made = Schema(
        "made",
        (
            Table(parent[0], (Column(parent[1], primary_key=True), Column("name")), (parent[1],)),
            Table(child[0], (Column("id", primary_key=True), Column(child[1])), ("id",)),
        ),
    )
    (edge,) = join_path(made, [parent[0], child[0]]).edges
    assert (edge.table, edge.pairs, edge.declared) == (child[0], ((child[1], parent[1]),), False)


def test_nothing_connects() -> None:
    made = schema(tables=(table("a", "id"), table("b", "id")))
    with pytest.raises(JoinPathError, match="no foreign keys connect the tables a, b"):
        join_path(made, ["a", "b"])


def test_an_unknown_table() -> None:
    with pytest.raises(JoinPathError, match="no table 'x'"):
        join_path(BANK, ["x"])


def test_a_key_to_the_own_table_joins_nothing() -> None:
    made = schema(
        "a.boss = a.id", "b.a_id = a.id", tables=(table("a", "id", "boss"), table("b", "id", "a_id"))
    )
    assert [str(edge) for edge in join_path(made, ["a", "b"]).edges] == ["b.a_id = a.id"]


LARGE = """
    from share_sql.errors import JoinPathError
    from share_sql.schema.model import Column, ForeignKey, Schema, Table
    from share_sql.trajectory.joins import join_path

    def made(links, key="id", columns=("a", "b")):
        names = dict.fromkeys(name for link in links for name in link)
        every = tuple(Column(column) for column in (key, "other_id", *columns))
        tables = [Table(name, every, (key,)) for name in names]
        keys = [ForeignKey(one, "other_id", other, key) for one, other in links if one != other]
        return Schema("made", tuple(tables), tuple(keys))

    def told(schema, *tables):
        try:
            print(len(join_path(schema, tables, guess=True).tables))
        except JoinPathError as error:
            print("no", str(error)[:60])
"""


def test_the_search_is_bounded_in_large_schemas() -> None:
    said = limited(
        LARGE
        + """
    ring = made([(f"t{at}", f"t{(at + 1) % 500}") for at in range(500)])
    told(ring, "t1", "t5")
    told(ring, "t1", "t200")
    told(ring, "t1", "t5", "t9", "t13")
    clique = made([(f"t{one}", f"t{other}") for one in range(40) for other in range(one)])
    told(clique, "t1", "t2")
    told(clique, *(f"t{at}" for at in range(20)))
    told(clique, *(f"t{at}" for at in range(40)))
    grid = made([(f"t{at}", f"t{at + step}") for at in range(900) for step in (1, 30)])
    told(grid, "t1", "t35", "t93")
    told(grid, "t0", "t2", "t60", "t62", "t124")
    """,
        seconds=30,
    ).splitlines()
    assert said[0] == "5"
    assert said[1].startswith("no ")
    assert said[3:6] == ["2", "20", "40"]
    assert len(said) == 8


def test_undeclared_keys_of_many_tables_are_found_by_name() -> None:
    said = limited(
        LARGE
        + """
    wide = [f"c{at}" for at in range(20)]
    alike = made([(f"t{at}", f"t{at}") for at in range(2_000)], key="uid", columns=wide)
    told(alike, "t1", "t2")
    own = [(Column("id"), *(Column(f"c{at}_{n}") for n in range(20))) for at in range(2_000)]
    tables = [Table(f"t{at}", columns, ("id",)) for at, columns in enumerate(own)]
    tables.append(Table("extra", (Column("t7_id"),)))
    told(Schema("made", tuple(tables)), "extra", "t7")
    """,
        seconds=30,
    ).splitlines()
    assert said[0].startswith("no ")
    assert said[1] == "2"
