"""Functions and operators of other dialects on numbers, lists and groups, as SQLite has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlglot import exp

from share_sql.edits.foreign.formats import written_date
from share_sql.edits.foreign.nodes import (
    Reading,
    Rule,
    arguments_of,
    bare_date,
    binary,
    call,
    cast,
    divided,
    integer,
    joined,
    listed,
    number,
    operand,
    string,
    text,
)
from share_sql.edits.foreign.periods import CAST_AS_DATE, is_date_type
from share_sql.edits.foreign.texts import renamed

_TEXTS = frozenset((exp.DType.CHAR, exp.DType.NCHAR, exp.DType.VARCHAR, exp.DType.NVARCHAR, exp.DType.TEXT))
_WHOLE = frozenset((exp.DType.UBIGINT, exp.DType.UINT, exp.DType.USMALLINT, exp.DType.UTINYINT))
_EXACT = frozenset((exp.DType.DECIMAL, exp.DType.BIGDECIMAL, exp.DType.MONEY, exp.DType.SMALLMONEY))
_LONGEST = 20
"""`CHAR(4)` cuts a text; a longer type only declares."""


# -------------------------------------------------------------------------- numbers


def _trunc(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    decimals = integer(node.args.get("decimals")) if node.args.get("decimals") is not None else 0
    if decimals is None or not 0 <= decimals <= 9:
        return None
    if decimals == 0:
        return cast(node.this, "INTEGER")
    scaled = exp.Mul(this=operand(node.this), expression=number(10**decimals))
    return exp.Paren(this=divided(cast(scaled, "INTEGER"), number(float(10**decimals))))


def _cast(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    target = node.args.get("to")
    if not isinstance(target, exp.DataType):
        return None
    if is_date_type(target):
        return CAST_AS_DATE(node, reading)
    if target.this in _EXACT:
        real = cast(node.this, "REAL")
        sizes = [integer(size.this) for size in target.expressions]
        scale = sizes[1] if len(sizes) == 2 else None
        # NUMERIC has no fixed scale, and DECIMAL without one is written where fractions are wanted.
        return call("ROUND", real, number(scale)) if scale else real
    if target.this in _WHOLE:
        return cast(node.this, "INTEGER")
    if target.this in _TEXTS:
        size = integer(target.expressions[0].this) if target.expressions else None
        if size is None:
            return None  # sqlglot writes TEXT
        value = cast(node.this, "TEXT")
        return call("SUBSTR", value, number(1), number(size)) if size <= _LONGEST else value
    if target.this in (exp.DType.BINARY, exp.DType.VARBINARY) and reading.reader == "mysql":
        return operand(node.this)  # `BINARY x` compares as it is stored, which SQLite always does
    return None


def _convert(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """T-SQL's CONVERT(type, value, style)."""
    if node.expression is None:
        return None
    target, value = node.this, bare_date(node.expression)
    style = integer(node.args.get("style")) if node.args.get("style") is not None else None
    if isinstance(target, exp.DataType) and target.this in _TEXTS and style is not None:
        form = _STYLES.get(style)
        written = written_date(value, form) if form else None
        if written is None:
            return None
        size = integer(target.expressions[0].this) if target.expressions else None
        return call("SUBSTR", written, number(1), number(size)) if size else written
    if not isinstance(target, exp.DataType):
        return None
    return _cast(exp.Cast(this=value.copy(), to=target.copy()), reading) or cast(value, target.sql("sqlite"))


_STYLES: Mapping[int, str] = MappingProxyType({
    23: "%Y-%m-%d", 101: "%m/%d/%Y", 102: "%Y.%m.%d", 103: "%d/%m/%Y", 104: "%d.%m.%Y", 105: "%d-%m-%Y",
    108: "%H:%M:%S", 111: "%Y/%m/%d", 112: "%Y%m%d", 120: "%Y-%m-%d %H:%M:%S", 126: "%Y-%m-%dT%H:%M:%S",
})  # fmt: skip
"""Formats by number (Microsoft's documentation of CAST and CONVERT)."""


