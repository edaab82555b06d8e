"""Make a right query wrong: one named change, the inverse of the change that mends it.

A kind is named by the change that mends, as everywhere in `edits/`: to spoil by `select-drop` is to add an
output column. Where the inverse of a kind is itself a guess, spoiling applies that guess to the right query;
the other kinds are made here. All draws come from the generator passed in, so that a seed fixes everything.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from sqlglot import exp

from share_sql.edits.conditions import OPERATORS, over
from share_sql.edits.edit import Node, changed, edited, put, with_columns
from share_sql.edits.guesses import edits_of_kind
from share_sql.edits.likely import column_of
from share_sql.edits.right import Literals, New, Right, Spoil, each
from share_sql.edits.spoil_casts import CASTS
from share_sql.edits.spoil_literals import (
    days_of_moments,
    days_without_quotes,
    other_codes,
    other_truths,
    other_types,
    parts_of_days,
    without_padding,
    without_wildcards,
)
from share_sql.edits.spoil_shape import SHAPES
from share_sql.query.examined import Examined
from share_sql.schema.model import ColumnName
from share_sql.sql.literals import literal_uses
from share_sql.sql.scopes import Bound

INVERSE: Mapping[str, str] = {
    "select-add": "select-drop", "select-order": "select-order", "distinct-add": "distinct-drop",
    "distinct-drop": "distinct-add", "count-plain": "count-different", "count-different": "count-plain",
    "count-distinct": "count-plain", "aggregate": "aggregate", "condition-add": "condition-drop",
    "operator": "operator", "like-equal": "like-equal", "and-or": "and-or", "ties": "ties",
    "order-direction": "order-direction", "limit-add": "limit-drop", "group-add": "group-drop",
    "set-operation": "set-operation", "join-add": "join-drop", "join-inner": "join-left",
}  # fmt: skip
"""For kinds of mending, the guess that undoes it. Guesses that put in a column are not among them: they take
one that the question names, and a right query has those already."""


def spoil(
    query: Examined, kind: str, rng: random.Random, literals: Literals | None = None
) -> exp.Query | None:
    """Make a right query wrong by one change.

    Args:
        query: the right one, whose names bind; it is left as it is.
        kind: the change that mends what comes out; one of SPOILS.
        rng: draws the place, and what is put there.
        literals: other constants by column; without them no text is put in another's place.

    Returns:
        The wrong query; None where the right one gives the kind nothing to work on. Whether it gives other
        rows is for the caller to see.
    """
    changed = SPOILS[kind](Right(query, rng, literals or {}))
    dialect = query.schema.dialect
    return None if changed is None or changed.sql(dialect) == query.tree.sql(dialect) else changed


def _guess(kind: str) -> Spoil:
    """Apply one of the guesses of a kind."""

    def spoil(right: Right) -> exp.Query | None:
        edits = edits_of_kind(right.query, kind)
        return (edits[0] if len(edits) == 1 else right.rng.choice(edits)).tree if edits else None

    return spoil


def _swap(*stands: Callable[[Bound], object], any_type: bool = False) -> Spoil:
    """Put another column of the same table, and type, in the place of one that meets the first test that any
    column meets."""

    def spoil(right: Right) -> exp.Query | None:
        bounds = next((found for test in stands if (found := right.columns(test))), [])
        return right.put((bound.node, _others(bound, any_type)) for bound in bounds)

    return spoil


def _others(bound: Bound, any_type: bool) -> list[exp.Expr]:
    table = bound.table
    own = table.column(bound.node.name) if table else None
    assert table is not None
    assert own is not None
    names = [c.name for c in table.columns if c is not own and (any_type or c.type == own.type)]
    return [changed(bound.node, this=exp.to_identifier(name, quoted=True)) for name in names]


# -------------------------------------------------------------------------- literals


def _texts(right: Right) -> list[exp.Literal]:
    """Text constants compared with a column by = or IN."""
    found = []
    for node in right.tree.find_all(exp.EQ, exp.In):
        options = [node.expression] if isinstance(node, exp.EQ) else list(node.expressions)
        found += [o for o in options if isinstance(o, exp.Literal) and o.is_string and len(o.this) > 2]
    return found


def _spelt(forms: Callable[[str], Iterable[str]]) -> Spoil:
    """Write a text in one of other forms."""

    def spoil(right: Right) -> exp.Query | None:
        places = ((text, [exp.Literal.string(form) for form in forms(text.this)]) for text in _texts(right))
        return right.put((text, new) for text, new in places if new)

    return spoil


def _cases(text: str) -> list[str]:
    forms = {text.lower(), text.upper(), text.title()} - {text}
    return sorted(forms) if text.lower() != text.upper() else []


def _dates(text: str) -> list[str]:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return []
    year, month, day = text.split("-")
    return [f"{month}/{day}/{year}", f"{year}/{month}/{day}", f"{int(month)}/{int(day)}/{year}"]


def _misspelt_text(right: Right) -> exp.Query | None:
    """An s more or less at the end, or a letter less."""
    node = right.pick([node for node in _texts(right) if len(node.this) > 5 and node.this.isalpha()])
    if node is None:
        return None
    text = node.this
    at = right.rng.randrange(1, len(text) - 1)
    plural = text[:-1] if text.endswith("s") else text + "s"
    return put(right.query, node, exp.Literal.string(right.rng.choice([plural, text[:at] + text[at + 1 :]])))


def _other_literal(right: Right) -> exp.Query | None:
    """Another constant that the column is compared with; a near number where there is none."""
    uses = {id(use.node): ColumnName(use.table, use.column) for use in literal_uses(right.query.binding)}
    places = []
    for node in right.tree.find_all(exp.Literal):
        known = right.literals.get(uses.get(id(node), ColumnName("", "")), ())
        others = [v for v in known if isinstance(v, str) == node.is_string and str(v) != node.this]
        if not others and node.is_int:
            others = [int(node.this) + more for more in (-1, 1, 10)]
        if others and isinstance(node.parent, exp.Predicate) and not isinstance(node.parent, exp.Like):
            places.append((node, [exp.convert(value) for value in others]))
    return right.put(places)


# --------------------------------------------------------------------- names and joins


def _misspelt(node: Node, forms: set[str]) -> list[Node]:
    quoted = not node.name.isidentifier()
    return [changed(node, this=exp.to_identifier(n, quoted=quoted)) for n in sorted(forms - {node.name})]


def _misspelt_column(right: Right) -> exp.Query | None:
    bounds = right.columns(lambda bound: len(bound.node.name) > 4)
    return right.put((bound.node, _misspelt(bound.node, _column_forms(bound))) for bound in bounds)


def _column_forms(bound: Bound) -> set[str]:
    """A letter more or less, no underscore, the words turned round, the table's name before them."""
    name, table = bound.node.name, bound.table.name if bound.table is not None else ""
    forms = {name.replace("_", ""), name + "s", name[:-1]}
    if name.isidentifier() and table.isidentifier():
        forms |= {"_".join(reversed(name.split("_"))), f"{table}_{name}"}
    return forms


