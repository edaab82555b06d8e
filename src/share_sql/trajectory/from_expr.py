"""SQL expressions, as sqlglot parses them, turned into the trajectory's expressions.

Names and subqueries are left to a subclass. Function calls keep their dialect's names. sqlglot renames and
rearranges some of them while parsing; for SQLite the tables below put back what it expects, for other
dialects their generator does, and what the language has no word for becomes an Sql node (`templates`).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.errors import SqlUnreadable
from share_sql.sql.scopes import spelling
from share_sql.sql.text import parser_of
from share_sql.sql.written import write_sql
from share_sql.trajectory import nodes as n
from share_sql.trajectory.template_text import with_holes
from share_sql.trajectory.templates import spelled
from share_sql.trajectory.words import spellings

_BINARY: dict[type, str] = {
    exp.And: "and", exp.Or: "or", exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">",
    exp.GTE: ">=", exp.Is: "is", exp.NullSafeEQ: "is", exp.NullSafeNEQ: "is not", exp.Add: "+",
    exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "/", exp.Mod: "%", exp.DPipe: "||",
    exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>",
}  # fmt: skip

_PATTERNS: dict[type, str] = {
    exp.Like: "like", exp.ILike: "like", exp.Glob: "glob", exp.RegexpLike: "regexp", exp.Match: "match",
}  # fmt: skip

_OPPOSITE = {
    "is": "is not",
    "like": "not like",
    "ilike": "not ilike",
    "glob": "not glob",
    "regexp": "not regexp",
}
_OPPOSITE |= {"match": "not match"}
_OPPOSITE |= {negative: positive for positive, negative in _OPPOSITE.items()}

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


_Handler = Callable[["ExpressionBuilder", Any], n.Expr]


class ExpressionBuilder(ABC):
    """Turns sqlglot expressions into trajectory expressions; names and queries are left to a subclass."""

    dialect: str
    """sqlglot's name of the SQL's dialect."""
    handlers: Mapping[type, _Handler]
    """How the dialect's expressions are turned; what is not listed keeps the dialect's own words."""

    @abstractmethod
    def column(self, tree: exp.Column) -> n.Expr:
        """Resolve a column."""

    @abstractmethod
    def subquery(self, tree: Any) -> n.Frame:
        """Turn a query into a frame."""

    @abstractmethod
    def rows_of(self, table: exp.Column) -> n.Frame:
        """All rows of a table, as in `x IN table`."""

    def spell(self, name: exp.Expr) -> str:
        """A name as the database takes it."""
        return spelling(name, dialect_of(self.dialect))

    def order_key(self, tree: Any) -> n.OrderKey:
        """One ORDER BY term."""
        return self.ordered(tree, self.expr(tree.this))

    def ordered(self, tree: Any, key: n.Expr) -> n.OrderKey:
        """A key with the term's direction; NULLS placements are kept where they are not the dialect's own."""
        descending = bool(tree.args.get("desc"))
        nulls_first = bool(tree.args.get("nulls_first"))
        # The parser fills in the dialect's default.
        if nulls_first is nulls_come_first(self.dialect, descending):
            return n.OrderKey(key, descending)
        return n.OrderKey(key, descending, "first" if nulls_first else "last")

    def expr(self, tree: Any) -> n.Expr:
        """Turn one expression.

        Raises:
            SqlUnreadable: the expression is of a kind that the dialect's SELECT does not have.
        """
        kind = type(tree)
        handler = self.handlers.get(kind)
        if handler is not None:
            return handler(self, tree)
        if self.handlers is not HANDLERS["sqlite"]:
            return self.own_words(tree)
        if isinstance(tree, exp.Func):
            return self.call(tree)
        if isinstance(tree, exp.Query):
            return self.subquery(tree)
        raise SqlUnreadable(
            f"{kind.__name__} is not supported in an expression: {write_sql(tree, self.dialect)[:80]}"
        )

    def exprs(self, trees: Any) -> tuple[n.Expr, ...]:
        """Turn several expressions."""
        return tuple(self.expr(tree) for tree in trees or ())

    def own_words(self, tree: Any) -> n.Expr:
        """An expression that the language has no word for, as its dialect writes it."""
        if isinstance(tree, exp.Query):
            return self.subquery(tree)
        if isinstance(tree, exp.Star):
            raise SqlUnreadable(f"{write_sql(tree, self.dialect)[:80]} is not supported here")
        return spelled(tree, self.dialect, self.expr)

    # ------------------------------------------------------------- functions

    def call(self, tree: Any) -> n.Expr:
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

    def function(self, name: str, args: list[Any]) -> n.Call:
        """A call; DISTINCT and ORDER BY inside an aggregate are unwrapped from the first argument."""
        distinct = False
        order: tuple[n.OrderKey, ...] = ()
        if args and isinstance(args[0], exp.Order):
            order = tuple(self.order_key(key) for key in args[0].expressions)
            args = [args[0].this, *args[1:]]
        if args and isinstance(args[0], exp.Distinct):
            distinct = True
            args = [*args[0].expressions, *args[1:]]
        if args and isinstance(args[-1], exp.Order):
            order = tuple(self.order_key(key) for key in args[-1].expressions)
            args = [*args[:-1], args[-1].this]
        return n.Call(name, self.exprs(args), distinct, order)

    # -------------------------------------------------------------- handlers

    def _infix(self, tree: Any) -> n.Expr:
        return n.Binary(_BINARY[type(tree)], self.expr(tree.this), self.expr(tree.expression))

    def _is(self, tree: exp.Is) -> n.Expr:
        """`IS NULL` and `IS TRUE`; other tests after IS keep their words."""
        if isinstance(tree.expression, exp.Null | exp.Boolean):
            op = "is not" if tree.args.get("negate") else "is"
            return n.Binary(op, self.expr(tree.this), self.expr(tree.expression))
        return self.own_words(tree)

    def _if_case(self, tree: exp.If) -> n.Expr:
        default = tree.args.get("false")
        when = n.When(self.expr(tree.this), self.expr(tree.args["true"]))
        return n.Case(None, (when,), None if default is None else self.expr(default))

    def _plain_in(self, tree: exp.In) -> n.Expr:
        if tree.args.get("unnest") is not None or tree.args.get("field") is not None:
            return self.own_words(tree)
        return self._in(tree)

    def _plain_between(self, tree: exp.Between) -> n.Expr:
        return self.own_words(tree) if tree.args.get("symmetric") else self._between(tree)

    def _plain_cast(self, tree: exp.Cast) -> n.Expr:
        """A cast to a type of plain words; one to a type with names in quotes keeps its text."""
        written = write_sql(exp.Cast(this=exp.column("x"), to=tree.args["to"].copy()), self.dialect)
        match = _PLAIN_CAST.match(written)
        if match is None or any(tree.args.get(key) for key in ("format", "action", "default")):
            return self.own_words(tree)
        return n.Cast(self.expr(tree.this), match[1].lower())

    def _own_window(self, tree: exp.Window) -> n.Expr:
        """A window over a plain call; over anything else it keeps its words."""
        if tree.args.get("alias") is not None:
            tree = self._with_window(tree)
        call = self.expr(tree.this) if isinstance(tree.this, exp.Func | exp.Filter) else None
        if isinstance(call, n.Call) and not tree.args.get("first"):
            return replace(call, over=self._over(tree))
        return self.own_words(tree)

    def _with_window(self, tree: exp.Window) -> exp.Window:
        """The window with what it takes from the one that it names, on the same sub-trees."""
        named = self._window_named(tree)
        made = exp.Window()
        # Not through the constructor: it would take the sub-trees out of their query.
        made.args |= {key: named.args.get(key) for key in ("partition_by", "order", "spec")}
        made.args |= {key: value for key, value in tree.args.items() if value and key != "alias"}
        return made

    def _own_filter(self, tree: exp.Filter) -> n.Expr:
        call = self.expr(tree.this)
        if isinstance(call, n.Call):
            return replace(call, where=self.expr(tree.expression.this))
        return self.own_words(tree)

    def _own_star(self, tree: exp.Star) -> n.Expr:
        return self.own_words(tree) if any(tree.args.values()) else n.Star()

    def _literal(self, tree: exp.Literal) -> n.Expr:
        text = tree.this
        if tree.is_string:
            return n.Literal(text)
        try:
            return n.Literal.number(text)
        except ValueError:
            raise SqlUnreadable(f"{text} is no number") from None

    def _bytes(self, tree: exp.HexString) -> n.Expr:
        try:
            return n.Literal(bytes.fromhex(tree.this))
        except ValueError:
            raise SqlUnreadable(f"{tree.this} is no text of hexadecimal bytes") from None

    def _not(self, tree: exp.Not) -> n.Expr:
        inner = self.expr(tree.this)
        if not isinstance(tree.this, exp.Paren):
            if isinstance(inner, n.Binary) and inner.op in _OPPOSITE:
                return n.Binary(_OPPOSITE[inner.op], inner.left, inner.right)
            if isinstance(inner, n.In):
                return n.In(inner.operand, inner.choices, not inner.negated)
            if isinstance(inner, n.Between):
                return n.Between(inner.operand, inner.low, inner.high, not inner.negated)
            if isinstance(inner, n.Exists):
                return n.Exists(inner.frame, not inner.negated)
        return n.Unary("not", inner)

    def _pattern(self, tree: Any, op: str = "") -> n.Expr:
        op = op or _PATTERNS[type(tree)]
        op = _OPPOSITE[op] if tree.args.get("negate") else op
        return n.Binary(op, self.expr(tree.this), self.expr(tree.expression))

    def _in(self, tree: exp.In) -> n.Expr:
        operand = self.expr(tree.this)
        query = tree.args.get("query")
        if query is not None:
            return n.In(operand, self.subquery(query))
        field = tree.args.get("field")
        if field is not None:  # `x in table`
            return n.In(operand, self.rows_of(field))
        return n.In(operand, self.exprs(tree.expressions))

    def _between(self, tree: exp.Between) -> n.Expr:
        return n.Between(self.expr(tree.this), self.expr(tree.args["low"]), self.expr(tree.args["high"]))

    def _case(self, tree: exp.Case) -> n.Expr:
        operand = tree.this
        whens = tuple(
            n.When(self.expr(branch.this), self.expr(branch.args["true"])) for branch in tree.args["ifs"]
        )
        default = tree.args.get("default")
        return n.Case(
            None if operand is None else self.expr(operand),
            whens,
            None if default is None else self.expr(default),
        )

    def _if(self, tree: exp.If) -> n.Expr:
        args = [tree.this, tree.args["true"], tree.args.get("false")]
        return n.Call("iif", self.exprs(arg for arg in args if arg is not None))

    def _cast(self, tree: exp.Cast) -> n.Expr:
        to = tree.args["to"]
        kind = to.this
        name = kind.value.lower() if hasattr(kind, "value") else write_sql(to, self.dialect).lower()
        if to.args.get("kind"):  # a name that is no known type: SQLite takes any
            name = str(to.args["kind"]).lower()
        return n.Cast(self.expr(tree.this), _TYPES.get(name, name))

    def _time_to_str(self, tree: exp.TimeToStr) -> n.Expr:
        moment = tree.this.this if isinstance(tree.this, exp.TsOrDsToTimestamp) else tree.this
        args = [tree.args["format"]]
        # strftime with a format alone means now; the parser writes CURRENT_TIMESTAMP for it.
        args += [exp.Literal.string("now")] if isinstance(moment, exp.CurrentTimestamp) else [moment]
        return self.function("strftime", args)

    def _window(self, tree: exp.Window) -> n.Expr:
        call = self.expr(tree.this)
        if not isinstance(call, n.Call):
            raise SqlUnreadable(
                f"a window over something that is no function: {write_sql(tree, self.dialect)[:80]}"
            )
        return replace(call, over=self._over(tree))

    def _over(self, tree: Any) -> n.Over:
        partition = self.exprs(tree.args.get("partition_by"))
        order = tree.args.get("order")
        keys = tuple(self.order_key(key) for key in order.expressions) if order else ()
        spec = tree.args.get("spec")
        bounds = _bounds(spec, self.dialect) if spec else None
        if tree.args.get("alias") is not None:
            over = self._over(self._window_named(tree))
            return n.Over(over.partition or partition, over.order or keys, over.bounds or bounds)
        return n.Over(partition, keys, bounds)

    def _window_named(self, tree: Any) -> Any:
        """The window of a WINDOW clause that another one names."""
        base = tree.args["alias"]
        select = tree.find_ancestor(exp.Select)
        windows = (select.args.get("windows") if select is not None else None) or ()
        named = next((other for other in windows if other.name.lower() == base.name.lower()), None)
        if named is None:
            raise SqlUnreadable(f"no window is named {base.name!r}")
        return named

    def _filter(self, tree: exp.Filter) -> n.Expr:
        call = self.expr(tree.this)
        if not isinstance(call, n.Call):
            raise SqlUnreadable(
                f"FILTER after something that is no aggregate: {write_sql(tree, self.dialect)[:80]}"
            )
        return replace(call, where=self.expr(tree.expression.this))

    def _escape(self, tree: exp.Escape) -> n.Expr:
        like = tree.this
        negated = isinstance(like, exp.Not)
        like = like.this if negated else like
        # like(pattern, text, escape) is what SQLite makes of `text LIKE pattern ESCAPE escape`.
        call = n.Call("like", self.exprs((like.expression, like.this, tree.expression)))
        return n.Unary("not", call) if negated or like.args.get("negate") else call

    def _own_substring(self, tree: exp.Substring) -> n.Expr:
        """All dialects have substr; with a pattern in place of a place it means something else."""
        start = tree.args.get("start")
        if start is None or (isinstance(start, exp.Literal) and start.is_string):
            return self.own_words(tree)
        parts = (tree.this, start, tree.args.get("length"))
        return n.Call("substr", self.exprs(part for part in parts if part is not None))

    def _own_escape(self, tree: exp.Escape) -> n.Expr:
        like, negated = tree.this, False
        if isinstance(like, exp.Not):
            like, negated = like.this, True
        if not isinstance(like, exp.Like | exp.ILike):
            return self.own_words(tree)
        word = "ILIKE" if isinstance(like, exp.ILike) else "LIKE"
        word = f"NOT {word}" if negated or like.args.get("negate") else word
        escape = write_sql(tree.expression, self.dialect)
        return n.Sql(
            with_holes(["", f" {word} ", f" ESCAPE {escape}"]), self.exprs((like.this, like.expression))
        )

    def _collate(self, tree: exp.Collate) -> n.Expr:
        return n.Binary("collate", self.expr(tree.this), n.Literal(tree.expression.name))

    def _json(self, tree: Any) -> n.Expr:
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

    def _json_object(self, tree: Any) -> n.Expr:
        args = [part for pair in tree.expressions for part in _key_and_value(pair)]
        return self.function("json_group_object" if type(tree) is exp.JSONObjectAgg else "json_object", args)

    def _trim(self, tree: exp.Trim) -> n.Expr:
        side = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(tree.args.get("position") or ""), "trim")
        chars = tree.args.get("expression")
        return self.function(side, [tree.this, chars] if chars is not None else [tree.this])


@lru_cache(maxsize=512)
def _arg_names(kind: Any) -> tuple[str, ...]:
    skip = {"big_int", "safe", "coalesce", "ignore_nulls", "charset", "copy"}
    return tuple(name for name in kind.arg_types if name not in skip)


def _key_and_value(pair: Any) -> list[Any]:
    return [pair.this, pair.expression] if isinstance(pair, exp.JSONKeyValue) else [pair]


def _bounds(spec: exp.Expression, dialect: str) -> str:
    def side(key: str) -> str:
        value = spec.args.get(key)
        text = value if isinstance(value, str) else write_sql(value, dialect) if value is not None else ""
        return f"{text} {spec.args.get(key + '_side') or ''}".strip().lower()

    text = f"{spec.args['kind'].lower()} "
    text += f"between {side('start')} and {side('end')}" if spec.args.get("end") else side("start")
    exclude = spec.args.get("exclude")
    return text + (f" exclude {write_sql(exclude, dialect).lower()}" if exclude is not None else "")


@lru_cache(maxsize=16)
def nulls_come_first(dialect: str, descending: bool) -> bool:
    """Whether a dialect sorts NULL before all else where nothing is said."""
    order = parser_of(dialect).NULL_ORDERING
    return order != "nulls_are_last" and descending is not (order == "nulls_are_small")


_PLAIN_CAST = re.compile(r"CAST\(x AS ([A-Z][A-Z0-9_ ]*(?:\(\d+(?:, ?\d+)?\))?(?: [A-Z ]+)?(?:\[\])*)\)\Z")

_CORE: dict[type, _Handler] = {
    **dict.fromkeys(_BINARY, ExpressionBuilder._infix),
    exp.Column: lambda self, tree: self.column(tree),
    exp.Paren: lambda self, tree: self.expr(tree.this),
    exp.Literal: ExpressionBuilder._literal,
    exp.Null: lambda self, tree: n.Literal(None),
    exp.Boolean: lambda self, tree: n.Literal(bool(tree.this)),
    exp.Neg: lambda self, tree: n.Unary("-", self.expr(tree.this)),
    exp.BitwiseNot: lambda self, tree: n.Unary("~", self.expr(tree.this)),
    exp.Not: ExpressionBuilder._not,
    exp.Exists: lambda self, tree: n.Exists(self.subquery(tree.this)),
    exp.Subquery: lambda self, tree: self.subquery(tree),
    exp.Tuple: lambda self, tree: n.Tuple(self.exprs(tree.expressions)),
    exp.Case: ExpressionBuilder._case,
    exp.Alias: lambda self, tree: n.Alias(self.expr(tree.this), self.spell(tree.args["alias"])),
    exp.Placeholder: lambda self, tree: n.Parameter(f":{tree.this}" if tree.this else "?"),
}
"""What all dialects say alike."""

_SQLITE: dict[type, _Handler] = {
    **_CORE,
    exp.HexString: ExpressionBuilder._bytes,
    **dict.fromkeys(_PATTERNS, ExpressionBuilder._pattern),
    exp.In: ExpressionBuilder._in,
    exp.Between: ExpressionBuilder._between,
    exp.If: ExpressionBuilder._if,
    exp.Cast: ExpressionBuilder._cast,
    exp.TryCast: ExpressionBuilder._cast,
    exp.TimeToStr: ExpressionBuilder._time_to_str,
    exp.TsOrDsToTimestamp: lambda self, tree: self.expr(tree.this),
    exp.Window: ExpressionBuilder._window,
    exp.Filter: ExpressionBuilder._filter,
    exp.Escape: ExpressionBuilder._escape,
    exp.Collate: ExpressionBuilder._collate,
    exp.JSONExtract: ExpressionBuilder._json,
    exp.JSONExtractScalar: ExpressionBuilder._json,
    exp.Trim: ExpressionBuilder._trim,
    exp.JSONObject: ExpressionBuilder._json_object,
    exp.JSONObjectAgg: ExpressionBuilder._json_object,
    exp.Star: lambda self, tree: n.Star(),
    exp.Parameter: lambda self, tree: n.Parameter(f"@{tree.name}"),
    exp.Anonymous: lambda self, tree: self.function(str(tree.this).lower(), list(tree.expressions)),
    exp.CurrentDate: lambda self, tree: n.Call("current_date"),
    exp.CurrentTime: lambda self, tree: n.Call("current_time"),
    exp.CurrentTimestamp: lambda self, tree: n.Call("current_timestamp"),
    exp.Var: lambda self, tree: n.Literal(tree.name),
    exp.Identifier: lambda self, tree: self.column(exp.Column(this=tree)),
}

_OTHERS: dict[type, _Handler] = {
    **_CORE,
    exp.Is: ExpressionBuilder._is,
    exp.IntDiv: ExpressionBuilder.own_words,
    exp.Like: ExpressionBuilder._pattern,
    exp.ILike: lambda self, tree: self._pattern(tree, "ilike"),
    exp.In: ExpressionBuilder._plain_in,
    exp.Between: ExpressionBuilder._plain_between,
    exp.If: ExpressionBuilder._if_case,
    exp.Cast: ExpressionBuilder._plain_cast,
    exp.Escape: ExpressionBuilder._own_escape,
    exp.Substring: ExpressionBuilder._own_substring,
    exp.Window: ExpressionBuilder._own_window,
    exp.Filter: ExpressionBuilder._own_filter,
    exp.Star: ExpressionBuilder._own_star,
}
"""What the other dialects say alike; all else keeps its dialect's words."""

HANDLERS: Mapping[str, Mapping[type, _Handler]] = {
    "sqlite": _SQLITE, "postgres": _OTHERS, "mysql": _OTHERS, "duckdb": _OTHERS,
}  # fmt: skip
"""By dialect."""
