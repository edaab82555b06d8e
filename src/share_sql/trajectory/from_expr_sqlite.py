"""SQLite's expressions: what sqlglot renames and rearranges while parsing, put back as SQLite has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlglot import exp

from share_sql.errors import SqlUnreadable
from share_sql.sql.written import write_sql
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_expr import CORE, PATTERNS, ExpressionBuilder, Handler
from share_sql.trajectory.words import spellings

_NAMES: dict[type, str] = {
    exp.StrPosition: "instr", exp.Substring: "substr", exp.Coalesce: "coalesce", exp.Greatest: "max",
    exp.Least: "min", exp.Chr: "char", exp.Rand: "random", exp.JSONArrayAgg: "json_group_array",
    exp.JSONObjectAgg: "json_group_object", exp.Concat: "concat", exp.ConcatWs: "concat_ws",
    exp.GroupConcat: "group_concat", exp.TsOrDsToDate: "date", exp.Date: "date", exp.Trim: "trim",
    exp.Count: "count", exp.Sum: "sum", exp.Avg: "avg", exp.Max: "max", exp.Min: "min",
    exp.Length: "length", exp.Lower: "lower", exp.Upper: "upper", exp.Round: "round",
    exp.Replace: "replace", exp.Abs: "abs", exp.Nullif: "nullif", exp.Ceil: "ceil",
    exp.CurrentVersion: "sqlite_version", exp.Hex: "hex", exp.Pow: "power", exp.Levenshtein: "editdist3",
}  # fmt: skip
"""Names where sqlglot's own differs from SQLite's, and the usual ones for speed."""

_TYPES = spellings({
    "integer": "int bigint smallint tinyint mediumint uint ubigint", "real": "double float",
    "numeric": "decimal bigdecimal", "text": "varchar nvarchar char nchar", "blob": "varbinary binary",
    "timestamp": "timestamptz",
})  # fmt: skip
"""sqlglot's type names to SQLite's of the same affinity."""


def _other(self: ExpressionBuilder, tree: Any) -> n.Expr:
    """What has no handler of its own: a function's call, a query."""
    if isinstance(tree, exp.Func):
        return _call(self, tree)
    if isinstance(tree, exp.Query):
        return self.subquery(tree)
    raise SqlUnreadable(
        f"{type(tree).__name__} is not supported in an expression: {write_sql(tree, self.dialect)[:80]}"
    )


def _call(self: ExpressionBuilder, tree: Any) -> n.Expr:
    """A function whose arguments are its parts in order."""
    name = _NAMES.get(type(tree)) or tree.sql_name().lower()
    args: list[Any] = []
    for key in _arg_names(tree.__class__):
        value = tree.args.get(key)
        if isinstance(value, list):
            args += value
        elif isinstance(value, exp.Expression):
            args.append(value)
    return self.function(name, args)


def _bytes(self: ExpressionBuilder, tree: exp.HexString) -> n.Expr:
    try:
        return n.Literal(bytes.fromhex(tree.this))
    except ValueError:
        raise SqlUnreadable(f"{tree.this} is no text of hexadecimal bytes") from None


def _if(self: ExpressionBuilder, tree: exp.If) -> n.Expr:
    args = [tree.this, tree.args["true"], tree.args.get("false")]
    return n.Call("iif", self.exprs(arg for arg in args if arg is not None))


def _cast(self: ExpressionBuilder, tree: exp.Cast) -> n.Expr:
    to = tree.args["to"]
    kind = to.this
    name = kind.value.lower() if hasattr(kind, "value") else write_sql(to, self.dialect).lower()
    if to.args.get("kind"):  # a name that is no known type: SQLite takes any
        name = str(to.args["kind"]).lower()
    return n.Cast(self.expr(tree.this), _TYPES.get(name, name))


def _time_to_str(self: ExpressionBuilder, tree: exp.TimeToStr) -> n.Expr:
    moment = tree.this.this if isinstance(tree.this, exp.TsOrDsToTimestamp) else tree.this
    args = [tree.args["format"]]
    # strftime with a format alone means now; the parser writes CURRENT_TIMESTAMP for it.
    args += [exp.Literal.string("now")] if isinstance(moment, exp.CurrentTimestamp) else [moment]
    return self.function("strftime", args)


