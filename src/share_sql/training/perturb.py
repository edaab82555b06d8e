"""Make a right query wrong in the ways generators do: one named change at a time.

Each perturbation copies a parsed query and changes one thing; it answers None where it has nothing to hold
on to. Which place it takes is drawn from the generator passed in, so that a seed fixes everything.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from sqlglot import exp

from share_sql.schema.model import Schema
from share_sql.sql.names import resolve_tree
from share_sql.sql.scopes import Bound

Perturbation: TypeAlias = Callable[[exp.Query, Schema, random.Random], "exp.Query | None"]


def perturb(tree: exp.Query, schema: Schema, rng: random.Random) -> Iterator[tuple[str, exp.Query]]:
    """All perturbations that apply, as (name, perturbed query), in a fixed order."""
    for name, change in PERTURBATIONS.items():
        changed = change(tree.copy(), schema, rng)
        if changed is not None and changed.sql(dialect="sqlite") != tree.sql(dialect="sqlite"):
            yield name, changed


def _compared_texts(tree: exp.Query) -> list[exp.Literal]:
    """Text constants compared with a column by = or IN."""
    found = []
    for node in tree.find_all(exp.EQ, exp.In):
        options = [node.expression] if isinstance(node, exp.EQ) else list(node.expressions)
        found += [o for o in options if isinstance(o, exp.Literal) and o.is_string and len(o.this) > 2]
    return found


def _literal_case(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    texts = [text for text in _compared_texts(tree) if text.this.lower() != text.this.upper()]
    if not texts:
        return None
    chosen = rng.choice(texts)
    forms = {chosen.this.lower(), chosen.this.upper(), chosen.this.title()} - {chosen.this}
    chosen.set("this", rng.choice(sorted(forms)))
    return tree


def _literal_spelling(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    texts = [text for text in _compared_texts(tree) if len(text.this) > 5 and text.this.isalpha()]
    if not texts:
        return None
    chosen = rng.choice(texts)
    at = rng.randrange(1, len(chosen.this) - 1)
    plural = chosen.this + "s" if not chosen.this.endswith("s") else chosen.this[:-1]
    chosen.set("this", rng.choice([plural, chosen.this[:at] + chosen.this[at + 1 :]]))
    return tree


def _bound_columns(tree: exp.Query, schema: Schema) -> list[Bound]:
    return [bound for bound in resolve_tree(tree, schema).names.values() if bound.key is not None]


def _literal_column(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    """The condition moves to another column of the same table."""
    compared = [
        bound
        for bound in _bound_columns(tree, schema)
        if isinstance(bound.node.parent, exp.EQ)
        and isinstance(bound.node.parent.expression, exp.Literal)
        and bound.node.parent.expression.is_string
    ]
    return _swap_column(compared, tree, rng)


def _swap_column(places: list[Bound], tree: exp.Query, rng: random.Random) -> exp.Query | None:
    if not places:
        return None
    bound = rng.choice(places)
    assert bound.table is not None
    own = bound.table.column(bound.node.name)
    others = [c.name for c in bound.table.columns if own and c.name != own.name and c.type == own.type]
    if not others:
        return None
    bound.node.set("this", exp.to_identifier(rng.choice(others), quoted=True))
    return tree


def _wrong_column(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    selected = [b for b in _bound_columns(tree, schema) if b.node.parent is b.scope.select]
    return _swap_column(selected, tree, rng)


def _misspelt_column(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    places = [bound for bound in _bound_columns(tree, schema) if len(bound.node.name) > 4]
    if not places:
        return None
    node = rng.choice(places).node
    name = node.name
    forms = {name.replace("_", ""), name + "s", name[:-1]} - {name}
    node.set("this", exp.to_identifier(rng.choice(sorted(forms)), quoted=not name.isidentifier()))
    return tree


def _misspelt_table(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    tables = [table for table in tree.find_all(exp.Table) if schema.table(table.name) and table.alias]
    if not tables:
        return None
    table = rng.choice(tables)
    forms = {table.name + "s", table.name.rstrip("s")} - {table.name}
    table.set("this", exp.to_identifier(rng.choice(sorted(forms)), quoted=not table.name.isidentifier()))
    return tree


def _bare_names(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    """Qualifiers are left out: some names become ambiguous."""
    ambiguous = False
    for bound in _bound_columns(tree, schema):
        holders = [source for source in bound.scope.sources if source.has(bound.node.name)]
        if len(holders) > 1 and bound.node.table and not isinstance(bound.node.parent, exp.EQ):
            bound.node.set("table", None)
            ambiguous = True
    return tree if ambiguous else None


def _missing_join(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    """The last joined table goes; its columns stay behind, without their qualifier."""
    if not isinstance(tree, exp.Select) or not tree.args.get("joins"):
        return None
    last = tree.args["joins"][-1]
    name = last.this.alias_or_name.lower()
    tree.set("joins", tree.args["joins"][:-1])
    used = False
    for column in tree.find_all(exp.Column):
        if column.table.lower() == name:
            column.set("table", None)
            used = True
    return tree if used else None


def _wrong_join_key(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    keys = [
        bound
        for bound in _bound_columns(tree, schema)
        if isinstance(bound.node.parent, exp.EQ) and isinstance(bound.node.parent.parent, exp.Join)
    ]
    if not keys:
        return None
    bound = rng.choice(keys)
    assert bound.table is not None
    others = [column.name for column in bound.table.columns if column.name.lower() != bound.node.name.lower()]
    if not others:
        return None
    bound.node.set("this", exp.to_identifier(rng.choice(others), quoted=True))
    return tree


_FLIPPED = {exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE}
_NEARLY = {exp.LT: exp.LTE, exp.GT: exp.GTE, exp.LTE: exp.LT, exp.GTE: exp.GT}


def _operator(table: Mapping[type[exp.Binary], type[exp.Binary]]) -> Perturbation:
    def change(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
        places = [
            node
            for node in tree.find_all(exp.LT, exp.GT, exp.LTE, exp.GTE)
            if isinstance(node.expression, exp.Literal)
        ]
        if not places:
            return None
        node = rng.choice(places)
        node.replace(table[type(node)](this=node.this, expression=node.expression))
        return tree

    return change


def _sort_key_selected(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    order = tree.args.get("order")
    if not isinstance(tree, exp.Select) or order is None or len(order.expressions) != 1:
        return None
    key = order.expressions[0].this
    shown = {item.sql(dialect="sqlite").lower() for item in tree.expressions}
    if key.sql(dialect="sqlite").lower() in shown or isinstance(key, exp.Literal):
        return None
    tree.set("expressions", [*tree.expressions, key.copy()])
    return tree


def _concatenated(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    if not isinstance(tree, exp.Select) or tree.args.get("distinct") is not None:
        return None
    items = list(tree.expressions)
    for at in range(len(items) - 1):
        if isinstance(items[at], exp.Column) and isinstance(items[at + 1], exp.Column):
            space = exp.DPipe(this=items[at].copy(), expression=exp.Literal.string(" "), safe=True)
            pasted = exp.DPipe(this=space, expression=items[at + 1].copy(), safe=True)
            tree.set("expressions", [*items[:at], pasted, *items[at + 2 :]])
            return tree
    return None


def _not_distinct(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    for count in tree.find_all(exp.Count):
        if isinstance(count.this, exp.Distinct) and len(count.this.expressions) == 1:
            count.set("this", count.this.expressions[0])
            return tree
    return None


def _and_for_intersect(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    if not isinstance(tree, exp.Intersect):
        return None
    left, right = tree.left, tree.right
    if not (isinstance(left, exp.Select) and isinstance(right, exp.Select)):
        return None
    first, second = left.args.get("where"), right.args.get("where")
    if first is None or second is None or left.args.get("group") is not None:
        return None
    merged = left.copy()
    merged.set("where", exp.Where(this=exp.and_(first.this.copy(), second.this.copy())))
    return merged


def _null_compared(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    for node in tree.find_all(exp.Is):
        if isinstance(node.expression, exp.Null):
            node.replace(exp.EQ(this=node.this, expression=exp.Null()))
            return tree
    return None


def _date_format(tree: exp.Query, schema: Schema, rng: random.Random) -> exp.Query | None:
    dates = [text for text in _compared_texts(tree) if re.fullmatch(r"\d{4}-\d\d-\d\d", text.this)]
    if not dates:
        return None
    chosen = rng.choice(dates)
    year, month, day = chosen.this.split("-")
    chosen.set(
        "this",
        rng.choice([f"{month}/{day}/{year}", f"{year}/{month}/{day}", f"{int(month)}/{int(day)}/{year}"]),
    )
    return tree


PERTURBATIONS: Mapping[str, Perturbation] = {
    "literal case": _literal_case,
    "literal spelling": _literal_spelling,
    "literal in another column": _literal_column,
    "wrong column": _wrong_column,
    "misspelt column": _misspelt_column,
    "misspelt table": _misspelt_table,
    "bare names": _bare_names,
    "missing join": _missing_join,
    "wrong join key": _wrong_join_key,
    "comparison flipped": _operator(_FLIPPED),
    "comparison strictness": _operator(_NEARLY),
    "sort key selected": _sort_key_selected,
    "columns concatenated": _concatenated,
    "count without distinct": _not_distinct,
    "and for intersect": _and_for_intersect,
    "compared with null": _null_compared,
    "date in another format": _date_format,
}
"""By name; what each does stands in its function."""
