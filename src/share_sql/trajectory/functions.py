"""Functions that models write in trajectories and a dialect does not have, put in its words.

The names come from all dialects and from pandas. A name that the dialect has keeps the dialect's meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce

from share_sql.trajectory import nodes as n
from share_sql.trajectory.template_text import hole_count

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


# ------------------------------------------------------------------------- words of the other dialects


def _case(condition: n.Expr, then: n.Expr, other: n.Expr | None = None) -> n.Expr:
    return n.Case(None, (n.When(condition, then),), other)


def _sql(text: str) -> _Make:
    return lambda *holes: n.Sql(text, holes) if hole_count(text) == len(holes) else None


def _quotient(kind: str) -> _Make:
    # A ratio is meant, never the whole number that some dialects' / gives.
    return lambda left, right: n.Binary("/", n.Cast(left, kind), right)


def _share(kind: str) -> _Make:
    return lambda part, whole: n.Binary("/", n.Binary("*", n.Cast(part, kind), n.Literal(100)), whole)


def _like_escape(pattern: n.Expr, text: n.Expr, escape: n.Expr) -> n.Expr | None:
    sign = escape.value if isinstance(escape, n.Literal) else None
    if not isinstance(sign, str) or len(sign) != 1 or sign in "'\\{}":
        return None
    return n.Sql(f"{{}} LIKE {{}} ESCAPE '{sign}'", (text, pattern))


def _total(value: n.Expr) -> n.Expr:
    return n.Call("coalesce", (n.Call("sum", (value,)), n.Literal(0)))


_FORMATS: dict[str, dict[str, str]] = {
    "postgres": {
        "%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS", "%j": "DDD", "%w": "D",
    },
    "mysql": {"%M": "%i"},
    "duckdb": {},
}  # fmt: skip
"""Codes of SQLite's strftime in the dialect's own."""


def _formatted(dialect: str, text: str) -> _Make:
    def make(form: n.Expr, moment: n.Expr) -> n.Expr | None:
        if not (isinstance(form, n.Literal) and isinstance(form.value, str)):
            return None
        codes = _FORMATS[dialect]
        own = re.sub(r"%\w", lambda match: codes.get(match[0], match[0]), form.value)
        return n.Sql(text, (moment, n.Literal(own)))

    return make


def _common(real: str, whole: str, words: str) -> tuple[dict[str, _Make], dict[int, dict[str, _Make]]]:
    """What all dialects but SQLite say alike, with their names of types."""
    named: dict[str, _Make] = {
        **{name: _ANY[name] for name in (
            "subtract", "minus", "difference", "diff", "add", "plus", "multiply", "times", "mul", "and", "or",
            "equals", "average", "mean", "maximum", "minimum",
        )},
        "len": _renamed("length"), "ifnull": _renamed("coalesce"), "nvl": _renamed("coalesce"),
    }  # fmt: skip
    counted: dict[int, dict[str, _Make]] = {
        0: {"getdate": lambda: n.Call("current_timestamp"), "today": lambda: n.Call("current_date")},
        1: {
            "not": _BY_COUNT[1]["not"], "real": _cast(real), "float": _cast(real), "double": _cast(real),
            "int": _cast(whole), "integer": _cast(whole), "text": _cast(words), "str": _cast(words),
            "decimal": _cast(real), "isnull": _null("is"), "is_null": _null("is"), "total": _total,
            "notnull": _null("is not"), "is_not_null": _null("is not"), "isnotnull": _null("is not"),
        },
        2: {
            "divide": _quotient(real), "div": _quotient(real), "ratio": _quotient(real),
            "percentage": _share(real), "percent": _share(real), "iif": _case, "if": _case,
        },
        3: {"iif": _case, "if": _case, "like": _like_escape},
    }  # fmt: skip
    return named, counted


def _parts(text: str) -> dict[str, _Make]:
    """year(x) and its kin, by a text with the part's name and a hole."""
    names = {"year": "YEAR", "month": "MONTH", "day": "DAY", "hour": "HOUR", "minute": "MINUTE"}
    names |= {
        "second": "SECOND",
        "dayofmonth": "DAY",
        "dayofyear": "DOY",
        "quarter": "QUARTER",
        "week": "WEEK",
    }
    return {name: _sql(text.replace("PART", part)) for name, part in names.items()}


