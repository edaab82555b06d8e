"""How large SQL may be to be worked on: what is refused before the parser sees it, and after.

sqlglot's parser is compiled: nothing can interrupt it, and it does not notice that the thread's stack ends.
So a text is measured by its tokens first, in one pass. The bounds lie far above what people and programs
write, and far below what would harm: a thread with a stack of 512 KB holds the deepest text that passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from share_sql.errors import SqlTooLarge

if TYPE_CHECKING:
    from sqlglot import Token, TokenType, exp

MAX_SQL_BYTES = 100_000
"""Longer texts, in characters, are refused unread: parsing time grows with length."""
MAX_TOKENS = 20_000
"""Tokens of a text; programs that write SQL need some 10,000 for 50 KB."""
MAX_NESTING = 100
"""Brackets, CASEs and FROMs without SELECT that are open at a time."""
_MOST_IN_ROW = 2 * MAX_NESTING
"""Signs and keywords in a row, without a name or a value: `SELECT (SELECT (` has two a level."""
MAX_JOIN_WORK = 200_000
"""Tokens that the parser would read, those counted again that it reads again: see `_join_work`."""
MAX_DEPTH = 1_100
"""Levels of a parsed tree. SQLite refuses expressions of more than 1,000 and more than 500 SELECTs in a set
operation (sqlite.org/limits.html)."""
_FEW = 34
"""So few tokens hold too few joins to be counted."""
_SMALL = 500
"""Fewer tokens than this cannot make a tree of too many levels."""


def check_length(sql: str) -> None:
    """Refuse a text that is too long to be cut into tokens.

    Raises:
        SqlTooLarge: it is longer than MAX_SQL_BYTES.
    """
    if len(sql) > MAX_SQL_BYTES:
        raise SqlTooLarge(
            f"the SQL has {len(sql):,} characters; at most {MAX_SQL_BYTES:,} are worked on, so it is only run"
        )


def check_tokens(tokens: Sequence[Token]) -> None:
    """Refuse a text that the parser may not be able to read, or not in time.

    Args:
        tokens: the whole text, as sqlglot's tokenizer gives it.

    Raises:
        SqlTooLarge: it has more than MAX_TOKENS, is nested deeper than MAX_NESTING, or has too many joins
            without a condition.
    """
    if len(tokens) > MAX_TOKENS:
        raise SqlTooLarge(
            f"the SQL has {len(tokens):,} tokens; at most {MAX_TOKENS:,} are worked on, so it is only run"
        )
    if len(tokens) > MAX_NESTING and (nesting := _nesting(tokens)) > MAX_NESTING:
        raise SqlTooLarge(
            f"the SQL is nested {nesting:,} deep; at most {MAX_NESTING} are worked on, so it is only run"
        )
    if len(tokens) > _FEW and _join_work(tokens) > MAX_JOIN_WORK:
        raise SqlTooLarge("the SQL has too many joins without a condition to be worked on; it is only run")


def check_depth(tree: exp.Expr, tokens: int) -> None:
    """Refuse a tree of too many levels: a chain of operators or set operations is one level a link.

    Args:
        tree: the parsed tree.
        tokens: how many tokens its text has.

    Raises:
        SqlTooLarge: it has more than MAX_DEPTH levels.
    """
    if tokens < _SMALL:
        return
    level, depth = [tree], 0
    while level:
        depth += 1
        level = [child for node in level for child in node.iter_expressions()]
    if depth > MAX_DEPTH:
        raise SqlTooLarge(
            f"the SQL is a tree of {depth:,} levels; at most {MAX_DEPTH:,} are worked on, so it is only run"
        )


def _brackets() -> tuple[frozenset[TokenType], frozenset[TokenType]]:
    """Those that open, and those that close."""
    from sqlglot import TokenType

    return (
        frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}),
        frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}),
    )


def _nesting(tokens: Sequence[Token]) -> int:
    """The most that is open at a time, or of what is in a row, where that is too much.

    Brackets and CASEs are open until they are closed; an END closes a CASE only after a value, elsewhere it
    is a name. A FROM is open until a SELECT follows (`FROM a, FROM b, FROM c` nests for sqlglot). Each that
    stands in a row may be a level for the parser: `NOT NOT NOT`, `- - -`, `(((`.
    """
    from sqlglot import TokenType

    opening, closing = _brackets()
    values = {
        TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER, TokenType.HEX_STRING,
        TokenType.NULL, TokenType.TRUE, TokenType.FALSE, TokenType.PLACEHOLDER, *closing,
    }  # fmt: skip
    between = {TokenType.COMMA, TokenType.SEMICOLON}
    around: list[tuple[int, int]] = []
    cases, froms, outside, row, most = 0, 0, 0, 0, 0
    last: object = None
    for token in tokens:
        kind = token.token_type
        row += 1
        if kind in opening:
            around.append((cases, froms))
            outside += cases + froms
            cases = froms = 0
        elif kind in closing and around:
            cases, froms = around.pop()
            outside -= cases + froms
        elif kind is TokenType.CASE:
            cases += 1
        elif kind is TokenType.END and last in values:
            cases = max(0, cases - 1)
            kind = TokenType.R_PAREN
        elif kind is TokenType.FROM and last is not TokenType.DISTINCT:
            froms += 1
        elif kind is TokenType.SELECT:
            froms = 0
        if kind in values or kind in between:
            row = 0
        last = kind
        most = max(most, len(around) + outside + cases + froms, row if row > _MOST_IN_ROW else 0)
    return most


def _join_work(tokens: Sequence[Token]) -> int:
    """How many tokens the parser reads, those that it reads again counted again.

    After a JOIN without ON, sqlglot reads the joins that follow as if they belonged to its right side
    (`a JOIN b JOIN c ON … ON …`), and all of them again where they do not: each such JOIN doubles the work.
    """
    from sqlglot import TokenType

    opening, closing = _brackets()
    joins = {TokenType.JOIN, TokenType.STRAIGHT_JOIN}
    conditions = {TokenType.ON, TokenType.USING}
    around: list[int] = []
    bare, outside, work = 0, 0, 0
    for token in tokens:
        kind = token.token_type
        work += 1 << min(bare + outside, 40)
        if kind in joins:
            bare += 1
        elif kind in conditions:
            bare = max(0, bare - 1)
        elif kind in opening:
            around.append(bare)
            outside += bare
            bare = 0
        elif kind in closing and around:
            bare = around.pop()
            outside -= bare
    return work
