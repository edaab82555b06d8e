"""Make a right query wrong in its constants: inverses of the kinds that mend literals. Part of `spoil`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.coded_literals import CODE_SETS
from share_sql.edits.edit import changed
from share_sql.edits.operands import Compared, compared
from share_sql.edits.truth_literals import TRUTH_WORDS, truth
from share_sql.query.examined import Examined
from share_sql.schema.value_text import folded

Places = Iterator[tuple[exp.Expr, list[exp.Expr]]]
"""A node, and what may stand in its place."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d")


def other_types(query: Examined) -> Places:
    """A number beside a function or an aggregate as text, and such text as a number."""
    for found, constant in _constants(query):
        if isinstance(found.operand, exp.Column) or isinstance(found.node, exp.Like):
            continue
        if isinstance(constant, exp.Literal) and re.fullmatch(r"\d+", constant.this):
            make = exp.Literal.number if constant.is_string else exp.Literal.string
            yield constant, [make(constant.this)]


def other_truths(query: Examined) -> Places:
    """True and false in other words than the column has."""
    for found, constant in _constants(query):
        says = truth(constant)
        if says is None or not isinstance(found.node, exp.EQ) or not isinstance(found.operand, exp.Column):
            continue
        if isinstance(constant, exp.Literal) and not constant.is_string:
            continue  # most numbers that are 1 or 0 say no truth
        own = str(constant.this).casefold()
        words = [word for word, value in TRUTH_WORDS.items() if value == says and word != own]
        yield constant, [exp.Boolean(this=says), *(exp.Literal.string(word) for word in words)]


def other_codes(query: Examined) -> Places:
    """A weekday, a month, a sex and the like by its name where its code is stored, or the other way round."""
    for _, constant in _constants(query):
        if not isinstance(constant, exp.Literal) or not constant.is_string:
            continue
        own = folded(constant.this)
        for words in (words.split() for members in CODE_SETS for words in members):
            if own in words:
                yield constant, [exp.Literal.string(word.title()) for word in words if word != own]


def days_without_quotes(query: Examined) -> Places:
    """`2012-03-14` for `'2012-03-14'`."""
    for _, constant in _constants(query):
        if isinstance(constant, exp.Literal) and re.fullmatch(r"\d{4}-\d\d-\d\d", constant.this):
            year, month, day = map(exp.Literal.number, constant.this.split("-"))
            yield constant, [exp.Sub(this=exp.Sub(this=year, expression=month), expression=day)]


def days_of_moments(query: Examined) -> Places:
    """`paid = '2012-03-14'` for `DATE(paid) = '2012-03-14'`, and for the moment itself."""
    for found, constant in _constants(query):
        if isinstance(found.operand, exp.Date):
            yield found.operand, [found.operand.this.copy()]
        elif isinstance(found.node, exp.EQ) and _MOMENT.match(constant.name):
            yield constant, [exp.Literal.string(constant.name[:10])]


def parts_of_days(query: Examined) -> Places:
    """`day = '2012'` for `STRFTIME('%Y', day) = '2012'` and for `day LIKE '2012%'`."""
    for found, constant in _constants(query):
        if isinstance(found.operand, exp.TimeToStr) and isinstance(found.operand.this, exp.TsOrDsToTimestamp):
            if found.operand.args["format"].name in ("%Y", "%Y-%m"):
                yield found.operand, [found.operand.this.this.copy()]
        elif isinstance(found.node, exp.Like) and re.fullmatch(r"(?:19|20)\d\d(?:-\d\d)?-?%", constant.name):
            bare = exp.Literal.string(constant.name.rstrip("-%"))
            yield found.node, [exp.EQ(this=found.operand.copy(), expression=bare)]


def without_wildcards(query: Examined) -> Places:
    """`LIKE 'fox'` for `LIKE '%fox%'`."""
    for found, constant in _constants(query):
        bare = constant.name.strip("%")
        if isinstance(found.node, exp.Like) and bare not in ("", constant.name) and "_" not in bare:
            yield constant, [exp.Literal.string(bare)]


def without_padding(query: Examined) -> Places:
    """A text without the blanks around it."""
    for _, constant in _constants(query):
        if isinstance(constant, exp.Literal) and constant.this.strip() not in ("", constant.this):
            yield constant, [changed(constant, this=constant.this.strip())]


def _constants(query: Examined) -> Iterator[tuple[Compared, exp.Expr]]:
    return ((found, constant) for found in compared(query) for constant in found.constants)
