"""Conditions as the paper writes them: `element = T.c, filter = '> 5'`.

The counterpart of `filters`: a condition takes this form only where the reader gives the same condition
back; everything else is printed as a plain condition, `where(a > b or c = 1)`.
"""

from __future__ import annotations

from collections.abc import Callable

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import quote
from share_sql.trajectory.reading.cursor import Cursor
from share_sql.trajectory.reading.filters import read_filter

_SIGNS = frozenset(("=", "!=", "<", "<=", ">", ">="))
_PATTERNS = frozenset(("like", "not like", "glob", "not glob", "regexp", "not regexp"))
_TESTS = _SIGNS | _PATTERNS | frozenset(("and", "or", "is", "is not", "match", "not match"))
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
    if isinstance(condition, n.Binary):
        element = condition.left
        if not _is_element(element):
            return None
        form = _of_binary(parser, condition, show)
    elif isinstance(condition, n.Between):
        element = condition.operand
        if not _is_element(element):
            return None
        bounds = (condition.low, condition.high)
        if not all(isinstance(bound, n.Literal) for bound in bounds):
            return None
        word = "not between" if condition.negated else "between"
        form = _tried(
            parser,
            n.Between(_PROBE, *bounds, condition.negated),
            f"{word} {show(bounds[0])} and {show(bounds[1])}",
        )
    elif isinstance(condition, n.In):
        element = condition.operand
        if not _is_element(element):
            return None
        word = "not in" if condition.negated else "in"
        if isinstance(condition.choices, n.Frame):
            form = f"'{word}', value = {show(condition.choices)}"
        elif condition.choices and all(isinstance(item, n.Literal) for item in condition.choices):
            items = ", ".join(show(item) for item in condition.choices)
            form = _tried(parser, n.In(_PROBE, condition.choices, condition.negated), f"{word} ({items})")
        else:
            return None
    else:
        return None
    return None if form is None else f"element = {show(element)}, filter = {form}"


def _is_element(node: n.Expr) -> bool:
    """Whether a left side may stand after `element =`."""
    if isinstance(node, n.Binary):
        return node.op not in _TESTS
    return isinstance(node, n.ColumnRef | n.Mask | n.Call | n.Cast | n.FrameColumn | n.Frame | n.Case)


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
        if isinstance(right, n.Binary):
            # `'> ' + x` is a comparison to the reader, and a test no value.
            return None if right.op in _TESTS or right.op == "+" else show(right)
        if isinstance(right, n.Call) and right.name in _PATTERNS:
            return None  # `filter = like(…)` is read as a pattern
        if isinstance(right, n.ColumnRef | n.Mask | n.Call | n.Cast | n.FrameColumn | n.Frame | n.Case):
            return show(right)
        return None
    probe = n.Binary(op, _PROBE, right)
    if op in _SIGNS:
        if (
            isinstance(right, n.Literal)
            and isinstance(right.value, int | float)
            and not isinstance(right.value, bool)
        ):
            return f"'{op} {show(right)}'"
        return _tried(parser, probe, f"{op} {show(right)}")
    if op in ("is", "is not") and right == n.Literal(None):
        return f"'{op} null'"
    if op in _PATTERNS and isinstance(right, n.Literal) and isinstance(right.value, str):
        return _tried(parser, probe, f"{op} {right.value}") or _tried(
            parser, probe, f"{op} {quote(right.value)}"
        )
    return None


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
