"""What a query compares with constants, and how the database is asked for the values it can have.

A column may be one of a view, a common table expression or a subquery, and what is compared may be computed
from it. So nothing is read off the schema alone: the operand is evaluated over the one source that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeAlias

from sqlglot import exp

from share_sql.database.base import Limits
from share_sql.dialects import dialect_of
from share_sql.edits.edit import changed, edited, plain_item
from share_sql.edits.stored import is_day_type, is_moment_type, is_number_type
from share_sql.errors import QueryError
from share_sql.query.examined import Examined
from share_sql.requests import Steps, query
from share_sql.schema.model import ColumnName
from share_sql.sql.scopes import Bound, Source

LIMITS = Limits(seconds=5.0, rows=20_000, bytes=8 * 1024 * 1024)
"""What one question about an operand's values may spend."""
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_MOST_TABLES = 40
"""Common table expressions that one question may repeat; behind more of them nothing is asked."""
Condition: TypeAlias = Callable[[exp.Expr], exp.Expr]
"""Makes a condition on a copy of the operand."""

EQUAL = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ)
"""Comparisons that ask whether two values are the same."""
ORDERED = (exp.LT, exp.LTE, exp.GT, exp.GTE)
"""Comparisons that ask which value is greater."""


class Compared(NamedTuple):
    """A comparison with constants."""

    node: exp.Expr
    """The comparison."""
    operand: exp.Expr
    """The side that is no constant."""
    constants: tuple[exp.Expr, ...]
    """The other side; several for IN, BETWEEN and CASE."""


def compared(draft: Examined) -> tuple[Compared, ...]:
    """Every comparison of something with constants alone: =, <>, <, >, IN, BETWEEN, IS, LIKE, and CASE with
    an operand. Each family of literals asks for them, one after the other."""
    return draft.once(_compared)


def _compared(draft: Examined) -> tuple[Compared, ...]:
    return tuple(_comparisons(draft.tree))


def _comparisons(tree: exp.Query) -> Iterator[Compared]:
    for node in tree.find_all(*EQUAL, *ORDERED, exp.In, exp.Between, exp.Like, exp.Glob, exp.Is, exp.Case):
        if isinstance(node, exp.Between):
            operand, others = node.this, [node.args["low"], node.args["high"]]
        elif isinstance(node, exp.In):
            operand, others = node.this, list(node.expressions)
        elif isinstance(node, exp.Case):
            operand, others = node.this, [branch.this for branch in node.args["ifs"]]
        elif _is_constant(node.this) and isinstance(node, (*EQUAL, *ORDERED)):
            operand, others = node.expression, [node.this]
        else:
            operand, others = node.this, [node.expression]
        if operand is not None and others and all(map(_is_constant, others)) and not _is_constant(operand):
            yield Compared(node, operand, tuple(others))


def _is_constant(node: exp.Expr | None) -> bool:
    if isinstance(node, exp.Neg):
        node = node.this
    if isinstance(node, exp.Literal | exp.Boolean):
        return True
    return node is not None and constant_day(node) is not None


def constant_day(node: exp.Expr) -> str | None:
    """The text of `DATE('2023-01-05')` and `CAST('2023-01-05' AS DATE)`; None for anything else."""
    is_date = isinstance(node, exp.Date) and not node.args.get("expressions") and not node.args.get("zone")
    is_cast = isinstance(node, exp.Cast) and node.to.is_type("date")
    inner = node.this if is_date or is_cast else None
    return str(inner.this) if isinstance(inner, exp.Literal) and inner.is_string else None


def texts(found: Compared) -> list[str] | None:
    """The constants of a comparison as texts, those of DATE too; None where one is no text."""
    spelled = [
        str(each.this) if isinstance(each, exp.Literal) and each.is_string else constant_day(each)
        for each in found.constants
    ]
    known = [each for each in spelled if each is not None]
    return known if len(known) == len(spelled) else None


