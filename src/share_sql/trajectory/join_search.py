"""The search for join trees: tables are nodes, keys are edges, and the fewest further tables win.

A Steiner tree is hard to find in general, so the search is bounded: by the length of a detour, by the tables
that can lie on one, and by steps, which are counted and not timed, so that the same schema always gives the
same trees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import combinations, islice, product

from share_sql.trajectory.join_tree import JoinEdge

MAX_EXTRA_TABLES = 5
"""Longer detours than this are no join anybody means; the search would grow with their number."""
MAX_CHOICES = 64
"""Equally short trees over the same tables compared at most."""
MAX_TREES = 1_000
"""Equally short trees compared at most."""
MAX_STEPS = 30_000
"""Sets of further tables looked at in one search at most."""
_MOST_CHECKS = 4_000
"""Links left out in one search for spanning trees at most."""

Ends = frozenset[str]
"""The two tables that a link joins."""
NamedTree = tuple[tuple[str, ...], tuple[JoinEdge, ...]]
"""Tables in the order to join them, in lower case, and the edges that do it."""


@dataclass(frozen=True)
class Graph:
    """The keys of a schema as a graph."""

    edges: dict[Ends, list[JoinEdge]]
    """The keys between two tables, by these in lower case."""
    neighbours: dict[str, set[str]]
    """The tables next to a table."""
    places: dict[Ends, int]
    """Where a link stands in `edges`."""


def graph_of(edges: Iterable[JoinEdge]) -> Graph:
    """The graph of keys; a key to its own table joins nothing, and the same key counts once."""
    by_ends: dict[Ends, list[JoinEdge]] = {}
    neighbours: dict[str, set[str]] = {}
    for edge in edges:
        ends = ends_of(edge)
        if len(ends) < 2:
            continue
        same = by_ends.setdefault(ends, [])
        if len(same) >= MAX_CHOICES or any(edge.conditions == other.conditions for other in same):
            continue
        same.append(edge)
        for end in ends:
            neighbours.setdefault(end, set()).update(ends - {end})
    return Graph(by_ends, neighbours, {ends: place for place, ends in enumerate(by_ends)})


def ends_of(edge: JoinEdge) -> Ends:
    """The tables of a key, in lower case."""
    return frozenset((edge.table.lower(), edge.to_table.lower()))


def shortest(graph: Graph, wanted: tuple[str, ...], order: dict[str, int]) -> Iterator[NamedTree]:
    """Every tree with the fewest further tables, in schema order.

    Args:
        graph: the keys.
        wanted: the tables to connect, in lower case.
        order: the place of each table in the schema.
    """
    reach = _reach(graph, wanted[0])
    if not set(wanted) <= reach:
        return
    near = _distances(graph, wanted)
    least = _fewest_further(graph, wanted)
    # A further table that has one neighbour only is a dead end; leave such tables out.
    inner = [name for name in near if name not in wanted and len(graph.neighbours[name]) > 1]
    inner.sort(key=order.__getitem__)
    steps = 0
    for count in range(least, MAX_EXTRA_TABLES + 1):
        found = False
        # A further table lies on a way between two of the wanted tables that is no longer than the detour.
        on_way = [name for name in inner if sum(near[name]) <= count + 1]
        for extra in combinations(on_way, count):
            steps += 1
            if steps > MAX_STEPS:
                return
            nodes = (*wanted, *extra)
            if len(_reach(graph, wanted[0], set(nodes))) < len(nodes):
                continue
            for tree in _spanning(graph, nodes):
                found = True
                yield tree
        if found:
            return


def _fewest_further(graph: Graph, wanted: tuple[str, ...]) -> int:
    """How many further tables any tree needs at least: those on the way from a table to its nearest one."""
    fewest = 0
    for table in wanted:
        others = set(wanted) - {table}
        seen, ring, far = {table}, {table}, 0
        while ring and not ring & others and far <= MAX_EXTRA_TABLES + 1:
            ring = {near for name in ring for near in graph.neighbours.get(name, ())} - seen
            seen |= ring
            far += 1
        fewest = max(fewest, far - 1)
    return fewest


def _distances(graph: Graph, wanted: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """For each table that may lie between two of the wanted ones: how far the two nearest of them are."""
    found: dict[str, list[int]] = {}
    for table in wanted:
        seen, ring = {table}, [table]
        for far in range(1, MAX_EXTRA_TABLES + 1):
            ring = [near for name in ring for near in graph.neighbours.get(name, ()) if near not in seen]
            ring = list(dict.fromkeys(ring))
            seen.update(ring)
            for name in ring:
                found.setdefault(name, []).append(far)
    nearest = {name: sorted(ways)[:2] for name, ways in found.items() if len(ways) > 1}
    return {name: (ways[0], ways[1]) for name, ways in nearest.items()}


def _reach(graph: Graph, start: str, within: set[str] | None = None) -> set[str]:
    seen, todo = {start}, [start]
    while todo:
        for name in graph.neighbours.get(todo.pop(), ()):
            if name not in seen and (within is None or name in within):
                seen.add(name)
                todo.append(name)
    return seen


def _spanning(graph: Graph, nodes: tuple[str, ...]) -> Iterator[NamedTree]:
    """Spanning trees of the tables `nodes`, parallel keys told apart; no more than MAX_CHOICES."""

    def trees() -> Iterator[NamedTree]:
        for chosen in _link_sets(graph, nodes):
            names, steps = _joining_order(nodes, chosen)
            for edges in product(*(graph.edges[step] for step in steps)):
                yield names, edges

    return islice(trees(), MAX_CHOICES)


def _link_sets(graph: Graph, nodes: tuple[str, ...]) -> Iterator[list[Ends]]:
    """The links of each spanning tree, in the order in which `combinations` would give them.

    Links are taken or left out in turn; one is left out only where those that are left still connect all.
    """
    inside = set(nodes)
    found = {frozenset((name, near)) for name in nodes for near in graph.neighbours[name] & inside}
    links = sorted(found, key=graph.places.__getitem__)
    checks = 0
    waiting: list[tuple[int, list[Ends]]] = [(0, [])]
    while waiting:
        at, chosen = waiting.pop()
        groups = _Groups(nodes)
        for link in chosen:
            groups.merge(link)
        while len(chosen) < len(nodes) - 1:
            link = links[at]
            at += 1
            if groups.same(link):
                continue  # it would close a circle
            checks += 1
            if checks <= _MOST_CHECKS and groups.connected_by(links[at:]):
                waiting.append((at, list(chosen)))
            chosen.append(link)
            groups.merge(link)
        yield chosen


class _Groups:
    """Which tables are connected so far (union-find)."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self.heads = {name: name for name in nodes}

    def head(self, name: str) -> str:
        while self.heads[name] != name:
            name = self.heads[name]
        return name

    def same(self, link: Ends) -> bool:
        one, other = link
        return self.head(one) == self.head(other)

    def merge(self, link: Ends) -> None:
        one, other = link
        self.heads[self.head(one)] = self.head(other)

    def connected_by(self, links: Iterable[Ends]) -> bool:
        """Whether these links would connect all that is not connected yet."""
        copy = _Groups(())
        copy.heads = dict(self.heads)
        for link in links:
            copy.merge(link)
        return len({copy.head(name) for name in copy.heads}) == 1


def _joining_order(nodes: tuple[str, ...], links: list[Ends]) -> tuple[tuple[str, ...], list[Ends]]:
    """Tables from the first outwards, each with the link that brings it in: always the first that can."""
    by_table: dict[str, list[int]] = {name: [] for name in nodes}
    for place, link in enumerate(links):
        for name in link:
            by_table[name].append(place)
    names, known, steps = [nodes[0]], {nodes[0]}, []
    waiting: list[int] = []
    for place in by_table[nodes[0]]:
        heappush(waiting, place)
    while waiting:
        link = links[heappop(waiting)]
        for name in link - known:
            names.append(name)
            known.add(name)
            steps.append(link)
            for place in by_table[name]:
                if links[place] != link:
                    heappush(waiting, place)
    return tuple(names), steps
