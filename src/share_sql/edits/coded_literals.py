"""A label compared with a column that stores a code for it, where the code is told and not guessed.

The code is told by the evidence, by the column's meaning ("F: female; M: male"), or by the column's values
where these are one of the code sets that everybody knows, such as M and F.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from share_sql.edits.edit import Edit
from share_sql.edits.operands import EQUAL, Operand, compared, operand, with_constants
from share_sql.query.examined import Examined
from share_sql.requests import Steps
from share_sql.schema.value_text import folded, squashed

_MOST_CODES = 60
"""A column with more different values holds no codes."""
CODE_SETS: tuple[tuple[str, ...], ...] = (
    ("m male man", "f female woman"),
    ("mon monday", "tue tues tuesday", "wed wednesday", "thu thur thurs thursday", "fri friday",
     "sat saturday", "sun sunday"),
    ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
     "sep sept september", "oct october", "nov november", "dec december"),
    ("l left", "r right"), ("a active", "i inactive"), ("o open", "c closed"), ("y yes", "n no"),
    ("s small", "m medium", "l large"), ("m married", "s single", "d divorced", "w widowed"),
    ("h home", "a away"), ("p pass", "f fail"), ("c credit", "d debit"),
    ("n north", "e east", "s south", "w west"),
)  # fmt: skip
"""Code sets: for each member the words that stand for it."""
_UNKNOWN = frozenset({"", "u", "x", "?", "-", "n/a", "na", "unknown", "other", "o"})
"""What may stand beside the members of a set for a value that is not known."""
_MONTHS = {word: at for at, words in enumerate(CODE_SETS[2], start=1) for word in words.split()}
_DAYS = {word: (at + 1) % 7 for at, words in enumerate(CODE_SETS[1]) for word in words.split()}
_QUOTE = r"[\"'`“”‘’]?"
_SAYS = (
    r"(?:={1,2}|:|-+>?|–|—|→|stands?\s+for|means?|is|are|for|denotes?|represents?|refers?\s+to|indicates?"
    r"|(?:is\s+)?(?:coded|stored|given|written|denoted|represented|shown)\s+(?:as|by))"
)
_END = r"(?=\s*(?:[,;.|)\]\n\"'`”’]|$|or\b|and\b|&|[^\s=:]{1,6}\s*[=:]))"


def coded_literals(draft: Examined) -> Steps[list[Edit]]:
    """For each text that a column is compared with and does not store: the code that it stores instead."""
    for found in compared(draft):
        if not isinstance(found.node, (*EQUAL, exp.In, exp.Case, exp.Like)):
            continue
        labels = [str(c.this) for c in found.constants if isinstance(c, exp.Literal) and c.is_string]
        if len(labels) < len(found.constants) or not all(map(_is_label, labels)):
            continue
        read = operand(draft, found.operand)
        if read is None:
            continue
        # What is stored is found at once; the values of a large column are read only where nothing is.
        if not (yield from read.stores_none(found.constants)):
            continue
        codes = yield from _codes(draft, read, labels)
        if codes is None:
            continue
        new = [exp.convert(code) for code in codes]
        told = zip(new, labels, strict=True)
        pairs = ", ".join(f"{draft.text(code)} for '{label}'" for code, label in told)
        return [Edit("literal-code", f"{read.title} stores {pairs}", with_constants(draft, found, new))]
    return []


def _is_label(text: str) -> bool:
    return any(char.isalpha() for char in text) and "%" not in text and "_" not in text


def _codes(draft: Examined, read: Operand, labels: Sequence[str]) -> Steps[list[object] | None]:
    """The code of each label; None where one has none, or is stored itself."""
    part = _date_part(read)
    if part is not None:
        known = [part.get(folded(label)) for label in labels]
        return None if None in known else known
    values = yield from read.values(_MOST_CODES)
    if values is None or len(values) < 2:
        return None
    spelled = {squashed(str(value)) for value in values}
    if any(squashed(label) in spelled for label in labels):
        return None  # only its spelling is another
    codes: list[object] = []
    for label in labels:
        code = _told(label, values, _texts(draft, read))
        if code is None:
            code = _known(label, values)
        if code is None:
            return None
        codes.append(code)
    return codes if len(set(codes)) == len(set(map(folded, labels))) else None


def _date_part(read: Operand) -> dict[str, object] | None:
    """The codes of months or weekdays, where the operand is that part of a date."""
    value = read.value
    form = value.args.get("format") if isinstance(value, exp.TimeToStr) else None
    if form is None or form.name not in ("%m", "%w"):
        return None
    if form.name == "%m":
        return {word: f"{number:02}" for word, number in _MONTHS.items()}
    return {word: str(number) for word, number in _DAYS.items()}


def _texts(draft: Examined, read: Operand) -> list[str]:
    """What is said of the column's values."""
    name = read.column or (read.bound.origin if read.bound is not None else None)
    column = draft.schema.column(name.table, name.column) if name is not None else None
    meaning = column.meaning if column is not None else None
    return [text for text in (draft.evidence, meaning) if text]


def _told(label: str, values: Sequence[object], texts: Sequence[str]) -> object | None:
    """The one value that a text calls by this label."""
    for said in texts:
        # Most labels occur in no text: to look for each beside each value takes a pattern a pair.
        if re.search(_named(label), said) is None:
            continue
        codes = [value for value in values if _calls(said, str(value), label)]
        if len(codes) == 1:
            return codes[0]
        if codes:
            return None
    return None


def _calls(said: str, code: str, label: str) -> bool:
    """Whether a text says that the code stands for the label: "F: female", "female (F)", "female is 'F'"."""
    if not code.strip() or code not in said:
        return False
    own, name = re.escape(code), _named(label)
    forth = rf"(?<![\w.]){_QUOTE}{own}{_QUOTE}\s*{_SAYS}\s*(?:the\s+|an?\s+)?{_QUOTE}{name}s?{_END}"
    column = r"(?:[\w.`\"]+\s*={1,2}\s*)?"
    # The label is all that stands for the code, as "closed" does not in "a game that was closed is G".
    start = r"(?:^|[;,.:(\n]|\band\b)\s*(?:the\s+|an?\s+)?"
    back = rf"{start}{_QUOTE}{name}s?{_QUOTE}\s*{_SAYS}\s*{column}{_QUOTE}{own}{_END}"
    beside = rf"(?<!\w){name}s?{_QUOTE}\s*\(\s*{_QUOTE}{own}{_QUOTE}\s*\)"
    return any(re.search(pattern, said) for pattern in (forth, back, beside))


def _named(label: str) -> str:
    """A pattern for a label in any case."""
    return rf"(?i:{re.escape(label)})"


def _known(label: str, values: Sequence[object]) -> object | None:
    """The value that stands for the label in a code set that everybody knows, where all values are of it."""
    for known in CODE_SETS:
        members = [words.split() for words in known]
        place = next((at for at, words in enumerate(members) if folded(label) in words), None)
        if place is None:
            continue
        at = [_place(str(value), members) for value in values]
        stored = [each for each in at if each is not None]
        others = [value for value, each in zip(values, at, strict=True) if each is None]
        if len(set(stored)) < 2 or len(set(stored)) < len(stored) or stored.count(place) != 1:
            continue
        if all(folded(str(other)) in _UNKNOWN for other in others):
            return values[at.index(place)]
    return None


def _place(value: str, members: Sequence[Sequence[str]]) -> int | None:
    return next((at for at, words in enumerate(members) if folded(value).rstrip(".") in words), None)
