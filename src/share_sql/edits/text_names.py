"""Columns written as texts: `SELECT 'Unit price' FROM item` gives the words, not the column."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, plain_item
from share_sql.query.examined import Examined
from share_sql.sql.scopes import Scope

_AGGREGATES = (exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Count)


def text_names(draft: Examined) -> Iterator[Edit]:
    """Propose the column where a text in single quotes is the very name of one and gives nothing as a text.

    It gives nothing where it is all that is selected, summed up, sorted or grouped by, or where the name has
    a blank or a sign, so that someone meant to quote it. A text in a member of a set operation is a label.
    """
    meant: dict[int, str] = {}
    for scope in draft.binding.scopes:
        if not isinstance(scope.select, exp.Select):
            continue
        for literal in _places(scope):
            name = _column(scope, literal) or _alias(scope, literal)
            if name is not None:
                meant[id(literal)] = name
    if not meant:
        return
    tree = draft.tree.copy()
    for old, new in list(zip(draft.tree.walk(), tree.walk(), strict=True)):
        if id(old) in meant:
            new.replace(exp.column(exp.to_identifier(meant[id(old)], quoted=True)))
    shown = ", ".join(dict.fromkeys(meant.values()))
    yield Edit("name-as-text", f"{shown} in single quotes is a text; the column is meant", tree)


def _places(scope: Scope) -> Iterator[exp.Literal]:
    """The texts that give nothing as texts."""
    select = scope.select
    assert isinstance(select, exp.Select)
    texts = [text for item in select.expressions if (text := _text(plain_item(item))) is not None]
    in_set = isinstance(select.parent, exp.SetOperation)
    inner = select.parent is not None and select.find_ancestor(exp.Exists) is not None
    if not in_set and not inner:
        alone = len(texts) == len(select.expressions)
        for item in select.expressions:
            text = _text(item)  # one with an alias of its own is a label
            if text is not None and (alone or _is_odd(text.this)):
                yield text
    for item in select.expressions:
        for call in item.find_all(*_AGGREGATES):
            if call.find_ancestor(exp.Select) is not select:
                continue
            argument = call.this.expressions[0] if isinstance(call.this, exp.Distinct) else call.this
            text = _text(argument)
            if text is not None and (not isinstance(call, exp.Count) or isinstance(call.this, exp.Distinct)):
                yield text
    for key in ("order", "group"):
        clause = select.args.get(key)
        for part in clause.expressions if clause is not None else ():
            text = _text(part.this if isinstance(part, exp.Ordered) else part)
            if text is not None:
                yield text
    where = select.args.get("where")
    for parent in (
        where.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.In) if where else ()
    ):
        if parent.find_ancestor(exp.Select) is not select:
            continue
        left = _text(parent.this)
        others = parent.expressions if isinstance(parent, exp.In) else [parent.expression]
        if left is not None and others and all(isinstance(other, exp.Literal) for other in others):
            yield left


def _text(node: exp.Expr | None) -> exp.Literal | None:
    return node if isinstance(node, exp.Literal) and node.is_string else None


def _is_odd(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_]\w*", name) is None


def _column(scope: Scope, literal: exp.Literal) -> str | None:
    """The column of this name, where exactly one source of the scope has it."""
    holders = [name for source in scope.sources if (name := source.spelled(str(literal.this))) is not None]
    return holders[0] if len(holders) == 1 else None


def _alias(scope: Scope, literal: exp.Literal) -> str | None:
    """The alias of this name, where the text is sorted by."""
    if not isinstance(literal.parent, exp.Ordered):
        return None
    assert isinstance(scope.select, exp.Select)
    aliases = [
        item.alias for item in scope.select.expressions if item.alias.lower() == str(literal.this).lower()
    ]
    return aliases[0] if len(aliases) == 1 else None
