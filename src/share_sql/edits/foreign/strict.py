"""Types where a database is strict: conditions are truth values, sums are of numbers, texts are no numbers.

Some dialects take one for the other without a word; here it is said what they do. What does not convert gives
an error on a strict database, so a text is written a second, safe way in which it gives NULL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from share_sql.edits.foreign.clock import Clock
from share_sql.edits.foreign.dates import ISO_DATE, ISO_TIME
from share_sql.edits.foreign.kinds import DIGITS, MOMENTS, NUMBERS, branches, kind, marked
from share_sql.edits.foreign.nodes import Reading, Rule, number, operand, string, text

NUMBER_LIKE = r"^\s*[-+]?[0-9]+(?:\.[0-9]*)?"
"""The part of a text that lenient dialects read as its number."""
_NUMBER = re.compile(r"\s*[-+]?\d+(?:\.\d*)?\s*\Z")


@dataclass(frozen=True)
class Casts:
    """How a strict dialect turns a value into one of another kind."""

    clock: Clock
    number: Callable[[exp.Expr, Reading], exp.Expr]
    """A text as a number."""
    wider: str = "DECIMAL"
    """The type of numbers that texts are read as, where they are not whole."""

    def numeric(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """A value as a number."""
        known = kind(value)
        if known == "text":
            bare = value.unnest()
            if isinstance(bare, exp.Literal) and _NUMBER.match(bare.name):
                name = bare.name.strip()
                return number(int(name)) if name.lstrip("+-").isdigit() else number(float(name))
            if bare.meta.get(DIGITS):
                return exp.cast(value.copy(), "INT")
            return self.number(value, reading)
        return as_number(value) if known == "bool" else value.copy()

    def textual(self, value: exp.Expr, reading: Reading) -> exp.Expr:
        """A value as a text, dates as they are written by ISO 8601."""
        known = kind(value)
        if known == "text" or isinstance(value, exp.Null):
            return value.copy()
        if known == "time":
            written = self.clock.text(value, "%Y-%m-%d %H:%M:%S", reading)
            if written is not None:
                return marked(written, "text")
        if isinstance(value, exp.Literal):
            return text(value.name)
        if isinstance(value, exp.Distinct):
            return exp.Distinct(expressions=[self.textual(item, reading) for item in value.expressions])
        if isinstance(value, exp.Order):
            found = value.copy()
            found.set("this", self.textual(value.this, reading))
            return found
        return exp.cast(value.copy(), "TEXT")


def as_number(value: exp.Expr) -> exp.Expr:
    """A truth value as 1 and 0, an unknown one as NULL."""
    if isinstance(value, exp.Boolean):
        return number(1 if value.this else 0)
    return exp.cast(value.this.copy() if isinstance(value, exp.Paren) else value.copy(), "INT")


def as_condition(value: exp.Expr | None) -> exp.Expr | None:
    """A number as a truth value; None where it is one already, or is not known to be a number."""
    if value is None:
        return None
    known = kind(value)
    if isinstance(value, exp.Literal) and not value.is_string:
        return exp.Boolean(this=value.name.strip("0.") != "")
    if known in NUMBERS:
        return exp.NEQ(this=operand(value), expression=number(0))
    return None


def or_zero(value: exp.Expr, read: exp.Expr, reading: Reading) -> exp.Expr:
    """A text as a number: lenient dialects take one that begins with none as 0."""
    if reading.reader not in ("sqlite", "mysql"):
        return read
    filled = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))
    found = exp.Coalesce(this=read, expressions=[number(0)])
    return exp.Case(ifs=[exp.If(this=filled, true=found)])


def type_rules(casts: Casts) -> Mapping[type[exp.Expr], Rule]:
    """The rules of types, by node."""

    def texts(*keys: str) -> Rule:
        """Arguments that are to be texts."""

        def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
            wrong = [
                key
                for key in keys
                if isinstance(node.args.get(key), exp.Expr) and kind(node.args[key]) in _NO_TEXT
            ]
            if not wrong:
                return None
            new = node.copy()
            for key in wrong:
                new.set(key, casts.textual(node.args[key], reading))
            return new

        return write

    def summed(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        inner = node.this
        value = inner.expressions[0] if isinstance(inner, exp.Distinct) and inner.expressions else inner
        if not isinstance(value, exp.Expr) or kind(value) not in ("text", "bool"):
            return None
        new = node.copy()
        target = new.this.expressions[0] if isinstance(inner, exp.Distinct) else new.this
        target.replace(casts.numeric(value, reading))
        return new

    def extreme(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        if kind(node.this) != "bool":
            return None
        return type(node)(this=as_number(node.this))

    def reckoned(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        if isinstance(node, exp.Add) and _joins_texts(node):
            return None
        sides = [node.this, node.expression]
        kinds = [kind(side) for side in sides]
        if set(kinds) & (MOMENTS | {"span", "clock"}):
            return None
        if not set(kinds) & {"text", "bool"}:
            return None
        new = node.copy()
        for key, side, known in zip(("this", "expression"), sides, kinds, strict=True):
            if known in ("text", "bool"):
                new.set(key, operand(casts.numeric(side, reading)))
        return new

    def compared(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        pair = _pair(node.this, node.expression, node, reading)
        if pair is None:
            return None
        new = node.copy()
        new.set("this", pair[0])
        new.set("expression", pair[1])
        return new

    def _pair(
        left: exp.Expr, right: exp.Expr, node: exp.Expr, reading: Reading
    ) -> tuple[exp.Expr, exp.Expr] | None:
        if isinstance(right, exp.Any | exp.All | exp.Null) or isinstance(left, exp.Null):
            return None
        one, other = kind(left), kind(right)
        if not one or not other or one == other or (one in NUMBERS and other in NUMBERS):
            return None
        if {one, other} <= MOMENTS:
            return None
        for value, known, against, its in ((left, one, right, other), (right, other, left, one)):
            found: tuple[exp.Expr, exp.Expr] | None = None
            if known == "bool" and its in NUMBERS | {"text"}:
                found = _truth(value, against)
            elif known == "text" and its in NUMBERS:
                found = _mixed(value, against, node, reading)
            elif known == "text" and its in MOMENTS:
                found = _dated(value, against, reading)
            elif known == "text" and its == "bool":
                found = None
            else:
                continue
            if found is None:
                return None
            return found if value is left else (found[1], found[0])
        return None

    def _truth(value: exp.Expr, against: exp.Expr) -> tuple[exp.Expr, exp.Expr] | None:
        bare = against.unnest()
        if isinstance(bare, exp.Literal) and bare.name.lower() in _TRUTHS:
            return value.copy(), exp.Boolean(this=_TRUTHS[bare.name.lower()])
        return (as_number(value), against.copy()) if kind(against) in NUMBERS else None

    def _mixed(
        value: exp.Expr, against: exp.Expr, node: exp.Expr, reading: Reading
    ) -> tuple[exp.Expr, exp.Expr] | None:
        """A text beside a number."""
        literal = string(value)
        if literal is not None:
            if re.fullmatch(r"\s*[-+]?\d+\s*", literal):
                return None  # an untyped literal takes the other side's type
            if _NUMBER.match(literal):
                return number(float(literal)), against.copy()
            return value.copy(), casts.textual(against, reading)
        bare = against.unnest()
        is_literal = isinstance(bare, exp.Literal | exp.Neg) and bare.find(exp.Column) is None
        equal = isinstance(node, exp.EQ | exp.NEQ | exp.In)
        stored = isinstance(value.unnest(), exp.Column)
        if is_literal and (equal or (stored and reading.reader == "sqlite")):
            # SQLite compares a column of texts with a number that is written out as texts.
            return value.copy(), text(bare.sql())
        return casts.numeric(value, reading), against.copy()

    def _dated(value: exp.Expr, against: exp.Expr, reading: Reading) -> tuple[exp.Expr, exp.Expr] | None:
        """A text beside a date."""
        literal = string(value)
        if literal is not None:
            return None if _is_date(literal) else (value.copy(), casts.textual(against, reading))
        if reading.reader == "sqlite":
            return value.copy(), casts.textual(against, reading)
        as_its = casts.clock.date if kind(against) == "date" else casts.clock.time
        return as_its(value, reading), against.copy()

    def between(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        low, high = node.args["low"], node.args["high"]
        probe = exp.GTE(this=exp.Null(), expression=exp.Null())
        first = _pair(node.this, low, probe, reading)
        second = _pair(node.this, high, probe, reading)
        if first is None and second is None:
            return None
        left = (first or second or (node.this, low))[0]
        bounds = [pair[1] if pair else bound.copy() for pair, bound in ((first, low), (second, high))]
        if kind(left) == "text":
            bounds = [casts.textual(bound, reading) for bound in bounds]
        new = node.copy()
        for key, part in (("this", left), ("low", bounds[0]), ("high", bounds[1])):
            new.set(key, part)
        return new

    def member(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        query = node.args.get("query")
        probe = exp.EQ(this=exp.Null(), expression=exp.Null())
        if query is not None:
            known, its = kind(node.this), kind(query)
            if {known, its} & {"text"} and {known, its} & NUMBERS and known != its:
                new = node.copy()
                inner = new.args["query"]
                selects = inner.this.selects if isinstance(inner, exp.Subquery) else inner.selects
                if known == "text":
                    new.set("this", casts.numeric(node.this, reading))
                elif len(selects) == 1 and not selects[0].is_star:
                    bare = selects[0].unalias()
                    marked(bare, "text")
                    selects[0].replace(casts.numeric(bare, reading))
                return new
            return None
        pairs = [_pair(node.this, item, probe, reading) for item in node.expressions]
        if not any(pairs):
            return None
        new = node.copy()
        lefts = [pair[0] for pair in pairs if pair]
        new.set("this", lefts[0])
        items = [pair[1] if pair else item.copy() for pair, item in zip(pairs, node.expressions, strict=True)]
        if kind(lefts[0]) == "text":
            items = [casts.textual(item, reading) for item in items]
        new.set("expressions", items)
        return new

    def joined(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """`||` of numbers: one side must be a text."""
        parts = [node.this, node.expression]
        if "text" in {kind(part) for part in parts}:
            return None
        new = node.copy()
        new.set("this", operand(casts.textual(node.this, reading)))
        return new

    def chosen(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """COALESCE, CASE and IIF whose results are of several kinds: all become texts, and conditions truths."""
        new: exp.Expr | None = None
        if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
            condition = as_condition(node.this)
            if condition is not None:
                new = node.copy()
                new.set("this", condition)
        results: list[exp.Expr | None]
        if isinstance(node, exp.Case):
            results = branches(node)
            for at, part in enumerate(node.args.get("ifs") or ()):
                condition = as_condition(part.this) if node.this is None else None
                if condition is not None:
                    new = new or node.copy()
                    new.args["ifs"][at].set("this", condition)
        elif isinstance(node, exp.If):
            if isinstance(node.parent, exp.Case):
                return None
            results = [node.args.get("true"), node.args.get("false")]
        else:
            results = [node.this, *node.expressions]
        kinds = {
            kind(result) for result in results if result is not None and not isinstance(result, exp.Null)
        }
        literals = [result for result in results if result is not None and string(result) is not None]
        words = [item for item in literals if not _NUMBER.match(item.name)]
        if "text" in kinds and kinds & NUMBERS and (words or len(literals) < _texts_in(results)):
            new = new or node.copy()
            copies = _results_of(new)
            for result, copy in zip(results, copies, strict=True):
                if result is not None and copy is not None and kind(result) in NUMBERS:
                    copy.replace(casts.textual(result, reading))
        elif "text" in kinds and kinds & MOMENTS and not all(_is_date(item.name) for item in literals):
            new = new or node.copy()
            for result, copy in zip(results, _results_of(new), strict=True):
                if result is not None and copy is not None and kind(result) in MOMENTS:
                    copy.replace(casts.textual(result, reading))
        elif "bool" in kinds and kinds & NUMBERS:
            new = new or node.copy()
            for result, copy in zip(results, _results_of(new), strict=True):
                if result is not None and copy is not None and kind(result) == "bool":
                    copy.replace(as_number(result))
        return new

    def conditions(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        new: exp.Expr | None = None
        for key in ("this", "expression"):
            condition = as_condition(node.args.get(key)) if node.args.get(key) is not None else None
            if condition is not None:
                new = new or node.copy()
                new.set(
                    key, condition if not isinstance(condition, exp.Binary) else exp.Paren(this=condition)
                )
        return new

    def clause(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        condition = as_condition(node.this)
        return type(node)(this=condition) if condition is not None else None

    def rounded(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        return texts_to_number(node, reading)

    def texts_to_number(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        if node.this is None or kind(node.this) not in ("text", "bool"):
            return None
        new = node.copy()
        new.set("this", casts.numeric(node.this, reading))
        return new

    found: dict[type[exp.Expr], Rule] = {
        exp.Sum: summed, exp.Avg: summed, exp.Max: extreme, exp.Min: extreme,
        exp.Add: reckoned, exp.Sub: reckoned, exp.Mul: reckoned, exp.Div: reckoned, exp.Mod: reckoned,
        exp.Between: between, exp.In: member, exp.DPipe: joined,
        exp.Coalesce: chosen, exp.Case: chosen, exp.If: chosen,
        exp.And: conditions, exp.Or: conditions, exp.Not: clause, exp.Where: clause, exp.Having: clause,
        exp.Round: rounded, exp.Abs: texts_to_number, exp.Neg: texts_to_number,
        exp.Length: texts("this"), exp.Lower: texts("this"), exp.Upper: texts("this"),
        exp.Substring: texts("this"), exp.Trim: texts("this"), exp.Left: texts("this"),
        exp.Right: texts("this"), exp.StrPosition: texts("this", "substr"),
        exp.Like: texts("this", "expression"), exp.ILike: texts("this", "expression"),
        exp.RegexpLike: texts("this"), exp.Replace: texts("this", "expression", "replacement"),
        exp.GroupConcat: texts("this"), exp.SplitPart: texts("this"), exp.Pad: texts("this"),
    }  # fmt: skip
    for node_type in (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ):
        found[node_type] = compared
    return found


_NO_TEXT = NUMBERS | MOMENTS | {"bool", "clock"}
_TRUTHS = {
    "0": False,
    "1": True,
    "true": True,
    "false": False,
    "t": True,
    "f": False,
    "yes": True,
    "no": False,
}


def _joins_texts(node: exp.Expr) -> bool:
    """Whether a sum has a text that is no number among its parts: texts are put together."""
    while isinstance(node.parent, exp.Add | exp.Paren):
        node = node.parent
    parts = node.unnest().flatten() if isinstance(node.unnest(), exp.Add) else ()
    words = [string(part) for part in parts]
    return any(word is not None and not _NUMBER.match(word) for word in words)


def _is_date(value: str) -> bool:
    return bool(ISO_DATE.match(value) or ISO_TIME.match(value))


def _texts_in(results: list[exp.Expr | None]) -> int:
    return sum(1 for result in results if result is not None and kind(result) == "text")


def _results_of(node: exp.Expr) -> list[exp.Expr | None]:
    if isinstance(node, exp.Case):
        return branches(node)
    if isinstance(node, exp.If):
        return [node.args.get("true"), node.args.get("false")]
    return [node.this, *node.expressions]