def _postgres() -> tuple[dict[str, _Make], dict[int, dict[str, _Make]]]:
    named, counted = _common("double precision", "integer", "text")
    named |= {
        "instr": _renamed("strpos"), "char_length": _renamed("length"), "substring": _renamed("substr"),
        "mid": _renamed("substr"), "ucase": _renamed("upper"), "lcase": _renamed("lower"),
    }  # fmt: skip
    counted[0] |= {"curdate": lambda: n.Call("current_date")}
    counted[1] |= _parts("EXTRACT(PART FROM CAST({} AS TIMESTAMP))")
    counted[1] |= {
        "date": _cast("date"), "datetime": _cast("timestamp"), "to_date": _cast("date"),
        "julianday": _sql("EXTRACT(JULIAN FROM CAST({} AS TIMESTAMP))"),
        "group_concat": _sql("STRING_AGG(CAST({} AS TEXT), ',')"),
    }  # fmt: skip
    counted[2] |= {
        "datediff": _sql("CAST({} AS DATE) - CAST({} AS DATE)"), "contains": _contains,
        "group_concat": _sql("STRING_AGG(CAST({} AS TEXT), {})"),
        "strftime": _formatted("postgres", "TO_CHAR(CAST({} AS TIMESTAMP), {})"),
        "date_format": lambda moment, form: n.Call("to_char", (moment, form)),
    }  # fmt: skip
    return named, counted


def _mysql() -> tuple[dict[str, _Make], dict[int, dict[str, _Make]]]:
    named, counted = _common("double", "signed", "char")
    named |= {"string_agg": _renamed("group_concat"), "strpos": _renamed("instr")}
    counted[1] |= {"julianday": _sql("TO_DAYS({}) + 1721059.5"), "datetime": _renamed("timestamp")}
    counted[2] |= {"contains": _contains, "strftime": _formatted("mysql", "DATE_FORMAT({}, {})")}
    for names in counted.values():
        for own in ("isnull", "if"):
            names.pop(own, None)
    del named["len"], named["ifnull"]
    named["len"] = _renamed("char_length")
    return named, counted


def _duckdb() -> tuple[dict[str, _Make], dict[int, dict[str, _Make]]]:
    named, counted = _common("double", "bigint", "varchar")
    named |= {"mid": _renamed("substr"), "char_length": _renamed("length")}
    counted[1] |= {
        "julianday": _sql("JULIAN(CAST({} AS TIMESTAMP))"), "date": _cast("date"), "to_date": _cast("date"),
        "datetime": _cast("timestamp"),
    }  # fmt: skip
    counted[2] |= {
        "strftime": _formatted("duckdb", "STRFTIME(CAST({} AS TIMESTAMP), {})"),
    }  # fmt: skip
    counted[2]["datediff"] = lambda end, start: n.Sql(
        "DATE_DIFF('day', CAST({} AS DATE), CAST({} AS DATE))", (start, end)
    )
    return named, counted


_WORDS: dict[str, tuple[dict[str, _Make], dict[int, dict[str, _Make]]]] = {
    "sqlite": (_ANY, _BY_COUNT), "postgres": _postgres(), "mysql": _mysql(), "duckdb": _duckdb(),
}  # fmt: skip
"""By dialect: functions with any number of arguments, and those that take so many and no others."""


def in_dialect(call: n.Call, dialect: str) -> n.Expr:
    """The call in the dialect's words, where its name is another's; else the call itself."""
    named, counted = _WORDS[dialect]
    make = named.get(call.name) or counted.get(len(call.args), {}).get(call.name)
    if make is None or call.over is not None or call.where is not None or call.order:
        return call
    made = make(*call.args)
    if isinstance(made, n.Call) and call.distinct:
        return n.Call(made.name, made.args, True)
    return call if made is None or call.distinct else made
