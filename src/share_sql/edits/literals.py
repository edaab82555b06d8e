"""Literals that their column does not hold while a near spelling, or another column, does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime

from sqlglot import exp

from share_sql.edits.edit import Edit, put, twin
from share_sql.errors import QueryError
from share_sql.query.examined import Examined
from share_sql.requests import Steps, look_up, query
from share_sql.schema.model import ColumnName, ValueMatch
from share_sql.schema.value_text import squashed
from share_sql.sql.scopes import Bound

NEAR_SPELLING = 84.0
"""Likeness (0 to 100) from which one text counts as the other misspelt; below it, it is another value."""
_DATE_FORMATS = (
    "%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%m/%d/%y", "%B %d, %Y", "%B %d %Y", "%d %B %Y",
    "%b %d, %Y", "%d %b %Y", "%Y%m%d", "%d.%m.%Y",
)  # fmt: skip
_TEXT_TYPES = re.compile(r"char|text|clob|date|time|enum|^$", re.IGNORECASE)


def literals(draft: Examined) -> Steps[list[Edit]]:
    """For each `column = 'text'` (or IN, LIKE without wildcards) that no row holds: the stored spelling."""
    edits: list[Edit] = []
    for bound, literal in _text_comparisons(draft):
        if bound.key is None:
            continue
        column = ColumnName(*bound.key)
        text = str(literal.this)
        matches = yield from look_up(text, frozenset({column}), 5)
        ignores_case = isinstance(literal.parent, exp.Like)
        if any(m.value == text or (ignores_case and m.value.lower() == text.lower()) for m in matches):
            continue
        stored = yield from _stored(draft, column, text)
        if stored is not False:
            continue
        edits.extend(_respelled(draft, literal, column, matches))
        edits.extend((yield from _as_date(draft, literal, column)))
        if not edits:
            edits.extend((yield from _elsewhere(draft, bound, literal, column)))
    return edits


def _text_comparisons(draft: Examined) -> list[tuple[Bound, exp.Literal]]:
    """Positive comparisons of a column with a text constant."""
    found = []
    # From the end: conditions come before what is joined and selected.
    for bound in reversed(draft.binding.names.values()):
        if bound.status != "bound":
            continue
        parent = bound.node.parent
        if isinstance(parent, exp.EQ):
            options = [parent.expression if parent.this is bound.node else parent.this]
        elif isinstance(parent, exp.Like) and parent.this is bound.node:
            options = [parent.expression]
        elif isinstance(parent, exp.In) and parent.this is bound.node:
            options = list(parent.expressions)
        else:
            continue
        if isinstance(parent.parent, exp.Not):
            continue
        for option in options:
            if isinstance(option, exp.Literal) and option.is_string:
                wild = isinstance(parent, exp.Like) and re.search(r"[%_]", option.this)
                if not wild and option.this.strip():
                    found.append((bound, option))
    return found


def _stored(draft: Examined, column: ColumnName, text: str) -> Steps[bool | None]:
    """Whether the column holds the text; None where the database does not say. The question is built as a
    tree: no text is pasted into SQL."""
    select = (
        exp.select("1")
        .from_(exp.Table(this=exp.to_identifier(column.table, quoted=True)))
        .where(
            exp.EQ(
                this=exp.Column(this=exp.to_identifier(column.column, quoted=True)),
                expression=exp.Literal.string(text),
            )
        )
        .limit(1)
    )
    outcome = yield from query(draft.text(select))
    return None if isinstance(outcome, QueryError) else bool(outcome.rows)


def _respelled(
    draft: Examined, literal: exp.Literal, column: ColumnName, matches: tuple[ValueMatch, ...]
) -> Iterable[Edit]:
    text = str(literal.this)
    for match in matches[:2]:
        if _same_letters(match.value, text):
            kind = "literal-case"
        elif match.score >= NEAR_SPELLING and _one_word_changed(match.value, text):
            kind = "literal-spelling"
        else:
            continue
        tree = put(draft, literal, exp.Literal.string(match.value))
        yield Edit(kind, f"{column} holds no '{text}'; it holds '{match.value}'", tree)


def _same_letters(left: str, right: str) -> bool:
    """Equal but for case, accents, spacing and punctuation."""
    return squashed(left).isalnum() and squashed(left) == squashed(right)


def _one_word_changed(left: str, right: str) -> bool:
    """No digit differs: '2012' is not a misspelling of '2013', nor 'T2' of 'T1'."""
    return re.findall(r"\d+", left) == re.findall(r"\d+", right)


def _as_date(draft: Examined, literal: exp.Literal, column: ColumnName) -> Steps[list[Edit]]:
    """A date in another format than the column's."""
    text = str(literal.this)
    for day in _dates(text):
        for form in _DATE_FORMATS:
            for spelled in sorted({day.strftime(form), _without_zeros(day.strftime(form))} - {text}):
                if (yield from _stored(draft, column, spelled)):
                    message = f"{column} writes the date '{text}' as '{spelled}'"
                    return [Edit("literal-date", message, put(draft, literal, exp.Literal.string(spelled)))]
    return []


def _dates(text: str) -> list[date]:
    found = []
    for form in _DATE_FORMATS:
        try:
            found.append(datetime.strptime(text.strip(), form).date())
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def _without_zeros(text: str) -> str:
    return re.sub(r"\b0(\d)", r"\1", text)


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
    near = equal or [match for match in matches if _same_letters(match.value, text)]
    holders = {(match.table, match.column) for match in near}
    if len(holders) != 1:
        return []
    match = near[0]
    source = next(s for s in bound.scope.sources if s.table is not None and s.table.name == match.table)
    tree = put(draft, literal, exp.Literal.string(match.value))
    qualifier = bound.node.table if match.table == column.table else source.name
    moved = exp.column(exp.to_identifier(match.column), table=qualifier or None)
    twin(bound.node, draft.tree, tree).replace(moved)
    message = f"{column} holds no '{text}'; {match.table}.{match.column} does"
    return [Edit("literal-column", message, tree)]
