"""Functions of other dialects on texts, as SQLite has them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlglot import exp

from share_sql.edits.foreign.nodes import (
    Reading,
    Rule,
    arguments_of,
    call,
    integer,
    joined,
    listed,
    number,
    operand,
    string,
    text,
)

_SKIPS_NULL = frozenset({"postgres", "redshift", "tsql", "oracle", "duckdb", "materialize"})
"""Dialects whose CONCAT passes over NULL; in the others one NULL makes all NULL."""


def renamed(name: str, *counts: int) -> Rule:
    """Another name for the same function, with as many arguments as are listed."""

    def rename(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        parts = arguments_of(node)
        return call(name, *parts) if not counts or len(parts) in counts else None

    return rename


def _concat(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = list(node.expressions)
    if not parts:
        return None
    if node.args.get("coalesce") and reading.reader in _SKIPS_NULL:
        parts = [part if isinstance(part, exp.Literal) else call("COALESCE", part, "") for part in parts]
    return joined(*parts)


def _concat_ws(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """A separator stands before each part that is not NULL; the first one is cut off."""
    separator, *parts = node.expressions
    mark = string(separator)
    if mark is None or not parts:
        return None
    led = [call("COALESCE", joined(separator, part), "") for part in parts]
    return call("SUBSTR", joined(*led), number(len(mark) + 1))


def _left(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return call("SUBSTR", node.this, number(1), node.expression)


def _right(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    count = integer(node.expression)
    if count is not None and count > 0:
        return call("SUBSTR", node.this, number(-count))
    return None


def _pad(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    width, fill = integer(node.expression), string(node.args.get("fill_pattern")) or " "
    if width is None or not 0 < width <= 200:
        return None
    padding = text((fill * width)[:width])
    value = operand(node.this)
    fits = exp.GTE(this=exp.Length(this=value.copy()), expression=number(width))
    cut = call("SUBSTR", value, number(1), number(width))
    if not node.args.get("is_left"):
        return call("SUBSTR", joined(value, padding), number(1), number(width))
    if len(fill) > 1:
        return None
    return call("IIF", fits, cut, call("SUBSTR", joined(padding, value), number(-width)))


def _rest(value: exp.Expr, mark: exp.Expr, size: int) -> exp.Expr:
    """What follows the first separator; nothing where there is none."""
    at = exp.StrPosition(this=joined(value, mark), substr=mark.copy())
    return call("SUBSTR", value, exp.Add(this=at, expression=number(size)))


def _head(value: exp.Expr, mark: exp.Expr) -> exp.Expr:
    """What stands before the first separator; all where there is none."""
    at = exp.StrPosition(this=joined(value, mark), substr=mark.copy())
    return call("SUBSTR", value, number(1), exp.Sub(this=at, expression=number(1)))


def _tail(value: exp.Expr, mark: exp.Expr) -> exp.Expr:
    """What follows the last separator, which is one sign: all other signs are trimmed from the end."""
    others = call("REPLACE", value, mark, "")
    return call("REPLACE", value, call("RTRIM", value, others), "")


def _split_part(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    mark, place = node.args.get("delimiter"), integer(node.args.get("part_index"))
    size = len(string(mark) or "")
    if mark is None or not size or place is None or place == 0 or place > 4 or place < -1:
        return None
    if place == -1:
        return _tail(node.this, mark) if size == 1 else None
    value = node.this
    for _ in range(place - 1):
        value = _rest(value, mark, size)
    return _head(value, mark)


def _substring_index(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = arguments_of(node)
    if len(parts) != 3 or len(string(parts[1]) or "") < 1:
        return None
    count = integer(parts[2])
    if count == 1:
        return _head(parts[0], parts[1])
    return _tail(parts[0], parts[1]) if count == -1 and len(string(parts[1]) or "") == 1 else None


def _contains(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    at = exp.StrPosition(this=node.this.copy(), substr=node.expression.copy())
    return exp.Paren(this=exp.GT(this=at, expression=number(0)))


def _starts(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    head = call("SUBSTR", node.this, number(1), exp.Length(this=node.expression.copy()))
    return exp.Paren(this=exp.EQ(this=head, expression=node.expression.copy()))


def _ends(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    tail = call("SUBSTR", node.this, exp.Neg(this=exp.Length(this=node.expression.copy())))
    return exp.Paren(this=exp.EQ(this=tail, expression=node.expression.copy()))


def _repeat(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    times = node.args.get("times")
    unit = node.this
    if isinstance(node, exp.Space):
        times, unit = node.this, text(" ")
    return call("REPLACE", call("HEX", call("ZEROBLOB", times)), "00", unit) if times is not None else None


def _ilike(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """SQLite's LIKE does not tell capitals of ASCII apart."""
    choices = listed(node.expression) if isinstance(node.expression, exp.Any | exp.All) else None
    if choices is not None:
        tests = [exp.Like(this=node.this.copy(), expression=choice.copy()) for choice in choices]
        return exp.Paren(this=exp.or_(*tests) if isinstance(node.expression, exp.Any) else exp.and_(*tests))
    if isinstance(node.expression, exp.Any | exp.All):
        return None
    return exp.Like(this=node.this.copy(), expression=node.expression.copy(), negate=node.args.get("negate"))


def _plain_text(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    return text(str(node.this))


def _locate(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """`LOCATE(part, whole)`: the arguments stand the other way round."""
    parts = arguments_of(node)
    return exp.StrPosition(this=parts[1].copy(), substr=parts[0].copy()) if len(parts) == 2 else None


def _left_call(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    parts = arguments_of(node)
    return call("SUBSTR", parts[0], number(1), parts[1]) if len(parts) == 2 else None


RULES: Mapping[type[exp.Expr], Rule] = MappingProxyType({
    exp.Concat: _concat, exp.ConcatWs: _concat_ws, exp.Left: _left, exp.Right: _right, exp.Pad: _pad,
    exp.SplitPart: _split_part, exp.SubstringIndex: _substring_index, exp.Contains: _contains,
    exp.StartsWith: _starts, exp.EndsWith: _ends, exp.Repeat: _repeat, exp.Space: _repeat, exp.ILike: _ilike,
    exp.National: _plain_text, exp.RawString: _plain_text,
})  # fmt: skip
"""By node."""
_NAMES: Mapping[str, Rule] = {
    "CONCAT": _concat, "LEN": renamed("LENGTH", 1), "CHAR_LENGTH": renamed("LENGTH", 1),
    "CHARACTER_LENGTH": renamed("LENGTH", 1), "UCASE": renamed("UPPER", 1), "LCASE": renamed("LOWER", 1),
    "LOWERUTF8": renamed("LOWER", 1), "UPPERUTF8": renamed("UPPER", 1), "MID": renamed("SUBSTR", 2, 3),
    "LOCATE": _locate, "CHARINDEX": _locate, "STRPOS": renamed("INSTR", 2), "LEFT": _left_call,
    "ASCII": renamed("UNICODE", 1), "SUBSTRING_INDEX": _substring_index,
}  # fmt: skip
NAMES: Mapping[str, Rule] = MappingProxyType(_NAMES)
"""By the name of a call that sqlglot has no node for."""
