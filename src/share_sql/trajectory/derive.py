"""What a derived table gives to the query around it, found from what that query uses."""

from __future__ import annotations

from typing import Any

from share_sql.errors import CompileError
from share_sql.trajectory import nodes as n
from share_sql.trajectory.lower import Block, is_aggregate, rewrite


def derive(block: Block) -> None:
    """Make `block.inner` select what `block` uses, and rename it in `block`.

    Raises:
        CompileError: the block uses a column that the inner one, closed by DISTINCT or a set operation,
            does not give.
    """
    inner = block.inner
    assert inner is not None
    exports = _Exports(inner)
    block.where = exports.outer(block.where)
    block.group = exports.outer(block.group)
    block.having = exports.outer(block.having)
    block.qualify = exports.outer(block.qualify)
    block.on = exports.outer(block.on)
    block.order = exports.outer(block.order)
    block.items = exports.outer(block.items)
    if not exports.closed:
        inner.items = tuple(exports.items) or inner.items
    if inner.items is None and inner.values is None and not inner.combines:
        # Only rows are counted: any constant will do.
        inner.items = tuple(inner.group or ()) + inner.aggs or (n.Literal(1),)


class _Exports:
    def __init__(self, inner: Block) -> None:
        self.inner = inner
        self.closed = inner.values is not None or (
            inner.items is not None and (inner.distinct or bool(inner.combines) or _has_star(inner.items))
        )
        """More columns would change the rows, or cannot be told from those there."""
        self.names: dict[n.Expr, str] = {}
        self.by_name: dict[str, str] = {}
        self.items: list[n.Expr] = []
        for item in (inner.items or ()) + inner.aggs:
            self.add(item)

    def add(self, item: n.Expr) -> str:
        """Give a column; the name it has outside."""
        value = n.unnamed(item)
        if isinstance(value, n.Star):
            self.items.append(value)
            return "*"
        if value in self.names:
            return self.names[value]
        named = isinstance(item, n.Alias | n.ColumnRef)
        wanted = item.name if named else f"c{len(self.items) + 1}"  # type: ignore[union-attr]
        if wanted.lower() in self.by_name:
            wanted = f"c{len(self.items) + 1}"
        self.names[value] = self.by_name[wanted.lower()] = wanted
        plain = isinstance(value, n.ColumnRef) and value.name == wanted
        self.items.append(value if plain else n.Alias(value, wanted))
        return wanted

    def outer(self, tree: Any) -> Any:
        """The expression as the outer query must say it."""
        return rewrite(tree, lambda node: self.change(node, within=False))

    def change(self, node: n.Node, within: bool) -> n.Node | None:
        if isinstance(node, n.Star):
            return n.Star()
        if node in self.names:
            return n.ColumnRef(None, self.names[node])
        if isinstance(node, n.ColumnRef):
            if node.table is None or self.closed:
                known = self.by_name.get(node.name.lower())
                if known is None and self.closed and not _has_star(self.inner.items or ()):
                    raise CompileError(f"the column {node.name!r} is not among those selected before")
                return n.ColumnRef(None, known or node.name)
            return n.ColumnRef(None, self.add(node))
        if is_aggregate(node):
            assert isinstance(node, n.Call | n.Sql)
            if within and self.inner.group is not None and not self.closed:
                return n.ColumnRef(None, self.add(node))
            if isinstance(node, n.Sql):
                return n.Sql(node.text, rewrite(node.holes, lambda part: self.change(part, within=True)))
            args = rewrite(node.args, lambda part: self.change(part, within=True))
            return n.Call(node.name, args, node.distinct, self.outer(node.order), self.outer(node.where))
        return None


def _has_star(items: tuple[n.Expr, ...]) -> bool:
    return any(isinstance(item, n.Star) for item in items)
