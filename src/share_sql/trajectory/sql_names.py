"""What columns are called in a SELECT while it is printed: checked, qualified where needed."""

from __future__ import annotations

from dataclasses import dataclass, field

from share_sql.dialects import dialect_of
from share_sql.errors import CompileError
from share_sql.schema.model import Schema
from share_sql.trajectory import nodes as n
from share_sql.trajectory.sql_text import ExpressionPrinter


@dataclass(slots=True)
class PrintScope:
    """The sources of one SELECT while it is printed."""

    sources: dict[str, frozenset[str] | None] = field(default_factory=dict)
    """Lower-case qualifier to its lower-case columns; None where they are not known."""
    spelled: dict[str, str] = field(default_factory=dict)
    qualify: bool = True
    explicit: bool = False
    """True where Join actions brought the sources in: what they say is used as it stands, unknown names
    included, so that a wrong draft compiles to a query that fails as it did."""
    outputs: frozenset[str] = frozenset()
    """Lower-case names that its select list gives."""


class NamePrinter(ExpressionPrinter):
    """Prints names by the sources of the SELECTs that are open."""

    def __init__(self, schema: Schema, steps: dict[str, n.Step]) -> None:
        self.schema = schema
        self.dialect = schema.dialect
        self.facts = dialect_of(schema.dialect)
        self.steps = steps
        """Lower-case name to step."""
        self.scopes: list[PrintScope] = []
        """The SELECTs that are open, innermost last."""

    def _columnref(self, node: n.ColumnRef, least: int = 0) -> str:
        """A column, checked against the sources in scope."""
        written, table = node.name, node.table
        scope = self.scopes[-1] if self.scopes else PrintScope()
        if table is None:
            return self._bare_column(node, scope)
        key = table.lower()
        for depth, above in enumerate(reversed(self.scopes)):
            if key not in above.sources:
                continue
            columns = above.sources[key]
            known = columns is None or written.lower() in columns or written.lower() in self.facts.row_ids
            if not known and not above.explicit:
                raise CompileError(f"the table {above.spelled[key]} has no column {written!r}")
            if depth == 0 and not above.qualify and known:
                return self.name(written)
            return f"{self.table_name(above.spelled[key])}.{self.name(written)}"
        if self.schema.table(table) is None and key not in self.steps:
            raise CompileError(f"the schema {self.schema.name} has no table {table!r}")
        raise CompileError(f"{table}.{written} is used where the table {table} is not joined")

    def table_name(self, called: str) -> str:
        """A table, or what a source is called, as SQL names it: a table's namespace is a name of its own."""
        table = self.schema.table(called)
        if table is not None and table.namespace is not None and table.name != table.own:
            return f"{self.name(table.namespace)}.{self.name(table.own)}"
        if table is None and "." in called and self.facts.namespaces:
            return ".".join(map(self.name, called.split(".")))
        return self.name(called)

    def _bare_column(self, node: n.ColumnRef, scope: PrintScope) -> str:
        key = node.name.lower()
        if key in scope.outputs:
            return self.name(node.name)
        for above in reversed(self.scopes):
            for columns in above.sources.values():
                if columns is None or key in columns:
                    return self.name(node.name)
            if key in above.sources and self.facts.row_names:
                return self.name(above.spelled[key])
        if key in self.steps:
            return f"({self.query_text(n.Frame(node.name))})"
        if scope.explicit:
            plain = self.name(node.name) == node.name
            if plain or not self.facts.quoted_text:
                return self.name(node.name)
            # An unknown name in double quotes would be taken for text.
            return "`" + node.name.replace("`", "``") + "`"
        raise CompileError(f"no table in use has a column {node.name!r}")

    def _framecolumn(self, node: n.FrameColumn, least: int) -> str:
        """A column of an earlier frame: a source of this query, else a subquery of its own."""
        key, column = node.frame.lower(), node.column
        if any(key in above.sources for above in self.scopes):
            if isinstance(column, n.Star):
                return f"{self.name(node.frame)}.*"
            if isinstance(column, n.ColumnRef):
                return self._columnref(n.ColumnRef(node.frame, column.name))
        if isinstance(column, n.ColumnRef):
            return f"({self.query_text(node.selected)})"
        raise CompileError(f"{node.frame}.{type(column).__name__} cannot be compiled")

    def _star(self, node: n.Star, least: int) -> str:
        """`*`, or `table.*`; alone in count() the table only says what is counted."""
        if node.table is None:
            return "*"
        for above in reversed(self.scopes):
            if node.table.lower() in above.sources:
                if above is self.scopes[-1] and len(above.sources) == 1:
                    return "*"
                return f"{self.table_name(above.spelled[node.table.lower()])}.*"
        raise CompileError(f"{node.table}.* is used where the table is not joined")
