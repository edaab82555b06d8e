"""From SQL to a trajectory: the syntax tree walked into actions, in the paper's style.

A step per condition, then the rest of the query:

    df1 = df.where(element = schools.County, filter = 'Alameda')
    res = df1.groupby(…).having(…).orderby(…).limit(…).select(…)

Subqueries become earlier steps; those that refer to the query around them stay inline frames. Joins
are left out where the schema's foreign keys give exactly the same joins back (`joins.join_path` is
asked, with what `to_sql` will know), and kept as Join actions everywhere else. Columns carry the
schema's spelling and their table's name; aliases survive only where a table stands twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from share_sql.errors import JoinPathError, SqlUnreadable
from share_sql.schema.model import Schema
from share_sql.sqltext import parse_select
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_expr import ExpressionBuilder
from share_sql.trajectory.joins import JoinTree, join_path
from share_sql.trajectory.lower import aggregates_in, rewrite
from share_sql.trajectory.scope import ROWID_NAMES, Cte, Scope, Source, derived
from share_sql.trajectory.usage import columns_used, has_frame, tables_used

MAX_DEPTH = 60
"""Queries nested deeper than this are refused: nobody writes them, and Python's stack is finite."""


def from_sql(sql: str, schema: Schema) -> n.Trajectory:
    """Turn SQL into a trajectory.

    Args:
        sql: one SELECT, in the schema's dialect.
        schema: names are resolved against it. Names it does not have are kept as they are written, so
            that a wrong draft has a trajectory too.

    Returns:
        Typed steps, the last one `res`; compiling them over the same schema returns the same rows.

    Raises:
        SqlEmpty, SqlUnreadable, SqlNotSelect: the text is no usable SELECT, or holds something that
            SQLite's SELECT does not have.
    """
    tree = parse_select(sql, dialect=schema.dialect)
    walker = _Walker(schema, sql)
    try:
        built = walker.query(tree, None)
        walker.hoist(built, n.RESULT_FRAME)
    except RecursionError as error:
        raise SqlUnreadable("the SQL is nested too deeply to be read") from error
    return n.Trajectory(tuple(walker.steps))


@dataclass(slots=True)
class _Built:
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
        return self.joins + self.wheres + self.tail


