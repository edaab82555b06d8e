"""Functions that models write and SQLite does not have, put in SQLite's words.

The names come from MySQL, PostgreSQL and pandas. A name that SQLite has keeps SQLite's meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from share_sql.trajectory import nodes as n

_Make = Callable[..., n.Expr | None]
"""Makes the expression of the arguments; None where they do not fit."""


def _infix(op: str) -> _Make:
    def make(*args: n.Expr) -> n.Expr | None:
        return reduce(lambda left, right: n.Binary(op, left, right), args) if len(args) > 1 else None

    return make


def _renamed(name: str) -> _Make:
    return lambda *args: n.Call(name, args)


def _divide(left: n.Expr, right: n.Expr) -> n.Expr:
    # A ratio is meant: SQLite's / would cut two integers to an integer, so one side becomes real.
    return n.Binary("/", n.Cast(left, "real"), right)


def _part(code: str) -> _Make:
    # As a number, so that year(x) = 2012 and year(x) = '2012' both hold: CAST gives it a number's affinity.
    return lambda moment: n.Cast(n.Call("strftime", (n.Literal(code), moment)), "integer")


def _cast(kind: str) -> _Make:
    return lambda value: n.Cast(value, kind)


def _right(text: n.Expr, length: n.Expr) -> n.Expr:
    return n.Call("substr", (text, n.Unary("-", length)))


def _datediff(end: n.Expr, start: n.Expr) -> n.Expr:
    return n.Binary("-", n.Call("julianday", (end,)), n.Call("julianday", (start,)))


def _now(name: str) -> _Make:
    return lambda: n.Call(name, (n.Literal("now"),))


def _percentage(part: n.Expr, whole: n.Expr) -> n.Expr:
    return n.Binary("/", n.Binary("*", n.Cast(part, "real"), n.Literal(100)), whole)


def _null(op: str) -> _Make:
    return lambda value: n.Binary(op, value, n.Literal(None))


def _contains(text: n.Expr, part: n.Expr) -> n.Expr | None:
    if not isinstance(part, n.Literal) or not isinstance(part.value, str):
        return None
    return n.Binary("like", text, n.Literal(f"%{part.value}%"))


_ANY: dict[str, _Make] = {
    "subtract": _infix("-"), "minus": _infix("-"), "difference": _infix("-"), "diff": _infix("-"),
    "add": _infix("+"), "plus": _infix("+"), "multiply": _infix("*"), "times": _infix("*"),
    "mul": _infix("*"), "concat": _infix("||"), "mod": _infix("%"),
    "and": _infix("and"), "or": _infix("or"), "equals": _infix("="),
    "if": _renamed("iif"), "average": _renamed("avg"), "mean": _renamed("avg"), "len": _renamed("length"),
    "char_length": _renamed("length"), "substring": _renamed("substr"), "mid": _renamed("substr"),
    "ucase": _renamed("upper"), "lcase": _renamed("lower"), "nvl": _renamed("ifnull"),
    "pow": _renamed("power"), "string_agg": _renamed("group_concat"), "strpos": _renamed("instr"),
    "maximum": _renamed("max"), "minimum": _renamed("min"), "greatest": _renamed("max"),
    "least": _renamed("min"), "to_date": _renamed("date"), "listagg": _renamed("group_concat"),
}  # fmt: skip

_BY_COUNT: dict[int, dict[str, _Make]] = {
    0: {"now": _now("datetime"), "getdate": _now("datetime"), "curdate": _now("date"), "today": _now("date")},
    1: {
        "not": lambda value: n.Unary("not", value),
        "year": _part("%Y"), "month": _part("%m"), "day": _part("%d"), "hour": _part("%H"),
        "minute": _part("%M"), "second": _part("%S"), "dayofmonth": _part("%d"), "dayofyear": _part("%j"),
        "real": _cast("real"), "float": _cast("real"), "double": _cast("real"), "decimal": _cast("real"),
        "int": _cast("integer"), "integer": _cast("integer"), "text": _cast("text"), "str": _cast("text"),
        "isnull": _null("is"), "is_null": _null("is"), "notnull": _null("is not"),
        "is_not_null": _null("is not"), "isnotnull": _null("is not"),
    },
    2: {
        "divide": _divide, "div": _divide, "ratio": _divide, "percentage": _percentage,
        "percent": _percentage, "left": lambda text, length: n.Call("substr", (text, n.Literal(1), length)),
        "right": _right, "datediff": _datediff, "contains": _contains,
        "date_format": lambda moment, form: n.Call("strftime", (form, moment)),
    },
}  # fmt: skip
"""Functions that take so many arguments and no others."""


def in_sqlite(call: n.Call) -> n.Expr:
    """The call in SQLite's words, where its name is another's; else the call itself."""
    make = _ANY.get(call.name) or _BY_COUNT.get(len(call.args), {}).get(call.name)
    if make is None or call.over is not None or call.where is not None or call.order:
        return call
    made = make(*call.args)
    if isinstance(made, n.Call) and call.distinct:
        return n.Call(made.name, made.args, True)
    return call if made is None or call.distinct else made
