"""Which joins connect a set of tables: the shortest tree over the schema's foreign keys.

The paper's trajectories leave joins out; whoever makes SQL of one has to find them again. Tables are
nodes, foreign keys are edges, and the tables a trajectory uses must all hang in one tree: a Steiner
tree, the one with the fewest further tables. Several equally short trees are told apart by what the
trajectory mentions (a key's own columns) and by a hint in words (the question), never by chance: where
that does not decide, JoinPathError names the choices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice

from share_sql.errors import JoinPathError
from share_sql.schema.model import SameSchema, Schema, Table
from share_sql.trajectory.join_choice import narrow, undecided
from share_sql.trajectory.join_search import MAX_TREES, Graph, ends_of, graph_of, shortest
from share_sql.trajectory.join_tree import JoinEdge, JoinTree

MAX_GUESSED_KEYS = 20_000
"""Undeclared keys that are considered at most; schemas of many tables alike have millions."""
_MOST_OWNERS = 30
"""A key of this name in more tables than these says nothing of which table is meant."""


def join_path(
    schema: Schema,
    tables: Iterable[str],
    mentioned: Collection[tuple[str, str]] = (),
    hint: str = "",
    near: Collection[str] = (),
    *,
    guess: bool = False,
) -> JoinTree:
    """Find the joins that connect the tables.

    Args:
        schema: whose foreign keys to use.
        tables: the tables that must be in the tree; case is ignored, the first becomes the FROM.
        mentioned: (table, column) pairs that the trajectory uses; decide between equally short trees.
        hint: text in words, such as question and evidence, that decides where `mentioned` does not: the
            key wins whose own words stand in it.
        near: constants that are compared; of several keys in the hint the one next to them wins.
        guess: where nothing decides, take the keys whose columns come first in their tables: what a table
            is mostly about stands before what is noted later (owner before last editor).

    Returns:
        The shortest tree. Where declared keys do not connect the tables, columns of equal name that are
        a primary key on one side serve as keys, marked `declared=False`.

    Raises:
        JoinPathError: a table is not in the schema, nothing connects the tables, or several trees are
            equally short and nothing tells which one is meant; the message names them.
    """
    planner = _planner(SameSchema(schema))
    wanted = planner.wanted(tables)
    best = narrow(planner.trees(wanted), frozenset(wanted), mentioned, hint, near)
    if len(best) == 1:
        return best[0]
    if guess:
        return min(best, key=planner.place)
    raise undecided(best)


def shortest_trees(schema: Schema, tables: Iterable[str]) -> Sequence[JoinTree]:
    """All the trees among which `join_path` chooses; with one there is nothing to decide.

    Raises:
        JoinPathError: a table is not in the schema, or nothing connects the tables.
    """
    planner = _planner(SameSchema(schema))
    return planner.trees(planner.wanted(tables))


@lru_cache(maxsize=64)
def _planner(key: SameSchema) -> _Planner:
    return _Planner(key.schema)


class _Planner:
    """The graph of one schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.names = {table.name.lower(): table.name for table in schema.tables}
        self.order = {name: index for index, name in enumerate(self.names)}
        self.declared = graph_of(_declared_edges(schema))
        self.memo: dict[tuple[str, ...], tuple[JoinTree, ...]] = {}

    @cached_property
    def with_guesses(self) -> Graph:
        edges = [edge for edges in self.declared.edges.values() for edge in edges]
        known = set(self.declared.edges)
        guesses = (edge for edge in _guessed_edges(self.schema) if ends_of(edge) not in known)
        return graph_of([*edges, *islice(guesses, MAX_GUESSED_KEYS)])

    def wanted(self, tables: Iterable[str]) -> tuple[str, ...]:
        """The tables in lower case, each once."""
        wanted = tuple(dict.fromkeys(table.lower() for table in tables))
        for table in wanted:
            if table not in self.names:
                raise JoinPathError(f"the schema {self.schema.name} has no table {table!r}")
        return wanted

    def trees(self, wanted: tuple[str, ...]) -> Sequence[JoinTree]:
        """The shortest trees over the wanted tables."""
        if len(wanted) < 2:
            return (JoinTree(tuple(self.names[table] for table in wanted), ()),)
        trees = self.memo.get(wanted)
        if trees is None:
            if len(self.memo) > 10_000:
                self.memo.clear()
            trees = self.memo[wanted] = self.choices(wanted)
        return trees

    def place(self, tree: JoinTree) -> tuple[int, ...]:
        """Where the tree's referring columns stand in their tables."""
        places = []
        for edge in tree.edges:
            table = self.schema.table(edge.table)
            names = [column.name.lower() for column in table.columns] if table else []
            places += [names.index(column.lower()) for column, _ in edge.pairs if column.lower() in names]
        return tuple(places)

    def choices(self, wanted: tuple[str, ...]) -> tuple[JoinTree, ...]:
        """All shortest trees over the wanted tables."""
        for graph in (self.declared, self.with_guesses):
            trees = tuple(islice(shortest(graph, wanted, self.order), MAX_TREES))
            if trees:
                return tuple(
                    JoinTree(tuple(self.names[name] for name in names), edges) for names, edges in trees
                )
        names = ", ".join(self.names[name] for name in wanted)
        raise JoinPathError(
            f"no foreign keys connect the tables {names}; say how to join them or add the key to the schema"
        )


