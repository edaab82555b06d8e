"""Bind each column of a parsed query to the source it comes from, keeping hold of the tree's nodes.

`schema.link` answers which columns a query uses; repairs must also know *where in the tree* a name stands
and what else was in reach there. The rules are SQLite's: names ignore case; an unqualified name is looked
up in its SELECT's sources, then (in all but FROM) among the select list's aliases, then outwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sqlglot import exp

from share_sql.schema.model import Schema, Table

Status: TypeAlias = Literal["bound", "alias", "text", "unknown", "ambiguous", "unknown-source"]
"""bound: to one source. alias: to an output column of its own SELECT. text: a quoted name that is no
column, which SQLite reads as a string. unknown: no source has the column. ambiguous: several have.
unknown-source: the name before the dot is none of the sources."""

_ROWID = frozenset({"rowid", "oid", "_rowid_"})


@dataclass(eq=False)
class Source:
    """One entry of a FROM clause."""

    name: str
    """Alias, or the table's name."""
    node: exp.Expr
    table: Table | None = None
    """The schema's table; None for subqueries, CTEs, functions and unknown tables."""
    outputs: frozenset[str] | None = None
    """Lower-case column names where `table` is None; None: not known, anything may be there."""
    unknown: bool = False
    """True for a table that neither the schema nor a CTE has."""

    def has(self, column: str) -> bool:
        """Whether the source has (or may have) a column of this name."""
        if self.table is not None:
            return self.table.column(column) is not None or column.lower() in _ROWID
        return self.outputs is None or column.lower() in self.outputs


@dataclass(eq=False)
class Scope:
    """One SELECT with its sources."""

    select: exp.Select
    parent: Scope | None
    sources: list[Source] = field(default_factory=list)
    aliases: frozenset[str] = frozenset()
    merged: frozenset[str] = frozenset()
    """Columns joined by USING or NATURAL: naming them bare is not ambiguous."""

    def source(self, name: str) -> Source | None:
        """The source of this name, here or outwards."""
        scope: Scope | None = self
        while scope is not None:
            for source in scope.sources:
                if source.name.lower() == name.lower():
                    return source
            scope = scope.parent
        return None

    @property
    def tables(self) -> tuple[Table, ...]:
        """Schema tables in this FROM, each once."""
        return tuple(dict.fromkeys(source.table for source in self.sources if source.table is not None))


@dataclass(eq=False)
class Bound:
    """One column reference, bound."""

    node: exp.Column
    scope: Scope
    status: Status
    source: Source | None = None
    """The source, where status is bound; for ambiguous the first."""
    choices: tuple[Source, ...] = ()
    """All sources in reach that have the column, where it is ambiguous."""

    @property
    def table(self) -> Table | None:
        """The schema's table it is a column of."""
        return self.source.table if self.source is not None and self.status != "ambiguous" else None

    @property
    def key(self) -> tuple[str, str] | None:
        """(table, column) in the schema's spelling; None where it is not a schema column."""
        table = self.table
        column = table.column(self.node.name) if table is not None else None
        return (table.name, column.name) if table is not None and column is not None else None


@dataclass(eq=False)
class Binding:
    """All scopes and column references of a query."""

    scopes: list[Scope]
    columns: list[Bound]

    @property
    def unknown_tables(self) -> list[Source]:
        """FROM entries that name no table."""
        return [source for scope in self.scopes for source in scope.sources if source.unknown]

    def of(self, node: exp.Expr) -> Bound | None:
        """The binding of this very node."""
        return next((bound for bound in self.columns if bound.node is node), None)

    def scope_of(self, select: exp.Expr) -> Scope | None:
        """The scope of this very SELECT."""
        return next((scope for scope in self.scopes if scope.select is select), None)


def bind(tree: exp.Query, schema: Schema) -> Binding:
    """Bind all columns of a query.

    Args:
        tree: a parsed query, as `sqltext.parse_select` gives it; not changed.
        schema: the database's schema.

    Returns:
        Scopes from the outside in, columns in no particular order.
    """
    binding = Binding([], [])
    _query(tree, None, {}, schema, binding)
    return binding


Outputs: TypeAlias = "frozenset[str] | None"


def _query(
    tree: exp.Expr, parent: Scope | None, ctes: dict[str, Outputs], schema: Schema, out: Binding
) -> Outputs:
    """Bind a query expression; return its output column names."""
    with_ = tree.args.get("with_")
    if with_ is not None:
        ctes = dict(ctes)
        for cte in with_.expressions:
            listed = [column.name.lower() for column in cte.args["alias"].args.get("columns") or ()]
            if with_.args.get("recursive"):
                ctes[cte.alias.lower()] = frozenset(listed) if listed else None
            outputs = _query(cte.this, parent, ctes, schema, out)
            ctes[cte.alias.lower()] = frozenset(listed) if listed else outputs
    if isinstance(tree, exp.Subquery | exp.Paren):
        return _query(tree.this, parent, ctes, schema, out)
    if isinstance(tree, exp.SetOperation):
        outputs = _query(tree.left, parent, ctes, schema, out)
        _query(tree.right, parent, ctes, schema, out)
        return outputs
    if isinstance(tree, exp.Select):
        return _select(tree, parent, ctes, schema, out)
    return None


