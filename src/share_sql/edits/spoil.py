"""Make a right query wrong: one named change, the inverse of the change that mends it.

A kind is named by the change that mends, as everywhere in `edits/`: to spoil by `select-drop` is to add an
output column. Where the inverse of a kind is itself a guess, spoiling applies that guess to the right query;
the other kinds are made here. All draws come from the generator passed in, so that a seed fixes everything.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from sqlglot import exp

from share_sql.edits.edit import edited, put
from share_sql.edits.guesses import edits_of_kind
from share_sql.edits.likely import column_of
from share_sql.query.examined import BoundQuery
from share_sql.schema.model import ColumnName
from share_sql.sql.scopes import Bound

Literals: TypeAlias = Mapping[ColumnName, Sequence["str | int | float"]]
"""Constants that queries compare each column with, to draw others from."""

Spoil: TypeAlias = Callable[[BoundQuery, random.Random, Literals], "exp.Query | None"]
"""Makes one kind of wrong query; None where the right one gives it nothing to work on."""

_New: TypeAlias = "exp.Expr | Sequence[exp.Expr] | None"
"""What may stand in a node's place: one node, or one of several; None takes the node out."""

_Queries: TypeAlias = "exp.Select | Sequence[exp.Select]"

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
    query: BoundQuery, kind: str, rng: random.Random, literals: Literals | None = None
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
    changed = SPOILS[kind](query, rng, literals or {})
    dialect = query.schema.dialect
    return None if changed is None or changed.sql(dialect) == query.tree.sql(dialect) else changed


