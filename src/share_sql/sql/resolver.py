"""The walk behind `names`: one pass over a parsed query, scope by scope. What a scope is: `scopes.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, cast

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.schema.model import ColumnName, Schema, Table
from share_sql.sql.resolution import Resolution
from share_sql.sql.scopes import (
    MISSING,
    Bound,
    Cte,
    Origin,
    Output,
    Result,
    Scope,
    Source,
    column_key,
    expanded,
    own_ctes,
    read_ctes,
    renamed,
    rowid_column,
    spelling,
    table_key,
)
from share_sql.sql.table_functions import TABLE_FUNCTIONS
from share_sql.sql.written import write_sql

_BINDERS: Final = frozenset({exp.Lambda, exp.Comprehension})
_FUNCTION: Final = re.compile(r"(\w+) ?\(")
_LEAVES: Final = frozenset(
    {exp.Identifier, exp.Literal, exp.Star, exp.Var, exp.DataType, exp.Null, exp.Boolean, exp.Placeholder}
)
_SUBQUERIES: Final = frozenset({exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery})
_WRAPPERS: Final = (exp.Subquery, exp.Paren)
_MANY: Final = 30
"""Common table expressions of one WITH from which they are resolved in the order in which they stand."""
_FUNCTIONS_WITH_NAMES: Final = (exp.Kwarg, exp.PropertyEQ)
"""`days => 10`, `'a': 1`: what stands before the sign is no column."""
_Pending = tuple[exp.Expr, slice | None]
"""An expression that waits until the sources are there, with those that it may name."""


@lru_cache(maxsize=8)
def _system(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class Resolver:
    """Resolves one query; made anew for each."""

    def __init__(self, schema: Schema, text: str | None) -> None:
        self._schema = schema
        self._facts = dialect_of(schema.dialect)
        self._folds = self._facts.name_case == "folded"
        self._exact = self._facts.name_case != "ignored"
        self._text = text
        self._variables: list[str] = []
        """What lambdas and list comprehensions call their own, around what is resolved just now."""
        self._columns: set[ColumnName] = set()
        self._tables: dict[str, None] = {}
        self._unknown_tables: dict[str, None] = {}
        self._unknown_sources: list[Source] = []
        self._unknown_keys: list[Bound] = []
        self._ambiguous_keys: list[Bound] = []
        self._scopes: list[Scope] = []
        self._arms: dict[int, Scope] = {}
        self._sources: dict[int, Source] = {}
        self._ctes: dict[int, Cte] = {}
        self._declared: list[tuple[Cte, Scope | None, Scope | None]] = []
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
        for cte, parent, around in self._declared:
            if not cte.busy:
                self._common(cte, parent, around)
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

    # -------------------------------------------------------------------- names

    def _spell(self, node: exp.Expr) -> str:
        return spelling(node, self._facts)

    def _key(self, node: exp.Expr) -> str:
        return column_key(node, self._facts)

    def _table_key(self, node: exp.Expr) -> str:
        return table_key(node, self._facts)

    def _new_source(self, label: str, node: exp.Expr, table: Table | None = None, **more: Any) -> Source:
        rows = self._facts.row_ids if table is not None and not table.is_view else frozenset()
        return Source(label, node, table, exact=self._exact, folded=self._folds, row_ids=rows, **more)

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
                self._declared += [(each, parent, around) for each in own]
                # Each where it is first read would go as deep as they are many.
                for each in read_ctes(node, own, ctes, self._key) if len(own) > _MANY else ():
                    if each.outputs is None and not each.busy:
                        self._common(each, parent, around)
            if isinstance(node, exp.SetOperation):
                combined.append(node)
            elif not isinstance(node, _WRAPPERS):
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
        """Resolve a common table expression, as if it stood where it is first read."""
        cte.busy = True
        self._ctes[id(cte.node)] = cte
        cte.outputs = renamed(self._query(cte.node, parent, cte.scope, around, cte), cte.names)

    def _arm(self, node: exp.Expr, scope: Scope) -> list[Output]:
        """Resolve one SELECT, or what stands for one: VALUES, a table in parentheses."""
        self._arms[id(node)] = scope
        # What may name any of the sources, so that it has to wait until all are there.
        pending: list[_Pending] = []
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

    def _wait_is_over(self, pending: list[_Pending], scope: Scope) -> None:
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
                _name_result(bound, scope.aliases[self._key(bare.this)])
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

    # ------------------------------------------------------------------ sources

    def _source(self, node: exp.Expr, scope: Scope, pending: list[_Pending], start: int = 0) -> None:
        """Add what one FROM item names; leave expressions to `pending`. Sources from `start` on stand beside
        it."""
        first = len(scope.sources)
        alias = node.args.get("alias")
        called = alias.this if isinstance(alias, exp.TableAlias) else alias
        label = self._spell(called) if isinstance(called, exp.Identifier) else ""
        columns = [self._spell(column) for column in alias.args.get("columns") or ()] if alias else []
        beside = None if self._facts.on_sees_all else slice(start, first)
        outputs: list[Output] | None
        if isinstance(node, exp.Table):
            if isinstance(node.this, exp.Identifier):
                source = self._named(node, node.args.get("db"), label, scope)
                if columns and not source.open:
                    given = renamed(list(source.outputs()), columns)
                    source = self._new_source(source.name, node, given=given, cte=source.cte)
                self._add(source, scope)
            else:
                # A table-valued function, whose arguments may name columns of the other sources.
                name = (
                    node.this.name if isinstance(node.this, exp.Anonymous) else getattr(node.this, "key", "")
                )
                listed = TABLE_FUNCTIONS.get(self._facts.name, {}).get(name.lower())
                outputs = [(column, None) for column in columns or listed or ()]
                self._add(self._new_source(label or name, node, given=outputs or None), scope)
                pending += [(node.this, beside)] if isinstance(node.this, exp.Expr) else []
            self._joins(node, scope, pending, first)
        elif isinstance(node, _WRAPPERS):
            inner = node.unnest()
            if isinstance(inner, exp.Table):
                # Tables joined in parentheses: without an alias they stay visible under their own names.
                inside = scope if not label else Scope(node, scope.parent, scope.ctes, scope)
                self._source(inner, inside, pending, len(inside.sources))
                if label:
                    outputs = [output for source in inside.sources for output in source.outputs()]
                    parts = tuple(inside.sources)
                    self._add(self._new_source(label, node, given=outputs, parts=parts), scope)
                    scope.sources += [source for source in inside.sources if source.name != label]
                    for source in inside.sources:
                        source.merged |= {source.column_key(name) for name, _ in source.outputs()}
            else:
                self._derived(node, label, columns, scope, beside if self._facts.implied_lateral else None)
            self._joins(node, scope, pending, first)
        elif isinstance(node, exp.Values):
            rows = node.expressions
            width = len(rows[0].expressions) if rows and isinstance(rows[0], exp.Tuple) else 1
            outputs = [(f"column{at + 1}", None) for at in range(width)]
            self._add(self._new_source(label, node, given=renamed(outputs, columns)), scope)
            # Like any query in FROM it sees the queries around, not its neighbours.
            within = Scope(node, scope.parent, scope.ctes, scope)
            for row in rows:
                self._expression(row, within)
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            self._derived(node.this, label, columns, scope, beside)
            self._sources[id(node)] = scope.sources[-1]
        else:
            # A function's or a list's rows: UNNEST, LATERAL f(…).
            offset = node.args.get("offset") or (
                node.this.args.get("offset") if isinstance(node, exp.Lateral) else None
            )
            if columns and isinstance(offset, exp.Identifier):
                columns.append(self._spell(offset))
            outputs = [(column, None) for column in columns]
            self._add(self._new_source(label, node, given=outputs or None), scope)
            for part in node.iter_expressions():
                if part is not alias and not isinstance(part, exp.Identifier):
                    pending.append((part, beside))

    def _derived(
        self, node: exp.Expr, label: str, columns: list[str], scope: Scope, beside: slice | None
    ) -> None:
        """Add a query in FROM; `beside` are the sources that it may refer to, None where it may to none."""
        before, scope.window = scope.window, beside
        parent = scope.parent if beside is None or beside.start == beside.stop else scope
        outputs = self._query(node, parent, scope.ctes, scope)
        scope.window = before
        self._add(self._new_source(label, node, given=renamed(outputs, columns)), scope)

    def _add(self, source: Source, scope: Scope) -> None:
        scope.sources.append(source)
        self._sources[id(source.node)] = source

    def _joins(self, node: exp.Expr, scope: Scope, pending: list[_Pending], start: int = 0) -> None:
        """Add the sources that are joined to those from `start` on."""
        first = start
        for join in node.args.get("joins") or ():
            before = len(scope.sources)
            self._source(join.this, scope, pending)
            using = join.args.get("using")
            if using or join.method == "NATURAL":
                left, right = scope.sources[:before], scope.sources[before:]
                names = [
                    self._spell(column.this if isinstance(column, exp.Column) else column)
                    for column in using or ()
                ]
                names = names or [name for source in right for name, _ in source.outputs()]
                self._merge(join, names, left, right, scope)
            condition = join.args.get("on")
            if condition is not None:
                window = None if self._facts.on_sees_all else slice(first, len(scope.sources))
                pending.append((condition, window))
            elif self._facts.comma_parts and not (using or join.method or join.kind or join.side):
                first = before

    def _merge(
        self, join: exp.Join, names: list[str], left: list[Source], right: list[Source], scope: Scope
    ) -> None:
        """Link the columns that USING or NATURAL compares, and make them one for later look-ups."""
        for name in names:
            key = name if self._folds else name.lower()
            owner = next((source for source in left if source.find(key) is not MISSING), None)
            partners = [source for source in right if source.find(key) is not MISSING]
            if owner is None or not partners:
                if join.args.get("using") and not any(side.open for side in (*left, *right)):
                    self._unknown_keys.append(Bound(exp.column(name), scope, "unknown"))
                continue
            apart = [s for s in left if key not in s.merged and s.find(key) is not MISSING]
            doubled = self._facts.outputs_unique and any(key in s.doubled for s in (*apart, *partners))
            if (len(apart) > 1 or len(partners) > 1 or doubled) and self._facts.outputs_named:
                twice = Bound(exp.column(name), scope, "ambiguous", apart[0], choices=tuple(apart))
                self._ambiguous_keys.append(twice)
            if join.side in ("RIGHT", "FULL"):
                owner.either |= {key}
            for source in partners:
                source.merged |= {key}
            self._columns.update(origin for each in (owner, *partners) if (origin := each.find(key)))

    def _named(self, node: exp.Expr, db: exp.Expr | None, alias: str, scope: Scope) -> Source:
        """The source that a table name stands for: a CTE, a schema table, or unknown."""
        place = node.this if isinstance(node.this, exp.Expr) else node
        name = self._spell(place)
        label = alias or name
        cte = scope.ctes.get(self._key(place)) if not db else None
        if cte is not None:
            if cte.outputs is None and not cte.busy:
                self._common(cte, scope.parent, scope)
            if cte.outputs is not None:
                return self._new_source(label, node, given=cte.outputs, cte=cte)
        table = self._table(name, self._spell(db) if db is not None and db.name else "")
        if table is not None:
            self._tables[table.name] = None
            return self._new_source(label, node, table)
        source = self._new_source(label, node)
        written = f"{db.name}.{place.name}" if db is not None and db.name else place.name
        known = written.lower().removeprefix("main.")
        if cte is None and not _system(self._facts.system_tables).match(known):
            self._unknown_tables[written] = None
            self._unknown_sources.append(source)
        return source

    def _table(self, name: str, namespace: str) -> Table | None:
        """The schema's table of this name in this namespace; without one, as the search path finds it."""
        for wanted in (f"{namespace}.{name}", name) if namespace else (name,):
            table = self._schema.table(wanted)
            if table is None or (self._exact and wanted not in (table.name, table.own)):
                continue
            if not namespace:
                # `"sales.orders"` in quotes is no table of the namespace sales.
                return table if table.namespace is None or table.name == table.own else None
            if table.namespace is not None:
                same = table.namespace == namespace
                if same or (not self._exact and table.namespace.lower() == namespace.lower()):
                    return table
                continue
            before = self._facts.before_tables
            lower = namespace.lower()
            if before is None or lower in before or (self._exact and lower == self._schema.name.lower()):
                return table
        return None

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

    def _qualifier(self, node: exp.Column) -> str:
        """What stands before a column, as sources are compared with it."""
        return self._table_key(node.args["table"])

    def _in_namespace(self, node: exp.Column, source: Source) -> bool:
        """Whether `namespace.table.column` may mean a source."""
        place = node.args.get("db")
        if place is None or source.table is None or source.table.namespace is None:
            return True
        return str(place.name).lower() == source.table.namespace.lower()

    def _field(self, bound: Bound) -> Scope | None:
        """Try `column.field.field` and `table.column.field`: fields of a structure."""
        parts = [part for part in bound.node.parts if isinstance(part, exp.Identifier)]
        for at in (1, 0):
            if at + 1 >= len(parts):
                continue
            trial = Bound(bound.node, bound.scope, "unknown")
            qualifier = self._table_key(parts[at - 1]) if at else ""
            owner = self._look_up(trial, self._key(parts[at]), qualifier, placed=False)
            if trial.whole:
                continue
            if trial.status not in ("unknown", "unknown-source", "ambiguous") and not (
                trial.status == "text" or (trial.source is not None and trial.source.open and at == 0)
            ):
                bound.status, bound.source, bound.origin = trial.status, trial.source, trial.origin
                bound.result = trial.result
                bound.path = tuple(part.name for part in parts[at + 1 :])
                bound.name = parts[at].name
                return owner
        return None

    def _look_up(self, bound: Bound, name: str, qualifier: str, placed: bool = True) -> Scope | None:
        """Find what a name stands for; give the scope that has it. `placed`: what stands before the qualifier
        is a namespace."""
        # The sources that may have the name: one whose columns are not known, one the qualifier means.
        guess: tuple[Source, Scope] | None = None
        meant: tuple[Source, Scope] | None = None
        within: Scope | None = bound.scope
        while within is not None:
            sources = within.visible
            if qualifier:
                sources = [
                    source
                    for source in sources
                    if source.key == qualifier and (not placed or self._in_namespace(bound.node, source))
                ]
                if sources and meant is None:
                    meant = sources[0], within
            hits: list[tuple[Source, Origin]] = []
            for source in sources:
                found = source.find(name)
                if found is not MISSING and not (hits and name in source.merged):
                    hits.append((source, found))
            if not hits and name in self._facts.row_ids:
                rows = [(s, self._row_id(s.table)) for s in sources if s.table and not s.table.is_view]
                hits = rows if len(rows) == 1 else []
            if hits:
                bound.source, bound.origin = hits[0]
                bound.status = "bound"
                if len(hits) == 1 and self._facts.outputs_unique and name in hits[0][0].doubled:
                    hits *= 2
                if len(hits) > 1:
                    bound.status, bound.origin = "ambiguous", None
                    bound.choices = tuple(source for source, _ in hits)
                return within
            if guess is None:
                guess = next(((source, within) for source in sources if source.open), None)
            if not qualifier and name in within.shown:
                _name_result(bound, within.shown[name])
                return within
            if not qualifier and self._facts.row_names:
                rows_of = [source for source in sources if source.name and source.key == name]
                if len(rows_of) == 1:
                    bound.status, bound.source, bound.whole = "bound", rows_of[0], True
                    self._star(rows_of[0])
                    return within
            within = within.parent
        # SQLite calls a virtual table's hidden column, as in `docs MATCH 'x'`, by the table's name.
        if guess is None and isinstance(bound.node.parent, exp.Match | exp.Anonymous) and not qualifier:
            guess = next(((s, bound.scope) for s in bound.scope.sources if s.key == name), None)
        if not qualifier and self._is_text(bound.node) and not (guess and self._schema.tables_with(name)):
            bound.status = "text"
            return None
        if guess is not None:
            bound.status = "bound"
        elif qualifier and meant is None:
            bound.status = "unknown-source"
        bound.source, owner = guess or meant or (None, None)
        # A bare name that an unknown table around may have is no reference to it.
        return owner if qualifier else None

    def _row_id(self, table: Table) -> Origin:
        return rowid_column(table) if self._facts.row_id_is_key else None

    def _origin(self, node: exp.Expr) -> Origin:
        name = self._names.get(id(node.unnest()))
        return name.origin if name is not None and not name.path else None

    def _star(self, source: Source) -> None:
        if source.table is not None:
            self._columns.add(ColumnName(source.table.name, "*"))

    def _is_text(self, node: exp.Column) -> bool:
        """Whether the database reads this name, which is no column, as text: it is in double quotes."""
        name = node.this
        if not self._facts.quoted_text or not name.args.get("quoted"):
            return False
        start = name.meta.get("start")
        return self._text is None or start is None or self._text[start : start + 1] not in {"`", "["}


def _name_result(bound: Bound, result: Result) -> None:
    """Bind a name to a result column; to a source's where a star brought that in."""
    bound.status = "alias" if result.source is None else "bound"
    bound.source, bound.origin, bound.result = result.source, result.origin, result


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
