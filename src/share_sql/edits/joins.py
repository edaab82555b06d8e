"""Joins over columns that are no key and share no value, where the tables have a foreign key."""

from __future__ import annotations

from sqlglot import exp

from share_sql.edits.edit import Edit, put
from share_sql.errors import QueryError
from share_sql.query.examined import Examined
from share_sql.query.named import called, column_node, identifier, table_node
from share_sql.requests import Steps, query
from share_sql.schema.model import ForeignKey
from share_sql.sql.scopes import Bound


def join_keys(draft: Examined) -> Steps[list[Edit]]:
    """Replace a join condition that is no key by the tables' foreign key.

    `join-key`: the condition matches no row at all, and the result is abnormal. `join-off-key`: it does
    match rows, by chance of equal numbers, yet neither column refers to the other's table.
    """
    abnormal = draft.outcome is None or draft.is_abnormal
    equalities = _equalities(draft)
    joined = {
        frozenset((left.source, right.source))
        for _, left, right in equalities
        if frozenset((left.key, right.key)) in draft.schema.key_pairs
    }
    edits = []
    dialect = draft.schema.dialect
    for node, left, right in equalities:
        # Tables that a key joins already may have a further condition between them.
        if left.key is None or right.key is None or frozenset((left.source, right.source)) in joined:
            continue
        key = _only_key(draft, left.key[0], right.key[0])
        if key is None or left.source is None or right.source is None:
            continue
        shared = yield from query(_shared(draft, left.key, right.key))
        if isinstance(shared, QueryError) or (not shared.rows and not abnormal):
            continue
        if shared.rows and left.key[1].lower() == right.key[1].lower():
            continue  # equal names are a key that nobody declared
        names = {left.key[0]: called(left.source, dialect), right.key[0]: called(right.source, dialect)}
        condition = exp.EQ(
            this=exp.column(identifier(key.column, dialect), table=names[key.table]),
            expression=exp.column(identifier(key.to_column, dialect), table=names[key.to_table]),
        )
        fault = "are no key of each other" if shared.rows else "share no value"
        message = (
            f"{'.'.join(left.key)} and {'.'.join(right.key)} {fault}; "
            f"joined by the key {key.table}.{key.column} = {key.to_table}.{key.to_column}"
        )
        edits.append(
            Edit("join-off-key" if shared.rows else "join-key", message, put(draft, node, condition))
        )
    return edits


def half_keys(draft: Examined) -> Steps[list[Edit]]:
    """A compound key of which only some columns are compared, though those do not tell its rows apart."""
    edits = []
    dialect = draft.schema.dialect
    for node, left, right in _equalities(draft):
        for one, other in ((left, right), (right, left)):
            missing = _missing(draft, one, other)
            if (
                _is_existence(node)
                or not missing
                or _compared_apart(draft, one, other, missing)
                or one.source is None
                or other.source is None
                or other.key is None
            ):
                continue
            repeated = yield from query(_repeated(draft, *other.key))
            if isinstance(repeated, QueryError) or not repeated.rows:
                continue
            more = [
                exp.EQ(
                    this=exp.column(identifier(key.column, dialect), table=called(one.source, dialect)),
                    expression=exp.column(
                        identifier(key.to_column, dialect), table=called(other.source, dialect)
                    ),
                )
                for key in missing
            ]
            whole = exp.and_(node, *more, wrap=False)
            in_either = isinstance(node.parent, exp.Or | exp.Not)
            shown = " and ".join(draft.text(each) for each in more)
            message = f"{draft.text(node)} is part of a compound key; the rest is added: {shown}"
            edits.append(
                Edit("half-key", message, put(draft, node, exp.Paren(this=whole) if in_either else whole))
            )
    return edits


def _compared_apart(draft: Examined, one: Bound, other: Bound, missing: list[ForeignKey]) -> bool:
    """Whether the rest of a compound key is compared on either side already, with constants say."""
    used = {
        bound.key
        for bound in draft.binding.names.values()
        if bound.source in (one.source, other.source) and bound.node.find_ancestor(exp.Where, exp.Join)
    }
    return any({(key.table, key.column), (key.to_table, key.to_column)} & used for key in missing)


def _is_existence(node: exp.Expr) -> bool:
    """Whether rows are only asked for at all, once each: what repeats them does no harm."""
    select = node.find_ancestor(exp.Select)
    if select is None or select.args.get("distinct") is not None:
        return True
    around = select.parent.parent if isinstance(select.parent, exp.Subquery) else select.parent
    once = any(item.find(exp.Distinct) for item in select.expressions)
    return once or isinstance(around, exp.In | exp.Exists)


def _missing(draft: Examined, one: Bound, other: Bound) -> list[ForeignKey]:
    """The rest of a compound key, declared from one column's table to the other's, that is not compared."""
    if one.key is None or other.key is None or one.scope is not other.scope:
        return []
    groups = [
        key.group
        for key in draft.schema.foreign_keys
        if key.group is not None
        and (key.table, key.column) == one.key
        and (key.to_table, key.to_column) == other.key
    ]
    if len(groups) != 1:
        return []
    compared = {
        (left.key, right.key)
        for _, left, right in _equalities(draft)
        if {left.source, right.source} == {one.source, other.source}
    }
    rest = []
    for key in draft.schema.foreign_keys:
        pair = (key.table, key.column), (key.to_table, key.to_column)
        if key.group == groups[0] and key.table == one.key[0] and pair[0] != one.key:
            if pair in compared or pair[::-1] in compared:
                return []
            rest.append(key)
    return rest


def _repeated(draft: Examined, table: str, column: str) -> str:
    """SQL that gives a row if a column holds a value twice."""
    name = column_node(column)
    many = exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1))
    source = table_node(draft.schema, table)
    return draft.text(exp.select("1").from_(source).group_by(name).having(many).limit(1))


def _only_key(draft: Examined, one: str, other: str) -> ForeignKey | None:
    """The foreign key between two tables, where there is exactly one."""
    between = [
        key
        for key in draft.schema.foreign_keys
        if {key.table, key.to_table} == {one, other} and key.table != key.to_table
    ]
    return between[0] if len(between) == 1 else None


def _equalities(draft: Examined) -> list[tuple[exp.EQ, Bound, Bound]]:
    """Equalities between schema columns of two sources."""
    names = draft.binding.names
    found = []
    for node in draft.tree.find_all(exp.EQ):
        left, right = names.get(id(node.this)), names.get(id(node.expression))
        if left and right and left.key and right.key and left.source is not right.source:
            found.append((node, left, right))
    return found


def _shared(draft: Examined, left: tuple[str, str], right: tuple[str, str]) -> str:
    """SQL that gives a row if two columns have a value in common."""
    first = table_node(draft.schema, left[0], "a")
    second = table_node(draft.schema, right[0], "b")
    equal = exp.EQ(
        this=column_node(left[1], exp.to_identifier("a")),
        expression=column_node(right[1], exp.to_identifier("b")),
    )
    return draft.text(exp.select("1").from_(first).join(second, on=equal).limit(1))
