"""Literals that their column does not hold while a near spelling, or another column, does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.date_forms import date_forms
from share_sql.edits.dates import days, spellings
from share_sql.edits.edit import Edit, put
from share_sql.edits.elsewhere import elsewhere
from share_sql.edits.misspelt import NEAR, is_misspelt, is_padded, same_letters
from share_sql.edits.operands import Operand, compared, equals, operand
from share_sql.query.examined import Examined
from share_sql.requests import Steps, look_up
from share_sql.schema.model import ValueMatch

_MOST_TEXTS = 400
"""Texts that are looked up in one pass, at most."""
_MOST_EDITS = 48
"""Changes after which a pass ends: the first good one is taken, and the next pass goes on from there."""
_MOST_VALUES = 2_000
"""Different values of something computed that are compared with a text, at most."""


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
    facts = dialect_of(draft.schema.dialect)
    for use in islice(_text_comparisons(draft), _MOST_TEXTS):
        if len(edits) >= _MOST_EDITS:
            break
        read, literal, negated = use
        text = str(literal.this)
        is_like = isinstance(literal.parent, exp.Like)
        folds = facts.like_ignores_case if is_like else facts.equals_ignores_case
        matches: tuple[ValueMatch, ...] = ()
        if read.column is not None:
            matches = yield from look_up(text, frozenset({read.column}), 5)
            if any(m.value == text or (folds and m.value.lower() == text.lower()) for m in matches):
                continue
        if is_like:
            none = (yield from read.holds(partial(_like, text=literal))) is False
        else:
            none = yield from read.stores_none([literal])
        if not none:
            continue
        if read.column is None:
            matches = yield from _near(read, text)
        edits.extend(_respelled(draft, use, matches))
        if negated:
            continue
        edits.extend((yield from _as_date(draft, use)))
        if not edits and read.column is not None and read.bound is not None:
            edits.extend((yield from elsewhere(draft, read.bound, literal, read.column)))
    return edits


def _text_comparisons(draft: Examined) -> Iterator[_Use]:
    """Comparisons with text constants."""
    # From the end: conditions come before what is joined and selected.
    for found in reversed(compared(draft)):
        node = found.node
        if not isinstance(node, exp.EQ | exp.NEQ | exp.In | exp.Like):
            continue
        negated = (
            isinstance(node, exp.NEQ) or isinstance(node.parent, exp.Not) or bool(node.args.get("negate"))
        )
        read: Operand | None = None
        for option in found.constants:
            if not isinstance(option, exp.Literal) or not option.is_string or not option.this.strip():
                continue
            if isinstance(node, exp.Like) and re.search(r"[%_]", option.this):
                continue
            read = read or operand(draft, found.operand)
            if read is not None:
                yield _Use(read, option, negated)


def _like(value: exp.Expr, text: exp.Expr) -> exp.Expr:
    return exp.Like(this=value, expression=text.copy())


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
        if use.negated and match.value.casefold() != text.casefold():
            continue  # rows without a value that is not there are all rows, and may be meant so
        if is_padded(match.value, text):
            kind = "literal-padding"
        elif same_letters(match.value, text):
            kind = "literal-case"
        elif match.score >= NEAR and is_misspelt(text, match.value, _asked(draft)):
            kind = "literal-spelling"
        else:
            continue
        new = partial(put, draft, use.literal, exp.Literal.string(match.value))
        yield Edit(kind, f"{use.read.title} holds no '{text}'; it holds '{match.value}'", new)


def _asked(draft: Examined) -> str:
    return f"{draft.question}\n{draft.evidence}"


def _as_date(draft: Examined, use: _Use) -> Steps[list[Edit]]:
    """A date in another format than the column's."""
    text = str(use.literal.this)
    for day in days(text):
        for spelled in spellings(day):
            new = exp.Literal.string(spelled)
            if spelled != text and (yield from use.read.holds(partial(equals, constant=new))):
                message = f"{use.read.title} writes the date '{text}' as '{spelled}'"
                return [Edit("literal-date", message, partial(put, draft, use.literal, new))]
    return []
