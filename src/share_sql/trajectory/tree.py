"""What every node of a trajectory can do: give its parts, be walked, be copied with changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter, is_not
from typing import Any, ClassVar

MAX_LEVELS = 250
"""Levels of a trajectory. What compares, copies and writes one goes down a few calls a level, and Python
allows 1,000; conditions that `and` joins, and steps, are no levels."""


@dataclass(frozen=True, slots=True)
class Node:
    """Base of every node. Its fields hold nodes, tuples of nodes, or plain values."""

    _fields: ClassVar[Callable[[Any], tuple[Any, ...]]]

    def __init_subclass__(cls) -> None:
        names: tuple[str, ...] = cls.__dict__.get("__slots__", ())  # a node's slots are its fields, in order
        if len(names) > 1:
            cls._fields = attrgetter(*names)
        else:  # which gives no tuple of one
            cls._fields = lambda node: tuple([getattr(node, name) for name in names])

    def values(self) -> tuple[Any, ...]:
        """The values of the fields, in reading order."""
        return type(self)._fields(self)

    def children(self) -> Iterator[Node]:
        """Yield the nodes directly below this one, in reading order."""
        todo = list(self.values()[::-1])
        while todo:
            value = todo.pop()
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                todo += value[::-1]

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, parents first, in reading order."""
        todo: list[Any] = [self]  # not recursive: a long chain of conditions is a deep tree
        while todo:
            value = todo.pop()
            if isinstance(value, Node):
                yield value
                todo += value.values()[::-1]
            elif isinstance(value, tuple):
                todo += value[::-1]

    def is_too_deep(self) -> bool:
        """Whether it has more than MAX_LEVELS levels."""
        level: list[Any] = [self]
        for _ in range(MAX_LEVELS):
            level = [child for node in level for child in node.children()]
            if not level:
                return False
        return True

    def transform(self, change: Callable[[Node], Node]) -> Node:
        """Return a copy with `change` applied to every node, children first."""
        changed: dict[int, Node] = {}
        todo: list[tuple[Node, bool]] = [(self, False)]  # not recursive, as `walk`
        while todo:
            node, has_children = todo.pop()
            if has_children:
                changed[id(node)] = change(node.rebuilt(lambda child: changed[id(child)]))
            else:
                todo.append((node, True))
                todo += [(child, False) for child in node.children()][::-1]
        return changed[id(self)]

    def rebuilt(self, change: Callable[[Node], Any]) -> Any:
        """Return a copy with `change` applied to the nodes directly below; itself where that changes none."""
        old = self.values()
        new = [mapped(value, change) for value in old]
        return type(self)(*new) if any(map(is_not, new, old)) else self


def mapped(value: Any, change: Callable[[Node], Any]) -> Any:
    """A field's value with `change` applied to the node that it is, or to those in the tuple that it is."""
    if isinstance(value, Node):
        return change(value)
    if isinstance(value, tuple):
        new = tuple([mapped(item, change) for item in value])
        return new if any(map(is_not, new, value)) else value
    return value
