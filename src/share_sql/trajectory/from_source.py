"""The FROM clause and the names it makes known: sources, joins, and what a column means among them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from share_sql.errors import SqlUnreadable
from share_sql.schema.model import Schema
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_expr import ExpressionBuilder
from share_sql.trajectory.scope import ROWID_NAMES, Scope, Source, derived


@dataclass(slots=True)
class Built:
    """A query as actions, not yet placed."""

    source: str = n.DATABASE_FRAME
    joins: tuple[n.Action, ...] = ()
    wheres: tuple[n.Action, ...] = ()
    tail: tuple[n.Action, ...] = ()
    names: tuple[str, ...] | None = None
    """Output columns; None where not known."""
    items: tuple[n.Expr, ...] = ()
    """Output expressions, for ORDER BY by position."""
    correlated: bool = False

    @property
    def actions(self) -> tuple[n.Action, ...]:
        """All of it in one chain."""
        return self.joins + self.wheres + self.tail


class SourceReader(ExpressionBuilder):
    """Reads FROM clauses and resolves columns; queries are left to a subclass."""

    def __init__(self, schema: Schema, sql: str) -> None:
        self.schema = schema
        self.sql = sql
        self.scope = Scope(None)
        self.keep_names = False
        """True while a correlated query is walked again with names that no query around it uses."""

    @abstractmethod
    def nested(self, tree: Any, parent: Scope | None) -> Built:
        """Walk an inner query."""

    @abstractmethod
    def values(self, tree: exp.Values) -> Built:
        """Walk a VALUES clause."""

    @abstractmethod
    def frame(self, built: Built) -> n.Frame:
        """A reference to a walked query."""

    def sources(self, tree: exp.Select) -> list[n.Join]:
        """Fill the scope's sources; give the joins as written."""
        from_ = tree.args.get("from_")
        if from_ is None:
            return []
        members: list[tuple[Any, Any]] = [(from_.this, None)]
        flatten_joins(from_.this, members)
        for join in tree.args.get("joins") or ():
            members.append((join.this, join))
            flatten_joins(join.this, members, join)
        tables = [_table_name(member) for member, _ in members]
        made = []
        for (member, _), name in zip(members, tables, strict=True):
            source, node = self.source(member, name is not None and tables.count(name) > 1)
            self.scope.sources.append(source)
            made.append((source, node))
        # All sources first: SQLite lets a condition refer to a table that is joined after it.
        return [
            self.join(node, source, join) for (source, node), (_, join) in zip(made, members, strict=True)
        ]

    def join(self, node: n.Expr, source: Source, join: Any) -> n.Join:
        """One join; its condition may name any source of the scope."""
        alias: str | None = source.qualifier
        if isinstance(node, n.ColumnRef) and node.name.lower() == source.qualifier.lower():
            alias = None
        if join is None:
            return n.Join(node, alias, "from")
        kind, natural = _join_kind(join)
        using = tuple(column.name for column in join.args.get("using") or ())
        if natural or using:
            self.scope.merged = True
            self.scope.either |= kind in ("right", "full")
        on = join.args.get("on")
        plain = on is None or (isinstance(on, exp.Boolean) and on.this)
        return n.Join(node, alias, kind, None if plain else self.expr(on), using, natural)  # type: ignore[arg-type]

    def source(self, tree: Any, twice: bool) -> tuple[Source, n.Expr]:
        """A member of the FROM clause: its names, and what a Join action brings in.

        `twice` says that its table stands in the clause more than once, so that its alias must stay.
        """
        if isinstance(tree, exp.Subquery):
            inner = unwrap(tree)
            if isinstance(inner, exp.Table):
                return self.source(inner, twice)
            alias = tree.args.get("alias")
            # A derived table sees the queries around this one, not its siblings.
            parent = Scope(self.scope.parent, ctes=self.scope.ctes)
            built = self.nested(inner, parent)
            if built.correlated:
                self.scope.correlated = True
            columns = tuple(c.name for c in alias.args.get("columns") or ()) if alias else ()
            if columns:
                built.tail = (*built.tail, n.Named(None, columns))
            frame = self.frame(built)
            name = tree.alias or self.fresh(frame.source if not frame.actions else "part")
            made = derived(name, columns or built.names)
            made.qualifier = self.qualifier(name, twice=True)
            return made, frame
        if isinstance(tree, exp.Values):
            built = self.values(tree)
            alias = tree.args.get("alias")
            columns = tuple(c.name for c in alias.args.get("columns") or ()) if alias else ()
            if columns:
                built.tail = (*built.tail, n.Named(None, columns))
            name = (alias.name if alias else "") or self.fresh("rows")
            made = derived(name, columns or built.names)
            return made, self.frame(built)
        if not isinstance(tree, exp.Table):
            raise SqlUnreadable(f"{type(tree).__name__} is not supported in FROM")
        if isinstance(tree.this, exp.Func):
            call = self.expr(tree.this)
            name = tree.alias or (call.name if isinstance(call, n.Call) else "part")
            made = derived(name, _FUNCTION_COLUMNS.get(call.name) if isinstance(call, n.Call) else None)
            return made, call
        name = tree.name
        cte = self.scope.cte(name) if not tree.args.get("db") else None
        if cte is not None:
            made = derived(tree.alias or name, cte.columns)
            made.qualifier = self.qualifier(tree.alias or cte.step, twice=True)
            return made, n.Frame(cte.step)
        table = self.schema.table(name)
        spelled = table.name if table else name
        called = tree.alias or name
        qualifier = self.qualifier(called if twice and tree.alias else spelled, twice, tree.alias)
        known = tuple(column.name for column in table.columns) if table else None
        return Source(called, qualifier, table, known), n.ColumnRef(None, spelled)

    def qualifier(self, wanted: str, twice: bool, alias: str = "") -> str:
        """A name for a source that no other source visible here has."""
        taken = {source.qualifier.lower() for source in self.scope.sources}
        if self.keep_names:
            taken |= self.scope.taken()
        if wanted.lower() in taken and alias:
            wanted = alias
        return self.fresh(wanted, taken) if wanted.lower() in taken else wanted

    def fresh(self, base: str, taken: set[str] | None = None) -> str:
        """A name like `base` that is not taken."""
        if taken is None:
            taken = {source.qualifier.lower() for source in self.scope.sources}
        number = 2
        while f"{base}_{number}".lower() in taken:
            number += 1
        return f"{base}_{number}"

    # -------------------------------------------------------------- names

    def named_window(self, name: str) -> exp.Expression | None:
        """The WINDOW clause's definition of this name."""
        for scope in self.scope.outwards():
            if name.lower() in scope.windows:
                return scope.windows[name.lower()]  # type: ignore[no-any-return]
        return None

    def column(self, tree: exp.Column) -> n.Expr:
        """Resolve a column as SQLite does: sources inside out, then output aliases, then text."""
        name, table, scope = tree.name, tree.table, self.scope
        if isinstance(tree.this, exp.Star):
            source = scope.source(table)
            return n.Star(source.qualifier if source else table)
        if table:
            source = scope.source(table, name)
            if source is None:
                known = self.schema.table(table)
                spelled = known.column(name) if known else None
                return n.ColumnRef(known.name if known else table, spelled.name if spelled else name)
            return n.ColumnRef(source.qualifier, source.column(name) or name)
        source = scope.owner(name)
        if scope.either and sum(member.column(name) is not None for member in scope.sources) > 1:
            return n.ColumnRef(None, name)  # the value of whichever side has one
        if source is not None:
            return n.ColumnRef(source.qualifier, source.column(name) or name)
        key = name.lower()
        if key in scope.aliases and key not in scope.expanding:
            scope.expanding.add(key)
            try:
                return self.expr(scope.aliases[key])
            finally:
                scope.expanding.discard(key)
        tables = [source for source in scope.sources if source.table is not None]
        if key in ROWID_NAMES and tables:
            return n.ColumnRef(tables[0].qualifier, key)
        if tree.this.args.get("quoted") and f'"{name}"' in self.sql:
            return n.Literal(name)
        unknown = [source for source in scope.sources if source.columns is None]
        if len(unknown) == 1:
            return n.ColumnRef(unknown[0].qualifier, name)
        if len(scope.sources) == 1:
            return n.ColumnRef(scope.sources[0].qualifier, name)
        return n.ColumnRef(None, name)


