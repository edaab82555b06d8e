"""Which joins connect a set of tables: the shortest tree over the schema's foreign keys.

The paper's trajectories leave joins out; whoever makes SQL of one has to find them again. Tables are
nodes, foreign keys are edges, and the tables a trajectory uses must all hang in one tree: a Steiner
tree, the one with the fewest further tables. Several equally short trees are told apart by what the
trajectory mentions (a key's own columns) and by a hint in words (the question), never by chance: where
that does not decide, JoinPathError names the choices.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations, product

from share_sql.errors import JoinPathError
from share_sql.schema.model import Schema
from share_sql.trajectory.join_choice import narrow, undecided
from share_sql.trajectory.join_tree import JoinEdge, JoinTree

MAX_EXTRA_TABLES = 5
"""Longer detours than this are no join anybody means; the search would grow with their number."""
MAX_CHOICES = 64
"""Equally short trees compared at most."""


class _Identity:
    """Wraps a schema so that a cache looks it up by identity: hashing a whole schema is slow."""

    __slots__ = ("schema",)

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.schema is other.schema


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
    planner = _planner(_Identity(schema))
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
    planner = _planner(_Identity(schema))
    return planner.trees(planner.wanted(tables))


@lru_cache(maxsize=64)
def _planner(key: _Identity) -> _Planner:
    return _Planner(key.schema)


class _Planner:
    """The graph of one schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.names = {table.name.lower(): table.name for table in schema.tables}
        self.order = {name: index for index, name in enumerate(self.names)}
        self.declared = _graph(_declared_edges(schema))
        self.memo: dict[tuple[str, ...], tuple[JoinTree, ...]] = {}

    @cached_property
    def with_guesses(self) -> _Graph:
        edges = [edge for edges in self.declared.edges.values() for edge in edges]
        known = set(self.declared.edges)
        guesses = (edge for edge in _guessed_edges(self.schema) if _ends(edge) not in known)
        return _graph([*edges, *guesses])

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
            trees = tuple(_shortest(graph, wanted, self.order))
            if trees:
                return tuple(
                    JoinTree(tuple(self.names[name] for name in names), edges) for names, edges in trees
                )
        names = ", ".join(self.names[name] for name in wanted)
        raise JoinPathError(
            f"no foreign keys connect the tables {names}; say how to join them or add the key to the schema"
        )


@dataclass(frozen=True)
class _Graph:
    edges: dict[frozenset[str], list[JoinEdge]]
    neighbours: dict[str, set[str]]


def _ends(edge: JoinEdge) -> frozenset[str]:
    return frozenset((edge.table.lower(), edge.to_table.lower()))


def _graph(edges: Iterable[JoinEdge]) -> _Graph:
    by_ends: dict[frozenset[str], list[JoinEdge]] = {}
    neighbours: dict[str, set[str]] = {}
    for edge in edges:
        ends = _ends(edge)
        if len(ends) < 2:  # a key to its own table joins nothing here
            continue
        same = by_ends.setdefault(ends, [])
        if any(edge.conditions == other.conditions for other in same):
            continue
        same.append(edge)
        for end in ends:
            neighbours.setdefault(end, set()).update(ends - {end})
    return _Graph(by_ends, neighbours)


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
    for table in schema.tables:
        keys = table.primary_key or tuple(c.name for c in table.columns if c.primary_key)
        if len(keys) == 1 and keys[0].lower() not in _VAGUE:
            for other in schema.tables_with(keys[0]):
                column = other.column(keys[0])
                if other is not table and column is not None:
                    yield JoinEdge(other.name, table.name, ((column.name, keys[0]),), declared=False)
        called = _plain(table.name)
        for name in keys[:1] + tuple(c.name for c in table.columns if c.name.lower() in _VAGUE):
            wanted = {
                stem + _plain(name) for stem in (called, called.removesuffix("s"), called.removesuffix("es"))
            }
            for other, column in schema.columns():
                if other is not table and _plain(column.name) in wanted:
                    yield JoinEdge(other.name, table.name, ((column.name, name),), declared=False)


_VAGUE = ("id", "name", "code", "key", "no", "number")


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "")


_NamedTree = tuple[tuple[str, ...], tuple[JoinEdge, ...]]


def _shortest(graph: _Graph, wanted: tuple[str, ...], order: dict[str, int]) -> Iterator[_NamedTree]:
    """Every tree with the fewest further tables, in schema order."""
    reach = _reach(graph, wanted[0])
    if not set(wanted) <= reach:
        return
    # A further table that has one neighbour only is a dead end; leave such tables out.
    inner = [name for name in reach if name not in wanted and len(graph.neighbours[name]) > 1]
    inner.sort(key=order.__getitem__)
    for count in range(MAX_EXTRA_TABLES + 1):
        found = False
        for extra in combinations(inner, count):
            nodes = (*wanted, *extra)
            if len(_reach(graph, wanted[0], set(nodes))) < len(nodes):
                continue
            for tree in _spanning(graph, nodes):
                found = True
                yield tree
        if found:
            return


def _reach(graph: _Graph, start: str, within: set[str] | None = None) -> set[str]:
    seen, todo = {start}, [start]
    while todo:
        for name in graph.neighbours.get(todo.pop(), ()):
            if name not in seen and (within is None or name in within):
                seen.add(name)
                todo.append(name)
    return seen


def _spanning(graph: _Graph, nodes: tuple[str, ...]) -> Iterator[_NamedTree]:
    """All spanning trees of the tables `nodes`, parallel keys told apart."""
    links = [ends for ends in graph.edges if ends <= set(nodes)]
    given = 0
    for chosen in combinations(links, len(nodes) - 1):
        order = _joining_order(nodes, chosen)
        if order is None:
            continue
        names, steps = order
        for edges in product(*(graph.edges[step] for step in steps)):
            yield names, edges
            given += 1
            if given >= MAX_CHOICES:
                return


def _joining_order(
    nodes: tuple[str, ...], links: tuple[frozenset[str], ...]
) -> tuple[tuple[str, ...], list[frozenset[str]]] | None:
    """Tables from the first outwards, each with the link that brings it in; None where it is no tree."""
    names, steps = [nodes[0]], []
    left = list(links)
    while left:
        for link in left:
            known = [name for name in link if name in names]
            if len(known) == 1:
                names.extend(link - set(known))
                steps.append(link)
                left.remove(link)
                break
        else:
            return None
    return (tuple(names), steps) if len(names) == len(nodes) else None
