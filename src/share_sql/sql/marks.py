"""What differs between two SQL texts, token by token, and a trajectory's changes, for showing them."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TypeAlias

Mark: TypeAlias = tuple[bool, str]
"""(changed, text): a run of text, and whether the other side lacks it."""

_CHANGE = re.compile(r"\S+: (added|removed|changed) (.*)", re.DOTALL)

_TOKEN = re.compile(r"""\s+|```|'(?:[^']|'')*'|"[^"]*"|`[^`]*`|\w+|<>|[<>!=]=|\|\||.""", re.DOTALL)
_MAX_TOKENS = 4000


def mark_changes(before: str, after: str) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    """Split a draft and its correction into runs that both have and runs that only one has.

    Words are compared without case, quoted text with it; neither space nor a final semicolon counts as a
    change. Texts of more than 4,000 tokens are not compared: each comes back as one unchanged run.

    Returns:
        The runs of `before` and of `after`; joined, each gives its text back unchanged.
    """
    core = after.strip("; \n\t")
    at = before.find(core)
    if core and at >= 0 and before.strip("; \n\t") != core:
        # Prose taken off: its words must not be matched with those of the SQL.
        return _drop_empty((True, before[:at]), (False, core), (True, before[at + len(core) :])), (
            (False, after),
        )
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if len(old) > _MAX_TOKENS or len(new) > _MAX_TOKENS:
        return ((False, before),), ((False, after),)
    # Space is left out of the comparison, so that another line break does not tear a match apart.
    old_words, new_words = _words(old), _words(new)
    matcher = SequenceMatcher(
        None, [_key(old[at]) for at in old_words], [_key(new[at]) for at in new_words], autojunk=False
    )
    old_changed: set[int] = set()
    new_changed: set[int] = set()
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind != "equal":
            old_changed.update(old_words[a:b])
            new_changed.update(new_words[c:d])
    return _runs(old, old_changed), _runs(new, new_changed)


def signed_lines(change: str) -> tuple[str, ...]:
    """A change of a trajectory, as `Correction.changes` has it, as lines that begin with `-` or `+`.

    Args:
        change: `df1: changed where(…) to where(…)`, `res: added limit(3)`, `df2: removed distinct()`.

    Returns:
        The action before after a `-`, the action after behind a `+`. A text of another form comes back
        as its only line.
    """
    match = _CHANGE.fullmatch(change)
    if match is None:
        return (change,)
    kind, text = match.groups()
    if kind != "changed":
        return (f"{'+' if kind == 'added' else '-'} {text}",)
    at = text.find(" to ")
    while at >= 0 and text.count("(", 0, at) != text.count(")", 0, at):
        at = text.find(" to ", at + 1)
    return (change,) if at < 0 else (f"- {text[:at]}", f"+ {text[at + 4 :]}")


def _drop_empty(*marks: Mark) -> tuple[Mark, ...]:
    return tuple(mark for mark in marks if mark[1])


def _words(tokens: list[str]) -> list[int]:
    words = [at for at, token in enumerate(tokens) if not token.isspace()]
    return words[:-1] if words and tokens[words[-1]] == ";" else words


def _key(token: str) -> str:
    return token if token[0] in "'\"`" else token.lower()


def _runs(tokens: list[str], changed: set[int]) -> tuple[Mark, ...]:
    runs: list[Mark] = []
    for at, token in enumerate(tokens):
        # Space between two changed tokens belongs to the change, so that a mark is one piece.
        mark = at in changed or (token.isspace() and at - 1 in changed and at + 1 in changed)
        if runs and runs[-1][0] == mark:
            runs[-1] = (mark, runs[-1][1] + token)
        else:
            runs.append((mark, token))
    return tuple(runs)
