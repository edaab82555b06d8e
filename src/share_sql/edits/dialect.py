"""What other dialects write and SQLite reads otherwise or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from sqlglot import exp

from share_sql.edits.edit import Edit, put
from share_sql.query.examined import Examined


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
        count, make = _FUNCTIONS.get(name.upper(), (-1, None))
        arguments = _arguments(node)
        if make is not None and len(arguments) == count:
            new = make(*arguments)
            message = f"SQLite has no {name.upper()}; written as {draft.text(new)}"
            yield Edit("unknown-function", message, put(draft, node, new))


def _arguments(node: exp.Func) -> list[exp.Expr]:
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    return [item.this if isinstance(item, exp.TsOrDsToDate) else item for item in node.iter_expressions()]


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def _part(form: str) -> tuple[int, Callable[..., exp.Expr]]:
    """A part of a date, as a number."""
    text = exp.Literal.string(form)
    return 1, lambda day: exp.Cast(this=_call("STRFTIME", text, day), to=exp.DataType.build("INTEGER"))


def _days_between(first: exp.Expr, second: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.Sub(this=_call("JULIANDAY", first), expression=_call("JULIANDAY", second)))


_NOW = exp.Literal.string("now")
_FUNCTIONS: Mapping[str, tuple[int, Callable[..., exp.Expr]]] = {
    "YEAR": _part("%Y"),
    "MONTH": _part("%m"),
    "DAY": _part("%d"),
    "DAYOFMONTH": _part("%d"),
    "HOUR": _part("%H"),
    "MINUTE": _part("%M"),
    "NOW": (0, partial(_call, "DATETIME", _NOW)),
    "CURDATE": (0, partial(_call, "DATE", _NOW)),
    "DATEDIFF": (2, _days_between),
    "DATE_DIFF": (2, _days_between),
    "IF": (3, partial(_call, "IIF")),
    "LEFT": (2, lambda text, count: _call("SUBSTR", text, exp.Literal.number(1), count)),
    "LEN": (1, partial(_call, "LENGTH")),
    "CHAR_LENGTH": (1, partial(_call, "LENGTH")),
    "UCASE": (1, partial(_call, "UPPER")),
    "LCASE": (1, partial(_call, "LOWER")),
    "RAND": (0, partial(_call, "RANDOM")),
}
"""By name: how many arguments it has, and what is written with them."""
