"""Types where a database is strict: conditions are truth values, sums are of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from share_sql.edits.foreign.comparisons import Comparisons
from share_sql.edits.foreign.kinds import MOMENTS, NUMBERS, branches, kind
from share_sql.edits.foreign.nodes import Reading, Rule, operand, string
from share_sql.edits.foreign.strict import NUMERIC, Casts, as_condition, as_number, is_date

_NO_TEXT = NUMBERS | MOMENTS | {"bool", "clock"}


def type_rules(casts: Casts) -> Mapping[type[exp.Expr], Rule]:
    """The rules of types, by node."""
    return {**Types(casts).rules(), **Comparisons(casts).rules()}


@dataclass(frozen=True)
class Types:
    """The rules of types, but for comparisons."""

    casts: Casts

    def rules(self) -> Mapping[type[exp.Expr], Rule]:
        """The rules, by node."""
        text, number = self.texts("this"), self.texts_to_number
        return {
            exp.Sum: self.summed, exp.Avg: self.summed, exp.Max: self.extreme, exp.Min: self.extreme,
            exp.Add: self.reckoned, exp.Sub: self.reckoned, exp.Mul: self.reckoned, exp.Div: self.reckoned,
            exp.Mod: self.reckoned, exp.DPipe: self.joined, exp.Coalesce: self.chosen, exp.Case: self.chosen,
            exp.If: self.chosen, exp.And: self.conditions, exp.Or: self.conditions, exp.Not: self.clause,
            exp.Where: self.clause, exp.Having: self.clause, exp.Round: number, exp.Abs: number,
            exp.Neg: number, exp.Length: text, exp.Lower: text, exp.Upper: text, exp.Substring: text,
            exp.Trim: text, exp.Left: text, exp.Right: text, exp.RegexpLike: text, exp.GroupConcat: text,
            exp.SplitPart: text, exp.Pad: text, exp.StrPosition: self.texts("this", "substr"),
            exp.Like: self.texts("this", "expression"), exp.ILike: self.texts("this", "expression"),
            exp.Replace: self.texts("this", "expression", "replacement"),
        }  # fmt: skip

    def texts(self, *keys: str) -> Rule:
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
                new.set(key, self.casts.textual(node.args[key], reading))
            return new

        return write

    def summed(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """SUM and AVG of texts and truth values."""
        inner = node.this
        value = inner.expressions[0] if isinstance(inner, exp.Distinct) and inner.expressions else inner
        if not isinstance(value, exp.Expr) or kind(value) not in ("text", "bool"):
            return None
        new = node.copy()
        target = new.this.expressions[0] if isinstance(inner, exp.Distinct) else new.this
        target.replace(self.casts.numeric(value, reading))
        return new

    def extreme(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """MAX and MIN of truth values."""
        if kind(node.this) != "bool":
            return None
        return type(node)(this=as_number(node.this))

    def reckoned(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """Arithmetic with texts and truth values."""
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
                new.set(key, operand(self.casts.numeric(side, reading)))
        return new

    def joined(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """`||` of numbers: one side must be a text."""
        parts = [node.this, node.expression]
        if "text" in {kind(part) for part in parts}:
            return None
        new = node.copy()
        new.set("this", operand(self.casts.textual(node.this, reading)))
        return new

    def chosen(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """COALESCE, CASE and IIF with results of several kinds: all become texts, conditions truths."""
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
        words = [item for item in literals if not NUMERIC.match(item.name)]
        if "text" in kinds and kinds & NUMBERS and (words or len(literals) < _texts_in(results)):
            new = new or node.copy()
            copies = _results_of(new)
            for result, copy in zip(results, copies, strict=True):
                if result is not None and copy is not None and kind(result) in NUMBERS:
                    copy.replace(self.casts.textual(result, reading))
        elif "text" in kinds and kinds & MOMENTS and not all(is_date(item.name) for item in literals):
            new = new or node.copy()
            for result, copy in zip(results, _results_of(new), strict=True):
                if result is not None and copy is not None and kind(result) in MOMENTS:
                    copy.replace(self.casts.textual(result, reading))
        elif "bool" in kinds and kinds & NUMBERS:
            new = new or node.copy()
            for result, copy in zip(results, _results_of(new), strict=True):
                if result is not None and copy is not None and kind(result) == "bool":
                    copy.replace(as_number(result))
        return new

    def conditions(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """Operands of AND and OR."""
        new: exp.Expr | None = None
        for key in ("this", "expression"):
            condition = as_condition(node.args.get(key)) if node.args.get(key) is not None else None
            if condition is not None:
                new = new or node.copy()
                new.set(
                    key, condition if not isinstance(condition, exp.Binary) else exp.Paren(this=condition)
                )
        return new

    def clause(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """A number as the condition of WHERE, HAVING or NOT."""
        condition = as_condition(node.this)
        return type(node)(this=condition) if condition is not None else None

    def texts_to_number(self, node: exp.Expr, reading: Reading) -> exp.Expr | None:
        """Functions of numbers that get a text."""
        if node.this is None or kind(node.this) not in ("text", "bool"):
            return None
        new = node.copy()
        new.set("this", self.casts.numeric(node.this, reading))
        return new


def _joins_texts(node: exp.Expr) -> bool:
    """Whether a sum has a text that is no number among its parts: texts are put together."""
    while isinstance(node.parent, exp.Add | exp.Paren):
        node = node.parent
    parts = node.unnest().flatten() if isinstance(node.unnest(), exp.Add) else ()
    words = [string(part) for part in parts]
    return any(word is not None and not NUMERIC.match(word) for word in words)


def _texts_in(results: list[exp.Expr | None]) -> int:
    return sum(1 for result in results if result is not None and kind(result) == "text")


def _results_of(node: exp.Expr) -> list[exp.Expr | None]:
    if isinstance(node, exp.Case):
        return branches(node)
    if isinstance(node, exp.If):
        return [node.args.get("true"), node.args.get("false")]
    return [node.this, *node.expressions]
