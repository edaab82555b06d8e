"""Small trees that the rules of this package are made of, and what a rule knows of its query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sqlglot import exp

from share_sql.schema.model import Schema


@dataclass(frozen=True)
class Reading:
    """How a text was read."""

    reader: str
    """sqlglot's name of the dialect that it was read as."""
    schema: Schema
    """The database's schema."""
    way: str = ""
    """Which of the target's ways to write it is tried."""

    def type_of(self, column: exp.Column) -> str:
        """Declared type in lower case of the column of this name; empty where there is none, or several."""
        found = {
            item.type.lower()
            for table in self.schema.tables_with(column.name)
            if (item := table.column(column.name)) is not None
        }
        return found.pop() if len(found) == 1 else ""


Rule: TypeAlias = Callable[[exp.Expr, Reading], "exp.Expr | None"]
"""What the database writes for a node of another dialect; None leaves the node as it is."""


def call(name: str, *arguments: exp.Expr | str) -> exp.Anonymous:
    """A call of one of the database's functions; texts become string literals."""
    parts = [text(part) if isinstance(part, str) else part.copy() for part in arguments]
    return exp.Anonymous(this=name, expressions=parts)


def text(value: str) -> exp.Literal:
    """A string literal."""
    return exp.Literal.string(value)


def number(value: float) -> exp.Expr:
    """A number; a negative one as its negation."""
    return exp.Literal.number(value)


def cast(value: exp.Expr, kind: str) -> exp.Cast:
    """A cast to one of the database's own types."""
    return exp.Cast(this=value.copy(), to=exp.DataType.build(kind))


def binary(kind: type[exp.Binary], left: exp.Expr, right: exp.Expr) -> exp.Paren:
    """Two operands, each in parentheses where it is an operation itself, and all of it in parentheses."""
    return exp.Paren(this=kind(this=operand(left), expression=operand(right)))


def divided(dividend: exp.Expr, divisor: exp.Expr) -> exp.Div:
    """A division as the database computes it: of whole numbers it gives a whole number."""
    return exp.Div(this=operand(dividend), expression=operand(divisor), typed=True, safe=True)


def in_parts(dividend: exp.Expr, divisor: exp.Expr) -> exp.Paren:
    """A division in parentheses."""
    return exp.Paren(this=divided(dividend, divisor))


def operand(value: exp.Expr) -> exp.Expr:
    """A copy that can stand in an operation as it is."""
    value = value.copy()
    return exp.Paren(this=value) if isinstance(value, exp.Binary | exp.Connector | exp.Not) else value


def joined(*parts: exp.Expr) -> exp.Expr:
    """Texts put together by `||`."""
    result = operand(parts[0])
    for part in parts[1:]:
        result = exp.DPipe(this=result, expression=operand(part), safe=True)
    return result


def arguments_of(node: exp.Expr) -> list[exp.Expr]:
    """A call's arguments in order, without what a reader wraps dates in."""
    parts = list(node.expressions) if isinstance(node, exp.Anonymous) else list(node.iter_expressions())
    return [bare_date(part) for part in parts]


def bare_date(node: exp.Expr) -> exp.Expr:
    """A value without the conversions to a date that sqlglot's readers add."""
    while isinstance(node, exp.TsOrDsToDate | exp.TsOrDsToTimestamp | exp.TimeStrToTime) or (
        isinstance(node, exp.Cast) and node.to.this == exp.DType.DATETIME2
    ):
        if node.args.get("format") is not None or node.this is None:
            break
        node = node.this
    return node


def integer(node: exp.Expr | None) -> int | None:
    """The value of a whole number, also in quotes or negated; None where the node is none."""
    if isinstance(node, exp.Paren):
        return integer(node.this)
    if isinstance(node, exp.Neg):
        value = integer(node.this)
        return None if value is None else -value
    if isinstance(node, exp.Literal):
        try:
            return int(node.name)
        except ValueError:
            return None
    return None


def string(node: exp.Expr | None) -> str | None:
    """The value of a string literal; None where the node is none."""
    if isinstance(node, exp.Literal) and node.is_string:
        return str(node.this)
    return str(node.this) if isinstance(node, exp.National | exp.RawString) else None


def listed(node: exp.Expr | None) -> list[exp.Expr] | None:
    """The members of an array, a list in parentheses, or of these inside ANY and ALL."""
    if isinstance(node, exp.Array | exp.Tuple):
        return list(node.expressions)
    if isinstance(node, exp.Paren | exp.Any | exp.All):
        return listed(node.this)
    if isinstance(node, exp.Literal) and node.is_string and node.name[:1] + node.name[-1:] == "{}":
        members = [part.strip().strip('"') for part in node.name[1:-1].split(",")]
        return [number(int(part)) if part.lstrip("-").isdigit() else text(part) for part in members]
    if isinstance(node, exp.Anonymous) and str(node.this).upper() in ("ANY", "ALL") and node.expressions:
        return listed(node.expressions[0])
    return None