def _misspelt_table(right: Right) -> exp.Query | None:
    tables = [t for t in right.tree.find_all(exp.Table) if right.query.schema.table(t.name) and t.alias]
    return right.put(
        (table, _misspelt(table, {table.name + "s", table.name.rstrip("s")})) for table in tables
    )


def _bare(right: Right) -> exp.Query | None:
    """Qualifiers are left out: some names become ambiguous."""
    ambiguous = {
        id(bound.node)
        for bound in right.columns(lambda bound: bound.node.table)
        if not isinstance(bound.node.parent, exp.EQ)
        and sum(source.has(bound.node.name) for source in bound.scope.sources) > 1
    }
    new, columns = with_columns(right.tree)
    for own, column in columns:
        if id(own) in ambiguous:
            column.set("table", None)
    return new


def _join_left_out(right: Right) -> exp.Query | None:
    """The last joined table goes; its columns stay behind, without their qualifier."""
    new = right.tree.copy()
    joins = new.args.get("joins")
    if not isinstance(new, exp.Select) or not joins:
        return None
    new.set("joins", joins[:-1])
    name = joins[-1].this.alias_or_name.lower()
    left = [column for column in new.find_all(exp.Column) if column.table.lower() == name]
    for column in left:
        column.set("table", None)
    return new if left else None


def _is_join_key(bound: Bound) -> bool:
    return isinstance(bound.node.parent, exp.EQ) and isinstance(bound.node.parent.parent, exp.Join)


# ------------------------------------------------------------------------ conditions


def _comparison(at: int) -> Spoil:
    """Compare with a constant by the other operator at this place of OPERATORS."""

    def other(node: exp.Expr) -> New:
        return over(node, OPERATORS[type(node)][at]) if isinstance(node.expression, exp.Literal) else []

    return each(other, exp.LT, exp.LTE, exp.GT, exp.GTE)