def _declared_edges(schema: Schema) -> Iterator[JoinEdge]:
    groups: dict[tuple[str, str, int], list[tuple[str, str]]] = {}
    for key in schema.foreign_keys:
        if schema.column(key.table, key.column) is None or schema.table(key.to_table) is None:
            continue
        if key.group is None:
            yield JoinEdge(key.table, key.to_table, ((key.column, key.to_column),))
        else:
            pairs = groups.setdefault((key.table, key.to_table, key.group), [])
            pairs.append((key.column, key.to_column))
    for (table, to_table, _), pairs in groups.items():
        yield JoinEdge(table, to_table, tuple(pairs))


def _guessed_edges(schema: Schema) -> Iterator[JoinEdge]:
    """Undeclared keys that the names give away.

    A column that is another table's single primary key by name (`uuid` and `uuid`; a key called plainly
    `id` says nothing), or that is a table's name and its key's (`league_id` and `League.id`).
    """
    by_plain: dict[str, list[tuple[int, Table, str]]] = {}
    for place, (table, column) in enumerate(schema.columns()):
        by_plain.setdefault(_plain(column.name), []).append((place, table, column.name))
    owners = Counter(keys[0].lower() for table in schema.tables if len(keys := _key_of(table)) == 1)
    for table in schema.tables:
        keys = _key_of(table)
        if len(keys) == 1 and keys[0].lower() not in _VAGUE and owners[keys[0].lower()] <= _MOST_OWNERS:
            for other in schema.tables_with(keys[0]):
                own = other.column(keys[0])
                if other is not table and own is not None:
                    yield JoinEdge(other.name, table.name, ((own.name, keys[0]),), declared=False)
        called = _plain(table.name)
        for name in keys[:1] + tuple(c.name for c in table.columns if c.name.lower() in _VAGUE):
            wanted = {
                stem + _plain(name) for stem in (called, called.removesuffix("s"), called.removesuffix("es"))
            }
            for _, other, column_name in sorted(
                (found for stem in wanted for found in by_plain.get(stem, ())), key=lambda found: found[0]
            ):
                if other is not table:
                    yield JoinEdge(other.name, table.name, ((column_name, name),), declared=False)


def _key_of(table: Table) -> tuple[str, ...]:
    return table.primary_key or tuple(column.name for column in table.columns if column.primary_key)


_VAGUE = ("id", "name", "code", "key", "no", "number")


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "")
