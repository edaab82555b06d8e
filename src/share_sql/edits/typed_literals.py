"""Text compared with a number where SQLite converts neither: such a comparison holds always or never.

A stored column converts what it is compared with to its declared type; a function, an expression, an
aggregate and a column of a view or subquery that is computed do not (sqlite.org/datatype3.html, section 4).
"""

from __future__ import annotations

import re
from functools import partial

from sqlglot import exp

from share_sql.edits.edit import Edit, plain_item, put
from share_sql.edits.operands import (
    EQUAL,
    ORDERED,
    Compared,
    Operand,
    compare,
    compared,
    operand,
    text,
    typeof,
    with_constants,
)  # fmt: skip
from share_sql.query.examined import Examined
from share_sql.requests import Steps

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NUMERIC = (
    exp.Count,
    exp.Sum,
    exp.Avg,
    exp.Length,
    exp.Round,
    exp.Abs,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
)
"""What gives a number or NULL, whatever it reads, and is not converted when compared."""
_TEXTUAL = (exp.TimeToStr, exp.Substring, exp.Anonymous)
_SPREAD = (exp.Max, exp.Min)


def typed_literals(draft: Examined) -> Steps[list[Edit]]:
    """For each comparison of text with numbers, or numbers with text, that SQLite does not convert: the
    constant in the other type, or the operand cast."""
    for found in compared(draft):
        if not isinstance(found.node, (*EQUAL, *ORDERED, exp.In, exp.Between)):
            continue
        if all(_is_number(constant) for constant in found.constants):
            edit = yield from _text_operand(draft, found)
        elif all(isinstance(c, exp.Literal) and _NUMBER.fullmatch(c.this) for c in found.constants):
            edit = yield from _number_operand(draft, found)
        else:
            continue
        if edit is not None:
            return [edit]
    return (yield from _against_expressions(draft))


def _is_number(node: exp.Expr) -> bool:
    node = node.this if isinstance(node, exp.Neg) else node
    return isinstance(node, exp.Literal) and not node.is_string


def _text_operand(draft: Examined, found: Compared) -> Steps[Edit | None]:
    """Text that is compared with numbers."""
    read = operand(draft, found.operand)
    if read is None or _has_affinity(read, "INT", "REAL", "FLOA", "DOUB", "NUM", "DEC", "BOOL", "DATE"):
        return None
    is_text = _has_affinity(read, "CHAR", "TEXT", "CLOB")
    if isinstance(found.node, (*EQUAL, exp.In)):
        return (yield from _spelled_as_stored(draft, found, read))
    if is_text or (yield from _is_all_numbers(read)) is not True:
        # A text column converts the number and compares the two as text: that has an order, if another.
        return None
    return (yield from _cast(draft, found, read))


def _has_affinity(read: Operand, *types: str) -> bool:
    declared = read.declared
    return declared is not None and any(part in declared for part in types)


def _spelled_as_stored(draft: Examined, found: Compared, read: Operand) -> Steps[Edit | None]:
    """`strftime('%Y', d) = 2018` becomes `= '2018'`, and `code = 42` becomes `= '0042'`: the one stored text
    that is this number."""
    if not (yield from read.stores_none(found.constants)):
        return None
    spelled: list[exp.Expr] = []
    is_found = False
    for constant in found.constants:
        same = yield from read.values(1, partial(_is_this_number, constant=constant))
        if same is None:
            return (yield from _cast(draft, found, read))
        is_found = is_found or bool(same)
        spelled.append(text(str(same[0]) if same else draft.text(constant)))
    if not is_found:
        return None
    shown = ", ".join(draft.text(new) for new in spelled)
    message = f"{read.title} is text and equal to no number; it is compared with {shown}"
    return Edit("literal-type", message, with_constants(draft, found, spelled))


def _is_this_number(value: exp.Expr, constant: exp.Expr) -> exp.Expr:
    number = exp.cast(value.copy(), "REAL")
    return exp.and_(_looks_numeric(value), exp.EQ(this=number, expression=constant.copy()))


