"""What other dialects have in FROM and GROUP BY: lateral queries, named columns of VALUES, sets of groups."""

from __future__ import annotations

from itertools import combinations

from sqlglot import exp

from share_sql.edits.foreign.nodes import Reading, call

_MOST_SETS = 8


def named_values(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """`FROM (VALUES (1), (2)) AS t (v)`: SQLite calls the columns `column1`, `column2`."""
    found = ""
    for values in list(tree.find_all(exp.Values)):
        alias = values.args.get("alias")
        columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
        if alias is None or not columns or not isinstance(values.parent, exp.From | exp.Join):
            continue
        plain = values.copy()
        plain.set("alias", None)
        items = [exp.alias_(exp.column(f"column{at}"), name.copy()) for at, name in enumerate(columns, 1)]
        inner = exp.select(*items).from_(
            exp.Subquery(this=exp.Select(expressions=[exp.Star()], from_=exp.From(this=plain)))
        )
        values.replace(exp.Subquery(this=inner, alias=exp.TableAlias(this=alias.this.copy())))
        found = "VALUES with names"
    return tree, found


def numbered_rows(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Oracle's ROWNUM as a column."""
    if reading.schema.tables_with("rownum"):
        return tree, ""
    found = ""
    for column in list(tree.find_all(exp.Column, exp.Pseudocolumn)):
        if column.name.upper() == "ROWNUM" and not column.text("table") and _is_selected(column):
            column.replace(exp.Window(this=call("ROW_NUMBER")))
            found = "ROWNUM"
    return tree, found


def _is_selected(column: exp.Expr) -> bool:
    item = column.parent if isinstance(column.parent, exp.Alias) else column
    return isinstance(item.parent, exp.Select) and item.arg_key == "expressions"


def texts_of_arrays(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """`ARRAY_TO_STRING(ARRAY_AGG(name ORDER BY name), ',')`: the text at once."""
    found = ""
    for node in list(tree.find_all(exp.ArrayToString)):
        inner = node.this.this if isinstance(node.this, exp.Filter) else node.this
        if isinstance(inner, exp.ArrayAgg) and isinstance(inner.this, exp.Order):
            node.replace(exp.GroupConcat(this=inner.this.copy(), separator=node.expression.copy()))
            found = "ARRAY_AGG"
    return tree, found


def laterals(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """LATERAL and APPLY with a query that gives one row: each of its columns as a query of its own."""
    found = ""
    for select in list(tree.find_all(exp.Select)):
        for join in list(select.args.get("joins") or ()):
            lateral = join.this
            query = (
                lateral.this.this
                if isinstance(lateral, exp.Lateral) and isinstance(lateral.this, exp.Subquery)
                else None
            )
            if isinstance(query, exp.Select) and _use_below(select, join, lateral, query):
                found = "LATERAL"
    return tree, found


def _use_below(select: exp.Select, join: exp.Join, lateral: exp.Lateral, query: exp.Select) -> bool:
    limit = query.args.get("limit")
    is_total = not query.args.get("group") and all(item.find(exp.AggFunc) for item in query.selects)
    is_one = limit is not None and (limit.args.get("count") or limit.expression or exp.Null()).name == "1"
    name = lateral.alias.lower()
    items = {item.alias_or_name.lower(): item for item in query.selects}
    condition = join.args.get("on")
    if not (is_total or is_one) or not name or "" in items or any(item.is_star for item in query.selects):
        return False
    if condition is not None and not (isinstance(condition, exp.Boolean) and condition.this):
        return False
    uses = [
        column
        for column in select.find_all(exp.Column)
        if column.text("table").lower() == name and column.find_ancestor(exp.Lateral) is not lateral
    ]
    if any(column.name.lower() not in items for column in uses):
        return False
    if any(star.is_star and not isinstance(star, exp.Count) for star in select.selects):
        return False
    is_outer = join.side == "LEFT" or lateral.args.get("cross_apply") is False
    for column in uses:
        inner = query.copy()
        inner.set("expressions", [items[column.name.lower()].unalias().copy()])
        value: exp.Expr = exp.Subquery(this=inner)
        if column.parent is select:
            value = exp.alias_(value, column.name)
        column.replace(value)
    join.pop()
    if not is_outer and not is_total:
        select.where(exp.Exists(this=query.copy()), copy=False)
    return True


def groups(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """WITH ROLLUP, ROLLUP, CUBE and GROUPING SETS: a query for each set of groups, one after the other."""
    found = ""
    for select in list(tree.find_all(exp.Select)):
        sets = _sets(select)
        if not sets or len(sets) > _MOST_SETS or select.args.get("limit") or select.args.get("distinct"):
            continue
        keys = {key.sql() for members in sets for key in members}
        parts = [_grouped(select, members, keys) for members in sets]
        whole: exp.Query = parts[0]
        for part in parts[1:]:
            whole = exp.Union(this=whole, expression=part, distinct=False)
        if select.args.get("order"):
            whole.set("order", select.args["order"].copy())
        if select.args.get("with_"):
            whole.set("with_", select.args["with_"].copy())
        found = "sets of groups"
        if select is tree:
            tree = whole
        else:
            select.replace(whole)
    return tree, found


def _sets(select: exp.Select) -> list[list[exp.Expr]]:
    """The sets of keys that a SELECT is grouped by, where they are several."""
    group = select.args.get("group")
    if group is None:
        return []
    plain = list(group.expressions)
    if group.args.get("rollup") and not any(part.expressions for part in group.args["rollup"]):
        return [plain[:size] for size in range(len(plain), -1, -1)]
    if len(plain) != 1:
        return []
    sets = plain[0]
    if isinstance(sets, exp.Rollup):
        members = list(sets.expressions)
        return [members[:size] for size in range(len(members), -1, -1)]
    if isinstance(sets, exp.Cube):
        members = list(sets.expressions)
        return [list(some) for size in range(len(members), -1, -1) for some in combinations(members, size)]
    if isinstance(sets, exp.GroupingSets):
        return [
            list(part.expressions) if isinstance(part, exp.Tuple) else [part.unnest()]
            for part in sets.expressions
        ]
    return []


def _grouped(select: exp.Select, members: list[exp.Expr], keys: set[str]) -> exp.Select:
    """A SELECT grouped by some of the keys; the others are NULL in it."""
    part = select.copy()
    own = {key.sql() for key in members}
    for key in ("order", "with_", "group"):
        part.set(key, None)
    if members:
        part.set("group", exp.Group(expressions=[key.copy() for key in members]))
    for item in list(part.selects):
        value = item.unalias()
        if value.sql() in keys - own:
            item.replace(exp.alias_(exp.Null(), item.alias_or_name))
    return part
