"""Which functions a query's text may call: every name in it that could be one.

This is a wall behind others, never the first. It errs on one side only: it reads no grammar and skips no
strings and no comments, so that nothing in them can mislead it, and gives names that are none of functions.
The database is asked which of the names are functions that do more than read.
"""

from __future__ import annotations

import re

_SIGN = r"[A-Za-z0-9_$\u0080-\U0010ffff]"
_WORD = rf"{_SIGN}++"
_CALL = re.compile(rf"(?<!{_SIGN})({_WORD})[\"`]?+(?=\s*+(?:\(|/\*|--|\*/|\#))")
"""A word, perhaps in quotes, before a bracket or a comment, behind which a bracket may come."""
_DOTTED = re.compile(rf"\.\s*+[\"`]?+({_WORD})")
_WORDS = re.compile(_WORD)
_BETWEEN = re.compile(r"(?=([\"`])((?:(?!\1).){1,64})\1)", re.DOTALL)
"""What stands between two quotes, wherever quoted names begin."""
_ODD = re.compile(r"[^A-Za-z0-9_$\u0080-\U0010ffff]")
_FOLD = {ord(sign): ord(sign.lower()) for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
"""Databases fold ASCII's letters; Python's `lower` folds all."""


def called(sql: str) -> frozenset[str]:
    """Names before a bracket, as written and in lower case; and names in quotes that are no words."""
    names = {match[1] for match in _CALL.finditer(sql)}
    names |= {match[2] for match in _BETWEEN.finditer(sql) if _ODD.search(match[2])}
    return _folded(names)


def dotted(sql: str) -> frozenset[str]:
    """Names behind a dot, as written and in lower case: `t.f` may call f where t is a row."""
    names = {match[1] for match in _DOTTED.finditer(sql)}
    return _folded(names)


def words(sql: str) -> frozenset[str]:
    """All words, in lower case."""
    return frozenset(match[0].lower() for match in _WORDS.finditer(sql))


def _folded(names: set[str]) -> frozenset[str]:
    return frozenset(names | {name.translate(_FOLD) for name in names} | {name.lower() for name in names})
