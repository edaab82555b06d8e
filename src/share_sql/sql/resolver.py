"""The walk behind `names`: one pass over a parsed query, scope by scope. What a scope is: `scopes.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, cast

from sqlglot import exp

from share_sql.schema.model import ColumnName, Schema
from share_sql.sql.from_clause import WRAPPERS, FromClause, Pending
from share_sql.sql.look_up import name_result
from share_sql.sql.resolution import Resolution
from share_sql.sql.scopes import (
    Bound,
    Cte,
    Origin,
    Output,
    Result,
    Scope,
    Source,
    expanded,
    own_ctes,
    read_ctes,
    renamed,
)
from share_sql.sql.written import write_sql

_BINDERS: Final = frozenset({exp.Lambda, exp.Comprehension})
_FUNCTION: Final = re.compile(r"(\w+) ?\(")
_LEAVES: Final = frozenset(
    {exp.Identifier, exp.Literal, exp.Star, exp.Var, exp.DataType, exp.Null, exp.Boolean, exp.Placeholder}
)
_SUBQUERIES: Final = frozenset({exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery})
_MANY: Final = 30
"""Common table expressions of one WITH from which they are resolved in the order in which they stand."""
_FUNCTIONS_WITH_NAMES: Final = (exp.Kwarg, exp.PropertyEQ)
"""`days => 10`, `'a': 1`: what stands before the sign is no column."""


class Resolver(FromClause):
    """Resolves one query; made anew for each."""

    def __init__(self, schema: Schema, text: str | None) -> None:
        super().__init__(schema, text)
        self._variables: list[str] = []
        """What lambdas and list comprehensions call their own, around what is resolved just now."""
        self._scopes: list[Scope] = []
        self._arms: dict[int, Scope] = {}
        self._ctes: dict[int, Cte] = {}
        self._declared: list[Cte] = []
        self._names: dict[int, Bound] = {}

    def run(self, tree: exp.Query) -> Resolution:
        """Resolve the whole tree."""
        outputs = self._query(tree, None, {}, None)
        read = {column.table for column in self._columns}
        self._columns.update(ColumnName(table, "*") for table in self._tables if table not in read)
        columns, tables, names = frozenset(self._columns), tuple(self._tables), self._names
        scopes = tuple(self._scopes)
        # What nothing reads has no part in the query; but most databases look for its names.
        faults = self._faults() if not self._facts.all_ctes_checked else None
        self._names = {}
        for cte in self._declared:
            if not cte.busy:
                self._common(cte, cte.parent, cte.around)
        unread = self._names
        self._names = names | unread
        return Resolution(
            columns=columns,
            tables=tables,
            outputs=tuple(outputs),
            scopes=scopes,
            arms=self._arms,
            sources=self._sources,
            ctes=self._ctes,
            names=names,
            unread=unread,
            tree=tree,
            **(faults or self._faults()),
        )

    def _faults(self) -> dict[str, Any]:
        """The faults found so far, as `Resolution` has them."""
        names = self._names.values()
        unknown = (name for name in names if name.status in ("unknown", "unknown-source"))
        return {
            "unknown_tables": tuple(self._unknown_tables),
            "unknown_sources": tuple(self._unknown_sources),
            "unknown_columns": (*self._unknown_keys, *unknown),
            "ambiguous": (*self._ambiguous_keys, *(n for n in names if n.status == "ambiguous")),
        }

    # ------------------------------------------------------------------ queries

    def _query(
        self,
        node: exp.Expr,
        parent: Scope | None,
        ctes: dict[str, Cte],
        around: Scope | None,
        cte: Cte | None = None,
    ) -> list[Output]:
        """Resolve a SELECT, VALUES or set operation that stands in `around`; give its result columns."""
        combined: list[exp.SetOperation] = []
        while True:
            if node.args.get("with_") is not None:
                own, ctes = own_ctes(node, ctes, self._spell, self._key, self._facts.ctes_in_order)
                for each in own:
                    each.parent, each.around = parent, around
                self._declared += own
                # Each where it is first read would go as deep as they are many.
                for each in read_ctes(node, own, ctes, self._key) if len(own) > _MANY else ():
                    if each.outputs is None and not each.busy:
                        self._common(each, parent, around)
            if isinstance(node, exp.SetOperation):
                combined.append(node)
            elif not isinstance(node, WRAPPERS):
                break
            node = node.this
        first = Scope(node, parent, ctes, around)
        outputs = self._arm(node, first)
        if not combined:
            return outputs
        key = str if self._folds else str.lower
        names = {key(name): Result(name, origin) for name, origin in reversed(outputs)}
        for operation in reversed(combined):
            if cte is not None and cte.outputs is None:
                # What comes after the first SELECT of a recursive CTE sees the columns of the first.
                cte.outputs = renamed(outputs, cte.names)
            other = self._query(operation.expression, parent, ctes, around)
            # ORDER BY may call a column what any of the SELECTs calls it; the result has the first's names.
            for (name, _), (alias, origin) in zip(outputs, other, strict=False):
                if self._facts.any_members_names:
                    names.setdefault(key(alias), Result(name, origin))
            outputs = [
                (name, origin if at < len(other) and other[at][1] == origin else None)
                for at, (name, origin) in enumerate(outputs)
            ]
            first.aliases = names
            self._order(operation.args.get("order"), first)
            for clause in ("limit", "offset"):
                self._expression(operation.args.get(clause), first)
        return outputs

    def _common(self, cte: Cte, parent: Scope | None, around: Scope | None) -> None:
        """Resolve a common table expression that stands there."""
        cte.busy = True
        self._ctes[id(cte.node)] = cte
        cte.outputs = renamed(self._query(cte.node, parent, cte.scope, around, cte), cte.names)

    def _arm(self, node: exp.Expr, scope: Scope) -> list[Output]:
        """Resolve one SELECT, or what stands for one: VALUES, a table in parentheses."""
        self._arms[id(node)] = scope
        # What may name any of the sources, so that it has to wait until all are there.
        pending: list[Pending] = []
        if not isinstance(node, exp.Select):
            self._source(node, scope, pending)
            outputs = [output for source in scope.sources for output in source.outputs()]
            self._wait_is_over(pending, scope)
            return outputs
        self._scopes.append(scope)
        args = node.args
        start = args.get("from_")
        if start is not None:
            self._source(start.this, scope, pending)
        self._joins(node, scope, pending)
        for lateral in args.get("laterals") or ():
            self._add(self._new_source(lateral.alias, lateral), scope)
            pending.append((lateral, None))
        self._items(node, scope)
        # From here on the clauses may name result aliases, each as far as the dialect lets it.
        outputs = list(self._outputs(node, scope))
        known = self._facts.aliases_in
        scope.shown = scope.aliases if self._facts.on_sees_all else {}
        self._wait_is_over(pending, scope)
        for key in ("where", "having", "windows", "qualify", "distinct", "limit", "offset"):
            scope.shown = scope.aliases if key in known or (key != "where" and "where" in known) else {}
            value = args.get(key)
            for part in value if isinstance(value, list) else (value,) if value is not None else ():
                self._expression(part, scope)
        # SQLite does not let GROUP BY and ORDER BY refer to the query around (resolveSelectStep).
        parent = scope.parent
        if not self._facts.outer_keys:
            scope.parent = None
        self._group(args.get("group"), scope)
        self._order(args.get("order"), scope)
        scope.parent = parent
        return outputs

    def _wait_is_over(self, pending: list[Pending], scope: Scope) -> None:
        for item, window in pending:
            scope.window = window
            self._expression(item, scope)
        scope.window = None

    def _items(self, node: exp.Select, scope: Scope) -> None:
        """Resolve the select list."""
        for item in node.expressions:
            if isinstance(item, exp.Star):
                for source in scope.sources:
                    self._star(source)
                self._star_changes(item, scope)
            else:
                self._expression(item, scope)
            if self._facts.aliases_before and isinstance(item, exp.Alias):
                name = self._spell(item.args["alias"])
                result = Result(name, self._origin(item.this), item)
                scope.aliases.setdefault(self._key(item.args["alias"]), result)
                scope.shown = scope.aliases

    def _star_changes(self, star: exp.Expr, scope: Scope) -> None:
        """What `* EXCLUDE (…) REPLACE (…)` names."""
        for key in ("except_", "replace"):
            for part in star.args.get(key) or ():
                self._expression(part, scope)

    def _outputs(self, node: exp.Select, scope: Scope) -> Iterator[Output]:
        for item in node.expressions:
            if isinstance(item, exp.Alias):
                origin = self._origin(item.this)
                name = self._spell(item.args["alias"])
                scope.aliases.setdefault(self._key(item.args["alias"]), Result(name, origin, item))
                yield name, origin
            elif item.is_star:
                # SQLite writes a star out, so that its columns count as result aliases.
                for source, name, origin in expanded(item, scope.sources, self._facts):
                    if not self._facts.outputs_named:
                        key = source.column_key(name)
                        scope.aliases.setdefault(key, Result(name, origin, source=source))
                    yield name, origin
            elif isinstance(item, exp.Column):
                bound = self._names[id(item)]
                spelled = not bound.path and bound.source and bound.source.spelled(self._spell(item.this))
                yield spelled or self._spell(item.this), bound.origin
            elif self._folds:
                yield _given_name(item, self._facts.name), self._origin(item)
            else:
                yield "", self._origin(item)

    def _group(self, group: exp.Expr | None, scope: Scope) -> None:
        if group is None:
            return
        if not self._facts.aliases_whole:
            scope.shown = scope.aliases if "group" in self._facts.aliases_in else {}
            self._expression(group, scope)
            return
        for key in group.iter_expressions():
            # A whole term that no source has may be a result alias.
            scope.shown = scope.aliases if isinstance(key, exp.Column) and not key.table else {}
            self._expression(key, scope)
        scope.shown = {}

    def _order(self, order: exp.Expr | None, scope: Scope) -> None:
        scope.shown = {} if self._facts.aliases_whole else scope.aliases
        for key in order.expressions if order is not None else ():
            bare = key.this
            while isinstance(bare, (exp.Paren, exp.Collate)):
                bare = bare.this
            # A whole ORDER BY term that is a result alias is that column, even where a source has one
            # of the same name; everywhere else the source's column comes first.
            if isinstance(bare, exp.Column) and not bare.table and self._key(bare.this) in scope.aliases:
                bound = self._names[id(bare)] = Bound(bare, scope, "alias")
                name_result(bound, scope.aliases[self._key(bare.this)])
                if bound.origin is not None:
                    self._columns.add(bound.origin)
            else:
                self._expression(key, scope)
                self._by_output(bare, scope)

    def _by_output(self, node: exp.Expr, scope: Scope) -> None:
        """Where a name that several sources have is a plain column of the result, it is that column."""
        bound = self._names.get(id(node))
        if bound is None or bound.status != "ambiguous" or not self._facts.outputs_named:
            return
        if not isinstance(scope.select, exp.Select):
            return
        key, named = self._key(bound.node.this), dict[tuple[int, Origin], Source]()
        for item in scope.select.expressions:
            if item.is_star:
                for source, name, origin in expanded(item, scope.sources, self._facts):
                    if source.column_key(name) == key:
                        named[id(source), origin] = source
            elif isinstance(item, exp.Column) and not item.is_star and self._key(item.this) == key:
                other = self._names[id(item)]
                if other.source is not None and not other.path:
                    named[id(other.source), other.origin] = other.source
        if len(named) == 1:
            ((_, bound.origin), bound.source) = next(iter(named.items()))
            bound.status, bound.choices = "bound", ()

    # -------------------------------------------------------------- expressions

    def _expression(self, root: exp.Expr | None, scope: Scope) -> None:
        """Resolve the columns below a node. Own stack: chains of AND may be thousands deep."""
        if root is None:
            return
        stack = [root]
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is exp.Column:
                self._column(cast(exp.Column, node), scope)
            elif kind in _SUBQUERIES:
                self._query(node, scope, scope.ctes, scope)
            elif kind is exp.Collate:
                stack.append(node.this)
            elif kind is exp.In and isinstance(field := node.args.get("field"), exp.Column):
                if self._facts.in_table:  # it reads the table
                    self._sources[id(field)] = self._named(field, field.args.get("table"), "", scope)
                    stack.append(node.this)
                else:
                    stack += [field, node.this]
            elif kind in _BINDERS:
                self._with_variables(node, scope)
            elif kind in _FUNCTIONS_WITH_NAMES:
                stack.append(node.expression)
            elif kind not in _LEAVES:
                stack += node.iter_expressions(reverse=True)

    def _with_variables(self, node: exp.Expr, scope: Scope) -> None:
        """Resolve a lambda or a list comprehension, whose variables are no columns."""
        variables = node.expressions if isinstance(node, exp.Lambda) else [node.expression]
        own = [name.name.lower() for name in variables]
        self._expression(node.args.get("iterator"), scope)
        self._variables += own
        for part in (node.this, node.args.get("condition")):
            self._expression(part, scope)
        del self._variables[len(self._variables) - len(own) :]

    def _origin(self, node: exp.Expr) -> Origin:
        name = self._names.get(id(node.unnest()))
        return name.origin if name is not None and not name.path else None

    def _column(self, node: exp.Column, scope: Scope) -> None:
        if self._variables and node.parts[0].name.lower() in self._variables:
            return
        bound = self._names[id(node)] = Bound(node, scope, "unknown")
        if isinstance(node.this, exp.Star):
            qualifier = self._table_key(node.args["table"])
            known = [source for source in scope.visible if source.key == qualifier]
            for source in known:
                self._star(source)
            self._star_changes(node.this, scope)
            bound.status = "bound" if known else "unknown-source"
            bound.source = next(iter(known), None)
            return
        before = node.args.get("table")
        owner = self._look_up(bound, self._key(node.this), self._qualifier(node) if before else "")
        if before and bound.status in ("unknown", "unknown-source") and self._facts.fields:
            owner = self._field(bound) or owner
        if owner is not scope and owner is not None:
            scope.refers_to(owner)
        if bound.origin is not None:
            self._columns.add(bound.origin)


def _given_name(item: exp.Expr, dialect: str) -> str:
    """What PostgreSQL calls a result column that has no name: its function's name; empty for others."""
    while isinstance(item, exp.Paren | exp.Cast | exp.Filter | exp.Window | exp.WithinGroup):
        item = item.this
    if isinstance(item, exp.Case):
        return "case"
    if isinstance(item, exp.Column):
        return item.name
    match = _FUNCTION.match(write_sql(item, dialect)) if isinstance(item, exp.Func) else None
    return match[1].lower() if match is not None else ""
