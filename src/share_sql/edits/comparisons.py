"""Comparisons that say something else than the question: `> 30` for "under 30", `> 3` for "at least 3"."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from sqlglot import exp

from share_sql.edits.edit import Edit, edited
from share_sql.query.cues import number_cues
from share_sql.query.examined import BoundQuery
from share_sql.stages.stage import Request, Response

_CLASSES: dict[str, type[exp.Binary]] = {"<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}
_NAMES = {cls: name for name, cls in _CLASSES.items()}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def comparisons(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """Propose the operator that the words beside a number speak of."""
    yield from ()
    cues = {cue.value: cue for cue in number_cues(draft.question)}
    if not cues:
        return []
    # The evidence, where it speaks of the number itself, outranks the question's wording.
    spoken = {cue.value for cue in number_cues(draft.evidence)} | _numbers(draft.evidence)
    used: dict[float, list[tuple[exp.Binary, str]]] = {}
    for node in draft.tree.find_all(exp.LT, exp.LTE, exp.GT, exp.GTE):
        for literal, mirrored in ((node.expression, False), (node.this, True)):
            value = _number(literal)
            if value is not None:
                name = _NAMES[type(node)]
                used.setdefault(value, []).append((node, _MIRRORED[name] if mirrored else name))
    edits = []
    for value, places in used.items():
        cue = cues.get(value)
        if cue is None or len(places) != 1 or value in spoken:
            continue
        node, name = places[0]
        if name == cue.operator:
            continue
        direction = name[0] != cue.operator[0]
        kind = "comparison-direction" if direction else "comparison-strictness"
        mirrored = _number(node.this) is not None
        wanted = _CLASSES[_MIRRORED[cue.operator] if mirrored else cue.operator]
        tree = edited(draft, node, lambda old, cls=wanted: cls(this=old.this, expression=old.expression))  # type: ignore[misc]
        edits.append(Edit(kind, f"the question says “{cue.words}”, so {name} becomes {cue.operator}", tree))
    return edits


def _number(node: exp.Expr) -> float | None:
    if isinstance(node, exp.Literal):
        try:
            return float(node.this)
        except ValueError:
            return None
    return None


def _numbers(text: str) -> set[float]:
    import re

    return {
        float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text) if found.strip(",")
    }
