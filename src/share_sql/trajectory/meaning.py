"""What a trajectory as models write it means, settled before it is compiled.

The paper's dialect is loose: a name may be a column, an earlier step or something an earlier step
computed; a frame may stand where one of its columns is meant; `max(x)` may stand in a condition. Each
rule here says what such a place means and holds for any schema. A trajectory made by `from_sql` is left
as it is: SQL cannot say what the rules change.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from share_sql.schema.model import Schema
from share_sql.trajectory import nodes as n
from share_sql.trajectory.frame_values import (
    is_single,
    joined,
    needs_no_rows,
    outside,
    own_aggregates,
    source_name,
    tied,
)  # fmt: skip
from share_sql.trajectory.functions import in_dialect
from share_sql.trajectory.lower import aggregates_in, is_aggregate, rewrite
from share_sql.trajectory.meaning_names import NameSettler
from share_sql.trajectory.subject import counted_table, counted_through, named_table, names_one_row
from share_sql.trajectory.usage import own_nodes, tables_used

_CLOSING = (n.Select, n.Distinct, n.Limit, n.Aggregate, n.Combine, n.Values)


def settle(trajectory: n.Trajectory, schema: Schema, hint: str = "") -> n.Trajectory:
    """Give every name and every loose place its meaning.

    Args:
        trajectory: as it was read.
        schema: whose names are meant.
        hint: the question in words; decides what a count counts where the trajectory does not say.

    Returns:
        A trajectory with one step a name, columns with their table as the schema spells them, its dialect's
        functions, and subqueries where frames stand for values.
    """
    return _Settler(schema, hint).run(_one_name_a_step(trajectory))


def _one_name_a_step(trajectory: n.Trajectory) -> n.Trajectory:
    """Rename steps that are assigned again; what comes between keeps the earlier one."""
    names = [step.name.lower() for step in trajectory.steps]
    if len(set(names)) == len(names):
        return trajectory
    current: dict[str, str] = {}
    steps = []
    for index, step in enumerate(trajectory.steps):
        value = _renamed(step.value, dict(current))
        key = step.name.lower()
        later = key in names[index + 1 :]
        new = step.name if not later else f"{step.name}_{index + 1}"
        current[key] = new
        steps.append(n.Step(new, value))
    return n.Trajectory(tuple(steps))


def _renamed(value: Any, names: dict[str, str]) -> Any:
    def change(node: n.Node) -> n.Node | None:
        if isinstance(node, n.Frame):
            actions = rewrite(node.actions, change)
            return n.Frame(names.get(node.source.lower(), node.source), actions)
        if isinstance(node, n.FrameColumn):
            return n.FrameColumn(names.get(node.frame.lower(), node.frame), node.column)
        if isinstance(node, n.ColumnRef):
            if node.table is None and node.name.lower() in names:
                return n.ColumnRef(None, names[node.name.lower()])
            if node.table is not None and node.table.lower() in names:
                return n.ColumnRef(names[node.table.lower()], node.name)
        return None

    return rewrite(value, change)


class _Settler(NameSettler):
    def run(self, trajectory: n.Trajectory) -> n.Trajectory:
        for node in trajectory.walk():
            if isinstance(node, n.Alias):
                self.given.add(node.name.lower())
            elif isinstance(node, n.Named):
                self.given.update(name.lower() for name in node.columns)
            elif isinstance(node, n.Join):
                self.sources.add((node.alias or source_name(node.source)).lower())
        steps = []
        for step in trajectory.steps:
            value: n.Expr
            key = step.name.lower()
            if isinstance(step.value, n.Frame):
                value = self.frame(step.value, key)
            else:
                value = self.expression(step.value, frozenset())
            if isinstance(value, n.Frame):
                self.chains[key] = self.chain(value)
                self.origins[key] = self.origin(value) | {key}
            else:
                self.values.add(key)
            steps.append(n.Step(step.name, value))
        return n.Trajectory(tuple(steps))

    # ---------------------------------------------------------------- frames

    def frame(self, frame: n.Frame, own: str = "") -> n.Frame:
        """Settle a frame's actions, in order."""
        source, actions = frame.source, frame.actions
        other = self.only_frame_selected(frame)
        if other is not None:
            source = other
        before = n.Frame(source)
        here = self.origin(before) | {own}
        for action in actions:
            before = self.action(before, action, here)
        return before

    def only_frame_selected(self, frame: n.Frame) -> str | None:
        """`df.select(df1.x, df1.y)` continues df1: the one frame whose columns are selected."""
        if frame.source.lower() != n.DATABASE_FRAME or not frame.actions:
            return None
        first = frame.actions[0]
        if not isinstance(first, n.Select):
            return None
        found = {node.frame.lower() for node in own_nodes([first]) if isinstance(node, n.FrameColumn)}
        plain = any(isinstance(node, n.ColumnRef | n.Star) and node.table for node in outside(first))
        frames = any(isinstance(node, n.Frame) for item in first.items for node in item.walk())
        name = next(iter(found), None)
        return name if len(found) == 1 and not plain and not frames and name in self.chains else None

    def action(self, before: n.Frame, action: n.Action, here: frozenset[str]) -> n.Frame:
        """The frame with one more action, settled."""
        made: n.Action = action
        if isinstance(action, n.Where | n.Having):
            condition = self.condition(action.condition, before, here)
            made = type(action)(condition, action.connective)
        elif isinstance(action, n.Select):
            return self.select(before, action, here)
        elif isinstance(action, n.Aggregate):
            return self.aggregate(before, action, here)
        elif isinstance(action, n.Join):
            join_source = self.frame(action.source) if isinstance(action.source, n.Frame) else action.source
            on = None if action.on is None else self.expression(action.on, here)
            if isinstance(join_source, n.Call | n.Sql):
                join_source = self.expression(join_source, here)
            made = replace(action, source=join_source, on=on)
        elif isinstance(action, n.Combine):
            other = action.other
            if isinstance(other, n.ColumnRef) and other.table is None and other.name.lower() in self.chains:
                other = n.Frame(other.name)
            made = n.Combine(action.kind, self.expression(other, frozenset()))
        else:
            made = rewrite(action, lambda node: self.change(node, here))
        return n.Frame(before.source, (*before.actions, made))

    def select(self, before: n.Frame, action: n.Select, here: frozenset[str]) -> n.Frame:
        items: list[n.Expr] = []
        distinct = action.distinct
        for item in action.items:
            if isinstance(item, n.Call) and item.name == "distinct" and item.args:
                distinct = True
                items += item.args
            else:
                items.append(item)
        open_source = not before.actions and not any(isinstance(a, _CLOSING) for a in self.chain(before))
        settled = []
        for item in items:
            if open_source and before.source.lower() != n.DATABASE_FRAME:
                item = own_aggregates(item, before.source)
            settled.append(self.expression(self.totals(item), here))
        on = tuple(self.expression(key, here) for key in action.on)
        made = n.Select(tuple(settled), distinct, on)
        if needs_no_rows(settled) and not any(isinstance(a, n.Join) for a in self.chain(before)):
            return n.Frame(n.DATABASE_FRAME, (made,))
        return n.Frame(before.source, (*before.actions, made))

    def totals(self, item: n.Expr) -> n.Expr:
        """`df1.count() / df.count()`: the whole database has no rows of its own, so `df` counts what
        the frame beside it is a part of: the same tables without its conditions."""
        beside = [
            node for node in item.walk() if isinstance(node, n.Frame) and node.source.lower() in self.chains
        ]
        if not beside:
            return item
        tables = tables_used(self.chains[beside[0].source.lower()])

        def change(node: n.Node) -> n.Node | None:
            if isinstance(node, n.Frame) and node == n.Frame(n.DATABASE_FRAME, (n.Aggregate("count"),)):
                return self.count_all(tables)
            return None

        return rewrite(item, change)  # type: ignore[no-any-return]

    def count_all(self, tables: list[str]) -> n.Frame:
        """All rows of what is counted, over these tables."""
        table = named_table(self.schema, self.hint) or counted_through(self.schema, tables)
        if table is not None:
            tables = [table]
        if len(tables) > 1:
            return n.Frame(n.DATABASE_FRAME, (*joined(self.schema, tables), n.Aggregate("count")))
        counted = n.Call("count", (n.Star(tables[0] if tables else None),))
        return n.Frame(n.DATABASE_FRAME, (n.Select((counted,)),))

    def aggregate(self, before: n.Frame, action: n.Aggregate, here: frozenset[str]) -> n.Frame:
        made = rewrite(action, lambda node: self.change(node, here))
        chain = self.chain(before)
        if action.function == "count" and not action.args:
            ties = tied(chain)
            if ties is not None:
                return n.Frame(n.DATABASE_FRAME, (*ties, made))
            tables = tables_used(chain)
            if not chain:  # `df.count()` by itself: of what the step before it is a part of
                last = next(reversed(self.chains.values()), [])
                return self.count_all(tables_used(last)) if last else n.Frame(before.source, (made,))
            table = None
            if len(tables) == 1 and all(isinstance(a, n.Where) for a in chain):
                table = counted_table(self.schema, tables, self.hint)
                if table is None and names_one_row(self.schema, tables[0], chain):
                    table = counted_through(self.schema, tables)
            if table is not None:
                counted = n.Select((n.Call("count", (n.Star(table),)),))
                return n.Frame(before.source, (*before.actions, counted))
        return n.Frame(before.source, (*before.actions, made))

    # ------------------------------------------------------------ conditions

    def condition(self, condition: n.Expr, before: n.Frame, here: frozenset[str]) -> n.Expr:
        """A condition; frames stand for their values, aggregates for a subquery over the frame so far."""
        grouped = any(isinstance(action, n.GroupBy) for action in self.chain(before))

        def change(node: n.Node) -> n.Node | None:
            if isinstance(node, n.Binary):
                right = self.as_frame(node.right, here)
                frame: n.Frame | None = None
                if isinstance(right, n.FrameColumn) and node.op in ("=", "!="):
                    frame = self.frame(right.selected)
                elif isinstance(right, n.Frame) and right.source.lower() in self.chains:
                    frame = self.selecting(self.frame(right), rewrite(node.left, change))
                if frame is not None:
                    left = rewrite(node.left, change)
                    if node.op in ("=", "!=") and not is_single(self.chain(frame)):
                        return n.In(left, frame, node.op == "!=")
                    return n.Binary(node.op, left, frame)
            if isinstance(node, n.In) and isinstance(node.choices, tuple) and len(node.choices) == 1:
                only = self.as_frame(node.choices[0], here)
                if isinstance(only, n.FrameColumn):
                    only = only.selected
                if isinstance(only, n.Frame) and only.source.lower() in self.chains:
                    return change(n.In(node.operand, only, node.negated))
            if isinstance(node, n.In) and isinstance(node.choices, n.Frame):
                frame, left = self.frame(node.choices), rewrite(node.operand, change)
                return n.In(left, self.selecting(frame, left) or frame, node.negated)
            if isinstance(node, n.Call) and _needs_rows(node, grouped):
                made = rewrite(node, lambda part: self.change(part, here) if part is not node else None)
                return n.Frame(before.source, (*before.actions, n.Select((made,))))
            return self.change(node, here)

        return rewrite(condition, change)  # type: ignore[no-any-return]

    def selecting(self, frame: n.Frame, left: n.Expr) -> n.Frame | None:
        """The frame with the column selected that `left` is compared with; None where it selects one already
        or none is meant."""
        if any(isinstance(a, n.Select | n.Aggregate | n.Values) for a in self.chain(frame)):
            return None
        column = self.column_meant(left, frame)
        return None if column is None else n.Frame(frame.source, (*frame.actions, n.Select((column,))))

    # ------------------------------------------------------------ expressions

    def expression(self, value: n.Expr, here: frozenset[str]) -> n.Expr:
        return rewrite(value, lambda node: self.change(node, here))  # type: ignore[no-any-return]

    def change(self, node: n.Node, here: frozenset[str]) -> n.Node | None:
        """The meaning of one node, or None to look below it."""
        if isinstance(node, n.ColumnRef):
            return self.column(node, here)
        if isinstance(node, n.Literal):
            return node
        if isinstance(node, n.Frame):
            return self.frame(node)
        if isinstance(node, n.FrameColumn):
            if node.frame.lower() in here or node.frame.lower() == n.DATABASE_FRAME:
                return self.expression(node.column, here)
            column = self.expression(node.column, here)
            if isinstance(column, n.ColumnRef | n.Star | n.Mask):
                return n.FrameColumn(node.frame, column)
            return column
        if isinstance(node, n.Call):
            known = in_dialect(node, self.schema.dialect)
            if known is not node:
                return self.expression(known, here)
            if is_aggregate(node) and len(node.args) == 1 and isinstance(node.args[0], n.Frame):
                # `max(df2.select(x))`: over the frame's rows; as a value the frame would be one of them.
                inner = node.args[0]
                over = n.Aggregate(node.name, (), node.distinct)
                return self.frame(n.Frame(inner.source, (*inner.actions, over)))
        return None


def _needs_rows(node: n.Call, grouped: bool) -> bool:
    """Whether a call in a condition is an aggregate over the frame so far, not of each group."""
    over_frame = len(node.args) == 1 and isinstance(node.args[0], n.Frame)
    return is_aggregate(node) and not over_frame and (not grouped or aggregates_in(node.args))