def _window(self: ExpressionBuilder, tree: exp.Window) -> n.Expr:
    call = self.expr(tree.this)
    if not isinstance(call, n.Call):
        raise SqlUnreadable(
            f"a window over something that is no function: {write_sql(tree, self.dialect)[:80]}"
        )
    return replace(call, over=self.over(tree))


def _filter(self: ExpressionBuilder, tree: exp.Filter) -> n.Expr:
    call = self.expr(tree.this)
    if not isinstance(call, n.Call):
        raise SqlUnreadable(
            f"FILTER after something that is no aggregate: {write_sql(tree, self.dialect)[:80]}"
        )
    return replace(call, where=self.expr(tree.expression.this))


def _escape(self: ExpressionBuilder, tree: exp.Escape) -> n.Expr:
    like = tree.this
    negated = isinstance(like, exp.Not)
    like = like.this if negated else like
    # like(pattern, text, escape) is what SQLite makes of `text LIKE pattern ESCAPE escape`.
    call = n.Call("like", self.exprs((like.expression, like.this, tree.expression)))
    return n.Unary("not", call) if negated or like.args.get("negate") else call


def _collate(self: ExpressionBuilder, tree: exp.Collate) -> n.Expr:
    return n.Binary("collate", self.expr(tree.this), n.Literal(tree.expression.name))


def _json(self: ExpressionBuilder, tree: Any) -> n.Expr:
    name = "json_extract" if tree.args.get("json_subtype") else None
    path = tree.expression
    made = (
        n.Literal(write_sql(path, self.dialect).strip("'"))
        if isinstance(path, exp.JSONPath)
        else self.expr(path)
    )
    more = self.exprs(tree.expressions)
    if name or more or (type(tree) is exp.JSONExtract and "only_json_types" not in tree.args):
        return n.Call("json_extract", (self.expr(tree.this), made, *more))
    return n.Binary("->" if type(tree) is exp.JSONExtract else "->>", self.expr(tree.this), made)


def _json_object(self: ExpressionBuilder, tree: Any) -> n.Expr:
    args = [part for pair in tree.expressions for part in _key_and_value(pair)]
    return self.function("json_group_object" if type(tree) is exp.JSONObjectAgg else "json_object", args)


def _trim(self: ExpressionBuilder, tree: exp.Trim) -> n.Expr:
    side = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(tree.args.get("position") or ""), "trim")
    chars = tree.args.get("expression")
    return self.function(side, [tree.this, chars] if chars is not None else [tree.this])


@lru_cache(maxsize=512)
def _arg_names(kind: Any) -> tuple[str, ...]:
    skip = {"big_int", "safe", "coalesce", "ignore_nulls", "charset", "copy"}
    return tuple(name for name in kind.arg_types if name not in skip)


def _key_and_value(pair: Any) -> list[Any]:
    return [pair.this, pair.expression] if isinstance(pair, exp.JSONKeyValue) else [pair]


SQLITE: Mapping[type, Handler] = {
    **CORE,
    object: _other,
    exp.HexString: _bytes,
    **dict.fromkeys(PATTERNS, ExpressionBuilder.pattern),
    exp.In: ExpressionBuilder.is_in,
    exp.Between: ExpressionBuilder.between,
    exp.If: _if,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.TimeToStr: _time_to_str,
    exp.TsOrDsToTimestamp: lambda self, tree: self.expr(tree.this),
    exp.Window: _window,
    exp.Filter: _filter,
    exp.Escape: _escape,
    exp.Collate: _collate,
    exp.JSONExtract: _json,
    exp.JSONExtractScalar: _json,
    exp.Trim: _trim,
    exp.JSONObject: _json_object,
    exp.JSONObjectAgg: _json_object,
    exp.Star: lambda self, tree: n.Star(),
    exp.Parameter: lambda self, tree: n.Parameter(f"@{tree.name}"),
    exp.Anonymous: lambda self, tree: self.function(str(tree.this).lower(), list(tree.expressions)),
    exp.CurrentDate: lambda self, tree: n.Call("current_date"),
    exp.CurrentTime: lambda self, tree: n.Call("current_time"),
    exp.CurrentTimestamp: lambda self, tree: n.Call("current_timestamp"),
    exp.Var: lambda self, tree: n.Literal(tree.name),
    exp.Identifier: lambda self, tree: self.column(exp.Column(this=tree)),
}
"""How each kind of expression is turned."""
