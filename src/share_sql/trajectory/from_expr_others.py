"""Expressions of dialects that sqlglot writes as it read them: what the language cannot say stays SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp

from share_sql.errors import SqlUnreadable
from share_sql.sql.written import write_sql
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_expr import CORE, ExpressionBuilder, Handler
from share_sql.trajectory.template_text import with_holes
from share_sql.trajectory.templates import spelled

_PLAIN_CAST = re.compile(r"CAST\(x AS ([A-Z][A-Z0-9_ ]*(?:\(\d+(?:, ?\d+)?\)(?: [A-Z ]+)?)?(?:\[\])*)\)\Z")


def _own_words(self: ExpressionBuilder, tree: Any) -> n.Expr:
    """An expression that the language has no word for, as its dialect writes it."""
    if isinstance(tree, exp.Query):
        return self.subquery(tree)
    if isinstance(tree, exp.Star):
        raise SqlUnreadable(f"{write_sql(tree, self.dialect)[:80]} is not supported here")
    return spelled(tree, self.dialect, self.expr)


def _dot(self: ExpressionBuilder, tree: exp.Dot) -> n.Expr:
    """A field of a row in parentheses; sqlglot does not see that `x.f()` names a column."""
    if isinstance(tree.expression, exp.Func):
        raise SqlUnreadable("a function behind a dot is not supported; write f(x) in place of x.f()")
    return _own_words(self, tree)


def _is(self: ExpressionBuilder, tree: exp.Is) -> n.Expr:
    """`IS NULL` and `IS TRUE`; other tests after IS keep their words."""
    if isinstance(tree.expression, exp.Null | exp.Boolean):
        op = "is not" if tree.args.get("negate") else "is"
        return n.Binary(op, self.expr(tree.this), self.expr(tree.expression))
    return _own_words(self, tree)


def _if_case(self: ExpressionBuilder, tree: exp.If) -> n.Expr:
    default = tree.args.get("false")
    when = n.When(self.expr(tree.this), self.expr(tree.args["true"]))
    return n.Case(None, (when,), None if default is None else self.expr(default))


def _in(self: ExpressionBuilder, tree: exp.In) -> n.Expr:
    if tree.args.get("unnest") is not None or tree.args.get("field") is not None:
        return _own_words(self, tree)
    return self.is_in(tree)


def _between(self: ExpressionBuilder, tree: exp.Between) -> n.Expr:
    return _own_words(self, tree) if tree.args.get("symmetric") else self.between(tree)


def _cast(self: ExpressionBuilder, tree: exp.Cast) -> n.Expr:
    """A cast to a type of plain words; one to a type with names in quotes keeps its text."""
    written = write_sql(exp.Cast(this=exp.column("x"), to=tree.args["to"].copy()), self.dialect)
    match = _PLAIN_CAST.match(written)
    if match is None or any(tree.args.get(key) for key in ("format", "action", "default")):
        return _own_words(self, tree)
    return n.Cast(self.expr(tree.this), match[1].lower())


def _window(self: ExpressionBuilder, tree: exp.Window) -> n.Expr:
    """A window over a plain call; over anything else it keeps its words."""
    if tree.args.get("alias") is not None:
        tree = _with_window(self, tree)
    call = self.expr(tree.this) if isinstance(tree.this, exp.Func | exp.Filter) else None
    if isinstance(call, n.Call) and not tree.args.get("first"):
        return replace(call, over=self.over(tree))
    return _own_words(self, tree)


def _with_window(self: ExpressionBuilder, tree: exp.Window) -> exp.Window:
    """The window with what it takes from the one that it names, on the same sub-trees."""
    named = self.window_named(tree)
    made = exp.Window()
    # Not through the constructor: it would take the sub-trees out of their query.
    made.args |= {key: named.args.get(key) for key in ("partition_by", "order", "spec")}
    made.args |= {key: value for key, value in tree.args.items() if value and key != "alias"}
    return made


def _filter(self: ExpressionBuilder, tree: exp.Filter) -> n.Expr:
    call = self.expr(tree.this)
    if isinstance(call, n.Call):
        return replace(call, where=self.expr(tree.expression.this))
    return _own_words(self, tree)


def _star(self: ExpressionBuilder, tree: exp.Star) -> n.Expr:
    return _own_words(self, tree) if any(tree.args.values()) else n.Star()


def _substring(self: ExpressionBuilder, tree: exp.Substring) -> n.Expr:
    """All dialects have substr; with a pattern in place of a place it means something else."""
    start = tree.args.get("start")
    if start is None or (isinstance(start, exp.Literal) and start.is_string):
        return _own_words(self, tree)
    parts = (tree.this, start, tree.args.get("length"))
    return n.Call("substr", self.exprs(part for part in parts if part is not None))


def _escape(self: ExpressionBuilder, tree: exp.Escape) -> n.Expr:
    like, negated = tree.this, False
    if isinstance(like, exp.Not):
        like, negated = like.this, True
    if not isinstance(like, exp.Like | exp.ILike):
        return _own_words(self, tree)
    word = "ILIKE" if isinstance(like, exp.ILike) else "LIKE"
    word = f"NOT {word}" if negated or like.args.get("negate") else word
    escape = write_sql(tree.expression, self.dialect)
    return n.Sql(with_holes(["", f" {word} ", f" ESCAPE {escape}"]), self.exprs((like.this, like.expression)))


OTHERS: Mapping[type, Handler] = {
    **CORE,
    object: _own_words,
    exp.Dot: _dot,
    exp.Is: _is,
    exp.IntDiv: _own_words,
    exp.Like: ExpressionBuilder.pattern,
    exp.ILike: lambda self, tree: self.pattern(tree, "ilike"),
    exp.In: _in,
    exp.Between: _between,
    exp.If: _if_case,
    exp.Cast: _cast,
    exp.Escape: _escape,
    exp.Substring: _substring,
    exp.Window: _window,
    exp.Filter: _filter,
    exp.Star: _star,
}
"""What the other dialects say alike; all else keeps its dialect's words."""
