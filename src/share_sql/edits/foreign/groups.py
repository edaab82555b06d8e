"""Groups where a database is strict: columns beside aggregates, and DISTINCT sorted by other columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from share_sql.edits.foreign.kinds import (
    mark_columns,
    same_text,
    sources_of,
    table_of,
)
from share_sql.edits.foreign.named import spelled
from share_sql.edits.foreign.nodes import Reading, integer
from share_sql.edits.foreign.queries import expanded, free_name, named_items
from share_sql.edits.foreign.target import Clause

Picked = Callable[[exp.Expr, "exp.Expr | None"], exp.Expr]
"""A value of one row of a group: of the first, or of the row of a MAX or MIN that is given."""


def bare_columns(pick: Picked, *, by_key: bool) -> Clause:
    """Columns beside an aggregate that are no key of the groups: a value of one of the group's rows.

    Args:
        pick: how the dialect takes it.
        by_key: whether a table's primary key among the groups' keys stands for all its columns.
    """

    def write(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
        found = ""
        for select in list(tree.find_all(exp.Select)):
            clauses = [*select.selects, select.args.get("having"), select.args.get("order")]
            aggregated = select.args.get("group") is not None or any(
                _own_aggregates(clause, select) for clause in clauses if clause is not None
            )
            if not aggregated:
                continue
            if any(item.is_star and not isinstance(item, exp.Count) for item in select.selects):
                items = list(expanded(select, reading))
                if not items:
                    continue
                select.set("expressions", items)
                clauses = [*select.selects, select.args.get("having"), select.args.get("order")]
                spelled(select, reading)
                mark_columns(select, reading)
            keys = _keys(select)
            own = {source.alias_or_name.lower(): source for source in sources_of(select)}
            if by_key:
                keys |= _whole_tables(keys, own, reading)
            extreme = _extreme(select, clauses) if reading.reader in ("sqlite", "mysql") else None
            bare = [
                column
                for clause in clauses
                if clause is not None
                for column in _bare(clause, keys, own, select)
            ]
            for column in bare:
                picked = pick(column, extreme)
                picked = exp.alias_(picked, column.this.copy()) if column.parent is select else picked
                column.replace(picked)
                found = "a column beside groups"
        return tree, found

    return write


def _own_aggregates(clause: exp.Expr, select: exp.Select) -> list[exp.Expr]:
    return [
        node
        for node in clause.find_all(exp.AggFunc)
        if not _in_window(node) and node.find_ancestor(exp.Select) is select
    ]


def _in_window(node: exp.Expr) -> bool:
    parent = node.parent
    while isinstance(parent, exp.Filter | exp.IgnoreNulls | exp.WithinGroup):
        parent = parent.parent
    return isinstance(parent, exp.Window) and node.arg_key == "this"


def _keys(select: exp.Select) -> set[str]:
    """The keys of the groups as texts; an alias or a position stands for its item."""
    group = select.args.get("group")
    if group is None:
        return set()
    named = {item.alias.lower(): item.this for item in select.selects if isinstance(item, exp.Alias)}
    found: set[str] = set()
    for key in group.expressions:
        at = integer(key)
        if at is not None and 1 <= at <= len(select.selects):
            found.add(same_text(select.selects[at - 1].unalias()))
        elif (
            isinstance(key, exp.Column)
            and not key.table
            and "." not in same_text(key)
            and key.name.lower() in named
        ):
            found.add(same_text(named[key.name.lower()]))
            found.add(same_text(key))
        else:
            found.add(same_text(key))
    return found


def _whole_tables(keys: set[str], own: dict[str, exp.Expr], reading: Reading) -> set[str]:
    """The columns of tables whose primary key is among the keys."""
    found: set[str] = set()
    for name, source in own.items():
        table = table_of(source, reading.schema)
        key = table.primary_key or tuple(c.name for c in table.columns if c.primary_key) if table else ()
        if table is not None and key and all(f"{name}.{column}".lower() in keys for column in key):
            found |= {f"{name}.{column.name}".lower() for column in table.columns}
    return found


def _extreme(select: exp.Select, clauses: list[exp.Expr | None]) -> exp.Expr | None:
    """The one MAX or MIN whose row SQLite takes bare columns from; None where there is none, or several."""
    found = [
        node
        for clause in clauses
        if clause is not None
        for node in _own_aggregates(clause, select)
        if isinstance(node, exp.Max | exp.Min)
    ]
    return found[0] if len({node.sql() for node in found}) == 1 else None


def _bare(
    clause: exp.Expr, keys: set[str], own: dict[str, exp.Expr], select: exp.Select
) -> Iterator[exp.Column]:
    is_sorted = isinstance(clause, exp.Order | exp.Having)
    named = (
        {item.alias.lower() for item in select.selects if isinstance(item, exp.Alias)} if is_sorted else ()
    )
    waiting: list[exp.Expr] = [clause]
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.Query) or (isinstance(node, exp.AggFunc) and not _in_window(node)):
            continue
        if not isinstance(node, exp.Alias) and same_text(node) in keys:
            continue
        if isinstance(node, exp.Column):
            text = same_text(node)
            qualifier = text.split(".", 1)[0] if "." in text else ""
            is_alias = (
                not node.table and node.name.lower() in named and isinstance(clause, exp.Order | exp.Having)
            )
            if qualifier in own and not is_alias and isinstance(node.this, exp.Identifier):
                yield node
            continue
        waiting.extend(node.iter_expressions())


# ------------------------------------------------------------------- DISTINCT, sorted


def sorted_distinct(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """`SELECT DISTINCT a … ORDER BY b`: groups of `a`, sorted by the least or the greatest `b`."""
    found = ""
    for select in list(tree.find_all(exp.Select)):
        distinct, order = select.args.get("distinct"), select.args.get("order")
        if distinct is None or distinct.args.get("on") is not None or order is None:
            continue
        shown = {same_text(item) for item in select.selects}
        shown |= {item.alias.lower() for item in select.selects if isinstance(item, exp.Alias)}
        hidden = [
            term
            for term in order.expressions
            if integer(term.this) is None
            and same_text(term.this) not in shown
            and not (isinstance(term.this, exp.Column) and term.this.name.lower() in shown)
        ]
        if not hidden or any(item.is_star for item in select.selects):
            if hidden and not select.args.get("limit"):
                order.set("expressions", [term for term in order.expressions if term not in hidden])
                if not order.expressions:
                    select.set("order", None)
                found = "ORDER BY beside DISTINCT"
            continue
        if select.args.get("group") or any(
            _own_aggregates(item, select) for item in [*select.selects, order]
        ):
            if not _wrapped(select, hidden, reading):
                continue
        else:
            for term in hidden:
                _bound(term)
            select.set("distinct", None)
            select.set("group", exp.Group(expressions=_distinct_keys(select)))
        found = "ORDER BY beside DISTINCT"
    return tree, found


def _distinct_keys(select: exp.Select) -> list[exp.Expr]:
    keys = [item.unalias() for item in select.selects]
    return [
        exp.Literal.number(at) if not isinstance(key, exp.Column) else key.copy()
        for at, key in enumerate(keys, 1)
        if not isinstance(key, exp.Literal)
    ]


def _bound(term: exp.Expr) -> None:
    """Sort by the least of the values, or the greatest where it falls."""
    term.set("this", (exp.Max if term.args.get("desc") else exp.Min)(this=term.this.copy()))


def _is_quoted(item: exp.Expr) -> bool:
    name = item.args.get("alias") if isinstance(item, exp.Alias) else item.this
    return isinstance(name, exp.Identifier) and bool(name.args.get("quoted"))


def _wrapped(select: exp.Select, hidden: list[exp.Expr], reading: Reading) -> bool:
    if select.args.get("with_") or not named_items(select, reading):
        return False
    order = select.args["order"]
    names = [item.alias_or_name for item in select.selects]
    quotes = [_is_quoted(item) for item in select.selects]
    inner = select.copy()
    inner_terms = inner.args["order"].expressions
    outer: list[exp.Expr] = []
    for at, term in enumerate(order.expressions):
        name = free_name(f"sorted_{at + 1}", select)
        inner.select(exp.alias_(inner_terms[at].this.copy(), name), copy=False)
        outer.append(
            exp.Ordered(
                this=(exp.Max if term.args.get("desc") else exp.Min)(this=exp.column(name)),
                desc=term.args.get("desc"),
                nulls_first=term.args.get("nulls_first"),
            )
        )
    for key in ("order", "distinct", "limit", "offset"):
        inner.set(key, None)
    columns = [
        exp.column(exp.to_identifier(name, quoted=quoted)) for name, quoted in zip(names, quotes, strict=True)
    ]
    source = exp.Subquery(
        this=inner, alias=exp.TableAlias(this=exp.to_identifier(free_name("groups_found", select)))
    )
    whole = exp.select(*columns).from_(source).group_by(*[column.copy() for column in columns])
    whole.set("order", exp.Order(expressions=outer))
    for key in ("limit", "offset"):
        whole.set(key, select.args.get(key))
    select.args.clear()
    for key, value in whole.args.items():
        select.set(key, value)
    return True
