"""The walk behind `names`: one pass over a parsed query, scope by scope. What a scope is: `scopes.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, cast

from sqlglot import exp

from share_sql.schema.model import ColumnName, Schema
from share_sql.sql.resolution import Resolution
from share_sql.sql.scopes import (
    DATABASES,
    MISSING,
    QUOTED_TEXT,
    ROWID,
    TABLE_FUNCTIONS,
    Bound,
    Cte,
    Origin,
    Output,
    Result,
    Scope,
    Source,
    own_ctes,
    read_ctes,
    renamed,
    rowid_column,
)

_LEAVES: Final = frozenset(
    {exp.Identifier, exp.Literal, exp.Star, exp.Var, exp.DataType, exp.Null, exp.Boolean, exp.Placeholder}
)
_SUBQUERIES: Final = frozenset({exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery})
_WRAPPERS: Final = (exp.Subquery, exp.Paren)
_MANY: Final = 30
"""Common table expressions of one WITH from which they are resolved in the order in which they stand."""
_SYSTEM: Final = re.compile(r"(?:sqlite_|pragma_|information_schema\.|pg_catalog\.)|dbstat\Z")


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
        names = self._names.values()
        unknown = (name for name in names if name.status in ("unknown", "unknown-source"))
        found = Resolution(
            columns=frozenset(self._columns),
            tables=tuple(self._tables),
            unknown_tables=tuple(self._unknown_tables),
            unknown_sources=tuple(self._unknown_sources),
            unknown_columns=(*self._unknown_keys, *unknown),
            ambiguous=tuple(name for name in names if name.status == "ambiguous"),
            outputs=tuple(outputs),
            scopes=tuple(self._scopes),
            arms=self._arms,
            sources=self._sources,
            ctes=self._ctes,
            names=self._names,
            tree=tree,
        )
        # SQLite does not look at a common table expression that nothing reads; its names count for nothing.
        self._names = found.unread
        for cte, parent, around in self._declared:
            if not cte.busy:
                self._common(cte, parent, around)
        return found

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
                own = own_ctes(node, ctes)
                ctes = own[0].scope if own else ctes
                self._declared += [(each, parent, around) for each in own]
                # Each where it is first read would go as deep as they are many.
                for each in read_ctes(node, own) if len(own) > _MANY else ():
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
        names = {name.lower(): Result(name, origin) for name, origin in reversed(outputs)}
        for operation in reversed(combined):
            if cte is not None and cte.outputs is None:
                # What comes after the first SELECT of a recursive CTE sees the columns of the first.
                cte.outputs = renamed(outputs, cte.names)
            other = self._query(operation.expression, parent, ctes, around)
            # ORDER BY may call a column what any of the SELECTs calls it; the result has the first's names.
            for (name, _), (alias, origin) in zip(outputs, other, strict=False):
                names.setdefault(alias.lower(), Result(name, origin))
            outputs = [
                (name, origin if at < len(other) and other[at][1] == origin else None)
                for at, (name, origin) in enumerate(outputs)
            ]
            first.aliases = names
            self._order(operation.args.get("order"), first)
            for key in ("limit", "offset"):
                self._expression(operation.args.get(key), first)
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
        pending: list[exp.Expr] = []
        if not isinstance(node, exp.Select):
            self._source(node, scope, pending)
            outputs = [output for source in scope.sources for output in source.outputs()]
            for item in pending:
                self._expression(item, scope)
            return outputs
        self._scopes.append(scope)
        args = node.args
        start = args.get("from_")
        if start is not None:
            self._source(start.this, scope, pending)
        self._joins(node, scope, pending)
        for lateral in args.get("laterals") or ():
            self._add(Source(lateral.alias, lateral), scope)
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
            for part in value if isinstance(value, list) else (value,) if value is not None else ():
                self._expression(part, scope)
        # SQLite does not let GROUP BY and ORDER BY refer to the query around (resolveSelectStep).
        parent, scope.parent = scope.parent, None
        self._expression(args.get("group"), scope)
        self._order(args.get("order"), scope)
        scope.parent = parent
        return outputs

    def _outputs(self, node: exp.Select, scope: Scope) -> Iterator[Output]:
        for item in node.expressions:
            if isinstance(item, exp.Alias):
                origin = self._origin(item.this)
                scope.aliases.setdefault(item.alias.lower(), Result(item.alias, origin, item))
                yield item.alias, origin
            elif item.is_star:
                # SQLite writes a star out, so that its columns count as result aliases.
                for source, name, origin in _expanded(item, scope.sources):
                    scope.aliases.setdefault(name.lower(), Result(name, origin, source=source))
                    yield name, origin
            elif isinstance(item, exp.Column):
                bound = self._names[id(item)]
                yield (bound.source and bound.source.spelled(item.name)) or item.name, bound.origin
            else:
                yield "", self._origin(item)

    def _order(self, order: exp.Expr | None, scope: Scope) -> None:
        for key in order.expressions if order is not None else ():
            bare = key.this
            while isinstance(bare, (exp.Paren, exp.Collate)):
                bare = bare.this
            # A whole ORDER BY term that is a result alias is that column, even where a source has one
            # of the same name; everywhere else the source's column comes first.
            if isinstance(bare, exp.Column) and not bare.table and bare.name.lower() in scope.aliases:
                bound = self._names[id(bare)] = Bound(bare, scope, "alias")
                _name_result(bound, scope.aliases[bare.name.lower()])
                if bound.origin is not None:
                    self._columns.add(bound.origin)
            else:
                self._expression(key, scope)

    # ------------------------------------------------------------------ sources

    def _source(self, node: exp.Expr, scope: Scope, pending: list[exp.Expr]) -> None:
        """Add what one FROM item names; leave expressions to `pending`."""
        alias = node.args.get("alias")
        label = alias.name if alias is not None else ""
        columns = [column.name for column in alias.args.get("columns") or ()] if alias is not None else []
        outputs: list[Output] | None
        if isinstance(node, exp.Table):
            if isinstance(node.this, exp.Identifier):
                self._add(self._named(node, node.db, label, scope), scope)
            else:
                # A table-valued function, whose arguments may name columns of the other sources.
                name = (
                    node.this.name if isinstance(node.this, exp.Anonymous) else getattr(node.this, "key", "")
                )
                known = TABLE_FUNCTIONS.get(name.lower())
                outputs = [(column, None) for column in known] if known else None
                self._add(Source(label or name, node, given=outputs), scope)
                pending += [node.this] if isinstance(node.this, exp.Expr) else []
            self._joins(node, scope, pending)
        elif isinstance(node, _WRAPPERS):
            inner = node.unnest()
            if isinstance(inner, exp.Table):
                # Tables joined in parentheses: without an alias they stay visible under their own names.
                inside = scope if not label else Scope(node, scope.parent, scope.ctes, scope)
                self._source(inner, inside, pending)
                if label:
                    outputs = [output for source in inside.sources for output in source.outputs()]
                    self._add(Source(label, node, given=outputs, parts=tuple(inside.sources)), scope)
                    scope.sources += [source for source in inside.sources if source.key != label.lower()]
                    for source in inside.sources:
                        source.merged |= {name.lower() for name, _ in source.outputs()}
            else:
                outputs = self._query(node, scope.parent, scope.ctes, scope)
                self._add(Source(label, node, given=renamed(outputs, columns)), scope)
            self._joins(node, scope, pending)
        elif isinstance(node, exp.Values):
            rows = node.expressions
            width = len(rows[0].expressions) if rows and isinstance(rows[0], exp.Tuple) else 1
            outputs = [(f"column{at + 1}", None) for at in range(width)]
            self._add(Source(label, node, given=renamed(outputs, columns)), scope)
            # Like any query in FROM it sees the queries around, not its neighbours.
            within = Scope(node, scope.parent, scope.ctes, scope)
            for row in rows:
                self._expression(row, within)
        else:
            self._add(Source(label, node), scope)
            pending.append(node)

    def _add(self, source: Source, scope: Scope) -> None:
        scope.sources.append(source)
        self._sources[id(source.node)] = source

    def _joins(self, node: exp.Expr, scope: Scope, pending: list[exp.Expr]) -> None:
        for join in node.args.get("joins") or ():
            before = len(scope.sources)
            self._source(join.this, scope, pending)
            using = join.args.get("using")
            if using or join.method == "NATURAL":
                left, right = scope.sources[:before], scope.sources[before:]
                names = [column.name for column in using or ()]
                names = names or [name for source in right for name, _ in source.outputs()]
                self._merge(join, names, left, right, scope)
            condition = join.args.get("on")
            if condition is not None:
                pending.append(condition)

    def _merge(
        self, join: exp.Join, names: list[str], left: list[Source], right: list[Source], scope: Scope
    ) -> None:
        """Link the columns that USING or NATURAL compares, and make them one for later look-ups."""
        for name in names:
            lower = name.lower()
            owner = next((source for source in left if source.find(lower) is not MISSING), None)
            partners = [source for source in right if source.find(lower) is not MISSING]
            if owner is None or not partners:
                if join.args.get("using") and not any(side.open for side in (*left, *right)):
                    self._unknown_keys.append(Bound(exp.column(name), scope, "unknown"))
                continue
            if join.side in ("RIGHT", "FULL"):
                owner.either |= {lower}
            for source in partners:
                source.merged |= {lower}
            self._columns.update(origin for each in (owner, *partners) if (origin := each.find(lower)))

    def _named(self, node: exp.Expr, db: str, alias: str, scope: Scope) -> Source:
        """The source that a table name stands for: a CTE, a schema table, or unknown."""
        name = node.name
        label = alias or name
        cte = scope.ctes.get(name.lower()) if not db else None
        if cte is not None:
            if cte.outputs is None and not cte.busy:
                self._common(cte, scope.parent, scope)
            if cte.outputs is not None:
                return Source(label, node, given=cte.outputs, cte=cte)
        table = self._schema.table(name)
        before = DATABASES.get(self._schema.dialect)
        if table is not None and (before is None or db.lower() in before):
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
                # `x IN t` reads the table t.
                self._sources[id(field)] = self._named(field, field.table, "", scope)
                stack.append(node.this)
            elif kind not in _LEAVES:
                stack += node.iter_expressions(reverse=True)

    def _column(self, node: exp.Column, scope: Scope) -> None:
        bound = self._names[id(node)] = Bound(node, scope, "unknown")
        if isinstance(node.this, exp.Star):
            known = [source for source in scope.sources if source.key == node.table.lower()]
            for source in known:
                self._star(source)
            bound.status = "bound" if known else "unknown-source"
            bound.source = next(iter(known), None)
            return
        owner = self._look_up(bound, node.name.lower(), node.table.lower())
        if owner is not scope and owner is not None:
            scope.refers_to(owner)
        if bound.origin is not None:
            self._columns.add(bound.origin)

    def _look_up(self, bound: Bound, name: str, qualifier: str) -> Scope | None:
        """Find what a name stands for; give the scope that has it."""
        # The sources that may have the name: one whose columns are not known, one the qualifier means.
        guess: tuple[Source, Scope] | None = None
        meant: tuple[Source, Scope] | None = None
        within: Scope | None = bound.scope
        while within is not None:
            sources = within.sources
            if qualifier:
                sources = [source for source in sources if source.key == qualifier]
                if sources and meant is None:
                    meant = sources[0], within
            hits: list[tuple[Source, Origin]] = []
            for source in sources:
                found = source.find(name)
                if found is not MISSING and not (hits and name in source.merged):
                    hits.append((source, found))
            if not hits and name in ROWID:
                rows = [(s, rowid_column(s.table)) for s in sources if s.table and not s.table.is_view]
                hits = rows if len(rows) == 1 else []
            if hits:
                bound.source, bound.origin = hits[0]
                bound.status = "bound"
                if len(hits) > 1:
                    bound.status, bound.origin = "ambiguous", None
                    bound.choices = tuple(source for source, _ in hits)
                return within
            if guess is None:
                guess = next(((source, within) for source in sources if source.open), None)
            if not qualifier and name in within.aliases:
                _name_result(bound, within.aliases[name])
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

    def _origin(self, node: exp.Expr) -> Origin:
        name = self._names.get(id(node.unnest()))
        return name.origin if name is not None else None

    def _star(self, source: Source) -> None:
        if source.table is not None:
            self._columns.add(ColumnName(source.table.name, "*"))

    def _is_text(self, node: exp.Column) -> bool:
        """Whether SQLite reads this name, which is no column, as text: it is in double quotes."""
        name = node.this
        if self._schema.dialect not in QUOTED_TEXT or not name.args.get("quoted"):
            return False
        start = name.meta.get("start")
        return self._text is None or start is None or self._text[start : start + 1] not in {"`", "["}


def _name_result(bound: Bound, result: Result) -> None:
    """Bind a name to a result column; to a source's where a star brought that in."""
    bound.status = "alias" if result.source is None else "bound"
    bound.source, bound.origin, bound.result = result.source, result.origin, result


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
