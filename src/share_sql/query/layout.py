"""A changed query in the draft's layout: only what changed is new, all else stays as it was written.

sqlglot writes a tree in its own layout. Here the tree's text is compared, token by token, with the text that
sqlglot gives for the draft's own tree; what differs is put into the draft's text at the same tokens. Case of
keywords, line breaks, comments and spelling of aliases stay.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from share_sql.case import TextChange
from share_sql.sql.written import plain_sql
from share_sql.sqlglot_dialects import sqlglot_dialect

if TYPE_CHECKING:
    from sqlglot import exp

_LEAST_ALIKE = 0.5
"""Below this share of common tokens the query was written anew, and has no layout to keep."""
_LONGEST = 20_000
"""Longer texts are not compared, which takes quadratic time."""
_MOST_EQUAL = 2_000_000
"""Pairs of equal tokens in two texts that are compared at most: what that takes."""
_WORD = re.compile(r"\w")
_OPEN = re.compile(r"[(=<>,+*/%|-]\Z")
"""The end of a text that a word may touch."""
_OPTIONAL = frozenset({"AS", "INNER", "OUTER", "ASC"})
"""Words that change nothing where they stand or are left out."""
_ONE_LINE = 110
"""A text up to this length stays on one line."""


@dataclass(frozen=True)
class _Token:
    """One token of a text."""

    text: str
    """Its text; with its kind where it is quoted."""
    folded: str
    """The same without case where it is not quoted."""
    start: int
    end: int


def keep_layout(draft: str, own: exp.Query | None, tree: exp.Query, dialect: str) -> str:
    """A query's text, as near to the draft's as it can be written.

    Args:
        draft: the SQL that the query was made from by changes.
        own: the draft's own tree; None where it cannot be parsed.
        tree: the query after the changes.
        dialect: sqlglot's name of the dialect.

    Returns:
        The draft with the changes put in; sqlglot's text of the tree where the two have too little in common.
        Whoever uses it sees to it that it parses to the same tree (`same_query`).
    """
    changes = layout_changes(draft, own, tree, dialect)
    if changes is not None:
        return applied(draft, changes)
    text = plain_sql(tree, dialect)
    return text if len(text) <= _ONE_LINE or "\n" not in draft else tree.sql(dialect=dialect, pretty=True)


def layout_changes(
    draft: str, own: exp.Query | None, tree: exp.Query, dialect: str
) -> tuple[TextChange, ...] | None:
    """The changes to the draft's text that make it the query.

    Args:
        draft, own, tree, dialect: as `keep_layout`.

    Returns:
        The changes in the order of the text, which do not overlap; None where too little is common.
    """
    if len(draft) > _LONGEST:
        return None
    wanted = plain_sql(tree, dialect, comments=False)
    if len(draft) + len(wanted) > _LONGEST:
        return None
    base = plain_sql(own, dialect, comments=False) if own is not None else draft
    return _changes(draft, base, wanted, dialect)


def same_query(one: exp.Query, other: exp.Query, dialect: str) -> bool:
    """Whether two trees are written alike, comments aside."""
    texts = [plain_sql(each, dialect, comments=False) for each in (one, other)]
    return texts[0] == texts[1]


def applied(text: str, changes: Sequence[TextChange]) -> str:
    """The text after the changes, which come in order and do not overlap."""
    parts, at = [], 0
    for change in changes:
        parts += [text[at : change.start], change.text]
        at = change.end
    return "".join((*parts, text[at:]))


def _changes(draft: str, base: str, wanted: str, dialect: str) -> tuple[TextChange, ...] | None:
    """What turns `base`, another writing of the draft, into `wanted`, as changes to the draft."""
    ours, theirs, new = (_tokens(text, dialect) for text in (draft, base, wanted))
    if ours is None or theirs is None or new is None:
        return None
    if max(_equal(theirs, new), _equal(ours, theirs)) > _MOST_EQUAL:
        return None
    # sqlglot wrote both: a name in another case is another name.
    matcher = _matcher([token.text for token in theirs], [token.text for token in new])
    if matcher.ratio() < _LEAST_ALIKE:
        return None
    bounds = _bounds(ours, theirs)
    spans: list[tuple[int, int, int, int]] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        while not _agree(ours, theirs, bounds, a, b):
            if a not in bounds or b == len(theirs):
                a, c = a - 1, c - 1
            else:
                b, d = b + 1, d + 1
            if a < 0 or c < 0 or d > len(new):
                return None
        if spans and a < spans[-1][1]:
            return None
        spans.append((a, b, c, d))
    return tuple(_change(draft, ours, wanted, new, bounds[a], bounds[b], c, d) for a, b, c, d in spans)


def _equal(one: Sequence[_Token], other: Sequence[_Token]) -> int:
    """How many pairs of equal tokens two texts have."""
    counts = Counter(token.folded for token in one), Counter(token.folded for token in other)
    return sum(count * counts[1][text] for text, count in counts[0].items())


def _agree(
    ours: Sequence[_Token], theirs: Sequence[_Token], bounds: Mapping[int, int], a: int, b: int
) -> bool:
    """Whether tokens `a` to `b` of the one writing of the draft are a part of the other too: both ends lie
    where the two agree, and the words between are the same. sqlglot moves some: its `x IS NOT NULL` is
    `NOT x IS NULL`."""
    if a not in bounds or b not in bounds:
        return False
    parts = theirs[a:b], ours[bounds[a] : bounds[b]]
    words = [Counter(token.folded for token in part if _WORD.search(token.folded)) for part in parts]
    return all(word in _OPTIONAL for word in (words[0] - words[1]) + (words[1] - words[0]))


def _bounds(ours: Sequence[_Token], theirs: Sequence[_Token]) -> dict[int, int]:
    """For each gap between two tokens of the one text, by number, the same gap of the other, where the tokens
    on both sides of it, or one beside an end, are alike."""
    found = {0: 0, len(theirs): len(ours)}
    keys = [token.folded for token in ours], [token.folded for token in theirs]
    for block in _matcher(*keys).get_matching_blocks():
        for step in range(1, block.size):
            found[block.b + step] = block.a + step
    return found


def _change(
    draft: str, ours: Sequence[_Token], wanted: str, new: Sequence[_Token], a: int, b: int, c: int, d: int
) -> TextChange:
    """Tokens `a` to `b` of the draft become tokens `c` to `d` of the wanted text, with blanks where that has
    them."""
    text = wanted[new[c].start : new[d - 1].end] if c < d else ""
    start = ours[a - 1].end if a > 0 else 0
    if text and a < b:
        joined = c > 0 and new[c - 1].end == new[c].start and draft[start : ours[a].start].isspace()
        # Where the draft has no blank, one is put between words alone.
        apart = c > 0 and new[c - 1].end < new[c].start and _touches(ours, a)
        before = " " if apart and _WORD.match(text) and not _OPEN.search(draft[: ours[a].start]) else ""
        apart = d < len(new) and new[d - 1].end < new[d].start and _touches(ours, b)
        after = " " if apart and _WORD.search(text[-1]) and _WORD.match(draft[ours[b].start]) else ""
        return TextChange(start if joined else ours[a].start, ours[b - 1].end, before + text + after)
    end = ours[b - 1].end if a < b else start
    if not text:
        follows = draft[end : ours[b].start] if b < len(ours) else ""
        apart = 0 < c < len(new) and new[c - 1].end < new[c].start
        return TextChange(start, end, " " if apart and not follows else "")
    before = " " if c > 0 and new[c - 1].end < new[c].start else ""
    if before and d < len(new) and new[d - 1].end == new[d].start and b < len(ours) and not _touches(ours, b):
        return TextChange(ours[b].start, ours[b].start, text)  # it belongs to what follows: `CAST(`
    after = " " if d < len(new) and new[d - 1].end < new[d].start and _touches(ours, b) else ""
    return TextChange(start, end, before + text + after)


def _touches(ours: Sequence[_Token], at: int) -> bool:
    """Whether a token of the draft stands right after the one before it."""
    return at < len(ours) and (at == 0 or ours[at - 1].end == ours[at].start)


def _matcher(one: Sequence[str], other: Sequence[str]) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, one, other, autojunk=False)


@lru_cache(maxsize=256)
def _tokens(text: str, dialect: str) -> tuple[_Token, ...] | None:
    """The tokens of a text; None where it cannot be read. Comments are no tokens: they stand in the gaps."""
    from sqlglot import TokenType
    from sqlglot.errors import SqlglotError

    quoted = {TokenType.STRING, TokenType.IDENTIFIER}
    try:
        found = sqlglot_dialect(dialect).tokenize(text)
    except SqlglotError:
        return None
    tokens = []
    for token in found:
        is_quoted = token.token_type in quoted
        text = f"{token.token_type.name} {token.text}" if is_quoted else token.text
        tokens.append(_Token(text, text if is_quoted else text.upper(), token.start, token.end + 1))
    return tuple(tokens)
