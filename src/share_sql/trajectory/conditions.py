"""Conditions as the paper writes them: `element = T.c, filter = '> 5'`.

The counterpart of `filters`: a condition takes this form only where the reader gives the same condition
back; everything else is printed as a plain condition, `where(a > b or c = 1)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import quote
from share_sql.trajectory.reading.cursor import Cursor, TooDeep
from share_sql.trajectory.reading.filters import read_filter
from share_sql.trajectory.words import PATTERNS, SIGNS, TESTS

_OPERANDS = (n.ColumnRef, n.Mask, n.Call, n.Cast, n.FrameColumn, n.Frame, n.Case)
_PROBE = n.Mask()

Print = Callable[[n.Expr], str]


def filter_arguments(parser: Cursor, condition: n.Expr, show: Print) -> str | None:
    """Print a condition as `element = …, filter = …`.

    Args:
        parser: knows the steps, so that filter texts can be tried on the reader.
        condition: what to print.
        show: prints an expression.

    Returns:
        The arguments, or None where the condition has no such form.
    """
    if not isinstance(condition, n.Binary | n.Between | n.In):
        return None
    element = condition.left if isinstance(condition, n.Binary) else condition.operand
    if not _is_element(element):
        return None
    try:
        if isinstance(condition, n.Binary):
            form = _of_binary(parser, condition, show)
        elif isinstance(condition, n.Between):
            form = _of_between(parser, condition, show)
        else:
            form = _of_in(parser, condition, show)
    except TooDeep:
        return None
    return None if form is None else f"element = {show(element)}, filter = {form}"


def _is_element(node: n.Expr) -> bool:
    """Whether a left side may stand after `element =`."""
    return node.op not in TESTS if isinstance(node, n.Binary) else isinstance(node, _OPERANDS)


def _of_binary(parser: Cursor, condition: n.Binary, show: Print) -> str | None:
    op, right = condition.op, condition.right
    if op == "=":
        if isinstance(right, n.Literal):
            if not isinstance(right.value, str):
                return show(right)
            probe = n.Binary("=", _PROBE, right)
            if _plain(right.value) or read_filter(parser, right.value, _PROBE) == probe:
                return quote_filter(right.value)
            return _tried(parser, probe, f"= {quote(right.value)}")
        if isinstance(right, n.Binary) and right.op == "+":
            return None  # `'> ' + x` is a comparison to the reader
        if isinstance(right, n.Call) and right.name in PATTERNS:
            return None  # `filter = like(…)` is read as a pattern
        return show(right) if _is_element(right) else None
    probe = n.Binary(op, _PROBE, right)
    if op in SIGNS:
        if isinstance(right, n.Literal) and type(right.value) in (int, float):
            return f"'{op} {show(right)}'"
        return _tried(parser, probe, f"{op} {show(right)}")
    if op in ("is", "is not") and right == n.Literal(None):
        return f"'{op} null'"
    if op in PATTERNS and isinstance(right, n.Literal) and isinstance(right.value, str):
        return _tried(parser, probe, f"{op} {right.value}") or _tried(
            parser, probe, f"{op} {quote(right.value)}"
        )
    return None


def _of_between(parser: Cursor, condition: n.Between, show: Print) -> str | None:
    low, high = condition.low, condition.high
    if not (isinstance(low, n.Literal) and isinstance(high, n.Literal)):
        return None
    word = "not between" if condition.negated else "between"
    return _tried(parser, replace(condition, operand=_PROBE), f"{word} {show(low)} and {show(high)}")


def _of_in(parser: Cursor, condition: n.In, show: Print) -> str | None:
    word, choices = "not in" if condition.negated else "in", condition.choices
    if isinstance(choices, n.Frame):
        return f"'{word}', value = {show(choices)}"
    if not choices or not all(isinstance(item, n.Literal) for item in choices):
        return None
    items = ", ".join(show(item) for item in choices)
    return _tried(parser, replace(condition, operand=_PROBE), f"{word} ({items})")


def _plain(text: str) -> bool:
    """Whether a text is surely no operator: letters and digits alone."""
    return text.isalnum() and text.lower() not in ("null", "none")


def _tried(parser: Cursor, wanted: n.Expr, text: str) -> str | None:
    """The quoted filter, if the reader takes it for what is wanted."""
    notes = len(parser.context.notes)
    same = read_filter(parser, text, _PROBE) == wanted
    del parser.context.notes[notes:]
    return quote_filter(text) if same else None


def quote_filter(text: str) -> str:
    """Quote a filter's text, in double quotes where that saves doubling single ones."""
    if "'" in text and '"' not in text and text.isprintable() and "```" not in text:
        return f'"{text}"'
    return quote(text)
