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

from share_sql.errors import SqlUnreadable
from share_sql.schema.model import Schema
from share_sql.sql.text import parse_select
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_source import Built, SourceReader, unwrap
from share_sql.trajectory.implied import without_joins
from share_sql.trajectory.lower import aggregates_in
from share_sql.trajectory.scope import Cte, Scope
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


class _Walker(SourceReader):
    def __init__(self, schema: Schema, sql: str) -> None:
        super().__init__(schema, sql)
        self.steps: list[n.Step] = []
        self.taken = {n.DATABASE_FRAME, n.RESULT_FRAME}
        """Step names in use, lower case."""
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
            while f"df{number}" in self.taken or self.schema.table(f"df{number}"):
                number += 1
            name = f"df{number}"
        self.taken.add(name.lower())
        self.steps.append(n.Step(name, value))
        return name

    def frame(self, built: Built) -> n.Frame:
        """A reference to the query: inline where it is correlated, else a step."""
        if not built.correlated:
            return n.Frame(self.hoist(built))
        return n.Frame(built.source, built.actions)

    def subquery(self, tree: Any) -> n.Frame:
        """A query inside an expression."""
        return self.frame(self.nested(unwrap(tree), self.scope))

    def nested(self, tree: exp.Expression, parent: Scope | None) -> Built:
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

    def query(self, tree: Any, parent: Scope | None) -> Built:
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

    def values(self, tree: exp.Values) -> Built:
        rows = tuple(self.exprs(row.expressions) for row in tree.expressions)
        names = tuple(f"column{index + 1}" for index in range(len(rows[0]) if rows else 0))
        return Built(tail=(n.Values(rows),), names=names)

    def compound(self, tree: Any) -> Built:
        """A chain of set operations; SQLite's are left-associative."""
        parts: list[tuple[Any, Any]] = []
        first = tree
        while isinstance(first, exp.SetOperation):
            parts.insert(0, (first, first.expression))
            first = unwrap(first.this) if not _is_ordered(first.this) else first.this
            if isinstance(first, exp.SetOperation) and (first.args.get("with_") or _is_ordered(first)):
                break
        scope = self.scope
        left = self.nested(unwrap(first), scope)
        rights = [(_kind(operation), self.nested(unwrap(right), scope)) for operation, right in parts]
        correlated = left.correlated or any(right.correlated for _, right in rights)
        if correlated:  # all of it must stay inside the query it refers to
            frames = [(kind, n.Frame(right.source, right.actions)) for kind, right in rights]
            built = Built(left.source, left.joins, left.wheres, left.tail)
        else:
            built = Built(self.hoist(left))
            frames = [(kind, n.Frame(self.hoist(right))) for kind, right in rights]
        built.tail += tuple(n.Combine(kind, frame) for kind, frame in frames)  # type: ignore[arg-type]
        built.names, built.items, built.correlated = left.names, left.items, correlated
        built.tail += self.compound_order(tree, built)
        return built

    def compound_order(self, tree: Any, built: Built) -> tuple[n.Action, ...]:
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
                keys.append(self.ordered(term, key))
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

    def select(self, tree: exp.Select) -> Built:
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
        built = Built(names=names, items=tuple(bare))
        made = without_joins(self.schema, scope, joins, conditions, tail, items)
        if made is None:
            built.joins = tuple(joins)
        else:
            conditions, tail, items = made[0], list(made[1]), made[2]
        built.wheres = tuple(n.Where(condition) for condition in conditions)
        last: n.Action = n.Select(items, distinct)
        if items == (n.Call("count", (n.Star(),)),) and not tail and not distinct:
            last = n.Aggregate("count")
            table = scope.sources[0].qualifier if made is not None and len(scope.sources) == 1 else None
            if table and names_one_row(self.schema, table, built.wheres):
                # `.count()` would be taken to count what refers to this look-up table.
                last = n.Select((n.Call("count", (n.Star(table),)),))
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
        target = term.this
        if isinstance(target, exp.Collate):
            inner = self.output(target.this, tree, items, True)
            return self.ordered(term, n.Binary("collate", inner, n.Literal(target.expression.name)))
        return self.ordered(term, self.output(target, tree, items, True))

    def output_names(self, items: tuple[n.Expr, ...]) -> tuple[str, ...] | None:
        names: list[str] = []
        for item in items:
            if isinstance(item, n.Alias | n.ColumnRef):
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
