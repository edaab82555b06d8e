"""What the question's wording says about comparisons.

A cue is read from the words next to a number. It is evidence only where it is
plain: a number that occurs once, a phrase from the lists below right beside it. How often each kind of
cue disagrees with right SQL is measured by `share calibrate`, and only kinds that hold are acted on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

Operator: TypeAlias = Literal["<", "<=", ">", ">="]

_NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ]
    )
}
_COMPARATIVES_UP = (
    "more|greater|larger|bigger|higher|older|longer|heavier|taller|faster|later|newer|better|wider"
)
_COMPARATIVES_DOWN = "less|fewer|smaller|lower|younger|shorter|lighter|slower|earlier|cheaper|worse"
_NO_SECOND = r"(?! than| (?:age |the )?[$]?\d)"
"""“above 50 or below 46” speaks of two numbers, not of “50 or below”."""
# In order: the first that matches wins, so negated phrases come before the plain ones.
_BEFORE: tuple[tuple[str, Operator], ...] = (
    (rf"(?:no|not|n't)(?: \w+)? (?:{_COMPARATIVES_UP}) than", "<="),
    (r"at most|up to|a maximum of|not exceed(?:ing|s)?", "<="),
    (rf"(?:no|not|n't)(?: \w+)? (?:{_COMPARATIVES_DOWN}) than", ">="),
    (r"at least|a minimum of|not under|not below", ">="),
    (rf"(?:{_COMPARATIVES_UP}) than or equals? to|equal to or (?:{_COMPARATIVES_UP}) than", ">="),
    (rf"(?:{_COMPARATIVES_DOWN}) than or equals? to|equal to or (?:{_COMPARATIVES_DOWN}) than", "<="),
    (r"(?:in|on|at|during) or after|since", ">="),
    (r"(?:in|on|at|during) or before|until", "<="),
    (rf"(?:{_COMPARATIVES_UP}) (?:\w+ )?than|over|above|exceed(?:s|ed|ing)?|after|beyond", ">"),
    (rf"(?:{_COMPARATIVES_DOWN}) (?:\w+ )?than|under|below|before|prior to", "<"),
)  # fmt: skip
_AFTER: tuple[tuple[str, Operator], ...] = (
    (rf"(?:\w+ )?(?:or|and) (?:{_COMPARATIVES_UP}|above|over|up){_NO_SECOND}", ">="),
    (rf"(?:\w+ )?(?:or|and) (?:{_COMPARATIVES_DOWN}|below|under){_NO_SECOND}", "<="),
)  # fmt: skip
_BEFORE_RE = tuple(
    (
        re.compile(rf"\b(?:{pattern})(?: (?:the|a|an|age|year|of|than|value|is|was|in))*\s*(?:[$€£]\s*)?$"),
        operator,
    )
    for pattern, operator in _BEFORE
)
_AFTER_RE = tuple(
    (re.compile(rf"^\s*(?:(?:%|percent)\s*)?{pattern}\b"), operator) for pattern, operator in _AFTER
)


@dataclass(frozen=True)
class NumberCue:
    """A number in a question with the comparison the words beside it speak of."""

    value: float
    operator: Operator
    words: str
    """The words that say so, with the number."""


@lru_cache(maxsize=1024)
def number_cues(text: str) -> tuple[NumberCue, ...]:
    """All numbers of a text that occur once and stand beside a phrase of comparison."""
    found: dict[float, list[NumberCue | None]] = {}
    lower = text.lower().replace("\u2019", "'")
    for match in re.finditer(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)(?![\w])|\b([a-z]+)\b", lower):
        if match[1]:
            value = float(match[1].replace(",", ""))
        elif match[2] in _NUMBER_WORDS:
            value = float(_NUMBER_WORDS[match[2]])
        else:
            continue
        found.setdefault(value, []).append(_cue(lower, match.start(), match.end(), value))
    return tuple(cues[0] for cues in found.values() if len(cues) == 1 and cues[0] is not None)


def _cue(text: str, start: int, end: int, value: float) -> NumberCue | None:
    for pattern, operator in _AFTER_RE:
        match = pattern.search(text[end : end + 40])
        if match:
            return NumberCue(value, operator, (text[start:end] + match[0]).strip())
    before = text[max(0, start - 60) : start]
    for pattern, operator in _BEFORE_RE:
        match = pattern.search(before)
        if match:
            return NumberCue(value, operator, (match[0] + text[start:end]).strip())
    return None