@dataclass(slots=True)
class _Walker(ExpressionBuilder):
    schema: Schema
    sql: str
    steps: list[n.Step] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    """Step names in use, lower case."""
    scope: Scope = field(default_factory=lambda: Scope(None))
    depth: int = 0
    keep_names: bool = False
    """True while a correlated query is walked again with names that no query around it uses."""

    def __post_init__(self) -> None:
        self.taken = {n.DATABASE_FRAME, n.RESULT_FRAME}

    # ------------------------------------------------------------- placing

    def hoist(self, built: _Built, name: str | None = None) -> str:
        """Append the query as steps; give the last one's name."""
        source, pending = built.source, built.joins
        for where in built.wheres:
            source = self.step(n.Frame(source, (*pending, where)))
            pending = ()
        if name is None and not pending and not built.tail and source != n.DATABASE_FRAME:
            return source
        return self.step(n.Frame(source, (*pending, *built.tail)), name)

    def step(self, value: n.Expr, name: str | None = None) -> str:
        if name is None:
            number = len(self.steps) + 1
            while f"df{number}" in self.taken or self.schema.table(f"df{number}"):
                number += 1
            name = f"df{number}"
        self.taken.add(name.lower())
        self.steps.append(n.Step(name, value))
        return name

    def frame(self, built: _Built) -> n.Frame:
        """A reference to the query: inline where it is correlated, else a step."""
        if not built.correlated:
            return n.Frame(self.hoist(built))
        return n.Frame(built.source, built.actions)

    def subquery(self, tree: exp.Expression, *, scalar: bool = True) -> n.Frame:
        """A query inside an expression."""
        return self.frame(self.nested(_unwrap(tree), self.scope))

    def nested(self, tree: exp.Expression, parent: Scope | None) -> _Built:
        """Walk an inner query; a correlated one again if its names hide those it refers to."""
        mark, names = len(self.steps), set(self.taken)
        built = self.query(tree, parent)
        if built.correlated and not self.keep_names:
            del self.steps[mark:]
            self.taken = names
            self.keep_names = True
            try:
                built = self.query(tree, parent)
            finally:
                self.keep_names = False
        return built

    # ------------------------------------------------------------- queries

    def query(self, tree: Any, parent: Scope | None) -> _Built:
        """Walk any query: SELECT, set operation, VALUES."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SqlUnreadable("the SQL is nested too deeply to be read")
        outer = self.scope
        self.scope = Scope(parent)
        try:
            self.common_tables(tree)
            if isinstance(tree, exp.SetOperation):
                built = self.compound(tree)
            elif isinstance(tree, exp.Values):
                built = self.values(tree)
            elif isinstance(tree, exp.Select):
                built = self.select(tree)
            else:
                raise SqlUnreadable(f"{type(tree).__name__} is not supported as a query")
            built.correlated = built.correlated or self.scope.correlated
            return built
        finally:
            self.scope = outer
            self.depth -= 1

    def common_tables(self, tree: Any) -> None:
        with_ = tree.args.get("with_")
        if with_ is None:
            return
        scope = self.scope
        for cte in with_.expressions:
            name = cte.alias
            step = self.free_name(name)
            self.taken.add(step.lower())
            columns = tuple(column.name for column in cte.args["alias"].args.get("columns") or ())
            # The name is visible inside its own query, for the recursive part. WITH alone allows it too.
            scope.ctes[name.lower()] = Cte(step, columns or _first_names(cte.this))
            built = self.query(cte.this, scope)
            if built.correlated:
                raise SqlUnreadable(f"the common table expression {name} refers to a query around it")
            if columns:
                built.tail = (*built.tail, n.Named(None, columns))
            self.hoist(built, step)
            scope.ctes[name.lower()] = Cte(step, columns or built.names)

    def free_name(self, name: str) -> str:
        base = name if name.isidentifier() else "part"
        found, number = base, 2
        while found.lower() in self.taken or self.schema.table(found):
            found, number = f"{base}_{number}", number + 1
        return found

    def values(self, tree: exp.Values) -> _Built:
        rows = tuple(self.exprs(row.expressions) for row in tree.expressions)
        names = tuple(f"column{index + 1}" for index in range(len(rows[0]) if rows else 0))
        return _Built(tail=(n.Values(rows),), names=names)

    def compound(self, tree: Any) -> _Built:
        """A chain of set operations; SQLite's are left-associative."""
        parts: list[tuple[Any, Any]] = []
        first = tree
        while isinstance(first, exp.SetOperation):
            parts.insert(0, (first, first.expression))
            first = _unwrap(first.this) if not _is_ordered(first.this) else first.this
            if isinstance(first, exp.SetOperation) and (first.args.get("with_") or _is_ordered(first)):
                break
        scope = self.scope
        left = self.nested(_unwrap(first), scope)
        rights = [(_kind(operation), self.nested(_unwrap(right), scope)) for operation, right in parts]
        correlated = left.correlated or any(right.correlated for _, right in rights)
        if correlated:  # all of it must stay inside the query it refers to
            frames = [(kind, n.Frame(right.source, right.actions)) for kind, right in rights]
            built = _Built(left.source, left.joins, left.wheres, left.tail)
        else:
            built = _Built(self.hoist(left))
            frames = [(kind, n.Frame(self.hoist(right))) for kind, right in rights]
        built.tail += tuple(n.Combine(kind, frame) for kind, frame in frames)  # type: ignore[arg-type]
        built.names, built.items, built.correlated = left.names, left.items, correlated
        built.tail += self.compound_order(tree, built)
        return built

    def compound_order(self, tree: Any, built: _Built) -> tuple[n.Action, ...]:
        """ORDER BY after a set operation names an output column or its position."""
        actions: list[n.Action] = []
        order = tree.args.get("order")
        if order is not None:
            keys = []
            for term in order.expressions:
                target = term.this
                collation = None
                if isinstance(target, exp.Collate):
                    target, collation = target.this, target.expression.name
                key: n.Expr
                at = _index(built.names, target.name) if isinstance(target, exp.Column) else None
                if at is not None:
                    key = n.ColumnRef(None, (built.names or ())[at])
                elif isinstance(target, exp.Literal) and not target.is_string:
                    key = n.Literal(int(target.this))
                else:
                    key = self.expr(target)
                if collation:
                    key = n.Binary("collate", key, n.Literal(collation))
                made = self.order_key(
                    exp.Ordered(this=exp.null(), **{k: v for k, v in term.args.items() if k != "this"})
                )
                keys.append(n.OrderKey(key, made.descending, made.nulls))
            actions.append(n.OrderBy(tuple(keys)))
        actions += self.limit(tree)
        return tuple(actions)

    def limit(self, tree: Any) -> list[n.Action]:
        limit, offset = tree.args.get("limit"), tree.args.get("offset")
        if limit is None and offset is None:
            return []
        count = self.expr(limit.expression) if limit is not None else n.Literal(-1)
        return [n.Limit(count, self.expr(offset.expression) if offset is not None else None)]

    # -------------------------------------------------------------- SELECT

    def select(self, tree: exp.Select) -> _Built:
        scope, args = self.scope, tree.args
        joins = self.sources(tree)
        for item in tree.expressions:
            if isinstance(item, exp.Alias):
                scope.aliases.setdefault(item.alias.lower(), item.this)
        for window in args.get("windows") or ():
            scope.windows[window.name.lower()] = window
        items = tuple(self.expr(item) for item in tree.expressions)
        conditions = [self.expr(part) for part in _conjuncts(args["where"].this)] if args.get("where") else []
        tail: list[n.Action] = []
        group = args.get("group")
        if group is not None:
            tail.append(n.GroupBy(tuple(self.output(key, tree, items, False) for key in group.expressions)))
        if args.get("having"):
            tail += [n.Having(self.expr(part)) for part in _conjuncts(args["having"].this)]
        order = args.get("order")
        if order is not None:
            tail.append(n.OrderBy(tuple(self.select_order(term, tree, items) for term in order.expressions)))
        tail += self.limit(tree)
        names = self.output_names(items)
        bare = [item.value if isinstance(item, n.Alias) else item for item in items]
        distinct = bool(args.get("distinct"))
        built = _Built(names=names, items=tuple(bare))
        made = self.implicit(joins, conditions, tail, items, distinct)
        if made is None:
            made = tuple(joins), conditions, items
        built.joins, rest, items = made
        built.wheres = tuple(n.Where(condition) for condition in rest)
        plain_count = items == (n.Call("count", (n.Star(),)),) and not tail and not distinct
        last: n.Action = n.Aggregate("count") if plain_count else n.Select(items, distinct)
        # `limit` before an aggregate would limit what it counts; SQL limits its one row.
        first = group is None and bool(tail) and aggregates_in(items)
        built.tail = (last, *tail) if first else (*tail, last)
        return built

    def output(self, term: Any, tree: exp.Select, items: tuple[n.Expr, ...], aliases_first: bool) -> n.Expr:
        """A GROUP BY or ORDER BY term, with positions and aliases replaced by what they stand for."""
        at: int | None = None
        if isinstance(term, exp.Literal) and not term.is_string and term.this.isdigit():
            at = int(term.this) - 1
            if not 0 <= at < len(items) or any(isinstance(item, n.Star) for item in items):
                return n.Literal(int(term.this))
        elif aliases_first and isinstance(term, exp.Column) and not term.table:
            at = _index(
                [item.alias if isinstance(item, exp.Alias) else None for item in tree.expressions], term.name
            )
        if at is None:
            return self.expr(term)
        item = items[at]
        value = item.value if isinstance(item, n.Alias) else item
        # A constant in ORDER BY or GROUP BY would be read as a position, a subquery would run twice.
        if isinstance(value, n.Literal) or has_frame(value):
            return n.ColumnRef(None, item.name) if isinstance(item, n.Alias) else n.Literal(at + 1)
        return value

    def select_order(self, term: exp.Ordered, tree: exp.Select, items: tuple[n.Expr, ...]) -> n.OrderKey:
        key = self.order_key(
            exp.Ordered(this=exp.null(), **{k: v for k, v in term.args.items() if k != "this"})
        )
        target = term.this
        if isinstance(target, exp.Collate):
            inner = self.output(target.this, tree, items, True)
            return n.OrderKey(
                n.Binary("collate", inner, n.Literal(target.expression.name)), key.descending, key.nulls
            )
        return n.OrderKey(self.output(target, tree, items, True), key.descending, key.nulls)

    def output_names(self, items: tuple[n.Expr, ...]) -> tuple[str, ...] | None:
        names: list[str] = []
        for item in items:
            if isinstance(item, n.Alias):
                names.append(item.name)
            elif isinstance(item, n.ColumnRef):
                names.append(item.name)
            elif isinstance(item, n.Star):
                for source in self.scope.sources:
                    if item.table is None or source.qualifier == item.table:
                        if source.columns is None:
                            return None
                        names += source.columns
            else:
                names.append("")
        return tuple(names)

    # -------------------------------------------------------------- FROM

    def sources(self, tree: exp.Select) -> list[n.Join]:
        """Fill the scope's sources; give the joins as written."""
        from_ = tree.args.get("from_")
        if from_ is None:
            return []
        members: list[tuple[Any, Any]] = [(from_.this, None)]
        _flatten_joins(from_.this, members)
        for join in tree.args.get("joins") or ():
            members.append((join.this, join))
            _flatten_joins(join.this, members)
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
        alias: str | None = source.qualifier
        if isinstance(node, n.ColumnRef) and node.name.lower() == source.qualifier.lower():
            alias = None
        if join is None:
            return n.Join(node, alias, "from")
        kind, natural = _join_kind(join)
        using = tuple(column.name for column in join.args.get("using") or ())
        self.scope.merged = self.scope.merged or natural or bool(using)
        on = join.args.get("on")
        plain = on is None or (isinstance(on, exp.Boolean) and on.this)
        return n.Join(node, alias, kind, None if plain else self.expr(on), using, natural)  # type: ignore[arg-type]

    def source(self, tree: Any, twice: bool) -> tuple[Source, n.Expr]:
        if isinstance(tree, exp.Subquery):
            inner = _unwrap(tree)
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
        columns = tuple(column.name for column in table.columns) if table else None
        return Source(called, qualifier, table, columns), n.ColumnRef(None, spelled)

    def qualifier(self, wanted: str, twice: bool, alias: str = "") -> str:
        """A name for a source that no other source visible here has."""
        taken = {source.qualifier.lower() for source in self.scope.sources}
        if self.keep_names:
            taken |= self.scope.taken()
        if wanted.lower() in taken and alias:
            wanted = alias
        return self.fresh(wanted, taken) if wanted.lower() in taken else wanted

    def fresh(self, base: str, taken: set[str] | None = None) -> str:
        if taken is None:
            taken = {source.qualifier.lower() for source in self.scope.sources}
        number = 2
        while f"{base}_{number}".lower() in taken:
            number += 1
        return f"{base}_{number}"

    # -------------------------------------------------------- which joins stay

    def implicit(
        self,
        joins: list[n.Join],
        conditions: list[n.Expr],
        tail: list[n.Action],
        items: tuple[n.Expr, ...],
        distinct: bool,
    ) -> tuple[tuple[n.Action, ...], list[n.Expr], tuple[n.Expr, ...]] | None:
        """Conditions and items without joins, if foreign keys give exactly these joins back."""
        sources = self.scope.sources
        if not joins or self.scope.merged or self.scope.correlated:
            return None
        for join, source in zip(joins, sources, strict=True):
            if source.table is None or join.alias or join.kind not in ("from", "inner", "cross"):
                return None
        if n.Star() in items:
            stars = tuple(n.Star(source.qualifier) for source in sources)
            items = tuple(new for item in items for new in (stars if item == n.Star() else (item,)))
        pool = [part for join in joins if join.on is not None for part in _parts(join.on)]
        pool += conditions
        kept, tree = pool, None
        names = [source.qualifier for source in sources]
        if len(names) > 1:
            edges = [_equality(part) for part in pool]
            try:
                tree = join_path(self.schema, names, columns_used([*pool, *tail, *items]))
            except JoinPathError:
                return None
            if len(tree.tables) != len(names) or not tree.conditions <= set(edges):
                return None
            kept = [part for part, edge in zip(pool, edges, strict=True) if edge not in tree.conditions]
        body = [*kept, *tail, *items]
        if self.gives_back(names, body, tree):
            return (), kept, items
        # A table that only multiplies rows is named by what is counted: count(table.*) is COUNT(*).
        used = {name.lower() for name in tables_used(body)}
        for name in names:
            if name.lower() not in used:
                counted = n.Call("count", (n.Star(name),))
                new = tuple(_replace(item, _COUNT, counted) for item in items)
                ends = tuple(_replace(action, _COUNT, counted) for action in tail)
                if (new != items or ends != tuple(tail)) and self.gives_back(
                    names, [*kept, *ends, *new], tree
                ):
                    tail[:] = ends
                    return (), kept, new
        return None

    def is_known(self, table: str, column: str) -> bool:
        return self.schema.column(table, column) is not None or column in ROWID_NAMES

    def gives_back(self, names: list[str], body: list[Any], tree: JoinTree | None) -> bool:
        """Whether compiling these expressions would join exactly these tables in this way."""
        used = tables_used(body)
        if {name.lower() for name in names} != {name.lower() for name in used}:
            return False
        if not all(self.is_known(table, column) for table, column in columns_used(body)):
            return False
        if len(names) == 1:
            return True
        try:
            again = join_path(self.schema, used, columns_used(body))
        except JoinPathError:
            return False
        return tree is not None and again.conditions == tree.conditions

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


