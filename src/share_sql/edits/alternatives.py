"""Values that stand alone beside OR: `a = 'x' OR 'y'`, where `a IN ('x', 'y')` is meant.

A lone value is taken for a condition, where it is not refused: a text is false, a number but 0 true
(sqlite.org/lang_expr.html#booleanexpr). Nobody asks for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from share_sql.edits.edit import Edit, put
from share_sql.query.examined import Examined

_Chain = list[tuple[type[exp.Expr], exp.Expr]]
"""Conditions as they are read, each with what joins it to the one before it."""


def alternatives(draft: Examined) -> Iterator[Edit]:
    """Propose the list of values for each comparison that lone values follow."""
    for node in draft.tree.find_all(exp.Or, exp.And):
        if isinstance(node.parent, exp.And | exp.Or):
            continue
        edit = _of_chain(draft, node)
        if edit is not None:
            yield edit
    for compared in draft.tree.find_all(exp.EQ, exp.NEQ, exp.Like, exp.In):
        new = _within(draft, compared)
        if new is not None:
            message = f"{draft.text(compared)} compares with a condition, not with each of its values"
            yield Edit("bare-alternative", message, put(draft, compared, new))


def _of_chain(draft: Examined, node: exp.Expr) -> Edit | None:
    """Lone values of `a = 'x' OR 'y' AND b = 2` join the comparison before them, as a reader takes it."""
    merged: _Chain = []
    lone: list[exp.Expr] = []
    for joint, leaf in _leaves(node):
        values = _values(draft, leaf)
        last = merged[-1] if merged else None
        is_list = last is not None and (joint is exp.Or or _is_negated(last[1]))
        both = _joined(draft, last[1], values) if last is not None and values and is_list else None
        if last is None or both is None:
            merged.append((joint, leaf))
            continue
        lone += values
        merged[-1] = (last[0], both)
    if not lone:
        return None
    shown = ", ".join(draft.text(value) for value in lone)
    message = f"{shown} alone is no condition; it is one more value of the comparison before it"
    return Edit("bare-alternative", message, put(draft, node, _rebuilt(merged)))


def _leaves(node: exp.Expr, joint: type[exp.Expr] = exp.And) -> Iterator[tuple[type[exp.Expr], exp.Expr]]:
    """The conditions of a chain of AND and OR, from left to right. Own stack: chains may be long."""
    stack = [(joint, node)]
    while stack:
        before, each = stack.pop()
        if isinstance(each, exp.And | exp.Or):
            stack += [(type(each), each.expression), (before, each.this)]
        else:
            yield before, each


def _is_negated(condition: exp.Expr) -> bool:
    """`a <> 'x' AND 'y'` excludes both, as a reader takes it."""
    return isinstance(condition, exp.NEQ | exp.Not)


def _rebuilt(chain: _Chain) -> exp.Expr:
    """The chain as a tree: AND binds closer than OR."""
    groups: list[list[exp.Expr]] = [[]]
    for at, (joint, leaf) in enumerate(chain):
        if at and joint is exp.Or:
            groups.append([])
        alone = isinstance(leaf, exp.Or)
        groups[-1].append(exp.Paren(this=leaf.copy()) if alone else leaf.copy())
    parts = [exp.and_(*group, copy=False, wrap=False) for group in groups]
    return parts[0] if len(parts) == 1 else exp.or_(*parts, copy=False, wrap=False)


def _values(draft: Examined, leaf: exp.Expr) -> list[exp.Expr]:
    """The values where a condition is nothing but values; else none."""
    parts = (
        [part.unnest() for part in leaf.unnest().flatten()]
        if isinstance(leaf.unnest(), exp.Or)
        else [leaf.unnest()]
    )
    values = [_value(draft, part) for part in parts]
    found: list[exp.Expr] = [value for value in values if value is not None]
    return found if len(found) == len(values) else []


def _value(draft: Examined, node: exp.Expr) -> exp.Literal | None:
    if isinstance(node, exp.Literal):
        return node
    bound = draft.binding.names.get(id(node))
    # A name in double quotes that is no column, and is read as text.
    return exp.Literal.string(node.name) if bound is not None and bound.status == "text" else None


def _joined(draft: Examined, before: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr | None:
    """A comparison with further values; None where it takes none of their kind."""
    negated = isinstance(before, exp.Not)
    bare = before.this.unnest() if isinstance(before, exp.Not) else before
    if isinstance(bare, exp.Or):
        # Patterns that were joined before.
        likes = [part.unnest() for part in bare.flatten()]
        if not all(isinstance(like, exp.Like) for like in likes) or not _is_text(values):
            return None
        more = [exp.Like(this=likes[0].this.copy(), expression=value.copy()) for value in values]
        return exp.or_(*likes, *more)
    if isinstance(bare, exp.In):
        listed = bare.expressions
        if not listed or not _alike(draft, listed, values):
            return None
        new: exp.Expr = exp.In(
            this=bare.this.copy(), expressions=[each.copy() for each in (*listed, *values)]
        )
        return exp.Not(this=new) if negated else new
    if isinstance(bare, exp.EQ | exp.NEQ) and isinstance(bare.this, exp.Column | exp.Func | exp.Collate):
        first = _value(draft, bare.expression)
        if first is None or not _alike(draft, [first], values):
            return None
        new = exp.In(this=bare.this.copy(), expressions=[each.copy() for each in (first, *values)])
        return exp.Not(this=new) if negated != isinstance(bare, exp.NEQ) else new
    if isinstance(bare, exp.Like) and not negated and not bare.args.get("negate") and _is_text(values):
        if not isinstance(bare.expression, exp.Literal):
            return None
        return exp.or_(bare, *(exp.Like(this=bare.this.copy(), expression=value.copy()) for value in values))
    return None


def _is_text(values: Sequence[exp.Expr]) -> bool:
    return all(isinstance(value, exp.Literal) and value.is_string for value in values)


def _alike(draft: Examined, listed: Sequence[exp.Expr], values: Sequence[exp.Expr]) -> bool:
    """Whether all are texts, or all numbers."""
    kinds = {
        value.is_string if (value := _value(draft, each)) is not None else None for each in (*listed, *values)
    }
    return len(kinds) == 1 and None not in kinds


def _within(draft: Examined, node: exp.Expr) -> exp.Expr | None:
    """`a = ('x' OR 'y')`, `a IN ('x' OR 'y')`: the values that OR joins are listed."""
    if isinstance(node, exp.In):
        options = list(node.expressions)
        if not any(isinstance(option.unnest(), exp.Or) for option in options):
            return None
        groups = [_values(draft, option) for option in options]
        if not all(groups):
            return None
        return exp.In(this=node.this.copy(), expressions=[each.copy() for group in groups for each in group])
    right = node.expression
    if not isinstance(right.unnest(), exp.Or):
        return None
    values = _values(draft, right)
    if not values:
        return None
    if isinstance(node, exp.Like):
        if not _is_text(values):
            return None
        likes = [exp.Like(this=node.this.copy(), expression=value.copy()) for value in values]
        either = exp.Paren(this=exp.or_(*likes))
        return exp.Not(this=either) if node.args.get("negate") else either
    listed = exp.In(this=node.this.copy(), expressions=[value.copy() for value in values])
    return exp.Not(this=listed) if isinstance(node, exp.NEQ) else listed
