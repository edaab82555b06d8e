"""Which of a schema's columns a trajectory names."""

from __future__ import annotations

from share_sql.schema.model import ColumnName, ColumnSet, Schema, Table
from share_sql.trajectory import nodes as n


def columns(trajectory: n.Trajectory, schema: Schema) -> ColumnSet:
    """The schema's columns that a trajectory names, in the schema's spelling.

    Case is ignored; aliases are followed; a column that stands with the wrong table, or with none,
    counts for the tables in use that have it, else for all that do. Outputs of earlier steps and names
    that the schema does not have do not count; `T.*` counts every column of T.

    Args:
        trajectory: read or made from SQL; may hold raw nodes, which count for nothing.
        schema: the database's.

    Returns:
        The set of columns.
    """
    return frozenset(_Finder(trajectory, schema).find())


def unknown_columns(trajectory: n.Trajectory, schema: Schema) -> tuple[str, ...]:
    """The columns that a trajectory names and the schema does not have, as written, each once.

    Names of steps, aliases and outputs are no columns of the schema and do not count.
    """
    finder = _Finder(trajectory, schema)
    known = finder.outputs | {step.name.lower() for step in trajectory.steps} | set(finder.aliases)
    found: dict[str, None] = {}
    for node in trajectory.walk():
        if not isinstance(node, n.ColumnRef) or id(node) in finder.joined:
            continue
        if node.table is not None and node.table.lower() not in known:
            table = schema.table(node.table)
            if table is None or table.column(node.name) is None:
                found[f"{node.table}.{node.name}"] = None
        elif node.table is None and node.name.lower() not in known and not schema.tables_with(node.name):
            found[node.name] = None
    return tuple(found)


class _Finder:
    """Resolves the names of one trajectory."""

    def __init__(self, trajectory: n.Trajectory, schema: Schema) -> None:
        self.trajectory = trajectory
        self.schema = schema
        self.outputs = {node.name.lower() for node in trajectory.walk() if isinstance(node, n.Alias)}
        for node in trajectory.walk():
            if isinstance(node, n.Named):
                self.outputs |= {name.lower() for name in node.columns}
        self.joined = {id(node.source) for node in trajectory.walk() if isinstance(node, n.Join)}
        self.aliases: dict[str, Table | None] = {}
        self.used: list[Table] = []
        self.look_at_tables()

    def look_at_tables(self) -> None:
        """Note aliases and the tables that are named."""
        for node in self.trajectory.walk():
            table: Table | None = None
            if isinstance(node, n.Join):
                if isinstance(node.source, n.ColumnRef):
                    table = self.schema.table(node.source.name)
                if node.alias is not None and not (table is None and node.alias.lower() in self.aliases):
                    self.aliases[node.alias.lower()] = table
            elif isinstance(node, n.ColumnRef | n.Star) and node.table is not None:
                table = self.schema.table(node.table)
            if table is not None and table not in self.used:
                self.used.append(table)

    def find(self) -> set[ColumnName]:
        """All columns found."""
        found: set[ColumnName] = set()
        for node in self.trajectory.walk():
            if isinstance(node, n.ColumnRef) and id(node) not in self.joined:
                found |= self.resolve(node)
            elif isinstance(node, n.Star) and node.table is not None:
                table = self.table(node.table)
                if table is not None:
                    found |= {ColumnName(table.name, column.name) for column in table.columns}
            elif isinstance(node, n.Join):
                for name in node.using:
                    found |= self.among_used(name)
        return found

    def table(self, name: str) -> Table | None:
        """The table that a name or alias stands for."""
        low = name.lower()
        return self.aliases[low] if low in self.aliases else self.schema.table(name)

    def resolve(self, node: n.ColumnRef) -> set[ColumnName]:
        """The schema's columns that one reference means."""
        if node.table is not None:
            table = self.table(node.table)
            column = table.column(node.name) if table is not None else None
            if table is not None and column is not None:
                return {ColumnName(table.name, column.name)}
            if table is None and node.table.lower() in self.aliases:
                return set()  # a step's or inline frame's output
        elif node.name.lower() in self.outputs:
            return set()
        return self.among_used(node.name)

    def among_used(self, name: str) -> set[ColumnName]:
        """The columns of this name in the tables in use, else in all tables."""
        owners = self.schema.tables_with(name)
        chosen = [table for table in owners if table in self.used] or list(owners)
        return {ColumnName(table.name, c.name) for table in chosen if (c := table.column(name)) is not None}