def _looks_numeric(value: exp.Expr) -> exp.Expr:
    """Text of digits with at most a sign and a point."""
    is_text = exp.EQ(this=typeof(value.copy()), expression=text("text"))
    other = exp.Glob(this=value.copy(), expression=text("*[^0-9.-]*"))
    digit = exp.Glob(this=value.copy(), expression=text("*[0-9]"))
    sign = exp.Glob(this=value.copy(), expression=text("?*[-]*"))
    return exp.and_(is_text, exp.Not(this=other), digit, exp.Not(this=sign))


def _is_all_numbers(read: Operand) -> Steps[bool | None]:
    """Whether all values are text that spells numbers."""
    other = yield from read.holds(
        lambda value: exp.and_(
            exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())),
            exp.Not(this=exp.Paren(this=_looks_numeric(value))),
        )
    )
    return None if other is None else not other and bool((yield from read.holds(_looks_numeric)))


def _cast(draft: Examined, found: Compared, read: Operand) -> Steps[Edit | None]:
    """The operand as a number, where that makes a difference."""
    if (yield from _is_all_numbers(read)) is not True:
        return None
    real = yield from read.holds(lambda value: exp.Glob(this=value, expression=text("*.*")))
    kind = "REAL" if real or any("." in draft.text(c) for c in found.constants) else "INTEGER"
    message = f"{read.title} is text and compared with no number as one; it is read as a number"
    return Edit("literal-type", message, put(draft, found.operand, exp.cast(found.operand.copy(), kind)))


def _number_operand(draft: Examined, found: Compared) -> Steps[Edit | None]:
    """Numbers that are compared with text."""
    bare = _computed(found.operand)
    if not isinstance(bare, _NUMERIC):
        read = operand(draft, bare.this if isinstance(bare, _SPREAD) else bare)
        # A stored column converts the text itself.
        if read is None or (read.declared and not isinstance(bare, _SPREAD)):
            return None
        if (yield from read.holds(lambda value: _is_stored_as(value, "text", "blob"))) is not False:
            return None
        if not (yield from read.holds(lambda value: _is_stored_as(value, "integer", "real"))):
            return None
        if not isinstance(bare, _SPREAD) and (yield from _is_converted(read, found)):
            return None
    numbers: list[exp.Expr] = [exp.Literal.number(constant.this) for constant in found.constants]
    title = draft.text(found.operand)
    shown = ", ".join(draft.text(number) for number in numbers)
    message = f"{title} is a number, which no text equals; it is compared with {shown}"
    return Edit("literal-type", message, with_constants(draft, found, numbers))


def _computed(node: exp.Expr) -> exp.Expr:
    """What a value is computed by, without parentheses, and in a query of one value that value's item."""
    bare = node.unnest()
    if isinstance(bare, exp.Select) and len(bare.expressions) == 1:
        return plain_item(bare.expressions[0]).unnest()
    return bare


def _is_converted(read: Operand, found: Compared) -> Steps[bool]:
    """Whether the column of a view or subquery is a plain copy of a stored one, which converts text.

    It is not where a row equals, or is less or greater than, the number and not the text.
    """
    if not (yield from read.stores_none(found.constants)):
        return True
    for constant in found.constants:
        number = exp.Literal.number(constant.name)
        for how in (exp.EQ, exp.LT, exp.GT):
            as_text = yield from read.holds(partial(compare, how, constant))
            as_number = yield from read.holds(partial(compare, how, number))
            if as_text != as_number:
                return False
    return True


def _is_stored_as(value: exp.Expr, *types: str) -> exp.Expr:
    return exp.In(this=typeof(value), expressions=[text(name) for name in types])


def _against_expressions(draft: Examined) -> Steps[list[Edit]]:
    """`strftime('%Y', d) = strftime('%Y', 'now') - 1`: text beside a computed number."""
    for node in draft.tree.find_all(exp.EQ, exp.NEQ, *ORDERED):
        for side, other in ((node.this, node.expression), (node.expression, node.this)):
            if not isinstance(side, _TEXTUAL) or not isinstance(other.unnest(), _NUMERIC):
                continue
            read = operand(draft, side)
            if read is not None and (yield from _is_all_numbers(read)):
                message = f"{read.title} is text, and no number equals it; it is read as a number"
                return [Edit("literal-type", message, put(draft, side, exp.cast(side.copy(), "INTEGER")))]
    return []
