"""Patterns that match nothing for want of a wildcard, or for their capitals."""

from __future__ import annotations

import re
from functools import partial

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit, put
from share_sql.edits.operands import compare, compared, operand, text
from share_sql.query.examined import Examined
from share_sql.requests import Steps

_WORDS = (
    (re.compile(r"\b(?:contain|includ|compris|substring|somewhere|mention)\w*\b", re.IGNORECASE), "%{}%"),
    (re.compile(r"\b(?:start|begin|prefix)\w*\b", re.IGNORECASE), "{}%"),
    (re.compile(r"\b(?:end|ends|ending|suffix)\b", re.IGNORECASE), "%{}"),
)
"""What a question says, and the pattern that it asks for."""


def patterns(draft: Examined) -> Steps[list[Edit]]:
    """`LIKE 'fox'` where the question asks what contains it, and `GLOB 'fox*'` where rows have Fox;
    where LIKE counts case, `LIKE 'fox%'` too."""
    facts = dialect_of(draft.schema.dialect)
    for found in compared(draft):
        constant = found.constants[0]
        if not isinstance(found.node, exp.Like | exp.Glob) or not isinstance(constant, exp.Literal):
            continue
        is_like = isinstance(found.node, exp.Like)
        ignoring: type[exp.Binary] = exp.Like if facts.like_ignores_case else exp.ILike
        wanted = _with_wildcards(draft.question, constant.name) if is_like else _ignoring_case(constant.name)
        if is_like and wanted is None and not facts.like_ignores_case and re.search(r"[%_]", constant.name):
            wanted = constant.name  # the same pattern, with whatever capitals
        read = operand(draft, found.operand) if wanted is not None else None
        if read is None or wanted is None:
            continue
        if (yield from read.holds(partial(compare, type(found.node), constant))) is not False:
            continue
        how = exp.Like if wanted != constant.name else ignoring
        if (yield from read.holds(partial(compare, how, text(wanted)))) is not True:
            how = ignoring
            if (yield from read.holds(partial(compare, how, text(wanted)))) is not True:
                continue
        negate = found.node.args.get("negate")
        new = how(this=found.operand.copy(), expression=text(wanted), negate=negate)
        shown = text(wanted).sql() if how is not exp.ILike else f"{text(wanted).sql()} in other capitals"
        message = f"{read.title} matches {draft.text(constant)} nowhere; it matches {shown}"
        return [Edit("pattern", message, put(draft, found.node, new))]
    return []


def _with_wildcards(question: str, literal: str) -> str | None:
    """The pattern that the question's words ask for; None where they ask for none, or for several."""
    if not literal.strip() or re.search(r"[%_]", literal):
        return None
    asked = [form for words, form in _WORDS if words.search(question)]
    return asked[0].format(literal) if len(asked) == 1 else None


def _ignoring_case(pattern: str) -> str | None:
    """The same pattern for LIKE, which ignores case; None where it has what LIKE has not."""
    if re.search(r"[%_?\[\]]", pattern) or "*" not in pattern:
        return None
    return pattern.replace("*", "%")
