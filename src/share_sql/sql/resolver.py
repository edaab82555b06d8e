"""The walk behind `link`: one pass over a parsed query, scope by scope.

Imported by `link` when it is needed, as sqlglot is heavy. What a scope is: `scopes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, cast

from sqlglot import exp

from share_sql.schema.model import ColumnName, Schema
from share_sql.sql.literals import COMPARISONS, Comparison, literal_uses
from share_sql.sql.names import Resolution
from share_sql.sql.scopes import (
    MISSING,
    ROWID,
    Bound,
    Cte,
    Origin,
    Output,
    Scope,
    Source,
    Status,
    renamed,
    rowid_column,
    with_ctes,
)

_LEAVES: Final = frozenset(
    {exp.Identifier, exp.Literal, exp.Star, exp.Var, exp.DataType, exp.Null, exp.Boolean, exp.Placeholder}
)
_SUBQUERIES: Final = frozenset({exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery})
_MAIN: Final = frozenset({"", "main", "temp"})
_SYSTEM: Final = re.compile(r"(?:sqlite_|pragma_|information_schema\.|pg_catalog\.)|dbstat\Z")
# Columns of the table-valued functions that come with SQLite (sqlite.org/json1.html, series.c).
_JSON: Final = ["key", "value", "type", "atom", "id", "parent", "fullkey", "path", "json", "root"]
_FUNCTIONS: Final = {
    "json_each": _JSON,
    "json_tree": _JSON,
    "generate_series": ["value", "start", "stop", "step"],
    "generateseries": ["value", "start", "stop", "step"],
}


class Resolver:
    """Resolves one query; made anew for each."""

    def __init__(self, schema: Schema, text: str | None) -> None:
        self._schema = schema
        self._text = text
        self._columns: set[ColumnName] = set()
        self._tables: dict[str, None] = {}
        self._unknown_tables: dict[str, None] = {}
        self._unknown_sources: list[Source] = []
        self._unknown_keys: list[Bound] = []
        self._scopes: list[Scope] = []
        self._names: dict[int, Bound] = {}
        self._comparisons: list[Comparison] = []

    def run(self, tree: exp.Query) -> Resolution:
        """Resolve the whole tree."""
        outputs = self._query(tree, None, {})
        read = {column.table for column in self._columns}
        self._columns.update(ColumnName(table, "*") for table in self._tables if table not in read)
        names = self._names.values()
        unknown = (name for name in names if name.status in ("unknown", "unknown-source"))
        return Resolution(
            columns=frozenset(self._columns),
            tables=tuple(self._tables),
            unknown_tables=tuple(self._unknown_tables),
            unknown_sources=tuple(self._unknown_sources),
            unknown_columns=(*self._unknown_keys, *unknown),
            ambiguous=tuple(name for name in names if name.status == "ambiguous"),
            literals=literal_uses(self._comparisons, self._names),
            outputs=tuple(outputs),
            scopes=tuple(self._scopes),
            names=self._names,
            tree=tree,
        )

    # ------------------------------------------------------------------ queries

    def _query(
        self, node: exp.Expr, parent: Scope | None, ctes: dict[str, Cte], cte: Cte | None = None
    ) -> list[Output]:
        """Resolve a SELECT, VALUES or set operation; give its result columns."""
        combined: list[exp.SetOperation] = []
        while True:
            ctes = with_ctes(node, ctes)
            if isinstance(node, exp.SetOperation):
                combined.append(node)
            elif not isinstance(node, exp.Subquery | exp.Paren):
                break
            node = node.this
        if not combined:
            return self._arm(node, parent, ctes)[0]
        outputs, first = self._arm(node, parent, ctes)
        names: dict[str, tuple[Source | None, Origin]] = {n.lower(): (None, origin) for n, origin in outputs}
        for operation in reversed(combined):
            if cte is not None and cte.outputs is None:
                # What comes after the first SELECT of a recursive CTE sees the columns of the first.
                cte.outputs = renamed(outputs, cte.names)
            other = self._query(operation.expression, parent, ctes)
            outputs = [
                (name, origin if at < len(other) and other[at][1] == origin else None)
                for at, (name, origin) in enumerate(outputs)
            ]
            for name, origin in other:
                names.setdefault(name.lower(), (None, origin))
            first.aliases = names
            self._order(operation.args.get("order"), first)
            for key in ("limit", "offset"):
                self._expression(operation.args.get(key), first)
        return outputs

    def _arm(self, node: exp.Expr, parent: Scope | None, ctes: dict[str, Cte]) -> tuple[list[Output], Scope]:
        scope = Scope(node, parent, ctes)
        if not isinstance(node, exp.Select):
            # VALUES, or a table in parentheses.
            self._source(node, scope)
            return [output for source in scope.sources for output in source.outputs()], scope
        self._scopes.append(scope)
        args = node.args
        pending: list[exp.Expr] = []
        start = args.get("from_")
        if start is not None:
            pending += self._source(start.this, scope)
        pending += self._joins(args.get("joins"), scope)
        for lateral in args.get("laterals") or ():
            scope.sources.append(Source(lateral.alias, lateral))
            pending.append(lateral)
        for item in node.expressions:
            if isinstance(item, exp.Star):
                for source in scope.sources:
                    self._star(source)
            else:
                self._expression(item, scope)
        # From here on: SQLite shows result aliases to every clause but the select list itself.
        outputs = list(self._outputs(node, scope))
        for item in pending:
            self._expression(item, scope)
        for key in ("where", "having", "windows", "qualify", "distinct", "limit", "offset"):
            value = args.get(key)
            for part in value if isinstance(value, list) else [value]:
                self._expression(part, scope)
        # SQLite does not let GROUP BY and ORDER BY refer to the query around (resolveSelectStep).
        scope.parent = None
        self._expression(args.get("group"), scope)
        self._order(args.get("order"), scope)
        scope.parent = parent
        return outputs, scope

    def _outputs(self, node: exp.Select, scope: Scope) -> Iterator[Output]:
        for item in node.expressions:
            if isinstance(item, exp.Alias):
                origin = self._origin(item.this)
                scope.aliases.setdefault(item.alias.lower(), (None, origin))
                yield item.alias, origin
            elif item.is_star:
                # SQLite writes a star out, so that its columns count as result aliases.
                for source, name, origin in _expanded(item, scope.sources):
                    scope.aliases.setdefault(name.lower(), (source, origin))
                    yield name, origin
            else:
                yield item.name if isinstance(item, exp.Column) else "", self._origin(item)

    def _order(self, order: exp.Expr | None, scope: Scope) -> None:
        for key in order.expressions if order is not None else ():
            bare = key.this
            while isinstance(bare, exp.Paren | exp.Collate):
                bare = bare.this
            # A whole ORDER BY term that is a result alias is that column, even where a source has one
            # of the same name; everywhere else the source's column comes first.
            if isinstance(bare, exp.Column) and not bare.table and bare.name.lower() in scope.aliases:
                self._alias(bare, scope, scope)
            else:
                self._expression(key, scope)

    # ------------------------------------------------------------------ sources

    def _source(self, node: exp.Expr, scope: Scope) -> list[exp.Expr]:
        """Add what one FROM item names; give the expressions to resolve when all sources are there."""
        pending: list[exp.Expr] = []
        alias = node.args.get("alias")
        label = alias.name if alias is not None else ""
        columns = [column.name for column in alias.args.get("columns") or ()] if alias is not None else []
        if isinstance(node, exp.Table):
            pending += self._table(node, label, scope)
            pending += self._joins(node.args.get("joins"), scope)
        elif isinstance(node, exp.Subquery | exp.Paren):
            inner = node.unnest()
            if isinstance(inner, exp.Table):
                # Tables joined in parentheses: without an alias they stay visible under their own names.
                inside = scope if not label else Scope(node, scope.parent, scope.ctes)
                pending += self._source(inner, inside)
                if label:
                    outputs = [output for source in inside.sources for output in source.outputs()]
                    scope.sources.append(Source(label, node, outputs=outputs))
                    scope.sources += [source for source in inside.sources if source.key != label.lower()]
                    for source in inside.sources:
                        source.merged.update(name.lower() for name, _ in source.outputs())
            else:
                outputs = self._query(node, scope.parent, scope.ctes)
                scope.sources.append(Source(label, node, outputs=renamed(outputs, columns)))
            pending += self._joins(node.args.get("joins"), scope)
        elif isinstance(node, exp.Values):
            rows = node.expressions
            width = len(rows[0].expressions) if rows and isinstance(rows[0], exp.Tuple) else 1
            outputs = [(f"column{at + 1}", None) for at in range(width)]
            scope.sources.append(Source(label, node, outputs=renamed(outputs, columns)))
            pending += rows
        else:
            scope.sources.append(Source(label, node))
            pending.append(node)
        return pending

    def _joins(self, joins: list[exp.Join] | None, scope: Scope) -> list[exp.Expr]:
        pending: list[exp.Expr] = []
        for join in joins or ():
            before = len(scope.sources)
            pending += self._source(join.this, scope)
            left, right = scope.sources[:before], scope.sources[before:]
            using = join.args.get("using")
            if using:
                self._merge([column.name for column in using], left, right, scope, natural=False)
            elif join.method == "NATURAL":
                names = [name for source in right for name, _ in source.outputs()]
                self._merge(names, left, right, scope, natural=True)
            condition = join.args.get("on")
            if condition is not None:
                pending.append(condition)
        return pending

    def _merge(
        self, names: list[str], left: list[Source], right: list[Source], scope: Scope, natural: bool
    ) -> None:
        """Link the columns that USING or NATURAL compares, and make them one for later look-ups."""
        for name in names:
            lower = name.lower()
            ours = next((found for source in left if (found := source.find(lower)) is not MISSING), MISSING)
            for source in right:
                theirs = source.find(lower)
                if ours is not MISSING and theirs is not MISSING:
                    source.merged.add(lower)
                    self._columns.update(origin for origin in (ours, theirs) if origin)
                elif not natural and not any(side.open for side in (*left, *right)):
                    self._unknown_keys.append(Bound(exp.column(name), scope, "unknown"))

    def _table(self, node: exp.Table, alias: str, scope: Scope) -> list[exp.Expr]:
        if not isinstance(node.this, exp.Identifier):
            # A table-valued function, whose arguments may name columns of the other sources.
            name = node.this.name if isinstance(node.this, exp.Anonymous) else node.this.key
            known = _FUNCTIONS.get(name.lower())
            outputs = [(column, None) for column in known] if known else None
            scope.sources.append(Source(alias or name, node, outputs=outputs))
            return [node.this]
        scope.sources.append(self._named(node, node.db, alias, scope))
        return []

    def _named(self, node: exp.Expr, db: str, alias: str, scope: Scope) -> Source:
        """The source that a table name stands for: a CTE, a schema table, or unknown."""
        name = node.name
        label = alias or name
        cte = scope.ctes.get(name.lower()) if not db else None
        if cte is not None:
            if cte.outputs is None and not cte.busy:
                cte.busy = True
                cte.outputs = renamed(self._query(cte.node, scope.parent, cte.scope, cte), cte.names)
            if cte.outputs is not None:
                return Source(label, node, outputs=cte.outputs)
        table = self._schema.table(name)
        if table is not None and (self._schema.dialect != "sqlite" or db.lower() in _MAIN):
            self._tables[table.name] = None
            return Source(label, node, table)
        source = Source(label, node)
        written = f"{db}.{name}" if db else name
        if cte is None and not _SYSTEM.match(written.lower().removeprefix("main.")):
            self._unknown_tables[written] = None
            self._unknown_sources.append(source)
        return source

    # -------------------------------------------------------------- expressions

    def _expression(self, root: exp.Expr | None, scope: Scope) -> None:
        """Resolve the columns below a node. Own stack: chains of AND may be thousands deep."""
        if root is None:
            return
        stack = [root]
        negated: set[int] = set()
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is exp.Column:
                self._column(cast(exp.Column, node), scope)
                continue
            if kind in _LEAVES:
                continue
            if kind in _SUBQUERIES:
                self._query(node, scope, scope.ctes)
                continue
            if kind in COMPARISONS:
                self._comparisons.append((node, id(node) in negated))
                field = node.args.get("field")
                if kind is exp.In and isinstance(field, exp.Column):
                    # `x IN t` reads the table t.
                    self._named(field, field.table, "", scope)
                    stack.append(node.this)
                    continue
            elif kind is exp.Not:
                negated.add(id(node.this))
            elif kind is exp.Collate:
                stack.append(node.this)
                continue
            children: list[exp.Expr] = []
            for value in node.args.values():
                if isinstance(value, exp.Expr):
                    children.append(value)
                elif isinstance(value, list):
                    children += [item for item in value if isinstance(item, exp.Expr)]
            children.reverse()
            stack += children

    def _column(self, node: exp.Column, scope: Scope) -> None:
        qualifier = node.table.lower()
        if isinstance(node.this, exp.Star):
            known = [source for source in scope.sources if source.key == qualifier]
            for source in known:
                self._star(source)
            return self._bind(node, scope, "bound" if known else "unknown-source", next(iter(known), None))
        name = node.name.lower()
        # The sources that may have the name: one whose columns are not known, one the qualifier means.
        guess: Source | None = None
        meant: Source | None = None
        within: Scope | None = scope
        while within is not None:
            sources = within.sources
            if qualifier:
                sources = [source for source in sources if source.key == qualifier]
                meant = meant or next(iter(sources), None)
            hits: list[tuple[Source, Origin]] = []
            for source in sources:
                found = source.find(name)
                if found is not MISSING and not (hits and name in source.merged):
                    hits.append((source, found))
            if len(hits) > 1:
                choices = tuple(source for source, _ in hits)
                return self._bind(node, scope, "ambiguous", choices[0], None, choices)
            if hits:
                return self._bind(node, scope, "bound", *hits[0])
            if name in ROWID:
                rows = [(s, rowid_column(s.table)) for s in sources if s.table and not s.table.is_view]
                if len(rows) == 1:
                    return self._bind(node, scope, "bound", *rows[0])
            guess = guess or next((source for source in sources if source.open), None)
            if not qualifier and name in within.aliases:
                return self._alias(node, scope, within)
            within = within.parent
        # SQLite calls a virtual table's hidden column, as in `docs MATCH 'x'`, by the table's name.
        if guess is None and isinstance(node.parent, exp.Match | exp.Anonymous) and not qualifier:
            guess = next((source for source in scope.sources if source.key == name), None)
        if guess is not None:
            return self._bind(node, scope, "bound", guess)
        if not qualifier and self._is_text(node):
            return self._bind(node, scope, "text")
        return self._bind(node, scope, "unknown-source" if qualifier and not meant else "unknown", meant)

    def _alias(self, node: exp.Column, scope: Scope, within: Scope) -> None:
        source, origin = within.aliases[node.name.lower()]
        self._bind(node, scope, "bound" if source is not None else "alias", source, origin)

    def _bind(
        self,
        node: exp.Column,
        scope: Scope,
        status: Status,
        source: Source | None = None,
        origin: Origin = None,
        choices: tuple[Source, ...] = (),
    ) -> None:
        if origin is not None:
            self._columns.add(origin)
        self._names[id(node)] = Bound(node, scope, status, source, origin, choices)

    def _origin(self, node: exp.Expr) -> Origin:
        name = self._names.get(id(node.unnest()))
        return name.origin if name is not None else None

    def _star(self, source: Source) -> None:
        if source.table is not None:
            self._columns.add(ColumnName(source.table.name, "*"))

    def _is_text(self, node: exp.Column) -> bool:
        """Whether SQLite reads this name, which is no column, as text: it is in double quotes."""
        name = node.this
        if self._schema.dialect != "sqlite" or not name.args.get("quoted"):
            return False
        start = name.meta.get("start")
        return self._text is None or start is None or self._text[start : start + 1] not in {"`", "["}


def _expanded(star: exp.Expr, sources: list[Source]) -> Iterator[tuple[Source, str, Origin]]:
    """The columns that `*` or `t.*` stands for; what USING or NATURAL merged comes once."""
    named = star.table.lower() if isinstance(star, exp.Column) else None
    for at, source in enumerate(sources):
        if named is not None and source.key != named:
            continue
        for name, origin in source.outputs():
            lower = name.lower()
            merged = named is None and lower in source.merged
            if not merged or all(other.find(lower) is MISSING for other in sources[:at]):
                yield source, name, origin
