"""Casts, divisions and calls on numbers that dialects with types of their own compute otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from share_sql.edits.foreign.clock import SAFE
from share_sql.edits.foreign.kinds import kind, marked
from share_sql.edits.foreign.nodes import Reading, Rule, arguments_of, integer, number, operand, string
from share_sql.edits.foreign.periods import is_date_type
from share_sql.edits.foreign.strict import Casts, as_number

LENIENT_LIKE = frozenset({"sqlite", "mysql", "tsql"})
"""Readers whose LIKE takes capitals and small letters as the same."""
_CUTS = frozenset({"sqlite", "tsql"})
"""Readers whose casts to whole numbers cut fractions off; the others round."""
_INTS = frozenset((
    exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT, exp.DType.TINYINT, exp.DType.UBIGINT, exp.DType.UINT,
    exp.DType.MEDIUMINT, exp.DType.INT128,
))  # fmt: skip
_REALS = frozenset((exp.DType.DOUBLE, exp.DType.FLOAT))
_EXACT = frozenset((exp.DType.DECIMAL, exp.DType.BIGDECIMAL, exp.DType.MONEY))
_TEXTS = frozenset((exp.DType.CHAR, exp.DType.NCHAR, exp.DType.VARCHAR, exp.DType.NVARCHAR, exp.DType.TEXT))
_PRINTED = re.compile(r"%(?P<flags>[0]?)(?P<width>\d*)(?:\.(?P<places>\d+))?(?P<kind>[fdsi])")


def cast_rule(
    casts: Casts, dialect: str, *, widest: str, truncate: Callable[[exp.Expr], exp.Expr], truths: bool = True
) -> Rule:
    """What a cast becomes.

    Args:
        casts: the dialect's casts.
        dialect: its name.
        widest: its type for a decimal without a scale.
        truncate: cuts the fraction off a number.
        truths: whether truth values are no numbers.
    """

    def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        target = node.args.get("to")
        if not isinstance(target, exp.DataType):
            return None
        known, value = kind(node.this), node.this
        if is_date_type(target) and reading.reader != dialect:
            is_date = target.this in (exp.DType.DATE, exp.DType.DATE32)
            return casts.clock.date(value, reading) if is_date else casts.clock.time(value, reading)
        if target.this in _TEXTS and known == "time" and reading.reader in ("sqlite", "mysql"):
            return casts.textual(value, reading)
        if target.this in _TEXTS and known == "bool" and truths:
            return exp.cast(as_number(value), "TEXT")
        if target.this not in _INTS | _REALS | _EXACT:
            return None
        to = target.copy()
        if target.this in _EXACT and not target.expressions:
            to = exp.DataType.build(widest)
        if target.this in _INTS and reading.reader in ("sqlite", "mysql"):
            to = exp.DataType.build("BIGINT")
        if known == "bool":
            inner: exp.Expr = value.copy() if target.this in _INTS or not truths else as_number(value)
        elif known == "text" and reading.way == SAFE:
            inner = casts.number(value, reading)
            if target.this in _INTS:
                inner = truncate(inner)
        elif target.this in _INTS and reading.reader in _CUTS and known in ("real", "exact", ""):
            inner = truncate(value.copy()) if known else value.copy()
        else:
            inner = value.copy()
        return exp.Cast(this=inner, to=to)

    return write


def division_rule(dialect: str, whole: Callable[[exp.Expr, exp.Expr], exp.Expr] | None) -> Rule:
    """What a division becomes: `whole` writes that of whole numbers, where the own one keeps fractions."""

    def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        new: exp.Expr | None = None
        left, right = kind(node.this), kind(node.expression)
        if (
            whole is not None
            and node.args.get("typed")
            and left == right == "int"
            and reading.reader != dialect
        ):
            return marked(whole(node.this, node.expression), "int")
        divisor = node.expression.unnest()
        if node.args.get("safe") and isinstance(divisor, exp.Literal) and divisor.name.strip("0."):
            new = node.copy()
            new.set("safe", False)
            if not node.args.get("typed") and left == "real":
                new.set("typed", True)
            return new
        if not node.args.get("typed") and {left, right} & {"real", "exact"}:
            new = node.copy()
            new.set("typed", True)
        return new

    return write


def then(*rules: Rule) -> Rule:
    """Several rules one after the other, each on what the one before it wrote."""

    def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        current: exp.Expr | None = None
        for rule in rules:
            new = rule(current if current is not None else node, reading)
            current = new if new is not None else current
        return current

    return write


def any_case_like(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """LIKE of a dialect that does not tell capitals apart."""
    if reading.reader not in LENIENT_LIKE or isinstance(node.expression, exp.Any | exp.All):
        return None
    pattern = string(node.expression)
    if pattern is not None and pattern.lower() == pattern.upper():
        return None
    return exp.ILike(this=node.this.copy(), expression=node.expression.copy(), negate=node.args.get("negate"))


def number_calls(casts: Casts) -> Mapping[str, Rule]:
    """Calls that sqlglot leaves as they are."""

    def total(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        parts = arguments_of(node)
        if len(parts) != 1:
            return None
        summed = exp.Sum(this=casts.numeric(parts[0], reading))
        return exp.Coalesce(this=exp.cast(summed, "DOUBLE"), expressions=[number(0)])

    def ratio(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """DIVIDE, as BIRD's evidence spells it."""
        parts = arguments_of(node)
        if len(parts) == 1 and isinstance(parts[0].unnest(), exp.Div):
            parts = [parts[0].unnest().this, parts[0].unnest().expression]
        if len(parts) != 2:
            return None
        dividend = exp.cast(casts.numeric(parts[0], reading), "DOUBLE")
        divisor = exp.Nullif(this=casts.numeric(parts[1], reading), expression=number(0))
        return exp.Div(this=dividend, expression=divisor, typed=True)

    def spelled(operation: type[exp.Binary]) -> Rule:
        """MULTIPLY, SUBTRACT: operations spelled as calls."""

        def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
            parts = [casts.numeric(part, reading) for part in arguments_of(node)]
            if len(parts) < 2:
                return None
            found = operand(parts[0])
            for part in parts[1:]:
                found = operation(this=found, expression=operand(part))
            return exp.Paren(this=found)

        return write

    def printed(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """PRINTF and FORMAT with one value, or `%d` and `%s` between texts."""
        parts = arguments_of(node)
        form = string(parts[0]) if parts else None
        if form is None:
            return None
        made: list[exp.Expr] = []
        values, at = parts[1:], 0
        for match in _PRINTED.finditer(form):
            if not values:
                return None
            if form[at : match.start()]:
                made.append(exp.Literal.string(form[at : match.start()].replace("%%", "%")))
            value, at = values.pop(0), match.end()
            shown = _shown(match, value, casts, reading)
            if shown is None:
                return None
            made.append(shown)
        if form[at:]:
            made.append(exp.Literal.string(form[at:].replace("%%", "%")))
        if values or "%" in _PRINTED.sub("", form).replace("%%", ""):
            return None
        found = made[0] if made else exp.Literal.string("")
        for part in made[1:]:
            found = exp.DPipe(this=found, expression=part, safe=True)
        return marked(exp.Paren(this=found) if len(made) > 1 else found, "text")

    return {
        "TOTAL": total, "DIVIDE": ratio, "SAFE_DIVIDE": ratio, "MULTIPLY": spelled(exp.Mul),
        "SUBTRACT": spelled(exp.Sub), "PRINTF": printed, "FORMAT": printed,
    }  # fmt: skip


def _shown(match: re.Match[str], value: exp.Expr, casts: Casts, reading: Reading) -> exp.Expr | None:
    if match["kind"] == "s":
        return casts.textual(value, reading) if not match["width"] else None
    if match["kind"] == "f":
        places = int(match["places"] or 6)
        exact = exp.Cast(this=casts.numeric(value, reading), to=exp.DataType.build(f"DECIMAL(30, {places})"))
        return exp.cast(exact, "TEXT") if not match["width"] else None
    whole = exp.cast(exp.cast(casts.numeric(value, reading), "BIGINT"), "TEXT")
    if match["width"]:
        return exp.Pad(
            this=whole,
            expression=number(int(match["width"])),
            fill_pattern=exp.Literal.string("0" if match["flags"] else " "),
            is_left=True,
        )
    return whole


def substring_from(node: exp.Expr) -> tuple[int | None, int | None]:
    """The start and the length of a SUBSTR where they are written out."""
    start, length = node.args.get("start"), node.args.get("length")
    return integer(start), integer(length) if length is not None else None


def from_the_end(node: exp.Expr, value: exp.Expr, start: int, length: int | None) -> exp.Expr:
    """`SUBSTR(x, -3)`, `SUBSTR(x, -3, 2)`."""
    tail = exp.Right(this=value, expression=number(-start))
    if length is None or length >= -start:
        return tail
    return exp.Left(this=tail, expression=number(length))


def globbed(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """GLOB as LIKE that tells capitals apart, or as a regular expression where it has sets."""
    pattern = string(node.expression)
    if pattern is None:
        return None
    if "[" not in pattern:
        like = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return exp.Like(
            this=node.this.copy(), expression=exp.Literal.string(like.replace("*", "%").replace("?", "_"))
        )
    parts, at = [], 0
    while at < len(pattern):
        sign = pattern[at]
        end = pattern.find("]", at + 2)
        if sign == "[" and end > 0:
            parts.append(pattern[at : end + 1])
            at = end + 1
            continue
        parts.append(
            {"*": ".*", "?": "."}.get(sign) or (sign if sign.isalnum() or sign == " " else "\\" + sign)
        )
        at += 1
    return exp.RegexpLike(this=node.this.copy(), expression=exp.Literal.string("^" + "".join(parts) + "$"))


def spelled_types(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """SQLite's TYPEOF, for what a schema with types can tell."""
    names = {"int": "integer", "real": "real", "exact": "real", "text": "text"}
    known = kind(node.this)
    if known not in names:
        return None
    null = exp.Is(this=node.this.copy(), expression=exp.Null())
    return exp.Case(
        ifs=[exp.If(this=null, true=exp.Literal.string("null"))], default=exp.Literal.string(names[known])
    )


def separated(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """GROUP_CONCAT's separator, where it must be said."""
    if node.args.get("separator") is not None:
        return None
    new = node.copy()
    new.set("separator", exp.Literal.string(","))
    return new


def call_named(name: str, *counts: int) -> Rule:
    """Another name for the same function, with as many arguments as are listed."""

    def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        parts = arguments_of(node)
        if len(parts) not in counts:
            return None
        return exp.Anonymous(this=name, expressions=[part.copy() for part in parts])

    return write


def substring_index(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """MySQL's SUBSTRING_INDEX with one part."""
    count = integer(node.args.get("count"))
    mark = node.args.get("delimiter")
    if count not in (1, -1) or mark is None:
        return None
    return exp.SplitPart(this=node.this.copy(), delimiter=mark.copy(), part_index=number(count))


def sum_of_texts(name: str, casts: Casts) -> Rule:
    """An aggregate of numbers that is taken of texts."""

    def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        if node.this is None or kind(node.this) not in ("text", "bool"):
            return None
        return exp.Anonymous(this=name, expressions=[casts.numeric(node.this, reading)])

    return write


def any_case_pattern(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """MySQL's REGEXP, which does not tell capitals apart by its default collations."""
    pattern = string(node.expression)
    if reading.reader != "mysql" or pattern is None or pattern.lower() == pattern.upper():
        return None
    return exp.RegexpILike(this=node.this.copy(), expression=node.expression.copy())