_COUNT = n.Call("count", (n.Star(),))

_FUNCTION_COLUMNS = {
    "json_each": ("key", "value", "type", "atom", "id", "parent", "fullkey", "path"),
    "json_tree": ("key", "value", "type", "atom", "id", "parent", "fullkey", "path"),
    "generate_series": ("value",),
}
"""Output columns of SQLite's table-valued functions."""


def _unwrap(tree: Any) -> Any:
    """Drop parentheses around a query."""
    while isinstance(tree, exp.Subquery | exp.Paren) and not (
        tree.args.get("joins") or tree.args.get("order") or tree.args.get("limit")
    ):
        tree = tree.this
    return tree


def _is_ordered(tree: Any) -> bool:
    return bool(tree.args.get("order") or tree.args.get("limit") or tree.args.get("offset"))


def _kind(operation: Any) -> str:
    if isinstance(operation, exp.Union):
        return "union" if operation.args.get("distinct") else "union all"
    return "intersect" if isinstance(operation, exp.Intersect) else "except"


def _index(names: Any, wanted: str) -> int | None:
    for at, name in enumerate(names or ()):
        if name is not None and name.lower() == wanted.lower():
            return at
    return None


def _first_names(tree: Any) -> tuple[str, ...] | None:
    """Output names of a query before it is walked, for a recursive reference; None where not plain."""
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        tree = tree.this
    if not isinstance(tree, exp.Select) or any(isinstance(item, exp.Star) for item in tree.expressions):
        return None
    return tuple(item.alias_or_name for item in tree.expressions)