def _number_format(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """FORMAT(x, 2), FORMAT(x, 'N2'), without marks for thousands where none can stand."""
    form = node.args.get("format")
    places = integer(form)
    name = string(form) or ""
    if places is None and name[:1] in ("F", "f") and name[1:].isdigit():
        places = int(name[1:])
    return call("PRINTF", f"%.{places}f", node.this) if places is not None and 0 <= places <= 9 else None


def _spread(population: bool, root: bool) -> Rule:
    """Variance from the means of squares; a sample's is scaled by n / (n - 1)."""

    def compute(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        parts = arguments_of(node) if isinstance(node, exp.Anonymous) else [node.this]
        value = parts[0] if len(parts) == 1 else None
        if (
            value is None
            or isinstance(value, exp.Distinct)
            or isinstance(node.parent, exp.Window | exp.Filter)
        ):
            return None
        real = cast(value, "REAL")
        mean = exp.Avg(this=real.copy())
        squares = exp.Avg(this=exp.Mul(this=real.copy(), expression=real.copy()))
        variance: exp.Expr = binary(exp.Sub, squares, exp.Mul(this=mean, expression=mean.copy()))
        if not population:
            count = exp.Count(this=value.copy())
            less = call("NULLIF", exp.Sub(this=count, expression=number(1)), number(0))
            variance = divided(exp.Mul(this=variance, expression=count.copy()), less)
        # Rounding can leave a tiny negative number where all values are equal.
        variance = call("MAX", variance, number(0))
        return call("SQRT", variance) if root else variance

    return compute


def _count_if(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return exp.Count(this=exp.case().when(node.this.copy(), number(1)))


def _combined(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """ClickHouse's sumIf, avgIf and their like."""
    name = str(node.this).lower()
    parts = arguments_of(node)
    kind = _COMBINED.get(name.removesuffix("if"))
    if not name.endswith("if") or kind is None or len(parts) != 2:
        return None
    return call(kind, exp.case().when(parts[1].copy(), parts[0].copy()))


_COMBINED = {"sum": "SUM", "avg": "AVG", "min": "MIN", "max": "MAX", "count": "COUNT"}


def _distinct_count(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return exp.Count(this=exp.Distinct(expressions=[node.this.copy()]))


def _count(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`COUNT(DISTINCT a, b)`: the columns as one text; `COUNT(DISTINCT (a, b))` counts NULL too."""
    inner = node.this
    if not isinstance(inner, exp.Distinct):
        return None
    parts = list(inner.expressions)
    if len(parts) == 1 and isinstance(parts[0], exp.Tuple):
        row = call("JSON_ARRAY", *parts[0].expressions)
    elif len(parts) > 1:
        mark = call("CHAR", number(31))
        row = joined(*[item for part in parts for item in (mark, part)][1:])  # type: ignore[assignment]
    else:
        return None
    return exp.Count(this=exp.Distinct(expressions=[row]))


def _group_concat(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """With DISTINCT SQLite takes no separator: commas are put aside, and the separator put for them."""
    inner, separator = node.this, node.args.get("separator")
    mark = string(separator)
    if isinstance(inner, exp.Order):
        return None
    if separator is None and reading.reader in ("oracle", "snowflake"):
        separator, mark = text(""), ""
    if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1:
        value = inner.expressions[0]
        if mark in (None, ","):
            return exp.Anonymous(this="GROUP_CONCAT", expressions=[inner.copy()])
        aside = call("CHAR", number(31))
        listed = exp.Distinct(expressions=[call("REPLACE", value, ",", aside)])
        together = exp.Anonymous(this="GROUP_CONCAT", expressions=[listed])
        return call("REPLACE", call("REPLACE", together, ",", mark or ""), aside, ",")
    parts = [inner.copy(), *([separator.copy()] if separator is not None else [])]
    return exp.Anonymous(this="GROUP_CONCAT", expressions=parts)


def _array_text(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    inner = node.this
    if isinstance(inner, exp.Filter):
        inner = inner.this
    if not isinstance(inner, exp.ArrayAgg) or isinstance(inner.this, exp.Order):
        return None
    return _group_concat(exp.GroupConcat(this=inner.this.copy(), separator=node.expression.copy()), reading)


# --------------------------------------------------------------------- comparisons


def _like_any(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`LIKE ANY ('a%', 'b%')`: one comparison a pattern."""
    choices = listed(node.expression)
    if choices is None or not isinstance(node.expression, exp.Any | exp.All):
        return None
    tests = [exp.Like(this=node.this.copy(), expression=choice.copy()) for choice in choices]
    found = exp.or_(*tests) if isinstance(node.expression, exp.Any) else exp.and_(*tests)
    return exp.Paren(this=found)


def _is_all(node: exp.Expr) -> bool | None:
    if isinstance(node, exp.Anonymous):
        return {"ANY": False, "SOME": False, "ALL": True}.get(str(node.this).upper())
    return True if isinstance(node, exp.All) else False if isinstance(node, exp.Any) else None


def _quantified(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`= ANY (…)` is IN, `<> ALL (…)` is NOT IN, `> ALL (SELECT …)` compares with the greatest."""
    every = _is_all(node.expression)
    if every is None:
        return None
    members = listed(node.expression)
    query = node.expression.find(exp.Select) if members is None else None
    if every if isinstance(node, exp.NEQ) else isinstance(node, exp.EQ) and not every:
        target: dict[str, object] = {}
        if members is not None:
            target = {"expressions": [member.copy() for member in members]}
        elif query is not None and not isinstance(query.parent, exp.SetOperation):
            target = {"query": exp.Subquery(this=query.copy())}
        if not target:
            return None
        found: exp.Expr = exp.In(this=node.this.copy(), **target)
        return exp.Not(this=found) if every else found
    if isinstance(node, exp.EQ | exp.NEQ) or query is None or len(query.selects) != 1:
        return None
    greatest = every if isinstance(node, exp.GT | exp.GTE) else not every
    bound = query.copy()
    item = bound.selects[0].unalias()
    grouped = any(bound.args.get(key) for key in ("group", "limit", "distinct"))
    if grouped or item.find(exp.AggFunc):
        return None
    bound.set("expressions", [(exp.Max if greatest else exp.Min)(this=item.copy())])
    return type(node)(this=node.this.copy(), expression=exp.Subquery(this=bound))


def _in(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`IN UNNEST([1, 2])`, `IN (SELECT UNNEST(ARRAY[1, 2]))`."""
    source = node.args.get("unnest") or node.args.get("query")
    array = source.find(exp.Array) if isinstance(source, exp.Expr) else None
    is_list = source is not None and (node.args.get("unnest") or source.find(exp.Explode, exp.Unnest))
    if array is None or not is_list or (isinstance(source, exp.Expr) and source.find(exp.From)):
        return None
    return exp.In(this=node.this.copy(), expressions=[member.copy() for member in array.expressions])


def _xor(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    sides = [exp.Paren(this=exp.Not(this=operand(side))) for side in (node.this, node.expression)]
    return binary(exp.NEQ, sides[0], sides[1])


def added_text(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """T-SQL's `first + ' ' + last`."""
    parts = list(node.flatten()) if isinstance(node, exp.Add) else []
    if isinstance(node.parent, exp.Add) or not any(_is_words(part) for part in parts):
        return None
    return exp.Paren(this=joined(*parts)) if isinstance(node.parent, exp.Binary) else joined(*parts)


def _is_words(node: exp.Expr) -> bool:
    value = string(node)
    if value is None:
        return isinstance(node, exp.Cast) and node.to.this in _TEXTS
    try:
        float(value)
    except ValueError:
        return True
    return False


def _extreme(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """GREATEST and LEAST, where nothing says that they pass over NULL."""
    if reading.reader != "sqlite" or not node.expressions:
        return None
    return call("MAX" if isinstance(node, exp.Greatest) else "MIN", node.this, *node.expressions)


def _cube_root(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return call("POWER", node.this, divided(number(1.0), number(3)))


def _equal_null(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return exp.Paren(this=exp.NullSafeEQ(this=node.this.copy(), expression=node.expression.copy()))


# ------------------------------------------------ calls that sqlglot's reader leaves


def _filled(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = arguments_of(node)
    return call("COALESCE", parts[0], number(0)) if len(parts) == 1 else None


def _is_null(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = arguments_of(node)
    if len(parts) == 2:
        return call("COALESCE", *parts)
    return exp.Paren(this=exp.Is(this=operand(parts[0]), expression=exp.Null())) if len(parts) == 1 else None


def _ratio(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = arguments_of(node)
    if len(parts) != 2:
        return None
    return divided(cast(parts[0], "REAL"), call("NULLIF", parts[1], number(0)))


def _spelled(kind: type[exp.Binary]) -> Rule:
    """DIVIDE, SUBTRACT, MULTIPLY: operations spelled as calls, as BIRD's evidence spells them."""

    def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        parts = arguments_of(node)
        if len(parts) == 1 and isinstance(parts[0].unnest(), kind):
            left, right = parts[0].unnest().this, parts[0].unnest().expression
        elif len(parts) == 2:
            left, right = parts
        else:
            return None
        if kind is exp.Div:
            return exp.Paren(this=divided(cast(left, "REAL"), right))
        return binary(kind, left, right)

    return write


def _square(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = arguments_of(node)
    return binary(exp.Mul, parts[0], parts[0]) if len(parts) == 1 else None


def _as_text(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = arguments_of(node)
    return cast(parts[0], "TEXT") if len(parts) == 1 else None


RULES: Mapping[type[exp.Expr], Rule] = MappingProxyType({
    exp.Like: _like_any, exp.Trunc: _trunc, exp.Cast: _cast, exp.TryCast: _cast, exp.Convert: _convert,
    exp.NumberToStr: _number_format, exp.Stddev: _spread(False, True), exp.StddevSamp: _spread(False, True),
    exp.StddevPop: _spread(True, True), exp.Variance: _spread(False, False),
    exp.VariancePop: _spread(True, False), exp.CountIf: _count_if, exp.CombinedAggFunc: _combined,
    exp.ApproxDistinct: _distinct_count, exp.Count: _count, exp.GroupConcat: _group_concat,
    exp.ArrayToString: _array_text, exp.EQ: _quantified, exp.NEQ: _quantified, exp.GT: _quantified,
    exp.GTE: _quantified, exp.LT: _quantified, exp.LTE: _quantified, exp.In: _in, exp.Xor: _xor,
    exp.Cbrt: _cube_root,
    exp.EqualNull: _equal_null, exp.Greatest: _extreme, exp.Least: _extreme, exp.Add: added_text,
})  # fmt: skip
"""By node."""
_NAMES: Mapping[str, Rule] = {
    "RAND": renamed("RANDOM", 0), "NVL": renamed("COALESCE", 2), "IFNULL": renamed("COALESCE", 2),
    "ISNULL": _is_null, "ZEROIFNULL": _filled, "IFF": renamed("IIF", 3), "IF": renamed("IIF", 3),
    "SAFE_DIVIDE": _ratio, "IEEE_DIVIDE": _ratio, "SQUARE": _square, "DIVIDE": _spelled(exp.Div),
    "SUBTRACT": _spelled(exp.Sub), "MULTIPLY": _spelled(exp.Mul), "EVERY": renamed("MIN", 1),
    "BOOL_AND": renamed("MIN", 1), "BOOL_OR": renamed("MAX", 1), "BOOLOR_AGG": renamed("MAX", 1),
    "BOOLAND_AGG": renamed("MIN", 1), "VAR": _spread(False, False), "VARP": _spread(True, False),
    "STDEV": _spread(False, True), "STDEVP": _spread(True, True), "STD": _spread(True, True),
    "VAR_SAMP": _spread(False, False), "WM_CONCAT": renamed("GROUP_CONCAT", 1, 2),
    "POW": renamed("POWER", 2), "CEILING": renamed("CEIL", 1), "TOSTRING": _as_text,
}  # fmt: skip
NAMES: Mapping[str, Rule] = MappingProxyType(_NAMES)
"""By the name of a call that sqlglot has no node for."""
