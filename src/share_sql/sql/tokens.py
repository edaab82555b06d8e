"""SQL's text in tokens, for mending what no parser takes: nothing is refused, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

TokenKind: TypeAlias = Literal["comment", "text", "name", "number", "word", "space", "sign"]

_QUOTED = (
    r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<text>'[^']*+(?:''[^']*+)*+(?:'|\Z))"
    r"|(?P<name>\"[^\"]*+(?:\"\"[^\"]*+)*+(?:\"|\Z)|`[^`]*(?:`|\Z)|\[[^\]\n]{0,200}\])"
)
# A comment's marks inside of what is quoted are none, and the other way round.
_COMMENT = re.compile(_QUOTED, re.DOTALL)
_TOKEN = re.compile(
    _QUOTED + r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+(?!\w))?)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<space>\s+)"
    r"|(?P<sign><=|>=|<>|!=|==|\|\||.)",
    re.DOTALL,
)


class Token(NamedTuple):
    """One token."""

    kind: TokenKind
    """comment; text: in single quotes; name: in double quotes, backticks or brackets; number; word: a keyword
    or a plain name; space; sign: an operator, a comma, a parenthesis, anything else."""
    text: str
    """As written."""

    @property
    def upper(self) -> str:
        """The token in capitals. What is quoted keeps its quotes, so it is no keyword."""
        return self.text.upper()

    @property
    def solid(self) -> bool:
        """Whether it is more than space or a comment."""
        return self.kind not in ("space", "comment")


def tokens(sql: str) -> list[Token]:
    """All tokens of a text; joined they are the text."""
    return list(_tokens(sql))


@lru_cache(maxsize=2)
def _tokens(sql: str) -> tuple[Token, ...]:
    # All menders of slips go through the same text, one after the other.
    return tuple(Token(match.lastgroup, match[0]) for match in _TOKEN.finditer(sql))  # type: ignore[arg-type]


def uncommented(sql: str) -> str:
    """The text with a blank in each comment's place."""
    return _COMMENT.sub(lambda match: " " if match["comment"] else match[0], sql)


def joined(parts: Iterable[Token]) -> str:
    """The text of tokens."""
    return "".join(part.text for part in parts)


def neighbours(parts: list[Token]) -> list[tuple[Token, Token]]:
    """For each token the solid ones before and after it; at the ends an empty sign."""
    none = Token("sign", "")
    before, after = [none] * len(parts), [none] * len(parts)
    last = none
    for at, part in enumerate(parts):
        before[at] = last
        if part.solid:
            last = part
    last = none
    for at in range(len(parts) - 1, -1, -1):
        after[at] = last
        if parts[at].solid:
            last = parts[at]
    return list(zip(before, after, strict=True))