def _table_name(tree: Any) -> str | None:
    while isinstance(tree, exp.Subquery) and isinstance(tree.this, exp.Table):
        tree = tree.this
    return tree.name.lower() if isinstance(tree, exp.Table) else None


def _flatten_joins(tree: Any, members: list[tuple[Any, Any]]) -> None:
    """`(a JOIN b ON …)` in parentheses: for inner joins the same as without them."""
    inner = tree
    while isinstance(inner, exp.Subquery) and isinstance(inner.this, exp.Table):
        inner = inner.this
    if inner is tree and not (isinstance(tree, exp.Table) and tree.args.get("joins")):
        return
    for join in inner.args.get("joins") or ():
        members.append((join.this, join))
        _flatten_joins(join.this, members)


def _join_kind(join: Any) -> tuple[str, bool]:
    side = (join.args.get("side") or "").lower()
    kind = (join.args.get("kind") or "").lower()
    natural = (join.args.get("method") or "").lower() == "natural"
    if side in ("left", "right", "full"):
        return side, natural
    plain = not join.args.get("on") and not join.args.get("using") and not natural
    return ("cross" if kind == "cross" or plain else "inner"), natural


def _conjuncts(tree: Any) -> list[Any]:
    """The parts of a conjunction, left to right."""
    parts: list[Any] = []
    todo = [tree]
    while todo:
        part = todo.pop()
        while isinstance(part, exp.Paren):
            part = part.this
        if isinstance(part, exp.And):
            todo += [part.expression, part.this]
        else:
            parts.append(part)
    return parts


def _parts(condition: n.Expr) -> list[n.Expr]:
    if isinstance(condition, n.Binary) and condition.op == "and":
        return _parts(condition.left) + _parts(condition.right)
    return [condition]


def _equality(part: n.Expr) -> frozenset[tuple[str, str]] | None:
    """`a.x = b.y` as a pair of columns; None for any other condition."""
    if isinstance(part, n.Binary) and part.op == "=":
        left, right = part.left, part.right
        if isinstance(left, n.ColumnRef) and isinstance(right, n.ColumnRef) and left.table and right.table:
            return frozenset(
                ((left.table.lower(), left.name.lower()), (right.table.lower(), right.name.lower()))
            )
    return None


def _replace(tree: Any, old: n.Expr, new: n.Expr) -> Any:
    return rewrite(tree, lambda node: new if node == old else None)
