"""The sources of FROM clauses: tables, queries, functions, joins and what they merge. Part of `resolver`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Final

from sqlglot import exp

from share_sql.schema.model import Schema
from share_sql.sql.look_up import LookUp
from share_sql.sql.scopes import (
    MISSING,
    Bound,
    Cte,
    Output,
    Scope,
    Source,
    renamed,
)
from share_sql.sql.table_functions import TABLE_FUNCTIONS

WRAPPERS: Final = (exp.Subquery, exp.Paren)
"""What stands round a query or a table and says nothing more."""
Pending = tuple[exp.Expr, slice | None]
"""An expression that waits until the sources are there, with those that it may name."""


@lru_cache(maxsize=8)
def _system(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class FromClause(LookUp, ABC):
    """Resolves what stands in FROM; queries and expressions within are left to a subclass."""

    def __init__(self, schema: Schema, text: str | None) -> None:
        super().__init__(schema, text)
        self._tables: dict[str, None] = {}
        self._unknown_tables: dict[str, None] = {}
        self._unknown_sources: list[Source] = []
        self._unknown_keys: list[Bound] = []
        self._ambiguous_keys: list[Bound] = []
        self._sources: dict[int, Source] = {}

    @abstractmethod
    def _query(
        self, node: exp.Expr, parent: Scope | None, ctes: dict[str, Cte], around: Scope | None
    ) -> list[Output]:
        """Resolve a SELECT, VALUES or set operation that stands in `around`; give its result columns."""

    @abstractmethod
    def _common(self, cte: Cte, parent: Scope | None, around: Scope | None) -> None:
        """Resolve a common table expression that stands there."""

    @abstractmethod
    def _expression(self, root: exp.Expr | None, scope: Scope) -> None:
        """Resolve the columns below a node."""

    def _source(self, node: exp.Expr, scope: Scope, pending: list[Pending], start: int = 0) -> None:
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
        elif isinstance(node, WRAPPERS):
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

    def _joins(self, node: exp.Expr, scope: Scope, pending: list[Pending], start: int = 0) -> None:
        """Add the sources that are joined to those from `start` on."""
        first = start
        parts_end = self._facts.comma_parts or self._facts.comma_first
        for join in node.args.get("joins") or ():
            before = len(scope.sources)
            self._source(join.this, scope, pending)
            using = join.args.get("using")
            if using or join.method == "NATURAL":
                left, right = scope.sources[first:before], scope.sources[before:]
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
            elif parts_end and not (using or join.method or join.kind or join.side):
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
            owner.leads |= {key}
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
                where_read = self._facts.ctes_where_read
                self._common(cte, *((scope.parent, scope) if where_read else (cte.parent, cte.around)))
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
