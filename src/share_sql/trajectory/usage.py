"""What a frame's own expressions use, nested frames left out. The same answer serves `from_sql`, which
asks whether joins can be left out, and `to_sql`, which has to find them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from share_sql.trajectory import nodes as n


def field_names(node: n.Node) -> tuple[str, ...]:
    """A node's fields. A dataclass lists them in __match_args__; fields() would be many times slower."""
    names: tuple[str, ...] = node.__match_args__
    return names


def own_nodes(nodes: Iterable[n.Node]) -> Iterator[n.Node]:
    """The nodes and all below them in reading order, without what is inside nested frames."""
    todo: list[object] = [*nodes]
    todo.reverse()
    while todo:
        node = todo.pop()
        if isinstance(node, tuple):
            todo.extend(reversed(node))
        elif isinstance(node, n.Node):
            if isinstance(node, n.Frame):
                continue
            yield node
            if isinstance(node, n.ColumnRef | n.Literal):
                continue
            todo.extend([getattr(node, name) for name in reversed(field_names(node))])


def tables_used(nodes: Iterable[n.Node]) -> list[str]:
    """Qualifiers in front of columns and stars, in order of first use."""
    found: dict[str, str] = {}
    for node in own_nodes(nodes):
        if isinstance(node, n.ColumnRef | n.Star) and node.table:
            found.setdefault(node.table.lower(), node.table)
    return list(found.values())


def columns_used(nodes: Iterable[n.Node]) -> set[tuple[str, str]]:
    """(qualifier, column) of every qualified column, lower case."""
    return {
        (node.table.lower(), node.name.lower())
        for node in own_nodes(nodes)
        if isinstance(node, n.ColumnRef) and node.table
    }


def texts_used(nodes: Iterable[n.Node]) -> list[str]:
    """Text constants, in order."""
    return [
        node.value for node in own_nodes(nodes) if isinstance(node, n.Literal) and isinstance(node.value, str)
    ]


def has_frame(node: n.Node) -> bool:
    """Whether a frame is anywhere in it."""
    return any(isinstance(part, n.Frame) for part in node.walk())
