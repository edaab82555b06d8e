"""What a name in a trajectory stands for: a column of a table, an earlier step, something a step gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from share_sql.dialects import dialect_of
from share_sql.schema.model import Schema, Table
from share_sql.trajectory import nodes as n
from share_sql.trajectory.usage import tables_used


@dataclass(slots=True)
class NameSettler:
    """Knows the steps so far and the names they gave."""

    schema: Schema
    hint: str
    chains: dict[str, list[n.Action]] = field(default_factory=dict)
    """Lower-case step name to the whole chain of actions behind it; only steps that are frames."""
    origins: dict[str, frozenset[str]] = field(default_factory=dict)
    """Lower-case step name to itself and the steps it continues."""
    values: set[str] = field(default_factory=set)
    """Lower-case names of steps that are values, no frames."""
    given: set[str] = field(default_factory=set)
    """Lower-case names that select and agg gave, and those of frame columns."""
    sources: set[str] = field(default_factory=set)
    """Lower-case names of joined sources."""

    def chain(self, frame: n.Frame) -> list[n.Action]:
        """All actions behind a settled frame."""
        return [*self.chains.get(frame.source.lower(), ()), *frame.actions]

    def origin(self, frame: n.Frame) -> frozenset[str]:
        """The names of the steps that a frame continues."""
        return self.origins.get(frame.source.lower(), frozenset((n.DATABASE_FRAME,)))

    def as_frame(self, value: n.Expr, here: frozenset[str]) -> n.Expr:
        """A bare step name as its frame, a frame's column as such unless the frame is this one."""
        if isinstance(value, n.ColumnRef):
            if value.table is None and value.name.lower() in self.chains:
                return n.Frame(value.name)
            if value.table is not None and value.table.lower() in self.chains:
                value = n.FrameColumn(value.table, n.ColumnRef(None, value.name))
        if isinstance(value, n.FrameColumn) and value.frame.lower() in here:
            return value.column
        return value

    def column_meant(self, left: n.Expr, frame: n.Frame) -> n.Expr | None:
        """Which column of a frame is meant that selects none: the one that `left` refers to by a key,
        else the same column, else the frame's groups."""
        chain = self.chain(frame)
        for action in chain:
            if isinstance(action, n.GroupBy):
                return action.keys[0] if len(action.keys) == 1 else None
        if not isinstance(left, n.ColumnRef) or left.table is None:
            return None
        used = {table.lower() for table in tables_used(chain)}
        if left.table.lower() in used:
            return left
        mine = (left.table.lower(), left.name.lower())
        for key in self.schema.foreign_keys:
            child = (key.table.lower(), key.column.lower())
            parent = (key.to_table.lower(), key.to_column.lower())
            if mine == child and parent[0] in used:
                return n.ColumnRef(key.to_table, key.to_column)
            if mine == parent and child[0] in used:
                return n.ColumnRef(key.table, key.column)
        return left

    def column(self, node: n.ColumnRef, here: frozenset[str]) -> n.Expr:
        """The meaning of a column; `here` are the steps that the frame at hand continues."""
        key, table = node.name.lower(), node.table
        if table is None:
            if key in self.chains or key in self.values:
                return n.Frame(node.name)
            if key in self.given:
                return node
            return self.only(self.schema.tables_with(key), key) or node
        place = table.lower()
        if place in self.sources:
            return node
        known = self.schema.table(table)
        if known is not None:
            found = known.column(key)
            if found is not None:
                same = found.name == node.name and known.name == table
                return node if same else n.ColumnRef(known.name, found.name)
            if key in dialect_of(self.schema.dialect).row_ids:
                return node
            return self.right_table(known.name, node) or node
        if place in here or place == n.DATABASE_FRAME:
            return self.column(n.ColumnRef(None, node.name), here)
        if place in self.chains:
            return n.FrameColumn(table, n.ColumnRef(None, node.name))
        return self.only(self.schema.tables_with(key), key) or node

    def right_table(self, table: str, node: n.ColumnRef) -> n.ColumnRef | None:
        """The table that has the column which `table` lacks: the only one it refers to that does, else
        the only one joined to it by a key, else the only one at all."""
        owners = self.schema.tables_with(node.name)
        keys = self.schema.foreign_keys
        parents = {key.to_table.lower() for key in keys if key.table.lower() == table.lower()}
        children = {key.table.lower() for key in keys if key.to_table.lower() == table.lower()}
        for near in (parents, parents | children, None):
            chosen = [owner for owner in owners if near is None or owner.name.lower() in near]
            found = self.only(chosen, node.name)
            if found is not None:
                return found
        return None

    def only(self, owners: Sequence[Table], name: str) -> n.ColumnRef | None:
        """The column of the only table that has it; None where there are several or none."""
        column = owners[0].column(name) if len(owners) == 1 else None
        return n.ColumnRef(owners[0].name, column.name) if column is not None else None