def _guess(kind: str) -> Spoil:
    """Apply one of the guesses of a kind."""

    def spoil(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
        edits = edits_of_kind(query, kind)
        return (rng.choice(edits) if len(edits) > 1 else edits[0]).tree if edits else None

    return spoil


def _drawn(
    query: BoundQuery, rng: random.Random, places: Iterable[tuple[exp.Expr, _New]]
) -> exp.Query | None:
    """Draw a place, then what stands there."""
    found = list(places)
    if not found:
        return None
    node, new = rng.choice(found)
    if isinstance(new, Sequence):
        return put(query, node, rng.choice(new)) if new else None
    return put(query, node, new)


_T = TypeVar("_T", bound=exp.Expr)


def _each(kinds: type[_T] | tuple[type[_T], ...], new: Callable[[_T], _New]) -> Spoil:
    """Change one of the nodes of some kinds for which there is something new."""

    def spoil(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
        nodes = query.tree.find_all(*(kinds if isinstance(kinds, tuple) else (kinds,)))
        return _drawn(query, rng, ((node, found) for node in nodes if (found := new(node)) != ()))

    return spoil


def _columns(new: Callable[[Bound], _New], *stands: Callable[[Bound], object]) -> Spoil:
    """Change one of the columns that stand where the first test that any column meets asks for it."""

    def spoil(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
        bounds = [bound for bound in query.binding.names.values() if bound.key is not None]
        found = next((some for test in stands if (some := [b for b in bounds if test(b)])), [])
        return _drawn(query, rng, ((bound.node, new(bound)) for bound in found))

    return spoil


def _whole(new: Callable[[exp.Select, list[Bound]], _Queries]) -> Spoil:
    """Put another in the place of a query that is one SELECT; its own columns are passed along."""

    def spoil(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
        tree = query.tree
        if not isinstance(tree, exp.Select):
            return None
        names = query.binding.names.values()
        found = new(tree, [bound for bound in names if bound.key and bound.scope.select is tree])
        if isinstance(found, Sequence):
            return rng.choice(found) if found else None
        return found

    return spoil


def _with(node: _T, **args: object) -> _T:
    """A copy with other arguments."""
    new = node.copy()
    for key, value in args.items():
        new.set(key, value)
    return new


# -------------------------------------------------------------------------- literals


def _texts(spell: Callable[[str], Iterable[str]]) -> Spoil:
    """Spell a text that a column is compared with, by = or IN, in one of the other ways there are."""

    def spoil(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
        forms = (
            (node, [exp.Literal.string(form) for form in spell(node.this)]) for node in _compared_texts(query)
        )
        return _drawn(query, rng, (place for place in forms if place[1]))

    return spoil


def _compared_texts(query: BoundQuery) -> list[exp.Literal]:
    found = []
    for node in query.tree.find_all(exp.EQ, exp.In):
        options = [node.expression] if isinstance(node, exp.EQ) else list(node.expressions)
        found += [o for o in options if isinstance(o, exp.Literal) and o.is_string and len(o.this) > 2]
    return found


def _cases(text: str) -> list[str]:
    forms = {text.lower(), text.upper(), text.title()} - {text}
    return sorted(forms) if text.lower() != text.upper() else []


def _dates(text: str) -> list[str]:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return []
    year, month, day = text.split("-")
    return [f"{month}/{day}/{year}", f"{year}/{month}/{day}", f"{int(month)}/{int(day)}/{year}"]


def _spelling(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
    """An s more or less at the end, or a letter less."""
    nodes = [node for node in _compared_texts(query) if len(node.this) > 5 and node.this.isalpha()]
    if not nodes:
        return None
    node = rng.choice(nodes)
    text = node.this
    at = rng.randrange(1, len(text) - 1)
    plural = text[:-1] if text.endswith("s") else text + "s"
    return put(query, node, exp.Literal.string(rng.choice([plural, text[:at] + text[at + 1 :]])))


def _literal(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
    """Another constant that the column is compared with; a near number where there is none."""
    uses = {id(use.node): ColumnName(use.table, use.column) for use in query.binding.literals}
    places = []
    for node in query.tree.find_all(exp.Literal):
        known = literals.get(uses.get(id(node), ColumnName("", "")), ())
        others = [v for v in known if isinstance(v, str) == node.is_string and str(v) != node.this]
        if not others and node.is_int:
            others = [int(node.this) + more for more in (-1, 1, 10)]
        if others and isinstance(node.parent, exp.Predicate) and not isinstance(node.parent, exp.Like):
            places.append((node, [exp.convert(value) for value in others]))
    return _drawn(query, rng, places)


# --------------------------------------------------------------------------- columns


def _other(bound: Bound, any_type: bool = False) -> list[exp.Expr]:
    """The other columns of its table, of the same type."""
    assert bound.table is not None
    own = bound.table.column(bound.node.name)
    assert own is not None
    names = [c.name for c in bound.table.columns if c is not own and (any_type or c.type == own.type)]
    return [_with(bound.node, this=exp.to_identifier(name, quoted=True)) for name in names]


def _outside(bound: Bound) -> exp.Expr:
    """What is nothing but this column, aggregated or not, under a name or not."""
    node: exp.Expr = bound.node
    while isinstance(node.parent, exp.AggFunc | exp.Distinct | exp.Alias):
        node = node.parent
    return node


def _is_item(bound: Bound) -> bool:
    return bound.node.parent is bound.scope.select


def _is_in_item(bound: Bound) -> bool:
    return _outside(bound).parent is bound.scope.select


def _is_compared(bound: Bound) -> bool:
    parent = bound.node.parent
    beside = isinstance(parent, exp.Predicate) and not isinstance(parent.args.get("expression"), exp.Column)
    return beside and bound.node.find_ancestor(exp.Where, exp.Having) is not None


def _is_beside_text(bound: Bound) -> bool:
    other = bound.node.parent.expression if isinstance(bound.node.parent, exp.EQ) else None
    return isinstance(other, exp.Literal) and other.is_string


def _is_join_key(bound: Bound) -> bool:
    return isinstance(bound.node.parent, exp.EQ) and isinstance(bound.node.parent.parent, exp.Join)


def _misspelt(node: _T, forms: set[str]) -> list[_T]:
    """The same node under names that are not its own."""
    quoted = not node.name.isidentifier()
    return [_with(node, this=exp.to_identifier(n, quoted=quoted)) for n in sorted(forms - {node.name})]


def _misspelt_column(bound: Bound) -> _New:
    name = bound.node.name
    return _misspelt(bound.node, {name.replace("_", ""), name + "s", name[:-1]})


def _misspelt_table(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
    tables = [
        table for table in query.tree.find_all(exp.Table) if query.schema.table(table.name) and table.alias
    ]
    return _drawn(query, rng, ((t, _misspelt(t, {t.name + "s", t.name.rstrip("s")})) for t in tables))


def _bare(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
    """Qualifiers are left out: some names become ambiguous."""
    ambiguous = {
        id(bound.node)
        for bound in query.binding.names.values()
        if bound.key and bound.node.table and not isinstance(bound.node.parent, exp.EQ)
        if sum(source.has(bound.node.name) for source in bound.scope.sources) > 1
    }
    new = query.tree.copy()
    for old, column in zip(query.tree.find_all(exp.Column), list(new.find_all(exp.Column)), strict=True):
        if id(old) in ambiguous:
            column.set("table", None)
    return new


def _join_left_out(tree: exp.Select, bounds: list[Bound]) -> _Queries:
    """The last joined table goes; its columns stay behind, without their qualifier."""
    new = tree.copy()
    joins = new.args.get("joins") or []
    new.set("joins", joins[:-1])
    name = joins[-1].this.alias_or_name.lower() if joins else None
    left = [column for column in new.find_all(exp.Column) if column.table.lower() == name]
    for column in left:
        column.set("table", None)
    return new if left else ()


# ------------------------------------------------------------------------ conditions

_FLIPPED = {exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE}
_NEARLY = {exp.LT: exp.LTE, exp.GT: exp.GTE, exp.LTE: exp.LT, exp.GTE: exp.GT}


def _comparison(operators: Mapping[type[exp.Binary], type[exp.Binary]]) -> Spoil:
    def other(node: exp.Binary) -> _New:
        if not isinstance(node.expression, exp.Literal):
            return ()
        return operators[type(node)](this=node.this.copy(), expression=node.expression.copy())

    return _each(tuple(operators), other)


def _condition_too_many(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
    """A comparison with a constant that queries look up, or a test for NULL."""
    scope = query.binding.scopes[0]
    tables = {source.table.name: source for source in scope.sources if source.table is not None}
    known = [name for name in sorted(literals) if name.table in tables and literals[name]]
    used = [bound.node for bound in query.binding.names.values() if bound.scope is scope]
    if not isinstance(scope.select, exp.Select) or not (known or used):
        return None
    condition: exp.Expr
    if known and (not used or rng.random() < 0.7):
        name = rng.choice(known)
        column = column_of(tables[name.table], name.column)
        condition = exp.EQ(this=column, expression=exp.convert(rng.choice(literals[name])))
    else:
        condition = exp.Not(this=exp.Is(this=rng.choice(used).copy(), expression=exp.Null()))

    def filtered(select: exp.Expr) -> exp.Expr:
        assert isinstance(select, exp.Select)
        return select.where(condition, copy=False)

    return edited(query, scope.select, filtered)


def _and_for_intersect(query: BoundQuery, rng: random.Random, literals: Literals) -> exp.Query | None:
    tree = query.tree
    if (
        not isinstance(tree, exp.Intersect)
        or not isinstance(tree.left, exp.Select)
        or tree.left.args.get("group")
    ):
        return None
    first, second = tree.left.args.get("where"), tree.right.args.get("where")
    both = exp.and_(first.this.copy(), second.this.copy()) if first and second else None
    return _with(tree.left, where=exp.Where(this=both)) if both else None


# ------------------------------------------------------- output columns, groups, order, limit


def _selected(tree: exp.Select, more: Iterable[exp.Expr]) -> list[exp.Select]:
    """The query with one of these selected along, none that is selected already."""
    shown = {item.sql().lower() for item in tree.expressions}
    new = [item for item in more if item.sql().lower() not in shown and not isinstance(item, exp.Literal)]
    return [_with(tree, expressions=[*(i.copy() for i in tree.expressions), item.copy()]) for item in new]


def _sort_key_selected(tree: exp.Select, bounds: list[Bound]) -> _Queries:
    order = tree.args.get("order")
    keys = [key.this for key in order.expressions] if order is not None else []
    return next(iter(_selected(tree, keys)), ()) if len(keys) == 1 else ()


def _pasted(tree: exp.Select, bounds: list[Bound]) -> _Queries:
    items = [item.copy() for item in tree.expressions] if not tree.args.get("distinct") else []
    for at in range(len(items) - 1):
        if isinstance(items[at], exp.Column) and isinstance(items[at + 1], exp.Column):
            space = exp.DPipe(this=items[at], expression=exp.Literal.string(" "), safe=True)
            pasted = exp.DPipe(this=space, expression=items[at + 1], safe=True)
            return _with(tree, expressions=[*items[:at], pasted, *items[at + 2 :]])
    return ()


def _not_aggregated(function: exp.AggFunc) -> _New:
    inner = function.this.expressions[0] if isinstance(function.this, exp.Distinct) else function.this
    is_item = isinstance(function.parent, exp.Select | exp.Alias)
    return inner.copy() if is_item and isinstance(inner, exp.Column) else ()


def _expression(node: exp.Expr) -> _New:
    """A real division becomes one of whole numbers, a percentage a ratio, and a ratio a percentage."""
    if isinstance(node, exp.Div):
        hundred = exp.Mul(this=exp.Paren(this=node.this.copy()), expression=exp.Literal.number(100))
        return () if node.find(exp.Cast, exp.Mul) else _with(node, this=hundred)
    return node.this.copy() if isinstance(node, exp.Cast) or node.expression.sql() in ("100", "100.0") else ()


def _group_too_many(tree: exp.Select, bounds: list[Bound]) -> _Queries:
    keys = [b.node for b in bounds if _is_in_item(b)] if tree.args.get("group") is None else []
    return [_with(tree, group=exp.Group(expressions=[key.copy()])) for key in keys]


def _order_too_many(tree: exp.Select, bounds: list[Bound]) -> _Queries:
    keys = [b.node for b in bounds] if tree.args.get("order") is None else []
    return [tree.order_by(exp.Ordered(this=key.copy(), desc=down)) for key in keys for down in (False, True)]


def _other_limit(limit: exp.Limit) -> _New:
    count = limit.expression
    more = (
        exp.Literal.number(int(count.this) + 1) if isinstance(count, exp.Literal) and count.is_int else None
    )
    return _with(limit, expression=more) if more else ()


SPOILS: Mapping[str, Spoil] = {
    **{kind: _guess(inverse) for kind, inverse in INVERSE.items()},
    "literal-case": _texts(_cases),
    "literal-spelling": _spelling,
    "literal-date": _texts(_dates),
    "literal-column": _columns(_other, _is_beside_text),
    "condition-literal": _literal,
    "condition-column": _columns(_other, _is_compared),
    "condition-drop": _condition_too_many,
    "null-comparison": _each(exp.Is, lambda node: exp.EQ(this=node.this.copy(), expression=exp.Null())),
    "comparison-direction": _comparison(_FLIPPED),
    "comparison-strictness": _comparison(_NEARLY),
    "contradiction": _and_for_intersect,
    "select-column": _columns(_other, _is_item, _is_in_item),
    "select-drop": _whole(lambda tree, bounds: _selected(tree, [bound.node for bound in bounds])),
    "unasked-column": _whole(_sort_key_selected),
    "concatenation": _whole(_pasted),
    "aggregate-add": _each(exp.AggFunc, _not_aggregated),
    "aggregate-drop": _columns(lambda b: [f(this=b.node.copy()) for f in (exp.Count, exp.Max)], _is_item),
    "expression": _each((exp.Cast, exp.Mul, exp.Div), _expression),
    "integer-division": _each(exp.Cast, lambda cast: cast.this.copy() if cast.find_ancestor(exp.Div) else ()),
    "unknown-column": _columns(_misspelt_column, lambda bound: len(bound.node.name) > 4),
    "unknown-table": _misspelt_table,
    "ambiguous-column": _bare,
    "missing-join": _whole(_join_left_out),
    "join-key": _columns(lambda bound: _other(bound, any_type=True), _is_join_key),
    "join-left": _each(exp.Join, lambda join: _with(join, side=None) if join.side == "LEFT" else ()),
    "group-drop": _whole(_group_too_many),
    "group-key": _columns(_other, lambda bound: isinstance(bound.node.parent, exp.Group)),
    "order-add": _each(exp.Order, lambda order: None if isinstance(order.parent, exp.Query) else ()),
    "order-drop": _whole(_order_too_many),
    "order-column": _columns(_other, lambda bound: isinstance(_outside(bound).parent, exp.Ordered)),
    "limit-drop": _whole(lambda tree, _: tree.limit(1) if tree.args.get("limit") is None else ()),
    "limit-count": _each(exp.Limit, _other_limit),
}
"""By the kind that mends."""
