"""Integer division where the question asks for a ratio, a percentage or an average."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable

from sqlglot import exp

from share_sql.edits.edit import Edit, edited
from share_sql.query.examined import BoundQuery
from share_sql.stages.stage import Request, Response

_RATIO = re.compile(r"\b(?:percent(?:age)?|ratio|rate|proportion|average|fraction|share|per|divide|%)\b|%")
_INTEGER = re.compile(r"^(?:.*int.*|bool.*)$", re.IGNORECASE)


def divisions(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """`COUNT(a) / COUNT(b)` truncates in SQLite; the dividend is cast to REAL."""
    yield from ()
    if not _RATIO.search(f"{draft.question} {draft.evidence}".lower()):
        return []
    types = {
        id(bound.node): column.type
        for bound in draft.binding.names.values()
        if bound.table is not None and (column := bound.table.column(bound.node.name)) is not None
    }
    edits = []
    for node in draft.tree.find_all(exp.Div):
        if _is_integer(node.this, types) and _is_integer(node.expression, types):
            tree = edited(
                draft,
                node,
                lambda old: old.set("this", exp.Cast(this=old.this.copy(), to=exp.DataType.build("REAL"))),
            )
            shown = node.sql(dialect="sqlite")
            edits.append(
                Edit("integer-division", f"{shown} divides integers and truncates; cast to REAL", tree)
            )
    return edits


def _is_integer(node: exp.Expr, types: dict[int, str]) -> bool:
    """Whether an expression is certain to be an integer in SQLite."""
    if isinstance(node, exp.Paren):
        return _is_integer(node.this, types)
    if isinstance(node, exp.Count):
        return True
    if isinstance(node, exp.Literal):
        return not node.is_string and bool(re.fullmatch(r"\d+", node.this))
    if isinstance(node, exp.Sum | exp.Max | exp.Min | exp.Distinct):
        inner = node.expressions[0] if isinstance(node, exp.Distinct) else node.this
        return _is_integer(inner, types)
    if isinstance(node, exp.Column):
        return bool(types.get(id(node))) and bool(_INTEGER.match(types[id(node)]))
    if isinstance(node, exp.Case):
        results = [branch.args["true"] for branch in node.args["ifs"]]
        if node.args.get("default") is not None:
            results.append(node.args["default"])
        return all(_is_integer(result, types) for result in results)
    if isinstance(node, exp.If):
        branches = [node.args.get("true"), node.args.get("false")]
        return all(branch is not None and _is_integer(branch, types) for branch in branches)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        return _is_integer(node.this, types) and _is_integer(node.expression, types)
    if isinstance(node, exp.Subquery):
        query = node.this
        return (
            isinstance(query, exp.Select)
            and len(query.expressions) == 1
            and _is_integer(query.expressions[0], types)
        )
    if isinstance(node, exp.Alias):
        return _is_integer(node.this, types)
    return isinstance(node, exp.EQ | exp.LT | exp.GT | exp.And | exp.Or)
