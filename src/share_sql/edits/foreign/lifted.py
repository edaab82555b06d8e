"""Aggregates that need sorted rows: medians, percentiles, and texts put together in an order.

The rows that are grouped are numbered, or sorted, in a query below; the aggregate is computed above it.
"""

from __future__ import annotations

from sqlglot import exp

from share_sql.edits.foreign.nodes import Reading, binary, call, number

_BELOW = "below"


def lifted(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Rewrite each SELECT with such an aggregate. Returns the query and what was rewritten, in a word."""
    found = ""
    for select in list(tree.find_all(exp.Select)):
        word = _percentiles(select) or _sorted_texts(select)
        found = word or found
    return tree, found


def _own(select: exp.Select, *kinds: type[exp.Expr]) -> list[exp.Expr]:
    """Nodes of the select list, HAVING and ORDER BY, without those of queries inside."""
    clauses = [*select.selects, select.args.get("having"), select.args.get("order")]
    return [
        node
        for clause in clauses
        if clause is not None
        for node in clause.find_all(*kinds)
        if node.find_ancestor(exp.Select) is select
    ]


# --------------------------------------------------------------------- percentiles


def _percentile(node: exp.Expr) -> tuple[exp.Expr, exp.Expr, bool, bool] | None:
    """What a percentile is taken of, which, whether it is one of the values, and whether it falls."""
    if isinstance(node, exp.Median):
        return node.this, number(0.5), False, False
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont | exp.PercentileDisc):
        order = node.expression
        terms = order.expressions if isinstance(order, exp.Order) else []
        if len(terms) != 1:
            return None
        return (
            terms[0].this,
            node.this.this,
            isinstance(node.this, exp.PercentileDisc),
            bool(terms[0].args.get("desc")),
        )
    if isinstance(node, exp.Quantile):
        share = node.args.get("quantile")
        return (node.this, share, False, False) if share is not None else None
    if isinstance(node, exp.PercentileCont) and node.args.get("expression") is not None:
        return node.this, node.expression, False, False
    if isinstance(node, exp.Anonymous) and str(node.this).upper() == "MEDIAN" and len(node.expressions) == 1:
        return node.expressions[0], number(0.5), False, False
    return None


_KINDS = (exp.Median, exp.WithinGroup, exp.Quantile, exp.PercentileCont, exp.Anonymous)


def _percentiles(select: exp.Select) -> str:
    nodes = [node for node in _own(select, *_KINDS) if _percentile(node) is not None]
    nodes = [node for node in nodes if not isinstance(node.parent, exp.WithinGroup | exp.Window | exp.Filter)]
    values = {read[0].sql() for node in nodes if (read := _percentile(node)) is not None}
    if len(values) != 1:
        return ""
    first = _percentile(nodes[0])
    assert first is not None
    value, _, _, falls = first
    keys = [key.copy() for key in select.args["group"].expressions] if select.args.get("group") else []
    if not _is_simple_group(select, keys):
        return ""
    below = _below(select)
    if below is None:
        return ""
    inner, renamed = below
    # NULL is numbered last, so that the numbers of the values run from 1 to their count.
    terms = [
        exp.Ordered(this=exp.Is(this=value.copy(), expression=exp.Null()), nulls_first=True),
        exp.Ordered(this=value.copy(), desc=falls, nulls_first=not falls),
    ]
    window = {"partition_by": keys} if keys else {}
    number_of = exp.Window(this=call("ROW_NUMBER"), order=exp.Order(expressions=terms), **_copies(window))
    count_of = exp.Window(this=exp.Count(this=value.copy()), **_copies(window))
    inner.select(exp.alias_(number_of, "row_place"), exp.alias_(count_of, "row_total"), copy=False)
    for node in nodes:
        read = _percentile(node)
        assert read is not None
        node.replace(_interpolated(read[0], read[1], read[2]))
    _put_below(select, inner, renamed)
    return "percentiles"


def _copies(window: dict[str, list[exp.Expr]]) -> dict[str, list[exp.Expr]]:
    return {key: [item.copy() for item in items] for key, items in window.items()}


def _interpolated(value: exp.Expr, share: exp.Expr, discrete: bool) -> exp.Expr:
    """The value at a place between two rows, each weighed by how near it is."""
    place, total = exp.column("row_place"), exp.column("row_total")
    if discrete:
        reached = exp.GTE(this=place, expression=exp.Mul(this=share.copy(), expression=total))
        return exp.Min(this=exp.case().when(reached, value.copy()))
    wanted = exp.Mul(this=share.copy(), expression=binary(exp.Sub, total, number(1)))
    away = call("ABS", exp.Sub(this=wanted, expression=binary(exp.Sub, place, number(1))))
    weight = call("MAX", exp.Sub(this=number(1), expression=away), number(0))
    return exp.Sum(this=exp.Mul(this=value.copy(), expression=weight))


# -------------------------------------------------------------------- sorted texts


def _sorted_texts(select: exp.Select) -> str:
    nodes = [
        node
        for node in _own(select, exp.GroupConcat)
        if isinstance(node.this, exp.Order) and not isinstance(node.parent, exp.Window)
    ]
    orders = {", ".join(term.sql() for term in node.this.expressions) for node in nodes}
    if len(orders) != 1:
        return ""
    terms = [term.copy() for term in nodes[0].this.expressions]
    keys = select.args["group"].expressions if select.args.get("group") else []
    if not _is_simple_group(select, keys):
        return ""
    below = _below(select, terms)
    if below is None:
        return ""
    inner, renamed = below
    inner.set("order", exp.Order(expressions=terms))
    for node in nodes:
        node.set("this", node.this.this.copy())
    _put_below(select, inner, renamed)
    return "ORDER BY in an aggregate"


# ------------------------------------------------------------------- a query below


def _is_simple_group(select: exp.Select, keys: list[exp.Expr]) -> bool:
    """Whether GROUP BY names columns, not positions, aliases or sets of keys."""
    group = select.args.get("group")
    aliases = {item.alias.lower() for item in select.selects if isinstance(item, exp.Alias)}
    if group is not None and any(group.args.get(key) for key in ("rollup", "cube", "grouping_sets")):
        return False
    return all(
        not isinstance(key, exp.Literal)
        and not (isinstance(key, exp.Column) and not key.table and key.name.lower() in aliases)
        for key in keys
    )


def _below(
    select: exp.Select, more: list[exp.Expr] | None = None
) -> tuple[exp.Select, dict[str, str]] | None:
    """The query that gives the rows before they are grouped, and the new names of its columns by old text."""
    if not select.args.get("from_") or select.args.get("distinct") or select.args.get("windows"):
        return None
    clauses = [
        *select.selects,
        *(select.args.get(key) for key in ("group", "having", "order")),
        *(more or []),
    ]
    if any(clause.find(exp.Select, exp.Star, exp.Window) for clause in _counted(clauses)):
        return None
    aliases = {item.alias.lower() for item in select.selects if isinstance(item, exp.Alias)}
    renamed: dict[str, str] = {}
    items: list[exp.Expr] = []
    for clause in clauses:
        for column in clause.find_all(exp.Column) if clause is not None else ():
            is_alias = not column.table and column.name.lower() in aliases
            if (
                is_alias
                and column.find_ancestor(exp.Order, exp.Having)
                and not column.find_ancestor(exp.AggFunc)
            ):
                continue
            if column.sql() in renamed:
                continue
            name = column.name
            while name.lower() in {used.lower() for used in renamed.values()}:
                name += "_"
            renamed[column.sql()] = name
            items.append(exp.alias_(column.copy(), name, quoted=bool(column.this.args.get("quoted"))))
    inner = exp.select(*(items or [exp.alias_(number(1), "one")]))
    for key in ("from_", "joins", "where"):
        value = select.args.get(key)
        if value is not None:
            inner.set(key, [join.copy() for join in value] if key == "joins" else value.copy())
    return inner, renamed


def _counted(clauses: list[exp.Expr | None]) -> list[exp.Expr]:
    """Clauses without COUNT(*), whose star is no column."""
    kept = []
    for clause in clauses:
        if clause is None:
            continue
        copy = clause.copy()
        for star in list(copy.find_all(exp.Star)):
            if isinstance(star.parent, exp.Count):
                star.replace(number(1))
        kept.append(copy)
    return kept


def _put_below(select: exp.Select, inner: exp.Select, renamed: dict[str, str]) -> None:
    """Let a SELECT read the query below instead of its tables."""
    for clause in [*select.selects, *(select.args.get(key) for key in ("group", "having", "order"))]:
        for column in list(clause.find_all(exp.Column)) if clause is not None else ():
            new = renamed.get(column.sql())
            if new is not None:
                column.replace(
                    exp.column(exp.to_identifier(new, quoted=bool(column.this.args.get("quoted"))))
                )
    for index, item in enumerate(list(select.selects)):
        if isinstance(item, exp.Column) and item.name in renamed.values():
            select.expressions[index] = item
    alias = exp.TableAlias(this=exp.to_identifier(_BELOW))
    select.set("from_", exp.From(this=exp.Subquery(this=inner, alias=alias)))
    select.set("joins", None)
    select.set("where", None)