@dataclass(frozen=True, eq=False)
class Operand:
    """What is compared, as the database can be asked for it."""

    draft: Examined
    value: exp.Expr
    """The expression, over the columns of one source."""
    source: Source
    """The one item of FROM that it reads."""
    bound: Bound | None
    """What it is bound to, where it is a column and nothing more."""
    with_: exp.Expr | None
    """The common table expressions that the source may read."""

    @property
    def column(self) -> ColumnName | None:
        """The column of a stored table that it is; None for a view's column and anything computed."""
        if self.bound is None or self.bound.key is None or self.source.table is None:
            return None
        return None if self.source.table.is_view else ColumnName(*self.bound.key)

    @property
    def declared(self) -> str | None:
        """The declared type of that column, in capitals; None where it is no stored column."""
        column = self.column
        found = self.draft.schema.column(column.table, column.column) if column else None
        return found.type.upper() if found else None

    @property
    def dialect(self) -> str:
        """The database's dialect."""
        return self.draft.schema.dialect

    @property
    def is_dated(self) -> bool:
        """Whether it is a column whose type is one of days, in a dialect that has such types."""
        return not dialect_of(self.dialect).value_types and is_day_type(self.declared)

    @property
    def has_moments(self) -> bool:
        """Whether it is a column whose type is one of days with times."""
        return self.is_dated and is_moment_type(self.declared)

    @property
    def title(self) -> str:
        """How messages name it."""
        if self.bound is not None and self.bound.key is not None:
            return ".".join(self.bound.key)
        return self.draft.text(self.value)

    def select(self, item: exp.Expr, condition: exp.Expr | None) -> exp.Select:
        """A query of the source alone; item and condition become its own."""
        table = self.source.node.copy()
        table.set("joins", None)
        select = exp.select(item, copy=False).from_(table, copy=False)
        if self.with_ is not None:
            select.set("with_", self.with_.copy())
        return select.where(condition, copy=False) if condition is not None else select

    def holds(self, condition: Condition) -> Steps[bool | None]:
        """Whether some row meets a condition; None where the database does not say."""
        select = self.select(exp.Literal.number(1), condition(self.value.copy()))
        select.set("limit", _limit(1))
        outcome = yield from query(self.draft.text(select, keep=False), LIMITS)
        return None if isinstance(outcome, QueryError) else bool(outcome.rows)

    def stores_none(self, constants: Iterable[exp.Expr]) -> Steps[bool]:
        """Whether it is equal to none of some constants in any row, as the database compares them."""
        for constant in constants:
            if self._cannot_hold(constant):
                continue
            if (yield from self.holds(partial(equals, constant=constant))) is not False:
                return False
        return True

    def _cannot_hold(self, constant: exp.Expr) -> bool:
        """Whether no value of the column's type is this text, which the database then refuses to compare."""
        if not isinstance(constant, exp.Literal) or not constant.is_string:
            return False
        column = self.column
        found = self.draft.schema.column(column.table, column.column) if column else None
        if found is None or dialect_of(self.dialect).lenient_types:
            return False
        is_other = is_number_type(found.type) and not _NUMBER.fullmatch(constant.this.strip())
        return is_other or bool(found.allowed and constant.this not in found.allowed)

    def values(self, most: int, condition: Condition | None = None) -> Steps[list[object] | None]:
        """The different values but NULL that meet a condition, as stored; None where there are more than
        `most`, or the database does not say."""
        given = exp.Not(this=exp.Is(this=self.value.copy(), expression=exp.Null()))
        where = given if condition is None else exp.and_(given, condition(self.value.copy()))
        select = self.select(self.value.copy(), where).distinct(copy=False)
        select.set("limit", _limit(most + 1))
        outcome = yield from query(self.draft.text(select, keep=False), LIMITS)
        if isinstance(outcome, QueryError) or len(outcome.rows) > most or outcome.truncated:
            return None
        return [row[0] for row in outcome.rows]


def _limit(rows: int) -> exp.Limit:
    # As a node: `Select.limit` has the number parsed, which takes as long as to write the query.
    return exp.Limit(expression=exp.Literal.number(rows))


def operand(draft: Examined, node: exp.Expr) -> Operand | None:
    """How to ask for the values of what is compared.

    Returns:
        None where it reads no column, or those of several sources, or a query, an aggregate or a window.
    """
    if node.find(exp.Query, exp.AggFunc, exp.Window) is not None:
        return None
    names = [draft.binding.names.get(id(column)) for column in node.find_all(exp.Column)]
    first = names[0] if names else None
    if first is None:
        return None
    if first.status == "alias":
        # The result column that it is another name of, where that is all there is.
        item = first.result.item if first.result is not None and first.node is node else None
        return operand(draft, plain_item(item)) if item is not None and item is not node else None
    source = first.source
    if source is None or source.parts or any(b is None or b.source is not source for b in names):
        return None
    if any(b is not None and b.status != "bound" for b in names):
        return None
    with_ = None
    if source.table is None:
        clauses = list(_with_clauses(source.node))
        tables = [cte for clause in clauses for cte in clause.expressions]
        if len(tables) > _MOST_TABLES or len({cte.alias.lower() for cte in tables}) < len(tables):
            return None
        if tables:
            recursive = any(clause.args.get("recursive") for clause in clauses)
            with_ = exp.With(expressions=[cte.copy() for cte in tables], recursive=recursive)
    return Operand(draft, node.copy(), source, first if first.node is node else None, with_)


def _with_clauses(node: exp.Expr) -> Iterator[exp.Expr]:
    at: exp.Expr | None = node
    while at is not None:
        clause = at.args.get("with_")
        if clause is not None:
            yield clause
        at = at.parent


def text(value: str) -> exp.Literal:
    """A text constant."""
    return exp.Literal.string(value)


def equals(value: exp.Expr, constant: exp.Expr) -> exp.Expr:
    """`value = constant`."""
    return exp.EQ(this=value, expression=constant.copy())


def like_equal(like: exp.Expr) -> type[exp.Binary]:
    """What `LIKE 'x'` asks where it has no wildcard: =, and <> for NOT LIKE."""
    return exp.NEQ if like.args.get("negate") else exp.EQ


def compare(how: type[exp.Binary], constant: exp.Expr, value: exp.Expr) -> exp.Expr:
    """A comparison of a value with a constant."""
    return how(this=value, expression=constant.copy())


def with_constants(draft: Examined, found: Compared, new: Sequence[exp.Expr]) -> exp.Query:
    """The query with other constants in a comparison."""

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.In):
            return changed(node, expressions=list(new))
        if isinstance(node, exp.Between):
            return changed(node, low=new[0], high=new[1])
        if isinstance(node, exp.Case):
            branches = zip(node.args["ifs"], new, strict=True)
            return changed(node, ifs=[changed(branch, this=value) for branch, value in branches])
        side = "this" if found.node.this is found.constants[0] else "expression"
        return changed(node, **{side: new[0]})

    return edited(draft, found.node, change)
