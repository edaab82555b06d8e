"""What other dialects write and SQLite reads otherwise; what it does not read is in `edits.foreign`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, put
from share_sql.query.examined import Examined

_RATIO = re.compile(r"\b(?:percent(?:age)?|ratio|rate|proportion|average|fraction|share|per|divide|%)\b|%")
_INTEGER = re.compile(r"^(?:.*int.*|bool.*)$", re.IGNORECASE)


def null_comparisons(draft: Examined) -> Iterator[Edit]:
    """`x = NULL` holds for no row in any dialect; `x IS NULL` is meant."""
    for node in draft.tree.find_all(exp.EQ, exp.NEQ):
        if not isinstance(node.expression, exp.Null):
            continue
        negated = isinstance(node, exp.NEQ)
        test: exp.Expr = exp.Is(this=node.this.copy(), expression=exp.Null())
        new = put(draft, node, exp.Not(this=test) if negated else test)
        word = "IS NOT NULL" if negated else "IS NULL"
        message = f"no row is {'un' if negated else ''}equal to NULL; {draft.text(node.this)} {word}"
        yield Edit("null-comparison", message, new)


def divisions(draft: Examined) -> Iterator[Edit]:
    """`COUNT(a) / COUNT(b)` truncates in SQLite; the dividend is cast to REAL."""
    if not _RATIO.search(f"{draft.question} {draft.evidence}".lower()):
        return
    types = {
        id(bound.node): column.type
        for bound in draft.binding.names.values()
        if bound.table is not None and (column := bound.table.column(bound.node.name)) is not None
    }
    for node in draft.tree.find_all(exp.Div):
        if _is_integer(node.this, types) and _is_integer(node.expression, types):
            real = exp.Cast(this=node.this.copy(), to=exp.DataType.build("REAL"))
            message = f"{draft.text(node)} divides integers and truncates; cast to REAL"
            yield Edit("integer-division", message, put(draft, node.this, real))


def _is_integer(node: exp.Expr, types: dict[int, str]) -> bool:
    """Whether an expression is certain to be an integer in SQLite."""
    if isinstance(node, exp.Paren | exp.Alias | exp.Sum | exp.Max | exp.Min | exp.Filter):
        return _is_integer(node.this, types)
    if isinstance(node, exp.Count):
        return True
    if isinstance(node, exp.Literal):
        return node.is_int
    if isinstance(node, exp.Distinct):
        return _is_integer(node.expressions[0], types)
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
    return isinstance(node, exp.EQ | exp.LT | exp.GT | exp.And | exp.Or)
