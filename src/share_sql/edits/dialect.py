"""What other dialects write and SQLite reads otherwise or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

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


def functions(draft: Examined) -> Iterator[Edit]:
    """Functions of MySQL and others, for drafts that do not run."""
    if draft.failure is None:
        return
    for node in draft.tree.find_all(exp.Func):
        name = node.sql_name() if not isinstance(node, exp.Anonymous) else str(node.this)
        make = _FUNCTIONS.get(name.upper())
        new = make(_arguments(node)) if make is not None else None
        if new is not None:
            message = f"SQLite has no {name.upper()}; written as {draft.text(new)}"
            yield Edit("unknown-function", message, put(draft, node, new))


def _arguments(node: exp.Func) -> list[exp.Expr]:
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    found = []
    for value in node.args.values():
        found += [
            item for item in (value if isinstance(value, list) else [value]) if isinstance(item, exp.Expr)
        ]
    return [item.this if isinstance(item, exp.TsOrDsToDate) else item for item in found]


def _part(form: str) -> Callable[[list[exp.Expr]], exp.Expr | None]:
    """A part of a date, as a number."""

    def make(arguments: list[exp.Expr]) -> exp.Expr | None:
        if len(arguments) != 1:
            return None
        text = exp.Anonymous(this="STRFTIME", expressions=[exp.Literal.string(form), arguments[0].copy()])
        return exp.Cast(this=text, to=exp.DataType.build("INTEGER"))

    return make


def _call(name: str, *more: exp.Expr, count: int) -> Callable[[list[exp.Expr]], exp.Expr | None]:
    def make(arguments: list[exp.Expr]) -> exp.Expr | None:
        if len(arguments) != count:
            return None
        return exp.Anonymous(
            this=name, expressions=[*(a.copy() for a in arguments), *(m.copy() for m in more)]
        )

    return make


def _days_between(arguments: list[exp.Expr]) -> exp.Expr | None:
    if len(arguments) != 2:
        return None
    first, second = (exp.Anonymous(this="JULIANDAY", expressions=[a.copy()]) for a in arguments)
    return exp.Paren(this=exp.Sub(this=first, expression=second))


def _left(arguments: list[exp.Expr]) -> exp.Expr | None:
    if len(arguments) != 2:
        return None
    return exp.Anonymous(
        this="SUBSTR", expressions=[arguments[0].copy(), exp.Literal.number(1), arguments[1].copy()]
    )


_NOW = exp.Literal.string("now")
_FUNCTIONS: Mapping[str, Callable[[list[exp.Expr]], exp.Expr | None]] = {
    "YEAR": _part("%Y"),
    "MONTH": _part("%m"),
    "DAY": _part("%d"),
    "DAYOFMONTH": _part("%d"),
    "HOUR": _part("%H"),
    "MINUTE": _part("%M"),
    "NOW": _call("DATETIME", _NOW, count=0),
    "CURDATE": _call("DATE", _NOW, count=0),
    "DATEDIFF": _days_between,
    "DATE_DIFF": _days_between,
    "IF": _call("IIF", count=3),
    "LEFT": _left,
    "LEN": _call("LENGTH", count=1),
    "CHAR_LENGTH": _call("LENGTH", count=1),
    "UCASE": _call("UPPER", count=1),
    "LCASE": _call("LOWER", count=1),
    "RAND": _call("RANDOM", count=0),
}


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
