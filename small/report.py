"""How well scores tell changes that mend from others, on databases that no model learnt from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def area_under(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Area under the ROC curve: the chance that a change that mends scores above another, 0 to 1."""
    below = wins = 0
    for _, label in sorted(zip(scores, labels, strict=True)):
        wins += below if label else 0
        below += not label
    return wins / max(1, below * (len(labels) - below))


def areas(pairs: Sequence[Mapping[str, Any]], scores: Sequence[float]) -> Iterator[str]:
    """Lines with the area under the curve, of all pairs and by kind of pair.

    Args:
        pairs: with `kind` (what is before its colon counts) and `output`, yes or no.
        scores: one a pair.
    """
    groups: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for pair, score in zip(pairs, scores, strict=True):
        for name in ("all", pair["kind"].partition(":")[0]):
            groups[name].append((score, pair["output"] == "yes"))
    for name, entries in sorted(groups.items()):
        labels = [label for _, label in entries]
        if len(set(labels)) > 1:
            area = area_under([score for score, _ in entries], labels)
            yield f"  held out, {name}: {len(entries)} pairs, area {area:.3f}"


def edit_kinds(edits: Sequence[Mapping[str, Any]], scores: Sequence[float]) -> Iterator[str]:
    """Lines by source and kind of edit: how many drafts its edits mend before the first three are broken.

    Of each draft the best scored edit of a kind counts, from the highest score down.

    Args:
        edits: with `source`, `draft` (which one), `kind`, `before` and `after` (whether right).
        scores: one an edit.
    """
    best: dict[tuple[str, str], dict[str, tuple[float, bool, bool]]] = defaultdict(dict)
    for edit, score in zip(edits, scores, strict=True):
        entry = (score, edit["after"] and not edit["before"], edit["before"] and not edit["after"])
        group = best[edit["source"], edit["kind"]]
        group[edit["draft"]] = max(entry, group.get(edit["draft"], entry))
    for (source, kind), group in sorted(best.items()):
        fixed = broken = 0
        marks = []
        for score, mends, breaks in sorted(group.values(), reverse=True):
            fixed, broken = fixed + mends, broken + breaks
            if breaks and broken <= 3:
                marks.append(f"{fixed} at {score:.1f}")
        yield f"  {source}, {kind}: {len(group)} drafts, mended {', '.join([*marks, f'{fixed} in all'])}"