def _is_compared(bound: Bound) -> bool:
    parent = bound.node.parent
    beside = isinstance(parent, exp.Predicate) and not isinstance(parent.args.get("expression"), exp.Column)
    return beside and bound.node.find_ancestor(exp.Where, exp.Having) is not None


def _is_beside_text(bound: Bound) -> bool:
    other = bound.node.parent.expression if isinstance(bound.node.parent, exp.EQ) else None
    return isinstance(other, exp.Literal) and other.is_string


def _condition_too_many(right: Right) -> exp.Query | None:
    """A comparison with a constant that queries look up, or a test for NULL."""
    scope = right.query.binding.scopes[0]
    tables = {source.table.name: source for source in scope.sources if source.table is not None}
    name = right.pick([n for n in sorted(right.literals) if n.table in tables and right.literals[n]])
    used = right.pick(right.columns(lambda bound: bound.scope is scope))
    if name and (not used or right.rng.random() < 0.7):
        value = exp.convert(right.rng.choice(right.literals[name]))
        condition: exp.Expr = exp.EQ(
            this=column_of(tables[name.table], name.column, right.query.schema.dialect), expression=value
        )
    elif used:
        condition = exp.Not(this=exp.Is(this=used.node.copy(), expression=exp.Null()))

    else:
        return None

    def filtered(select: exp.Expr) -> exp.Expr:
        assert isinstance(select, exp.Select)
        return select.where(condition, copy=False)

    return edited(right.query, scope.select, filtered) if isinstance(scope.select, exp.Select) else None


def _null_compared(test: exp.Expr) -> New:
    null = test.expression
    return exp.EQ(this=test.this.copy(), expression=exp.Null()) if isinstance(null, exp.Null) else []


def _and_for_intersect(right: Right) -> exp.Query | None:
    if not isinstance(right.tree, exp.Intersect):
        return None
    left = right.tree.left
    first, second = left.args.get("where"), right.tree.right.args.get("where")
    if not isinstance(left, exp.Select) or not first or not second or left.args.get("group"):
        return None
    return changed(left, where=exp.Where(this=exp.and_(first.this, second.this)))


# ------------------------------------------------------- output columns, groups, order, limit


def _outside(node: exp.Expr) -> exp.Expr:
    """What is nothing but this node, aggregated or not, under a name or not."""
    while isinstance(node.parent, exp.AggFunc | exp.Distinct | exp.Alias):
        node = node.parent
    return node


def _is_item(bound: Bound) -> bool:
    return bound.node.parent is bound.scope.select


def _is_in_item(bound: Bound) -> bool:
    return _outside(bound.node).parent is bound.scope.select


def _selected(tree: exp.Query, more: Iterable[exp.Expr]) -> list[exp.Query]:
    """The query with one of these selected along, none that is selected already."""
    shown = {item.sql().lower() for item in tree.expressions}
    new = [item for item in more if item.sql().lower() not in shown and not isinstance(item, exp.Literal)]
    return [changed(tree, expressions=[*tree.expressions, item]) for item in new]


def _texts_selected(right: Right) -> exp.Query | None:
    """Every column of the select list as a text, where all are plain columns."""
    items = right.tree.expressions if isinstance(right.tree, exp.Select) else []
    if not items or not all(isinstance(item, exp.Column) and item.name for item in items):
        return None
    return changed(right.tree, expressions=[exp.Literal.string(item.name) for item in items])


def _sort_key_selected(right: Right) -> exp.Query | None:
    order = right.tree.args.get("order") if isinstance(right.tree, exp.Select) else None
    keys = [key.this for key in order.expressions] if order is not None else []
    return next(iter(_selected(right.tree, keys)), None) if len(keys) == 1 else None


def _pasted(right: Right) -> exp.Query | None:
    can = isinstance(right.tree, exp.Select) and not right.tree.args.get("distinct")
    items = right.tree.expressions if can else []
    for at, (first, second) in enumerate(pairwise(items)):
        if isinstance(first, exp.Column) and isinstance(second, exp.Column):
            space = exp.DPipe(this=first.copy(), expression=exp.Literal.string(" "), safe=True)
            pasted = exp.DPipe(this=space, expression=second.copy(), safe=True)
            return changed(right.tree, expressions=[*items[:at], pasted, *items[at + 2 :]])
    return None


