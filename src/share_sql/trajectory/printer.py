"""What SQL and the trajectory print alike: operators that bind, CASE, calls, windows and orderings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, get_args

from share_sql.trajectory import nodes as n


class Printer(ABC):
    """Prints expressions.

    A subclass has a method for each kind of node that is not printed here, named as in `ast.NodeVisitor`:
    `_cast(node, least)` for a Cast. `least` is how tightly the text must bind to need no parentheses.
    """

    _methods: ClassVar[dict[type, Any]]

    def __init_subclass__(cls) -> None:
        cls._methods = {kind: getattr(cls, f"_{kind.__name__.lower()}", None) for kind in get_args(n.Expr)}

    @abstractmethod
    def word(self, text: str) -> str:
        """A keyword, given in lower case, as the language writes it."""

    @abstractmethod
    def choices(self, choices: tuple[n.Expr, ...] | n.Frame) -> str:
        """What stands in the parentheses behind IN."""

    def expr(self, node: n.Node, least: int = 0) -> str:
        """Print an expression, in parentheses where it binds less tightly than `least`."""
        text: str = self._methods[type(node)](self, node, least)
        return text

    def list(self, nodes: Iterable[n.Node]) -> str:
        """Print several, with commas."""
        return ", ".join([self.expr(node) for node in nodes])

    def order(self, keys: Iterable[n.OrderKey]) -> str:
        """Print an ORDER BY list."""
        return ", ".join([self.key(key.key) + self.direction(key) for key in keys])

    def key(self, node: n.Expr) -> str:
        """What an ordering sorts by."""
        return self.expr(node)

    def direction(self, key: n.OrderKey, ascending: str = "") -> str:
        """` desc nulls last` and the like."""
        text = self.word(" desc") if key.descending else ascending
        return text + (self.word(f" nulls {key.nulls}") if key.nulls else "")

    def clauses(self, name: str, inside: str, call: n.Call) -> str:
        """A call of which name and arguments are printed, with the clauses in and behind its parentheses."""
        if call.order:
            inside = f"{inside} {self.word('order by')} {self.order(call.order)}".lstrip()
        text = f"{name}({inside})"
        if call.where is not None:
            text += f" {self.word('filter (where')} {self.expr(call.where)})"
        return text if call.over is None else f"{text} {self.word('over')} ({self.over(call.over)})"

    def over(self, over: n.Over) -> str:
        """The inside of a window's parentheses."""
        parts = []
        if over.partition:
            parts.append(f"{self.word('partition by')} {self.list(over.partition)}")
        if over.order:
            parts.append(f"{self.word('order by')} {self.order(over.order)}")
        if over.bounds:
            parts.append(self.word(over.bounds))
        return " ".join(parts)

    def _between(self, node: n.Between, least: int) -> str:
        operand, low, high = self.expr(node.operand, 5), self.expr(node.low, 5), self.expr(node.high, 5)
        word = self.word("not between" if node.negated else "between")
        return parenthesized(f"{operand} {word} {low} {self.word('and')} {high}", 4, least)

    def _in(self, node: n.In, least: int) -> str:
        inside, word = self.choices(node.choices), self.word("not in" if node.negated else "in")
        return parenthesized(f"{self.expr(node.operand, 5)} {word} ({inside})", 4, least)

    def _case(self, node: n.Case, least: int) -> str:
        parts = [self.word("case")]
        if node.operand is not None:
            parts.append(self.expr(node.operand))
        for when in node.whens:
            parts += [self.word("when"), self.expr(when.condition), self.word("then"), self.expr(when.result)]
        if node.default is not None:
            parts += [self.word("else"), self.expr(node.default)]
        return " ".join([*parts, self.word("end")])


def parenthesized(text: str, binds: int, least: int) -> str:
    """The text, in parentheses where it binds less tightly than it must."""
    return f"({text})" if binds < least else text
