"""Which joins connect a set of tables: the shortest tree over the schema's foreign keys.

The paper's trajectories leave joins out; whoever makes SQL of one has to find them again. Tables are
nodes, foreign keys are edges, and the tables a trajectory uses must all hang in one tree: a Steiner
tree, the one with the fewest further tables. Several equally short trees are told apart by what the
trajectory mentions (a key's own columns) and by a hint in words (the question), never by chance: where
that does not decide, JoinPathError names the choices.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations, product

from share_sql.errors import JoinPathError
from share_sql.schema.model import Schema

MAX_EXTRA_TABLES = 5
"""Longer detours than this are no join anybody means; the search would grow with their number."""
MAX_CHOICES = 64
"""Equally short trees compared at most."""


@dataclass(frozen=True)
class JoinEdge:
    """Two tables joined by equality of columns."""

    table: str
    """The table that refers (has the foreign key)."""
    to_table: str
    """The table referred to."""
    pairs: tuple[tuple[str, str], ...]
    """Column of `table` and column of `to_table`; several for a compound key."""
    declared: bool = True
    """False where the key is not declared but guessed: an equal name that is a primary key on one side."""

    def __str__(self) -> str:
        return " and ".join(f"{self.table}.{a} = {self.to_table}.{b}" for a, b in self.pairs)

    @cached_property
    def columns(self) -> frozenset[tuple[str, str]]:
        """Its columns as (table, column), lower case."""
        left = {(self.table.lower(), a.lower()) for a, _ in self.pairs}
        return frozenset(left | {(self.to_table.lower(), b.lower()) for _, b in self.pairs})

    @cached_property
    def conditions(self) -> frozenset[frozenset[tuple[str, str]]]:
        """Its equalities as unordered pairs of (table, column), lower case."""
        return frozenset(
            frozenset(((self.table.lower(), a.lower()), (self.to_table.lower(), b.lower())))
            for a, b in self.pairs
        )


@dataclass(frozen=True)
class JoinTree:
    """Tables in the order to join them, and the edges that do it."""

    tables: tuple[str, ...]
    """Names as the schema spells them; the first is the FROM."""
    edges: tuple[JoinEdge, ...]
    """One fewer than tables; the i-th joins the (i+1)-th table to one before it."""

    @cached_property
    def conditions(self) -> frozenset[frozenset[tuple[str, str]]]:
        """All equalities, as in JoinEdge.conditions."""
        return frozenset().union(*(edge.conditions for edge in self.edges))


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
) -> JoinTree:
    """Find the joins that connect the tables.

    Args:
        schema: whose foreign keys to use.
        tables: the tables that must be in the tree; case is ignored, the first becomes the FROM.
        mentioned: (table, column) pairs that the trajectory uses; decide between equally short trees.
        hint: text in words, such as question and evidence, that decides where `mentioned` does not: the
            key wins whose own words stand in it.
        near: constants that are compared; of several keys in the hint the one next to them wins.

    Returns:
        The shortest tree. Where declared keys do not connect the tables, columns of equal name that are
        a primary key on one side serve as keys, marked `declared=False`.

    Raises:
        JoinPathError: a table is not in the schema, nothing connects the tables, or several trees are
            equally short and nothing tells which one is meant; the message names them.
    """
    planner = _planner(_Identity(schema))
    return planner.find(tuple(tables), mentioned, hint, near)


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

    def find(
        self,
        tables: tuple[str, ...],
        mentioned: Collection[tuple[str, str]],
        hint: str,
        near: Collection[str],
    ) -> JoinTree:
        wanted = tuple(dict.fromkeys(table.lower() for table in tables))
        for table in wanted:
            if table not in self.names:
                raise JoinPathError(f"the schema {self.schema.name} has no table {table!r}")
        if not wanted:
            return JoinTree((), ())
        if len(wanted) == 1:
            return JoinTree((self.names[wanted[0]],), ())
        trees = self.memo.get(wanted)
        if trees is None:
            if len(self.memo) > 10_000:
                self.memo.clear()
            trees = self.memo[wanted] = self.choices(wanted)
        return _choose(trees, frozenset(wanted), mentioned, hint, near)

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


def _choose(
    trees: tuple[JoinTree, ...],
    wanted: frozenset[str],
    mentioned: Collection[tuple[str, str]],
    hint: str,
    near: Collection[str],
) -> JoinTree:
    if len(trees) == 1:
        return trees[0]
    names = {(table.lower(), column.lower()) for table, column in mentioned}
    best = _best(trees, lambda edge: len(edge.columns & names))
    if len(best) > 1:
        best = _least(best, lambda tree: _shared_parents(tree, wanted))
    if len(best) > 1 and hint:
        best = _hinted(best, hint, near)
    if len(best) == 1 or _all_alternate(best):
        return best[0]
    shown = [" and ".join(map(str, _own_edges(tree, best))) for tree in best[:6]]
    more = f" (and {len(best) - 6} more)" if len(best) > 6 else ""
    raise JoinPathError(
        f"{len(best)} equally short ways to join {', '.join(best[0].tables)}: {' | '.join(shown)}{more}; "
        "mention a column of the key that is meant"
    )


def _own_edges(tree: JoinTree, others: Iterable[JoinTree]) -> list[JoinEdge]:
    """The edges that not all of the trees have."""
    common = set.intersection(*(set(other.edges) for other in others))
    return [edge for edge in tree.edges if edge not in common]


def _best(trees: Iterable[JoinTree], score: Callable[[JoinEdge], float]) -> list[JoinTree]:
    scored = [(sum(score(edge) for edge in tree.edges), tree) for tree in trees]
    top = max(value for value, _ in scored)
    return [tree for value, tree in scored if value == top]


def _least(trees: list[JoinTree], cost: Callable[[JoinTree], int]) -> list[JoinTree]:
    low = min(map(cost, trees))
    return [tree for tree in trees if cost(tree) == low]


def _shared_parents(tree: JoinTree, wanted: frozenset[str]) -> int:
    """Further tables that only tie others together by being referred to by several of them.

    Account and client both lie in a district, but a table that refers to both says which account is
    whose: of equally short paths that one is meant.
    """
    referred = Counter(edge.to_table for edge in tree.edges)
    refer = {edge.table for edge in tree.edges}
    return sum(
        1
        for table, times in referred.items()
        if times > 1 and table not in refer and table.lower() not in wanted
    )


def _all_alternate(trees: list[JoinTree]) -> bool:
    """Whether the trees differ only in which key of the same row they use.

    Two columns that refer to two different keys of a table (`api_id` and `fifa_id`) name the same row
    twice, so the first declared will do; two that refer to the same key (`owner`, `editor`) are roles,
    and which is meant cannot be known.
    """
    first = trees[0]
    for tree in trees[1:]:
        for edge, other in zip(first.edges, tree.edges, strict=True):
            if edge == other:
                continue
            if (edge.table, edge.to_table) != (other.table, other.to_table):
                return False
            if {a for a, _ in edge.pairs} & {a for a, _ in other.pairs}:
                return False
            if {b for _, b in edge.pairs} & {b for _, b in other.pairs}:
                return False
    return True


def _hinted(trees: list[JoinTree], hint: str, near: Collection[str]) -> list[JoinTree]:
    """The trees whose keys the hint speaks of, best next to the constants that are compared.

    "blue eyes and blond hair": for the constant `Blue` the key `eye_colour_id` is meant, for `Blond`
    `hair_colour_id`. Only words that tell the keys apart count.
    """
    said = _placed_words(hint)
    constants = {_stem(part) for constant in near for part in _words(constant)}
    marks = [place for place, word in said if word in constants]
    own = {id(tree): _own_edges(tree, trees) for tree in trees}
    words = {id(tree): _key_words(own[id(tree)]) for tree in trees}
    common = set.intersection(*(set(found) for found in words.values()))

    def score(tree: JoinTree) -> float:
        best = 0.0
        for place, word in said:
            if word in words[id(tree)] and word not in common:
                # What is described mostly follows its description: "blue eyes".
                away = min(
                    (place - mark if place > mark else 2 * (mark - place) for mark in marks), default=999
                )
                best = max(best, 1 + 1 / (1 + away))
        return best

    scored = [(score(tree), tree) for tree in trees]
    top = max(value for value, _ in scored)
    return [tree for value, tree in scored if value == top]


def _key_words(edges: Iterable[JoinEdge]) -> set[str]:
    """Words in the names of the referring columns and their tables."""
    found: set[str] = set()
    for edge in edges:
        for column, _ in edge.pairs:
            found.update(_stem(word) for word in _words(f"{edge.table} {edge.to_table} {column}"))
    return found - {"id", "link", "to", "fk", "key", "code"}


def _placed_words(text: str) -> list[tuple[int, str]]:
    """Stemmed words with their places; a sentence's end takes the room of five words."""
    placed, place = [], 0
    for sentence in re.split(r"[.;?!](?=\s|\Z)", text):
        for word in _words(sentence):
            placed.append((place, _stem(word)))
            place += 1
        place += 5
    return placed


def _words(text: str) -> list[str]:
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.findall(r"[a-z]+|\d+", split.lower().replace("_", " "))


def _stem(word: str) -> str:
    """Plural and participle endings dropped, so that `eyes` is `eye` and `skinned` is `skin`."""
    for ending in ("ned", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