def _not_aggregated(function: exp.Expr) -> New:
    inner = function.this.expressions[0] if isinstance(function.this, exp.Distinct) else function.this
    is_item = isinstance(function.parent, exp.Select | exp.Alias)
    return inner.copy() if is_item and isinstance(inner, exp.Column) else []


def _expression(node: exp.Expr) -> New:
    """A real division becomes one of whole numbers, a percentage a ratio, and a ratio a percentage."""
    if isinstance(node, exp.Div):
        hundred = exp.Mul(this=exp.Paren(this=node.this.copy()), expression=exp.Literal.number(100))
        return [] if node.find(exp.Cast, exp.Mul) else changed(node, this=hundred)
    return node.this.copy() if isinstance(node, exp.Cast) or node.expression.sql() in ("100", "100.0") else []


def _grouped(right: Right) -> exp.Query | None:
    key = right.pick([n for n in right.own("group") if _outside(n).parent is right.tree])
    return changed(right.tree, group=exp.Group(expressions=[key.copy()])) if key else None


def _ordered(right: Right) -> exp.Query | None:
    key = right.pick(right.own("order"))
    down = right.rng.random() < 0.5
    return right.tree.order_by(exp.Ordered(this=key.copy(), desc=down)) if key else None


def _other_limit(limit: exp.Expr) -> New:
    count = limit.expression
    is_count = isinstance(count, exp.Literal) and count.is_int
    return changed(limit, expression=exp.Literal.number(int(count.this) + 1)) if is_count else []


SPOILS: Mapping[str, Spoil] = {
    **{kind: _guess(inverse) for kind, inverse in INVERSE.items()},
    **SHAPES,
    **CASTS,
    "literal-case": _spelt(_cases),
    "literal-spelling": _misspelt_text,
    "literal-date": _spelt(_dates),
    "literal-type": lambda right: right.put(other_types(right.query)),
    "literal-truth": lambda right: right.put(other_truths(right.query)),
    "literal-code": lambda right: right.put(other_codes(right.query)),
    "literal-padding": lambda right: right.put(without_padding(right.query)),
    "date-unquoted": lambda right: right.put(days_without_quotes(right.query)),
    "date-part": lambda right: right.put(parts_of_days(right.query)),
    "pattern": lambda right: right.put(without_wildcards(right.query)),
    "date-of-time": lambda right: right.put(days_of_moments(right.query)),
    "literal-column": _swap(_is_beside_text),
    "condition-literal": _other_literal,
    "condition-column": _swap(_is_compared),
    "condition-drop": _condition_too_many,
    "null-comparison": each(_null_compared, exp.Is),
    "comparison-direction": _comparison(1),
    "comparison-strictness": _comparison(0),
    "contradiction": _and_for_intersect,
    "select-column": _swap(_is_item, _is_in_item),
    "select-drop": lambda right: right.pick(_selected(right.tree, right.own())),
    "unasked-column": _sort_key_selected,
    "concatenation": _pasted,
    "name-as-text": _texts_selected,
    "aggregate-add": each(_not_aggregated, exp.AggFunc),
    "aggregate-drop": lambda right: right.put(
        (bound.node, [exp.Count(this=bound.node.copy()), exp.Max(this=bound.node.copy())])
        for bound in right.columns(_is_item)
    ),
    "expression": each(_expression, exp.Cast, exp.Mul, exp.Div),
    "integer-division": each(lambda cast: cast.this.copy() if cast.find_ancestor(exp.Div) else [], exp.Cast),
    "unknown-column": _misspelt_column,
    "unknown-table": _misspelt_table,
    "ambiguous-column": _bare,
    "missing-join": _join_left_out,
    "join-key": _swap(_is_join_key, any_type=True),
    "join-left": each(
        lambda join: changed(join, side=None) if join.args.get("side") == "LEFT" else [], exp.Join
    ),
    "group-drop": _grouped,
    "group-key": _swap(lambda bound: isinstance(bound.node.parent, exp.Group)),
    "order-add": each(lambda order: None if isinstance(order.parent, exp.Query) else [], exp.Order),
    "order-drop": _ordered,
    "order-column": _swap(lambda bound: isinstance(_outside(bound.node).parent, exp.Ordered)),
    "limit-drop": lambda right: right.tree.limit(1) if right.tree.args.get("limit") is None else None,
    "limit-count": each(_other_limit, exp.Limit),
}
"""By the kind that mends."""
