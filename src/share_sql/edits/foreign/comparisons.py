"""Comparisons of values of two kinds, where a database is strict: which side becomes what the other is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from share_sql.edits.foreign.kinds import MOMENTS, NUMBERS, kind, marked
from share_sql.edits.foreign.nodes import Reading, Rule, number, string, text
from share_sql.edits.foreign.strict import NUMERIC, Casts, as_number, is_date

_Pair = tuple[exp.Expr, exp.Expr]
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


@dataclass(frozen=True)
class Comparisons:
    """The rules of comparisons."""

    casts: Casts

    def rules(self) -> Mapping[type[exp.Expr], Rule]:
        """The rules, by node."""
        kinds = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
        return {**dict.fromkeys(kinds, self.compared), exp.Between: self.between, exp.In: self.member}

    def compared(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """A comparison of two kinds."""
        pair = self._pair(node.this, node.expression, node, reading)
        if pair is None:
            return None
        new = node.copy()
        new.set("this", pair[0])
        new.set("expression", pair[1])
        return new

    def between(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """BETWEEN: both bounds become what the value is."""
        low, high = node.args["low"], node.args["high"]
        probe = exp.GTE(this=exp.Null(), expression=exp.Null())
        first = self._pair(node.this, low, probe, reading)
        second = self._pair(node.this, high, probe, reading)
        if first is None and second is None:
            return None
        left = (first or second or (node.this, low))[0]
        bounds = [pair[1] if pair else bound.copy() for pair, bound in ((first, low), (second, high))]
        if kind(left) == "text":
            bounds = [self.casts.textual(bound, reading) for bound in bounds]
        new = node.copy()
        for key, part in (("this", left), ("low", bounds[0]), ("high", bounds[1])):
            new.set(key, part)
        return new

    def member(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """IN, with members or with a query."""
        query = node.args.get("query")
        probe = exp.EQ(this=exp.Null(), expression=exp.Null())
        if query is not None:
            known, its = kind(node.this), kind(query)
            if {known, its} & {"text"} and {known, its} & NUMBERS and known != its:
                new = node.copy()
                inner = new.args["query"]
                selects = inner.this.selects if isinstance(inner, exp.Subquery) else inner.selects
                if known == "text":
                    new.set("this", self.casts.numeric(node.this, reading))
                elif len(selects) == 1 and not selects[0].is_star:
                    bare = selects[0].unalias()
                    marked(bare, "text")
                    selects[0].replace(self.casts.numeric(bare, reading))
                return new
            return None
        pairs = [self._pair(node.this, item, probe, reading) for item in node.expressions]
        if not any(pairs):
            return None
        new = node.copy()
        lefts = [pair[0] for pair in pairs if pair]
        new.set("this", lefts[0])
        items = [pair[1] if pair else item.copy() for pair, item in zip(pairs, node.expressions, strict=True)]
        if kind(lefts[0]) == "text":
            items = [self.casts.textual(item, reading) for item in items]
        new.set("expressions", items)
        return new

    def _pair(self, left: exp.Expr, right: exp.Expr, node: exp.Expr, reading: Reading) -> _Pair | None:
        if isinstance(right, exp.Any | exp.All | exp.Null) or isinstance(left, exp.Null):
            return None
        one, other = kind(left), kind(right)
        if not one or not other or one == other or (one in NUMBERS and other in NUMBERS):
            return None
        if {one, other} <= MOMENTS:
            return None
        for value, known, against, its in ((left, one, right, other), (right, other, left, one)):
            found: _Pair | None = None
            if known == "bool" and its in NUMBERS | {"text"}:
                found = self._truth(value, against)
            elif known == "text" and its in NUMBERS:
                found = self._mixed(value, against, node, reading)
            elif known == "text" and its in MOMENTS:
                found = self._dated(value, against, reading)
            elif known == "text" and its == "bool":
                found = None
            else:
                continue
            if found is None:
                return None
            return found if value is left else (found[1], found[0])
        return None

    def _truth(self, value: exp.Expr, against: exp.Expr) -> _Pair | None:
        bare = against.unnest()
        if isinstance(bare, exp.Literal) and bare.name.lower() in _TRUTHS:
            return value.copy(), exp.Boolean(this=_TRUTHS[bare.name.lower()])
        return (as_number(value), against.copy()) if kind(against) in NUMBERS else None

    def _mixed(self, value: exp.Expr, against: exp.Expr, node: exp.Expr, reading: Reading) -> _Pair | None:
        """A text beside a number."""
        literal = string(value)
        if literal is not None:
            if re.fullmatch(r"\s*[-+]?\d+\s*", literal):
                return None  # an untyped literal takes the other side's type
            if NUMERIC.match(literal):
                return number(float(literal)), against.copy()
            return value.copy(), self.casts.textual(against, reading)
        bare = against.unnest()
        is_literal = isinstance(bare, exp.Literal | exp.Neg) and bare.find(exp.Column) is None
        equal = isinstance(node, exp.EQ | exp.NEQ | exp.In)
        stored = isinstance(value.unnest(), exp.Column)
        if is_literal and (equal or (stored and reading.reader == "sqlite")):
            # SQLite compares a column of texts with a number that is written out as texts.
            return value.copy(), text(bare.sql())
        return self.casts.numeric(value, reading), against.copy()

    def _dated(self, value: exp.Expr, against: exp.Expr, reading: Reading) -> _Pair | None:
        """A text beside a date."""
        literal = string(value)
        if literal is not None:
            return None if is_date(literal) else (value.copy(), self.casts.textual(against, reading))
        if reading.reader == "sqlite":
            return value.copy(), self.casts.textual(against, reading)
        as_its = self.casts.clock.date if kind(against) == "date" else self.casts.clock.time
        return as_its(value, reading), against.copy()