_FUNCTION_COLUMNS = {
    "json_each": ("key", "value", "type", "atom", "id", "parent", "fullkey", "path"),
    "json_tree": ("key", "value", "type", "atom", "id", "parent", "fullkey", "path"),
    "generate_series": ("value",),
}
"""Output columns of SQLite's table-valued functions."""


def unwrap(tree: Any) -> Any:
    """Drop parentheses around a query."""
    while isinstance(tree, exp.Subquery | exp.Paren) and not (
        tree.args.get("joins") or tree.args.get("order") or tree.args.get("limit")
    ):
        tree = tree.this
    return tree


def _table_name(tree: Any) -> str | None:
    while isinstance(tree, exp.Subquery) and isinstance(tree.this, exp.Table):
        tree = tree.this
    return tree.name.lower() if isinstance(tree, exp.Table) else None


def flatten_joins(tree: Any, members: list[tuple[Any, Any]], outer: Any = None) -> None:
    """`(a JOIN b ON …)` in parentheses: for inner joins the same as without them."""
    inner = tree
    while isinstance(inner, exp.Subquery) and isinstance(inner.this, exp.Table):
        inner = inner.this
    if inner is tree and not (isinstance(tree, exp.Table) and tree.args.get("joins")):
        return
    if outer is not None and outer.args.get("side") and inner.args.get("joins"):
        raise SqlUnreadable("joins in parentheses on the right of an outer join are not supported")
    for join in inner.args.get("joins") or ():
        members.append((join.this, join))
        flatten_joins(join.this, members, join)


def _join_kind(join: Any) -> tuple[str, bool]:
    side = (join.args.get("side") or "").lower()
    kind = (join.args.get("kind") or "").lower()
    natural = (join.args.get("method") or "").lower() == "natural"
    if side in ("left", "right", "full"):
        return side, natural
    plain = not join.args.get("on") and not join.args.get("using") and not natural
    return ("cross" if kind == "cross" or plain else "inner"), natural
