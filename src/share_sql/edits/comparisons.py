"""Comparisons with a number that go another way than the question's words beside it.

Only where the words can mean nothing else: nothing is negated, in the query or in the question, and the
column compared grows with what the words speak of. Who is older was born earlier, who ranks above has the
smaller rank, who is faster takes less time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.conditions import over
from share_sql.edits.edit import Edit, put
from share_sql.query.asked import words
from share_sql.query.cues import NumberCue, number_cues
from share_sql.query.examined import Examined

_CLASSES: dict[str, type[exp.Binary]] = {"<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}
_NAMES = {cls: name for name, cls in _CLASSES.items()}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATION = re.compile(
    r"\b(?:not|no|never|without|except|exclud\w+|none|neither|nor|nobody|nothing|unless|rather than|instead|"
    r"opposite|other than|apart from|fail\w*|lack\w*|missing|cannot|aside from|omit\w*|leav\w+ out|avoid\w*|"
    r"rarely|hardly|barely)\b|n't\b"
)
_EQUAL = re.compile(r"\b(?:equal\w*|inclusive\w*|same|including|or exactly|exactly)\b")
_AGED = frozenset({"older", "younger", "newer"})
_AGE = words("age ages old years_old")
_BORN = words("birth born birthday birthdate dob year date founded built opened established since made")
_RANK = words("rank ranking ranked position place placing seed standing tier priority")
_SPEED = words("speed velocity mph kmh knots pace_kmh horsepower acceleration")


def comparisons(draft: Examined) -> Iterator[Edit]:
    """Propose the operator that the words beside a number speak of: `< 30` for "under 30", not `> 30`."""
    cues = {cue.value: cue for cue in number_cues(draft.question)}
    if not cues:
        return
    # The evidence, where it speaks of the number itself, outranks the question's wording.
    spoken = {cue.value for cue in number_cues(draft.evidence)} | _numbers(draft.evidence)
    used: dict[float, list[tuple[exp.Expr, str, bool]]] = {}
    for node in draft.tree.find_all(exp.LT, exp.LTE, exp.GT, exp.GTE):
        for literal, mirrored in ((node.expression, False), (node.this, True)):
            value = _number(literal)
            if value is not None:
                name = _NAMES[type(node)]
                used.setdefault(value, []).append((node, _MIRRORED[name] if mirrored else name, mirrored))
    for value, places in used.items():
        cue = cues.get(value)
        if cue is None or len(places) != 1 or value in spoken:
            continue
        compared, name, mirrored = places[0]
        if name == cue.operator or _is_turned(compared):
            continue
        kind = "comparison-direction" if name[0] != cue.operator[0] else "comparison-strictness"
        if not _is_plain(draft.question, cue, kind):
            continue
        if not _grows(cue, kind, compared.expression if mirrored else compared.this):
            continue
        wanted = _CLASSES[_MIRRORED[cue.operator] if mirrored else cue.operator]
        message = f"the question says “{cue.words}”, so {name} becomes {cue.operator}"
        yield Edit(kind, message, put(draft, compared, over(compared, wanted)))


def _number(node: exp.Expr) -> float | None:
    if isinstance(node, exp.Literal):
        try:
            return float(node.this)
        except ValueError:
            return None
    return None


def _numbers(text: str) -> set[float]:
    return {
        float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text) if found.strip(",")
    }


def _is_turned(node: exp.Expr) -> bool:
    """Whether something around a condition turns it round, or may: NOT, the right side of EXCEPT, CASE, a
    query that is compared with."""
    child: exp.Expr = node
    while child.parent is not None:
        parent = child.parent
        if isinstance(parent, exp.Not | exp.If | exp.Case | exp.NEQ | exp.All):
            return True
        if isinstance(parent, exp.Except) and parent.expression is child:
            return True
        child = parent
    return False


def _is_plain(question: str, cue: NumberCue, kind: str) -> bool:
    """Whether nothing else in the question may turn the words round, or include the number."""
    rest = question.lower().replace("\u2019", "'")
    for other in number_cues(question):
        rest = rest.replace(other.words, " ", 1)
    if _NEGATION.search(rest):
        return False
    if re.search(rf"{re.escape(cue.words)} (?:\w+ )?ago\b", question.lower()) or re.search(
        r"\bover the \d", cue.words
    ):
        return False  # "more than 5 years ago" counts back; "over the 3 seasons" is a time, no comparison
    return kind == "comparison-direction" or not _EQUAL.search(rest)


def _grows(cue: NumberCue, kind: str, compared: exp.Expr) -> bool:
    """Whether the value compared is larger where there is more of what the words speak of."""
    named = frozenset[str]().union(*(words(column.name) for column in compared.find_all(exp.Column)))
    said = set(re.findall(r"[a-z]+", cue.words))
    if said & _AGED:
        return bool(named & _AGE) and not named & _BORN
    if said & {"faster", "slower"}:
        return bool(named & _SPEED)
    if said & {"better", "worse"}:
        return kind == "comparison-strictness"  # which way is better, the draft knows
    if named & _RANK:
        # Above in rank is below in number; plain amounts ("more than 5") say the number itself.
        return bool(said & {"more", "less", "fewer", "greater", "least", "most"})
    return True
