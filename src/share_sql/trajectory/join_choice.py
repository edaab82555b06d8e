"""Choosing among equally short join trees: by the columns mentioned, by what keys mean, by a hint."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from share_sql.errors import JoinPathError
from share_sql.trajectory.join_tree import JoinEdge, JoinTree


def narrow(
    trees: Sequence[JoinTree],
    wanted: frozenset[str],
    mentioned: Collection[tuple[str, str]],
    hint: str,
    near: Collection[str],
) -> Sequence[JoinTree]:
    """The trees that may be meant; one, where something tells.

    Args:
        trees: equally short ones, at least one.
        wanted: lower-case names of the tables that are used.
        mentioned: (table, column) pairs that are used.
        hint: text in words.
        near: constants that are compared.
    """
    if len(trees) == 1:
        return trees
    names = {(table.lower(), column.lower()) for table, column in mentioned}
    best = _best(trees, lambda tree: sum(len(edge.columns & names) for edge in tree.edges))
    if len(best) > 1:
        best = _best(best, lambda tree: -_shared_parents(tree, wanted))
    if len(best) > 1 and hint:
        best = _hinted(best, hint, near)
    return best[:1] if _all_alternate(best) else best


def undecided(best: Sequence[JoinTree]) -> JoinPathError:
    """The error that names the choices."""
    shown = [" and ".join(map(str, _own_edges(tree, best))) for tree in best[:6]]
    more = f" (and {len(best) - 6} more)" if len(best) > 6 else ""
    return JoinPathError(
        f"{len(best)} equally short ways to join {', '.join(best[0].tables)}: {' | '.join(shown)}{more}; "
        "mention a column of the key that is meant"
    )


def _own_edges(tree: JoinTree, others: Iterable[JoinTree]) -> list[JoinEdge]:
    """The edges that not all of the trees have."""
    common = set.intersection(*(set(other.edges) for other in others))
    return [edge for edge in tree.edges if edge not in common]


def _best(trees: Iterable[JoinTree], score: Callable[[JoinTree], float]) -> list[JoinTree]:
    scored = [(score(tree), tree) for tree in trees]
    top = max(value for value, _ in scored)
    return [tree for value, tree in scored if value == top]


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

    return _best(trees, score)


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
