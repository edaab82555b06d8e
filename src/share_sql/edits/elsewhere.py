"""Text that its column does not store while another column of the query's tables does."""

from __future__ import annotations

import re

from sqlglot import exp

from share_sql.edits.edit import Edit, put, twin
from share_sql.edits.misspelt import same_letters
from share_sql.edits.operands import LIMITS
from share_sql.errors import QueryError
from share_sql.query.examined import Examined
from share_sql.query.named import called, column_node, identifier, table_node
from share_sql.requests import Steps, look_up, query
from share_sql.schema.model import ColumnName
from share_sql.schema.value_text import folded
from share_sql.sql.scopes import Bound

_TEXT_TYPES = re.compile(r"char|text|clob|date|time|enum|^$", re.IGNORECASE)
_MOST_SHARED = 0.25
"""Share of the values that two columns may have in common and still hold different things."""
_NAME_PARTS = frozenset((
    "first", "last", "middle", "given", "family", "fore", "sur", "f", "l", "full", "short", "long", "nick",
    "stage", "common", "display", "alias",
))  # fmt: skip
"""What makes a name another name of the same thing, or a part of it."""
_NEAR = 4
"""Words before a value among which its column may be named."""


def elsewhere(draft: Examined, bound: Bound, literal: exp.Literal, column: ColumnName) -> Steps[list[Edit]]:
    """The text is stored in another column of the tables that are in FROM."""
    text = str(literal.this)
    others = frozenset(
        ColumnName(source.table.name, other.name)
        for source in bound.scope.sources
        if source.table is not None
        for other in source.table.columns
        if _TEXT_TYPES.search(other.type) and (source.table.name, other.name) != (column.table, column.column)
    )
    if not others or len(text) < 2:
        return []
    matches = yield from look_up(text, others, 8)
    equal = [match for match in matches if match.value == text]
    near = equal or [match for match in matches if same_letters(match.value, text)]
    holders = {(match.table, match.column) for match in near}
    if len(holders) != 1:
        return []
    match = near[0]
    other = ColumnName(match.table, match.column)
    asked = draft.question
    if (named := words_naming(asked, column, text)) and named >= words_naming(asked, other, text):
        return []
    if (yield from _is_of_one_kind(draft, column, other)):
        return []
    source = next(s for s in bound.scope.sources if s.table is not None and s.table.name == match.table)
    tree = put(draft, literal, exp.Literal.string(match.value))
    dialect = draft.schema.dialect
    owner = bound.node.args.get("table") if match.table == column.table else called(source, dialect)
    moved = exp.column(identifier(match.column, dialect), table=owner.copy() if owner is not None else None)
    twin(bound.node, draft.tree, tree).replace(moved)
    message = f"{column} holds no '{text}'; {match.table}.{match.column} does"
    return [Edit("literal-column", message, tree)]


def _is_of_one_kind(draft: Examined, column: ColumnName, other: ColumnName) -> Steps[bool]:
    """Whether two columns hold the same kind of thing, as where a player was born and where she lives. Then
    that one of them lacks a value is no fault, unless they are parts of a name."""
    if column.table == other.table and _is_own_name(column) and _is_own_name(other):
        return False
    one, two = (
        exp.select(exp.alias_(column_node(name.column), "v"))
        .distinct()
        .from_(table_node(draft.schema, name.table))
        for name in (column, other)
    )
    sets = (one, two, exp.Intersect(this=one.copy(), expression=two.copy(), distinct=True))
    counts = [exp.select(exp.Count(this=exp.Star())).from_(each.subquery("t")).subquery() for each in sets]
    outcome = yield from query(draft.text(exp.select(*counts)), LIMITS)
    if isinstance(outcome, QueryError):
        return True
    first, second, both = (int(str(count)) for count in outcome.rows[0])
    alike = [name.column.lower().rsplit("_", 1)[-1] for name in (column, other)]
    return both > _MOST_SHARED * min(first, second) or (both > 0 and alike[0] == alike[1])


def _is_own_name(column: ColumnName) -> bool:
    """Whether a column names its table's rows, wholly or in part: first_name, hero_name of hero."""
    words = _split(re.sub(r"(?i)name", " name ", column.column))
    table = {_stem(word) for word in _split(column.table)}
    return "name" in words and all(w == "name" or w in _NAME_PARTS or _stem(w) in table for w in words)


def words_naming(asked: str, column: ColumnName, text: str) -> int:
    """How many words of a question name a column beside a value: "the last name Paris", "Orange County".

    Then the value is asked for in that column, stored there or not.

    Words that the table's name has too name what the rows are, not the column: "the maker Fiat".
    """
    words = [_stem(word) for word in _split(column.column)]
    table = {_stem(word) for word in _split(column.table)}
    own = [word for word in words if word not in table]
    spoken, value = [_stem(word) for word in _split(asked)], [_stem(word) for word in _split(text)]
    if not own or not value:
        return 0
    for at in range(len(spoken) - len(value) + 1):
        end = at + len(value)
        if spoken[at:end] == value:
            before, after = spoken[max(0, at - _NEAR) : at], spoken[end : end + len(own)]
            is_beside = own == after or any(before[i : i + len(own)] == own for i in range(len(before)))
            if is_beside or "".join(own) in before:
                return len(own)
    return 0


def _split(text: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text.replace("_", " "))
    return re.findall(r"\w+", folded(apart))


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
