"""Clauses that one database takes and another refuses: bare columns of groups, aliases, sorted DISTINCT."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.foreign.kinds import (
    NUMBERS,
    is_filled,
    kind,
    sources_of,
    table_of,
)
from share_sql.edits.foreign.nodes import Reading
from share_sql.edits.foreign.queries import free_name
from share_sql.edits.foreign.target import Clause
from share_sql.sqlglot_dialects import sqlglot_dialect

_LARGE_NULLS = frozenset({"postgres", "oracle", "snowflake", "redshift", "databricks"})
"""Readers that sort NULL as the largest value, which their texts seldom mean."""


def sorted_nulls(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Where NULL is sorted is said only where it matters: beside a LIMIT, and for what may be NULL."""
    own = sqlglot_dialect(reading.schema.dialect).NULL_ORDERING
    for term in tree.find_all(exp.Ordered):
        order = term.parent
        query = order.parent if order is not None else None
        matters = isinstance(query, exp.Window) or (
            isinstance(query, exp.Query) and bool(query.args.get("limit") or query.args.get("offset"))
        )
        if matters and not is_filled(term.this) and reading.reader not in _LARGE_NULLS:
            continue
        falls = bool(term.args.get("desc"))
        term.set("nulls_first", {"nulls_are_small": not falls, "nulls_are_large": falls}.get(own, False))
    return tree, ""


def named_queries(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """A query in FROM has a name."""
    found = ""
    for source in list(tree.find_all(exp.Subquery)):
        if source.alias or not isinstance(source.parent, exp.From | exp.Join):
            continue
        if not isinstance(source.this, exp.Query):
            continue
        source.set("alias", exp.TableAlias(this=exp.to_identifier(free_name("part", tree))))
        found = "a query in FROM"
    return tree, found


def crossed(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """`FROM a, b JOIN c ON a.x = c.x`: where a comma binds weaker than JOIN, the condition knows no `a`."""
    found = ""
    for select in tree.find_all(exp.Select):
        joins = select.args.get("joins") or []
        for at, join in enumerate(joins):
            bare = not any(join.args.get(key) for key in ("on", "using", "kind", "side", "method"))
            if (
                bare
                and isinstance(join.this, exp.Table | exp.Subquery)
                and any(j.args.get("on") for j in joins[at:])
            ):
                join.set("kind", "CROSS")
                found = "a comma beside JOIN"
    return tree, found


def aliases(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Aliases in clauses that do not know them: what they stand for."""
    known = dialect_of(reading.schema.dialect).aliases_in
    found = ""
    for select in list(tree.find_all(exp.Select)):
        items = {item.alias.lower(): item.this for item in select.selects if isinstance(item, exp.Alias)}
        if not items:
            continue
        for key in ("where", "having", "group", "order"):
            clause = select.args.get(key)
            for column in list(clause.find_all(exp.Column)) if clause is not None else ():
                name = column.name.lower()
                if column.table or name not in items or column.find_ancestor(exp.Select) is not select:
                    continue
                is_whole = column.parent is clause or (
                    isinstance(column.parent, exp.Ordered) and key == "order"
                )
                if key in known and (is_whole or known >= {"where", "having"}):
                    continue
                if key == "having" and key in known:
                    continue
                if _has(select, name, reading) or (key in ("where", "group") and _aggregates(items[name])):
                    continue
                value = items[name]
                column.replace(
                    value.copy() if not isinstance(value, exp.Binary) else exp.Paren(this=value.copy())
                )
                found = f"an alias in {_CLAUSES[key]}"
    return tree, found


_CLAUSES = {"where": "WHERE", "having": "HAVING", "group": "GROUP BY", "order": "ORDER BY"}


def _has(select: exp.Select, name: str, reading: Reading) -> bool:
    """Whether an item of a SELECT's own FROM has a column of this name, as far as is known."""
    for source in sources_of(select):
        table = table_of(source, reading.schema)
        if table is not None and table.column(name) is not None:
            return True
        query = source.this if isinstance(source, exp.Subquery) else None
        if isinstance(query, exp.Query) and any(item.alias_or_name.lower() == name for item in query.selects):
            return True
    return False


def _aggregates(node: exp.Expr) -> bool:
    return any(
        not isinstance(found.parent, exp.Window)
        and found.find_ancestor(exp.Query) is node.find_ancestor(exp.Query)
        for found in node.find_all(exp.AggFunc)
    )


# ------------------------------------------------------------------------- set operations


def even_members(cast: Callable[[exp.Expr, Reading], exp.Expr]) -> Clause:
    """Members of a set operation that give texts beside numbers: all give texts."""

    def write(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
        found = ""
        for operation in tree.find_all(exp.SetOperation):
            if isinstance(operation.parent, exp.SetOperation):
                continue
            members = list(_members(operation))
            width = len(members[0].selects) if members else 0
            if any(
                len(member.selects) != width or any(i.is_star for i in member.selects) for member in members
            ):
                continue
            for at in range(width):
                items = [member.selects[at] for member in members]
                kinds = [kind(item) for item in items]
                if "text" not in kinds or not set(kinds) - {"text", ""}:
                    continue
                for item, known in zip(items, kinds, strict=True):
                    if known in NUMBERS | {"date", "time", "bool"}:
                        bare = item.unalias()
                        name = item.alias_or_name
                        new = cast(bare, reading)
                        item.replace(exp.alias_(new, name) if name else new)
                        found = "texts beside numbers"
        return tree, found

    return write


def _members(operation: exp.Expr) -> Iterator[exp.Select]:
    for side in (operation.args.get("this"), operation.args.get("expression")):
        while isinstance(side, exp.Subquery | exp.Paren):
            side = side.this
        if isinstance(side, exp.SetOperation):
            yield from _members(side)
        elif isinstance(side, exp.Select):
            yield side


def limited_members(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """`IN (SELECT … LIMIT 3)`, which MySQL takes only with one query more round it."""
    found = ""
    for node in list(tree.find_all(exp.In, exp.Any, exp.All)):
        query = node.args.get("query") or node.this
        inner = query.this if isinstance(query, exp.Subquery) else query
        if not isinstance(inner, exp.Query) or not inner.args.get("limit"):
            continue
        alias = exp.TableAlias(this=exp.to_identifier(free_name("part", tree)))
        whole = exp.select("*").from_(exp.Subquery(this=inner.copy(), alias=alias))
        inner.replace(whole)
        found = "LIMIT in a list"
    return tree, found
