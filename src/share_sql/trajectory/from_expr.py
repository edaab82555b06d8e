"""SQL expressions, as sqlglot parses them, turned into the trajectory's expressions.

Names and subqueries are left to a subclass; here is what all dialects say alike. What a dialect says in its
own way is in `from_expr_sqlite` and `from_expr_others`, found through `from_expr_dialects`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.errors import SqlUnreadable
from share_sql.sql.scopes import spelling
from share_sql.sql.written import write_sql
from share_sql.sqlglot_dialects import sqlglot_dialect
from share_sql.trajectory import nodes as n

_BINARY: dict[type, str] = {
    exp.And: "and", exp.Or: "or", exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">",
    exp.GTE: ">=", exp.Is: "is", exp.NullSafeEQ: "is", exp.NullSafeNEQ: "is not", exp.Add: "+",
    exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "/", exp.Mod: "%", exp.DPipe: "||",
    exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>",
}  # fmt: skip

PATTERNS: dict[type, str] = {
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

Handler = Callable[["ExpressionBuilder", Any], n.Expr]


class ExpressionBuilder(ABC):
    """Turns sqlglot expressions into trajectory expressions; names and queries are left to a subclass."""

    dialect: str
    """sqlglot's name of the SQL's dialect."""
    handlers: Mapping[type, Handler]
    """How the dialect's expressions are turned, by their kind; under `object`, how all others are."""

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
        handler = self.handlers.get(type(tree)) or self.handlers[object]
        return handler(self, tree)

    def exprs(self, trees: Any) -> tuple[n.Expr, ...]:
        """Turn several expressions."""
        return tuple(self.expr(tree) for tree in trees or ())

    # ------------------------------------------------------------- functions

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

    def infix(self, tree: Any) -> n.Expr:
        """An operator between two operands."""
        return n.Binary(_BINARY[type(tree)], self.expr(tree.this), self.expr(tree.expression))

    def literal(self, tree: exp.Literal) -> n.Expr:
        """A number or a text."""
        text = tree.this
        if tree.is_string:
            return n.Literal(text)
        try:
            return n.Literal.number(text)
        except ValueError:
            raise SqlUnreadable(f"{text} is no number") from None

    def negated(self, tree: exp.Not) -> n.Expr:
        """NOT; where what follows has an opposite, that."""
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

    def pattern(self, tree: Any, op: str = "") -> n.Expr:
        """LIKE and its kin; `op` where it is not the usual one."""
        op = op or PATTERNS[type(tree)]
        op = _OPPOSITE[op] if tree.args.get("negate") else op
        return n.Binary(op, self.expr(tree.this), self.expr(tree.expression))

    def is_in(self, tree: exp.In) -> n.Expr:
        """IN with a list, a query or a table."""
        operand = self.expr(tree.this)
        query = tree.args.get("query")
        if query is not None:
            return n.In(operand, self.subquery(query))
        field = tree.args.get("field")
        if field is not None:  # `x in table`
            return n.In(operand, self.rows_of(field))
        return n.In(operand, self.exprs(tree.expressions))

    def between(self, tree: exp.Between) -> n.Expr:
        """BETWEEN."""
        return n.Between(self.expr(tree.this), self.expr(tree.args["low"]), self.expr(tree.args["high"]))

    def case(self, tree: exp.Case) -> n.Expr:
        """CASE."""
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

    def over(self, tree: Any) -> n.Over:
        """What stands behind OVER, the WINDOW clause put in."""
        partition = self.exprs(tree.args.get("partition_by"))
        order = tree.args.get("order")
        keys = tuple(self.order_key(key) for key in order.expressions) if order else ()
        spec = tree.args.get("spec")
        bounds = _bounds(spec, self.dialect) if spec else None
        if tree.args.get("alias") is not None:
            over = self.over(self.window_named(tree))
            return n.Over(over.partition or partition, over.order or keys, over.bounds or bounds)
        return n.Over(partition, keys, bounds)

    def window_named(self, tree: Any) -> Any:
        """The window of a WINDOW clause that another one names."""
        base = tree.args["alias"]
        select = tree.find_ancestor(exp.Select)
        windows = (select.args.get("windows") if select is not None else None) or ()
        named = next((other for other in windows if other.name.lower() == base.name.lower()), None)
        if named is None:
            raise SqlUnreadable(f"no window is named {base.name!r}")
        return named


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
    order = sqlglot_dialect(dialect).NULL_ORDERING
    return order != "nulls_are_last" and descending is not (order == "nulls_are_small")


CORE: dict[type, Handler] = {
    **dict.fromkeys(_BINARY, ExpressionBuilder.infix),
    exp.Column: lambda self, tree: self.column(tree),
    exp.Paren: lambda self, tree: self.expr(tree.this),
    exp.Literal: ExpressionBuilder.literal,
    exp.Null: lambda self, tree: n.Literal(None),
    exp.Boolean: lambda self, tree: n.Literal(bool(tree.this)),
    exp.Neg: lambda self, tree: n.Unary("-", self.expr(tree.this)),
    exp.BitwiseNot: lambda self, tree: n.Unary("~", self.expr(tree.this)),
    exp.Not: ExpressionBuilder.negated,
    exp.Exists: lambda self, tree: n.Exists(self.subquery(tree.this)),
    exp.Subquery: lambda self, tree: self.subquery(tree),
    exp.Tuple: lambda self, tree: n.Tuple(self.exprs(tree.expressions)),
    exp.Case: ExpressionBuilder.case,
    exp.Alias: lambda self, tree: n.Alias(self.expr(tree.this), self.spell(tree.args["alias"])),
    exp.Placeholder: lambda self, tree: n.Parameter(f":{tree.this}" if tree.this else "?"),
}
"""What all dialects say alike."""