def _select(
    tree: exp.Select, parent: Scope | None, ctes: dict[str, Outputs], schema: Schema, out: Binding
) -> Outputs:
    scope = Scope(tree, parent)
    out.scopes.append(scope)
    merged: set[str] = set()
    from_ = tree.args.get("from_")
    joins = tree.args.get("joins") or []
    for item in ([from_.this] if from_ is not None else []) + [join.this for join in joins]:
        _source(item, scope, ctes, schema, out)
    for join in joins:
        merged.update(identifier.name.lower() for identifier in join.args.get("using") or ())
        if join.args.get("method") == "NATURAL":
            merged.update(
                column.name.lower()
                for table in scope.tables
                for column in table.columns
                if sum(other.column(column.name) is not None for other in scope.tables) > 1
            )
    scope.merged = frozenset(merged)
    scope.aliases = frozenset(item.alias.lower() for item in tree.expressions if isinstance(item, exp.Alias))
    for node in _own_nodes(tree):
        if isinstance(node, exp.Column):
            out.columns.append(_column(node, scope))
        elif isinstance(node, exp.Query):
            _query(node, scope, ctes, schema, out)
    return _outputs(tree, scope)


def _source(item: exp.Expr, scope: Scope, ctes: dict[str, Outputs], schema: Schema, out: Binding) -> None:
    name = item.alias_or_name
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
        plain = item.name.lower()
        if plain in ctes and not item.args.get("db"):
            scope.sources.append(Source(name, item, outputs=ctes[plain]))
        else:
            table = schema.table(item.name)
            scope.sources.append(
                Source(name, item, table, unknown=table is None and plain != "sqlite_master")
            )
        for join in item.args.get("joins") or ():
            _source(join.this, scope, ctes, schema, out)
    elif isinstance(item, exp.Subquery) and isinstance(item.this, exp.Query):
        # A derived table sees the CTEs but not its neighbours.
        scope.sources.append(Source(name, item, outputs=_query(item.this, scope.parent, ctes, schema, out)))
    elif isinstance(item, exp.Subquery | exp.Paren):
        _source(item.this, scope, ctes, schema, out)
    else:
        scope.sources.append(Source(name, item))


def _own_nodes(tree: exp.Select) -> Iterator[exp.Expr]:
    """Nodes of this SELECT without those of nested queries (the nested query itself is yielded) and
    without FROM's items, whose names are sources, not columns; ON conditions are included."""
    stack: list[exp.Expr] = []
    for key, value in tree.args.items():
        if key in ("with_", "from_", "joins"):
            continue
        stack.extend(item for item in (value if isinstance(value, list) else [value]) if _is_node(item))
    joins = tree.args.get("joins") or ()
    stack.extend(join.args["on"] for join in joins if join.args.get("on") is not None)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, exp.Query | exp.Column):
            continue
        stack.extend(node.iter_expressions())


def _is_node(item: object) -> bool:
    return isinstance(item, exp.Expr)


def _column(node: exp.Column, scope: Scope) -> Bound:
    if node.table:
        source = scope.source(node.table)
        if source is None:
            return Bound(node, scope, "unknown-source")
        if isinstance(node.this, exp.Star) or source.has(node.name) or source.unknown:
            return Bound(node, scope, "bound", source)
        return Bound(node, scope, "unknown", source)
    reach: Scope | None = scope
    while reach is not None:
        having = [source for source in reach.sources if source.has(node.name) or source.unknown]
        certain = [source for source in having if source.table is not None or source.outputs is not None]
        if len(certain) > 1 and node.name.lower() not in reach.merged:
            if reach is scope and node.name.lower() in scope.aliases and not _in_select_list(node, scope):
                return Bound(node, scope, "alias")
            return Bound(node, scope, "ambiguous", certain[0], tuple(certain))
        if having:
            return Bound(node, scope, "bound", (certain or having)[0])
        if node.name.lower() in reach.aliases:
            return Bound(node, scope, "alias")
        reach = reach.parent
    return Bound(node, scope, "text" if node.this.args.get("quoted") else "unknown")


def _in_select_list(node: exp.Expr, scope: Scope) -> bool:
    parent: exp.Expr | None = node
    while parent is not None and parent.parent is not scope.select:
        parent = parent.parent
    return parent is not None and any(parent is item for item in scope.select.expressions)


def _outputs(tree: exp.Select, scope: Scope) -> Outputs:
    names: set[str] = set()
    for item in tree.expressions:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            wanted = scope.sources if isinstance(item, exp.Star) else [scope.source(item.table)]
            for source in wanted:
                if source is None:
                    return None
                if source.table is not None:
                    names.update(column.name.lower() for column in source.table.columns)
                elif source.outputs is None:
                    return None
                else:
                    names.update(source.outputs)
        elif item.alias_or_name:
            names.add(item.alias_or_name.lower())
        else:
            names.add(item.sql(dialect="sqlite").lower())
    return frozenset(names)
