"""Literals that their column does not hold while a near spelling, or another column, does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlglot import exp

from share_sql.edits.date_forms import date_forms
from share_sql.edits.dates import days, spellings
from share_sql.edits.edit import Edit, put, twin
from share_sql.edits.misspelt import NEAR, differs_in_padding, is_misspelt, same_letters
from share_sql.edits.operands import Operand, compared, equals, operand
from share_sql.errors import QueryError
from share_sql.query.examined import Examined
from share_sql.requests import Steps, look_up, query
from share_sql.schema.model import ColumnName, ValueMatch
from share_sql.schema.value_text import quoted
from share_sql.sql.scopes import Bound

_TEXT_TYPES = re.compile(r"char|text|clob|date|time|enum|^$", re.IGNORECASE)
_MOST_VALUES = 2_000
"""Different values of something computed that are compared with a text, at most."""
_NAME_PARTS = frozenset({"first", "last", "middle", "given", "family", "fore", "sur", "f", "l"})


class _Use(NamedTuple):
    """A text that something is compared with."""

    read: Operand
    literal: exp.Literal
    negated: bool
    """Whether rows without it are asked for."""


def literals(draft: Examined) -> Steps[list[Edit]]:
    """For each `column = 'text'` (or IN, LIKE without wildcards) that no row holds: the stored spelling.

    The column may be one of a view, a common table expression or a subquery, or be inside a function.
    """
    edits = yield from date_forms(draft)
    for use in _text_comparisons(draft):
        read, literal, negated = use
        text = str(literal.this)
        is_like = isinstance(literal.parent, exp.Like)
        matches: tuple[ValueMatch, ...] = ()
        if read.column is not None:
            matches = yield from look_up(text, frozenset({read.column}), 5)
            if any(m.value == text or (is_like and m.value.lower() == text.lower()) for m in matches):
                continue
        if (yield from read.holds(lambda value, like=is_like, text=literal: _same(value, text, like))) is not False:
            continue
        if read.column is None:
            matches = yield from _near(read, text)
        edits.extend(_respelled(draft, use, matches))
        if negated:
            continue
        edits.extend((yield from _as_date(draft, use)))
        if not edits and read.column is not None and read.bound is not None:
            edits.extend((yield from _elsewhere(draft, read.bound, literal, read.column)))
    return edits


def _text_comparisons(draft: Examined) -> Iterator[_Use]:
    """Comparisons with text constants."""
    # From the end: conditions come before what is joined and selected.
    for found in reversed(list(compared(draft))):
        node = found.node
        if not isinstance(node, exp.EQ | exp.NEQ | exp.In | exp.Like):
            continue
        read: Operand | None = None
        for option in found.constants:
            if not isinstance(option, exp.Literal) or not option.is_string or not option.this.strip():
                continue
            if isinstance(node, exp.Like) and re.search(r"[%_]", option.this):
                continue
            read = read or operand(draft, found.operand)
            if read is not None:
                yield _Use(read, option, isinstance(node, exp.NEQ) or isinstance(node.parent, exp.Not))


def _same(value: exp.Expr, text: exp.Expr, like: bool) -> exp.Expr:
    return exp.Like(this=value, expression=text.copy()) if like else equals(value, text)


def _near(read: Operand, text: str) -> Steps[tuple[ValueMatch, ...]]:
    """The values of something computed that are nearest to a text; of what it is a copy of, where it has too
    many."""
    from share_sql.schema.value_scan import ScannedColumn
    from share_sql.schema.value_store import MemoryStore
    from share_sql.schema.values import ValueIndex

    values = yield from read.values(_MOST_VALUES)
    if values is not None:
        texts = [value for value in values if isinstance(value, str)]
        with ValueIndex(MemoryStore([ScannedColumn("", read.title, texts, complete=True)])) as index:
            return index.lookup(text, None, 5)
    origin = read.bound.origin if read.bound is not None else None
    return (yield from look_up(text, frozenset({origin}), 5)) if origin is not None else ()


def _respelled(draft: Examined, use: _Use, matches: tuple[ValueMatch, ...]) -> Iterable[Edit]:
    text = str(use.literal.this)
    for match in matches[:2]:
        if differs_in_padding(match.value, text):
            kind = "literal-padding"
        elif same_letters(match.value, text):
            kind = "literal-case"
        elif match.score >= NEAR and not use.negated and is_misspelt(text, match.value, _asked(draft)):
            kind = "literal-spelling"
        else:
            continue
        tree = put(draft, use.literal, exp.Literal.string(match.value))
        yield Edit(kind, f"{use.read.title} holds no '{text}'; it holds '{match.value}'", tree)


def _asked(draft: Examined) -> str:
    return f"{draft.question}\n{draft.evidence}"


def _as_date(draft: Examined, use: _Use) -> Steps[list[Edit]]:
    """A date in another format than the column's."""
    text = str(use.literal.this)
    for day in days(text):
        for spelled in spellings(day):
            new = exp.Literal.string(spelled)
            if spelled != text and (yield from use.read.holds(lambda value, new=new: equals(value, new))):
                message = f"{use.read.title} writes the date '{text}' as '{spelled}'"
                return [Edit("literal-date", message, put(draft, use.literal, new))]
    return []


def _elsewhere(draft: Examined, bound: Bound, literal: exp.Literal, column: ColumnName) -> Steps[list[Edit]]:
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
    if (yield from _is_of_one_kind(draft, column, other)):
        return []
    source = next(s for s in bound.scope.sources if s.table is not None and s.table.name == match.table)
    tree = put(draft, literal, exp.Literal.string(match.value))
    qualifier = bound.node.table if match.table == column.table else source.name
    moved = exp.column(exp.to_identifier(match.column), table=qualifier or None)
    twin(bound.node, draft.tree, tree).replace(moved)
    message = f"{column} holds no '{text}'; {match.table}.{match.column} does"
    return [Edit("literal-column", message, tree)]


def _is_of_one_kind(draft: Examined, column: ColumnName, other: ColumnName) -> Steps[bool]:
    """Whether two columns hold the same kind of thing, as where a player was born and where she lives. Then
    that one of them lacks a value is no fault, unless they are parts of a name."""
    words = [re.findall(r"[a-z]+", name.column.lower().replace("name", " name ")) for name in (column, other)]
    if all("name" in each and _NAME_PARTS & set(each) for each in words):
        return False
    one, two = (f"{quoted(name.table)}.{quoted(name.column)}" for name in (column, other))
    sql = (
        f"SELECT 1 FROM {quoted(column.table)} WHERE {one} <> '' AND {one} IN "  # noqa: S608 (quoted names)
        f"(SELECT {two} FROM {quoted(other.table)}) LIMIT 1"
    )
    outcome = yield from query(sql)
    return isinstance(outcome, QueryError) or bool(outcome.rows)
