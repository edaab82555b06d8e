"""What a frame's own expressions use, nested frames left out. The same answer serves `from_sql`, which
asks whether joins can be left out, and `to_sql`, which has to find them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from share_sql.trajectory import nodes as n

_NAMELESS: Final = frozenset({n.Literal, n.Frame, str, int, float, bool, type(None)})
"""What holds no names of the frame that it stands in."""


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
            todo += node.values()[::-1]


def names_used(nodes: Iterable[n.Node]) -> tuple[list[str], set[tuple[str, str]]]:
    """What `tables_used` and `columns_used` give, in one pass: from_sql asks for every query."""
    tables: dict[str, str] = {}
    columns: set[tuple[str, str]] = set()
    todo: list[Any] = [*nodes]
    todo.reverse()
    while todo:
        node = todo.pop()
        kind = type(node)
        if kind is n.ColumnRef or kind is n.Star:
            table: str | None = node.table
            if table:
                low = table.lower()
                tables.setdefault(low, table)
                if kind is n.ColumnRef:
                    columns.add((low, node.name.lower()))
        elif kind is tuple:
            todo += node[::-1]
        elif kind not in _NAMELESS:
            todo += node.values()[::-1]
    return list(tables.values()), columns


def tables_used(nodes: Iterable[n.Node]) -> list[str]:
    """Qualifiers in front of columns and stars, in order of first use."""
    return names_used(nodes)[0]


def columns_used(nodes: Iterable[n.Node]) -> set[tuple[str, str]]:
    """(qualifier, column) of every qualified column, lower case."""
    return names_used(nodes)[1]


def texts_used(nodes: Iterable[n.Node]) -> list[str]:
    """Text constants, in order."""
    return [
        node.value for node in own_nodes(nodes) if isinstance(node, n.Literal) and isinstance(node.value, str)
    ]


def conjuncts(condition: n.Expr) -> list[n.Expr]:
    """The parts that `and` joins, in reading order."""
    parts: list[n.Expr] = []
    todo = [condition]
    while todo:
        node = todo.pop()
        if isinstance(node, n.Binary) and node.op == "and":
            todo += [node.right, node.left]
        else:
            parts.append(node)
    return parts


def has_frame(node: n.Node) -> bool:
    """Whether a frame is anywhere in it."""
    return any(isinstance(part, n.Frame) for part in node.walk())
