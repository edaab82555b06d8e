"""Questions about frames and chains of actions that settle what stands for what (`meaning`)."""

from __future__ import annotations

from share_sql.schema.model import Schema
from share_sql.trajectory import nodes as n
from share_sql.trajectory.joins import join_path
from share_sql.trajectory.lower import aggregates_in, conjoin, rewrite
from share_sql.trajectory.usage import own_nodes


def joined(schema: Schema, tables: list[str]) -> tuple[n.Join, ...]:
    """Join actions for tables along foreign keys."""
    tree = join_path(schema, tables)
    joins = [n.Join(n.ColumnRef(None, tree.tables[0]), None, "from")]
    for called, edge in zip(tree.tables[1:], tree.edges, strict=True):
        on: n.Expr | None = None
        for a, b in edge.pairs:
            on = conjoin(on, n.Binary("=", n.ColumnRef(edge.table, a), n.ColumnRef(edge.to_table, b)))
        joins.append(n.Join(n.ColumnRef(None, called), None, "inner", on))
    return tuple(joins)


def source_name(source: n.Expr) -> str:
    """What a joined source is called that has no alias."""
    if isinstance(source, n.ColumnRef | n.Call):
        return source.name
    return source.source if isinstance(source, n.Frame) else ""


def outside(action: n.Action) -> list[n.Node]:
    """Own nodes without those inside frame columns."""
    inside = {id(node.column) for node in own_nodes([action]) if isinstance(node, n.FrameColumn)}
    return [node for node in own_nodes([action]) if id(node) not in inside]


def own_aggregates(item: n.Expr, source: str) -> n.Expr:
    """`df2.select(df2.sum(x) / df2.count())`: aggregates of the very frame are plain aggregates in it."""

    def change(node: n.Node) -> n.Node | None:
        if isinstance(node, n.Frame) and node.source.lower() == source.lower() and len(node.actions) == 1:
            action = node.actions[0]
            if isinstance(action, n.Aggregate) and (action.args or action.function == "count"):
                return n.Call(action.function, action.args or (n.Star(),), action.distinct)
        return None

    return rewrite(item, change)  # type: ignore[no-any-return]


def needs_no_rows(items: list[n.Expr]) -> bool:
    """Whether the items are values of other frames only."""
    frames = False
    for item in items:
        if any(isinstance(node, n.ColumnRef | n.Star | n.FrameColumn) for node in own_nodes([item])):
            return False
        if aggregates_in([item]):
            return False
        for node in item.walk():
            if isinstance(node, n.Join):  # an inline frame with joins of its own may refer to the rows here
                return False
            frames = frames or isinstance(node, n.Frame)
    return frames


def is_single(chain: list[n.Action]) -> bool:
    """Whether a frame has one row at most."""
    grouped = limited = False
    for action in chain:
        grouped = grouped or isinstance(action, n.GroupBy)
        if isinstance(action, n.Limit):
            limited = action.count == n.Literal(1)
        if isinstance(action, n.Aggregate):
            limited = True
        if isinstance(action, n.Select) and not grouped and aggregates_in(action.items):
            limited = True
    return limited


def tied(chain: list[n.Action]) -> list[n.Action] | None:
    """Counting what `orderby(k).limit(1)` kept would always give 1, which nobody asks: all that tie for
    the first place are meant, `where(k = max(k))`."""
    if len(chain) < 2 or not isinstance(chain[-1], n.Limit) or not isinstance(chain[-2], n.OrderBy):
        return None
    order, before = chain[-2], chain[:-2]
    if chain[-1].count != n.Literal(1) or chain[-1].offset is not None or len(order.keys) != 1:
        return None
    if not all(isinstance(action, n.Where) for action in before) or aggregates_in([order]):
        return None
    key = order.keys[0]
    best = n.Call("max" if key.descending else "min", (key.key,))
    frame = n.Frame(n.DATABASE_FRAME, (*before, n.Select((best,))))
    return [*before, n.Where(n.Binary("=", key.key, frame))]
