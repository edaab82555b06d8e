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

from typing import Any

from sqlglot import exp

from share_sql.errors import SqlTooLarge, SqlUnreadable
from share_sql.schema.model import Schema
from share_sql.sql.names import resolve_tree
from share_sql.sql.resolution import Resolution
from share_sql.sql.scopes import Cte, Scope, column_key, expanded
from share_sql.sql.text import parse_select
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_source import Built, SourceReader, free, unwrap
from share_sql.trajectory.implied import COUNT_ROWS, without_joins
from share_sql.trajectory.lower import aggregates_in
from share_sql.trajectory.subject import names_one_row
from share_sql.trajectory.usage import has_frame

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
            the language has no words for.
    """
    tree = parse_select(sql, schema.dialect)
    return from_tree(tree, resolve_tree(tree, schema, sql), schema)


def from_tree(tree: exp.Query, resolution: Resolution, schema: Schema) -> n.Trajectory:
    """Turn a query whose names are resolved into a trajectory.

    Args:
        tree: as `sql.text.parse_select` gives it.
        resolution: what `sql.names.resolve_tree` says of this very tree and schema.
        schema: as for `from_sql`.

    Returns:
        As `from_sql`.

    Raises:
        SqlUnreadable: the tree holds something that the dialect's SELECT does not have, or that the language
            has no words for.
        SqlTooLarge: it is nested too deeply, or a chain of operators is too long.
    """
    walker = _Walker(schema, resolution)
    try:
        walker.hoist(walker.query(tree), n.RESULT_FRAME)
    except RecursionError as error:
        raise SqlTooLarge("the SQL is nested too deeply to be read") from error
    trajectory = n.Trajectory(tuple(walker.steps))
    if trajectory.is_too_deep():
        raise SqlTooLarge("the SQL is nested too deeply, or has too long a chain of operators, to be read")
    return trajectory


class _Walker(SourceReader):
    def __init__(self, schema: Schema, resolution: Resolution) -> None:
        super().__init__(schema, resolution)
        self.steps: list[n.Step] = []
        tables = (table.name.lower() for table in schema.tables)
        self.taken = {n.DATABASE_FRAME, n.RESULT_FRAME, *tables}
        """Names that no further step may have, lower case."""
        self.common: dict[int, str] = {}
        """The steps that hold common table expressions, by `id()` of these."""
        self.depth = 0

    # ------------------------------------------------------------- placing

    def hoist(self, built: Built, name: str | None = None) -> str:
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
            while f"df{number}" in self.taken:
                number += 1
            name = f"df{number}"
        self.taken.add(name.lower())
        self.steps.append(n.Step(name, value))
        return name

    def frame(self, built: Built, correlated: bool) -> n.Frame:
        """A reference to the query: inline where it is correlated, else a step."""
        if not correlated:
            return n.Frame(self.hoist(built))
        return n.Frame(built.source, built.actions)

    def subquery(self, tree: Any) -> n.Frame:
        """A query inside an expression."""
        inner = unwrap(tree)
        return self.frame(self.nested(inner), self.resolution.correlated(inner))

    def rows_of(self, table: exp.Column) -> n.Frame:
        """All rows of a table, as in `x IN table`."""
        source = self.resolution.sources[id(table)]
        if source.cte is not None:
            return n.Frame(self.common_table(source.cte))
        if source.table is None:
            join = n.Join(n.ColumnRef(None, table.name), None, "from")
            return self.frame(Built(joins=(join,), tail=(n.Select((n.Star(),)),)), False)
        return self.frame(Built(tail=(n.Select((n.Star(source.table.name),)),)), False)

    def nested(self, tree: exp.Expression) -> Built:
        """Walk an inner query; in a correlated one no name hides those that it refers to."""
        outer = self.keep_names
        self.keep_names = outer or self.resolution.correlated(tree)
        try:
            return self.query(tree)
        finally:
            self.keep_names = outer

    # ------------------------------------------------------------- queries

    def query(self, tree: Any) -> Built:
        """Walk any query: SELECT, set operation, VALUES."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SqlTooLarge("the SQL is nested too deeply to be read")
        for cte in tree.args["with_"].expressions if tree.args.get("with_") else ():
            self.common_table(self.resolution.ctes[id(cte.this)])
        if isinstance(tree, exp.SetOperation):
            built = self.compound(tree)
        elif isinstance(tree, exp.Values):
            built = self.values(tree)
        elif isinstance(tree, exp.Select):
            built = self.select(tree)
        else:
            raise SqlUnreadable(f"{type(tree).__name__} is not supported as a query")
        self.depth -= 1
        return built

    def common_table(self, cte: Cte) -> str:
        """The step that holds a common table expression, made where it is first needed."""
        if id(cte) in self.common:
            return self.common[id(cte)]
        step = free(cte.name if cte.name.isidentifier() else "part", self.taken)
        self.taken.add(step.lower())
        # Noted before its query is walked, which may refer to itself.
        self.common[id(cte)] = step
        if self.resolution.correlated(cte.node):
            raise SqlUnreadable(f"the common table expression {cte.name} refers to a query around it")
        built = self.query(unwrap(cte.node))
        if cte.names:
            built.tail = (*built.tail, n.Named(None, tuple(cte.names)))
        self.hoist(built, step)
        return step

    def values(self, tree: exp.Values) -> Built:
        return Built(tail=(n.Values(tuple(self.exprs(row.expressions) for row in tree.expressions)),))

    def compound(self, tree: Any) -> Built:
        """A chain of set operations, left-associative; INTERSECT binds first where the dialect says so."""
        parts: list[tuple[Any, Any]] = []
        first = tree
        while isinstance(first, exp.SetOperation):
            parts.insert(0, (first, first.expression))
            first = unwrap(first.this) if not _is_ordered(first.this) else first.this
            if isinstance(first, exp.SetOperation) and (first.args.get("with_") or _is_ordered(first)):
                break
        correlated = self.resolution.correlated(tree)
        left = self.nested(unwrap(first))
        if not self.facts.members_bracketed:
            rights = [(_kind(operation), self.nested(unwrap(right))) for operation, right in parts]
        else:
            left, rights = self.tighter(left, parts)
        # A correlated one must stay, with all its parts, inside the query it refers to.
        built = left if correlated else Built(self.hoist(left))
        frames = [(kind, self.frame(right, correlated)) for kind, right in rights]
        built.tail += tuple(n.Combine(kind, frame) for kind, frame in frames)  # type: ignore[arg-type]
        order = tree.args.get("order")
        if order is not None:
            built.tail += (n.OrderBy(tuple(self.order_key(term) for term in order.expressions)),)
        built.tail += tuple(self.limit(tree))
        return built

    def tighter(self, left: Built, parts: list[tuple[Any, Any]]) -> tuple[Built, list[tuple[str, Built]]]:
        """The members of a chain, with those of an INTERSECT put together first."""
        rights: list[tuple[str, Built]] = []
        for operation, right in parts:
            kind, member = _kind(operation), self.nested(unwrap(right))
            if not kind.startswith("intersect") or not rights:
                rights.append((kind, member))
                continue
            before, one = rights[-1]
            joined = n.Combine(kind, self.frame(member, False))  # type: ignore[arg-type]
            rights[-1] = before, Built(self.hoist(one), tail=(joined,))
        return left, rights

    def limit(self, tree: Any) -> list[n.Action]:
        limit, offset = tree.args.get("limit"), tree.args.get("offset")
        if limit is None and offset is None:
            return []
        if isinstance(limit, exp.Fetch):
            options = limit.args.get("limit_options")
            if options is not None and (options.args.get("percent") or options.args.get("with_ties")):
                raise SqlUnreadable("FETCH with PERCENT or WITH TIES is not supported")
            count = self.expr(limit.args["count"]) if limit.args.get("count") else n.Literal(1)
        elif limit is not None and limit.args.get("limit_options"):
            raise SqlUnreadable("LIMIT with a percentage or WITH TIES is not supported")
        else:
            count = self.expr(limit.expression) if limit is not None else n.Literal(-1)
        return [n.Limit(count, self.expr(offset.expression) if offset is not None else None)]

    # -------------------------------------------------------------- SELECT

    def select(self, tree: exp.Select) -> Built:
        scope, args = self.resolution.arms[id(tree)], tree.args
        self.refuse_clauses(tree)
        joins = self.joins(tree, scope)
        items = tuple(made for item in tree.expressions for made in self.items(item, scope))
        conditions = [self.expr(part) for part in _conjuncts(args["where"].this)] if args.get("where") else []
        tail: list[n.Action] = []
        group = args.get("group")
        if group is not None:
            keys = [self.output(key, tree, items) for key in group.expressions]
            keys += [n.Sql("ALL")] if group.args.get("all") else []
            for kind in ("grouping_sets", "rollup", "cube"):
                for part in group.args.get(kind) or ():
                    keys.append(self.expr(part) if part.expressions else n.Sql("WITH ROLLUP"))
            tail.append(n.GroupBy(tuple(keys)))
        if args.get("having"):
            tail += [n.Having(self.expr(part)) for part in _conjuncts(args["having"].this)]
        if args.get("qualify"):
            tail += [n.Qualify(self.expr(part)) for part in _conjuncts(args["qualify"].this)]
        order = args.get("order")
        if order is not None:
            terms = [key for term in order.expressions for key in self.select_orders(term, tree, items)]
            tail.append(n.OrderBy(tuple(terms)))
        tail += self.limit(tree)
        distinct = bool(args.get("distinct"))
        on = self.distinct_on(tree, items)
        distinct = distinct and not on
        built = Built()
        more = (*tail, n.GroupBy(on)) if on else tail
        made = None if scope.correlated else without_joins(self.schema, joins, conditions, more, items)
        if not joins and scope.correlated:
            # One row of its own: without a source the frame would be of the tables that it refers to.
            built.joins = (
                n.Join(n.Frame(n.DATABASE_FRAME, (n.Values(((n.Literal(1),),)),)), "part", "from"),
            )
        elif made is None:
            built.joins = tuple(joins)
        else:
            conditions, tail, items = made[0], list(made[1]), made[2]
            last_key = tail.pop() if on else None
            on = last_key.keys if isinstance(last_key, n.GroupBy) else ()
        built.wheres = tuple(n.Where(condition) for condition in conditions)
        last: n.Action = n.Select(items, distinct, on)
        if items == (COUNT_ROWS,) and not tail and not distinct and not on:
            last = n.Aggregate("count")
            table = joins[0].source if made is not None and len(joins) == 1 else None
            if isinstance(table, n.ColumnRef) and names_one_row(self.schema, table.name, built.wheres):
                # `.count()` would be taken to count what refers to this look-up table.
                last = n.Select((n.Call("count", (n.Star(table.name),)),))
        # `limit` before an aggregate would limit what it counts; SQL limits its one row.
        first = group is None and bool(tail) and aggregates_in(items)
        built.tail = (last, *tail) if first else (*tail, last)
        return built

    def refuse_clauses(self, tree: exp.Select) -> None:
        """Refuse the clauses that the language has no words for, by name."""
        if self.facts.operators_as_language:
            return
        for key, value in tree.args.items():
            if value and key not in _CLAUSES:
                name = _CLAUSE_NAMES.get(key, key.strip("_").upper().replace("_", " "))
                raise SqlUnreadable(f"{name} is not supported")

    def items(self, item: Any, scope: Scope) -> list[n.Expr]:
        """An item of the select list; a star that leaves columns out or changes them is written out."""
        star = item.this if isinstance(item, exp.Column) else item
        if not isinstance(star, exp.Star) or not any(star.args.values()):
            return [self.expr(item)]
        if star.args.get("rename") or any(source.open for source in scope.sources):
            raise SqlUnreadable("a star with EXCLUDE, REPLACE or RENAME is not supported here")
        new = {column_key(part.args["alias"], self.facts): part for part in star.args.get("replace") or ()}
        made: list[n.Expr] = []
        for source, name, _ in expanded(item, scope.sources, self.facts):
            part = new.get(source.column_key(name))
            column = n.ColumnRef(self.called(source), name)
            made.append(column if part is None else n.Alias(self.expr(part.this), name))
        return made

    def distinct_on(self, tree: exp.Select, items: tuple[n.Expr, ...]) -> tuple[n.Expr, ...]:
        """The keys of DISTINCT ON."""
        distinct = tree.args.get("distinct")
        on = distinct.args.get("on") if distinct is not None else None
        if on is None:
            return ()
        keys = on.expressions if isinstance(on, exp.Tuple) else [on.unnest()]
        return tuple(self.output(key, tree, items) for key in keys)

    def select_orders(
        self, term: exp.Ordered, tree: exp.Select, items: tuple[n.Expr, ...]
    ) -> list[n.OrderKey]:
        """A key of the ordering; ORDER BY ALL is a key for each item."""
        if isinstance(term.this, exp.Var) and term.this.name.upper() == "ALL":
            if any(isinstance(item, n.Star) for item in items):
                raise SqlUnreadable("ORDER BY ALL is not supported with a star")
            return [self.ordered(term, n.Literal(at + 1)) for at in range(len(items))]
        return [self.select_order(term, tree, items)]

    def output(self, term: Any, tree: exp.Select, items: tuple[n.Expr, ...]) -> n.Expr:
        """A GROUP BY or ORDER BY term, with positions and aliases replaced by what they stand for."""
        at: int | None = None
        if isinstance(term, exp.Literal) and not term.is_string and term.this.isdigit():
            at = int(term.this) - 1
            if not 0 <= at < len(items) or any(isinstance(item, n.Star) for item in items):
                return n.Literal(int(term.this))
        elif isinstance(term, exp.Column):
            bound = self.names.get(id(term))
            result = bound.result if bound else None
            named = (i for i, item in enumerate(tree.expressions) if result and item is result.item)
            at = next(named, None)
        if at is None:
            return self.expr(term)
        item = items[at]
        value = n.unnamed(item)
        # A constant in ORDER BY or GROUP BY would be read as a position, a subquery would run twice.
        if isinstance(value, n.Literal) or has_frame(value):
            return n.ColumnRef(None, item.name) if isinstance(item, n.Alias) else n.Literal(at + 1)
        return value

    def select_order(self, term: exp.Ordered, tree: exp.Select, items: tuple[n.Expr, ...]) -> n.OrderKey:
        target = term.this
        if isinstance(target, exp.Collate):
            inner = self.output(target.this, tree, items)
            return self.ordered(term, n.Binary("collate", inner, n.Literal(target.expression.name)))
        return self.ordered(term, self.output(target, tree, items))


def _is_ordered(tree: Any) -> bool:
    return bool(tree.args.get("order") or tree.args.get("limit") or tree.args.get("offset"))


_CLAUSES = frozenset((
    "with_", "expressions", "from_", "joins", "where", "group", "having", "qualify", "windows", "distinct",
    "order", "limit", "offset", "hint", "operation_modifiers",
))  # fmt: skip
"""Clauses of a SELECT that are read, and hints, which change no row and are left out."""
_CLAUSE_NAMES = {
    "locks": "FOR UPDATE",
    "into": "SELECT INTO",
    "laterals": "LATERAL VIEW",
    "sample": "TABLESAMPLE",
}


def _kind(operation: Any) -> str:
    if operation.args.get("by_name") or operation.args.get("on"):
        raise SqlUnreadable("a set operation BY NAME is not supported")
    if isinstance(operation, exp.Union):
        return "union" if operation.args.get("distinct") else "union all"
    kind = "intersect" if isinstance(operation, exp.Intersect) else "except"
    return kind if operation.args.get("distinct") is not False else f"{kind} all"


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
