"""Functions that models write and SQLite does not have, put in SQLite's words.

The names come from MySQL, PostgreSQL and pandas. A name that SQLite has keeps SQLite's meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from share_sql.trajectory import nodes as n

_Args = tuple[n.Expr, ...]


def _infix(op: str) -> Callable[[_Args], n.Expr | None]:
    def make(args: _Args) -> n.Expr | None:
        return reduce(lambda left, right: n.Binary(op, left, right), args) if len(args) > 1 else None

    return make


def _divide(args: _Args) -> n.Expr | None:
    # A ratio is meant: SQLite's / would cut two integers to an integer, so one side becomes real.
    return n.Binary("/", n.Cast(args[0], "real"), args[1]) if len(args) == 2 else None


def _part(code: str) -> Callable[[_Args], n.Expr | None]:
    # As a number, so that year(x) = 2012 and year(x) = '2012' both hold: CAST gives it a number's affinity.
    def make(args: _Args) -> n.Expr | None:
        if len(args) != 1:
            return None
        return n.Cast(n.Call("strftime", (n.Literal(code), args[0])), "integer")

    return make


def _renamed(name: str) -> Callable[[_Args], n.Expr | None]:
    return lambda args: n.Call(name, args)


def _cast(kind: str) -> Callable[[_Args], n.Expr | None]:
    return lambda args: n.Cast(args[0], kind) if len(args) == 1 else None


def _left(args: _Args) -> n.Expr | None:
    return n.Call("substr", (args[0], n.Literal(1), args[1])) if len(args) == 2 else None


def _right(args: _Args) -> n.Expr | None:
    return n.Call("substr", (args[0], n.Unary("-", args[1]))) if len(args) == 2 else None


def _datediff(args: _Args) -> n.Expr | None:
    if len(args) != 2:
        return None
    return n.Binary("-", n.Call("julianday", (args[0],)), n.Call("julianday", (args[1],)))


def _now(name: str) -> Callable[[_Args], n.Expr | None]:
    return lambda args: n.Call(name, (n.Literal("now"),)) if not args else None


def _percentage(args: _Args) -> n.Expr | None:
    if len(args) != 2:
        return None
    return n.Binary("/", n.Binary("*", n.Cast(args[0], "real"), n.Literal(100)), args[1])


def _date_format(args: _Args) -> n.Expr | None:
    return n.Call("strftime", (args[1], args[0])) if len(args) == 2 else None


def _is_null(args: _Args) -> n.Expr | None:
    return n.Binary("is", args[0], n.Literal(None)) if len(args) == 1 else None


def _not_null(args: _Args) -> n.Expr | None:
    return n.Binary("is not", args[0], n.Literal(None)) if len(args) == 1 else None


def _negate(args: _Args) -> n.Expr | None:
    return n.Unary("not", args[0]) if len(args) == 1 else None


def _contains(args: _Args) -> n.Expr | None:
    if len(args) != 2 or not isinstance(args[1], n.Literal) or not isinstance(args[1].value, str):
        return None
    return n.Binary("like", args[0], n.Literal(f"%{args[1].value}%"))


_KNOWN: dict[str, Callable[[_Args], n.Expr | None]] = {
    "divide": _divide, "div": _divide, "ratio": _divide, "percentage": _percentage, "percent": _percentage,
    "subtract": _infix("-"), "minus": _infix("-"), "difference": _infix("-"), "diff": _infix("-"),
    "add": _infix("+"), "plus": _infix("+"), "multiply": _infix("*"), "times": _infix("*"),
    "mul": _infix("*"), "concat": _infix("||"), "mod": _infix("%"),
    "and": _infix("and"), "or": _infix("or"), "not": _negate, "equals": _infix("="),
    "year": _part("%Y"), "month": _part("%m"), "day": _part("%d"), "hour": _part("%H"),
    "minute": _part("%M"), "second": _part("%S"), "dayofmonth": _part("%d"), "dayofyear": _part("%j"),
    "if": _renamed("iif"), "average": _renamed("avg"), "mean": _renamed("avg"), "len": _renamed("length"),
    "char_length": _renamed("length"), "substring": _renamed("substr"), "mid": _renamed("substr"),
    "ucase": _renamed("upper"), "lcase": _renamed("lower"), "nvl": _renamed("ifnull"),
    "pow": _renamed("power"), "string_agg": _renamed("group_concat"), "strpos": _renamed("instr"),
    "maximum": _renamed("max"), "minimum": _renamed("min"), "greatest": _renamed("max"),
    "least": _renamed("min"), "to_date": _renamed("date"), "listagg": _renamed("group_concat"),
    "real": _cast("real"), "float": _cast("real"), "double": _cast("real"), "decimal": _cast("real"),
    "int": _cast("integer"), "integer": _cast("integer"), "text": _cast("text"), "str": _cast("text"),
    "left": _left, "right": _right, "datediff": _datediff, "now": _now("datetime"),
    "curdate": _now("date"), "getdate": _now("datetime"), "today": _now("date"),
    "date_format": _date_format, "isnull": _is_null, "is_null": _is_null, "notnull": _not_null,
    "is_not_null": _not_null, "isnotnull": _not_null, "contains": _contains,
}  # fmt: skip


def in_sqlite(call: n.Call) -> n.Expr:
    """The call in SQLite's words, where its name is another's; else the call itself."""
    make = _KNOWN.get(call.name)
    if make is None or call.over is not None or call.where is not None or call.order:
        return call
    made = make(call.args)
    if isinstance(made, n.Call) and call.distinct:
        return n.Call(made.name, made.args, True)
    return call if made is None or call.distinct else made
