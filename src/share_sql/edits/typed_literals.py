"""Text compared with a number where nothing converts either: such a comparison holds always or never, or is
refused.

Where values have types of their own, a stored column converts what it is compared with to its declared type;
a function, an expression, an aggregate and a column of a view or subquery that is computed do not
(sqlite.org/datatype3.html, section 4). Where columns alone have types, a database converts (MySQL) or refuses
(PostgreSQL, DuckDB).
"""

from __future__ import annotations

import re
from functools import partial

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit, plain_item, put
from share_sql.edits.operands import (
    EQUAL,
    ORDERED,
    Compared,
    Operand,
    compare,
    compared,
    equals,
    operand,
    text,
    with_constants,
)  # fmt: skip
from share_sql.edits.stored import ANY_DIGIT, POINT, is_number_type, looks_numeric, matches, typeof
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
    """For each comparison of text with numbers, or numbers with text, that is not converted: the
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
    return (yield from _against_expressions(draft)) or (yield from _typed_pattern(draft))


def _is_number(node: exp.Expr) -> bool:
    node = node.this if isinstance(node, exp.Neg) else node
    return isinstance(node, exp.Literal) and not node.is_string


def _text_operand(draft: Examined, found: Compared) -> Steps[Edit | None]:
    """Text that is compared with numbers."""
    read = operand(draft, found.operand)
    if read is None or _has_affinity(read, "INT", "REAL", "FLOA", "DOUB", "NUM", "DEC", "BOOL", "DATE"):
        return None
    facts = dialect_of(read.dialect)
    if not facts.value_types:
        return None if facts.lenient_types else (yield from _refused(draft, found, read))
    is_text = _has_affinity(read, "CHAR", "TEXT", "CLOB")
    if isinstance(found.node, (*EQUAL, exp.In)):
        return (yield from _spelled_as_stored(draft, found, read))
    if is_text or (yield from _is_all_numbers(read)) is not True:
        # A text column converts the number and compares the two as text: that has an order, if another.
        return None
    return (yield from _cast(draft, found, read))


def _refused(draft: Examined, found: Compared, read: Operand) -> Steps[Edit | None]:
    """Text beside numbers where the database compares no such two: the numbers as the column writes them, or
    the text as a number where all of it is one."""
    if draft.runs or (yield from read.holds(partial(matches, form=ANY_DIGIT, dialect=read.dialect))) is None:
        return None  # no fault, no text, or nothing that can be asked
    if not isinstance(found.node, (*EQUAL, exp.In)):
        return (yield from _cast(draft, found, read))
    spelled: list[exp.Expr] = []
    for constant in found.constants:
        written = draft.text(constant)
        same: list[object] | None = [written]
        if (yield from read.holds(partial(equals, constant=text(written)))) is not True:
            same = yield from read.values(
                1, partial(_is_this_number, constant=constant, dialect=read.dialect)
            )
        if same is None:
            return (yield from _cast(draft, found, read))
        spelled.append(text(str(same[0]) if same else written))
    shown = ", ".join(draft.text(new) for new in spelled)
    message = f"{read.title} is text and not compared with numbers; it is compared with {shown}"
    return Edit("literal-type", message, with_constants(draft, found, spelled))


def _typed_pattern(draft: Examined) -> Steps[list[Edit]]:
    """`day LIKE '2023%'` where the column is no text and the database refuses it: it is read as text."""
    for found in compared(draft):
        if not isinstance(found.node, exp.Like | exp.ILike) or draft.runs:
            continue
        read = operand(draft, found.operand)
        if read is not None and (read.is_dated or is_number_type(read.declared)):
            message = f"{read.title} is no text, which patterns are for; it is read as text"
            return [
                Edit(
                    "literal-type", message, put(draft, found.operand, exp.cast(found.operand.copy(), "TEXT"))
                )
            ]
    return []
    yield  # a probe that asks nothing


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
        same = yield from read.values(1, partial(_is_this_number, constant=constant, dialect=read.dialect))
        if same is None:
            return (yield from _cast(draft, found, read))
        is_found = is_found or bool(same)
        spelled.append(text(str(same[0]) if same else draft.text(constant)))
    if not is_found:
        return None
    shown = ", ".join(draft.text(new) for new in spelled)
    message = f"{read.title} is text and equal to no number; it is compared with {shown}"
    return Edit("literal-type", message, with_constants(draft, found, spelled))


def _is_this_number(value: exp.Expr, constant: exp.Expr, dialect: str) -> exp.Expr:
    facts = dialect_of(dialect)
    number: exp.Expr = exp.cast(value.copy(), facts.real)
    if facts.value_types:
        return exp.and_(looks_numeric(value, dialect), exp.EQ(this=number, expression=constant.copy()))
    # Only within CASE is the cast not tried on what is no number.
    branch = exp.If(this=looks_numeric(value, dialect), true=number)
    return exp.EQ(this=exp.Case(ifs=[branch]), expression=constant.copy())


def _is_all_numbers(read: Operand) -> Steps[bool | None]:
    """Whether all values are text that spells numbers."""
    other = yield from read.holds(
        lambda value: exp.and_(
            exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())),
            exp.Not(this=exp.Paren(this=looks_numeric(value, read.dialect))),
        )
    )
    if other is not False:
        return None if other is None else False
    return bool((yield from read.holds(partial(looks_numeric, dialect=read.dialect))))


def _cast(draft: Examined, found: Compared, read: Operand) -> Steps[Edit | None]:
    """The operand as a number, where that makes a difference."""
    if (yield from _is_all_numbers(read)) is not True:
        return None
    real = yield from read.holds(partial(matches, form=POINT, dialect=read.dialect))
    facts = dialect_of(read.dialect)
    kind = facts.real if real or any("." in draft.text(c) for c in found.constants) else facts.whole
    message = f"{read.title} is text and compared with no number as one; it is read as a number"
    return Edit("literal-type", message, put(draft, found.operand, exp.cast(found.operand.copy(), kind)))


def _number_operand(draft: Examined, found: Compared) -> Steps[Edit | None]:
    """Numbers that are compared with text, where values have types of their own; else it is converted."""
    if not dialect_of(draft.schema.dialect).value_types:
        return None
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
    facts = dialect_of(draft.schema.dialect)
    if facts.lenient_types and not facts.value_types:
        return []  # the text is read as a number
    for node in draft.tree.find_all(exp.EQ, exp.NEQ, *ORDERED):
        for side, other in ((node.this, node.expression), (node.expression, node.this)):
            if not isinstance(side, _TEXTUAL) or not isinstance(other.unnest(), _NUMERIC):
                continue
            read = operand(draft, side)
            if read is not None and (yield from _is_all_numbers(read)):
                message = f"{read.title} is text, and no number equals it; it is read as a number"
                return [Edit("literal-type", message, put(draft, side, exp.cast(side.copy(), facts.whole)))]
    return []
