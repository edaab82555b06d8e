"""How well scores tell changes that mend from others, on held-out pairs."""

from __future__ import annotations


def area_under(scores: list[float], labels: list[int]) -> float:
    """Chance that a mending change scores above another, 0 to 1."""
    ranked = sorted(zip(scores, labels, strict=True))
    below = wins = 0
    for _, label in ranked:
        if label:
            wins += below
        else:
            below += 1
    return wins / max(1, below * (len(ranked) - below))


def report(rows: list[tuple[str, int, float]]) -> None:
    """The area under the curve, on all held-out pairs and by kind."""
    groups: dict[str, list[tuple[int, float]]] = {}
    for kind, label, score in rows:
        for name in ("all", kind.split(":")[0]):
            groups.setdefault(name, []).append((label, score))
    for name, entries in sorted(groups.items()):
        if len({label for label, _ in entries}) < 2:
            continue
        area = area_under([score for _, score in entries], [label for label, _ in entries])
        print(f"  held out, {name}: {len(entries)} pairs, area {area:.3f}", flush=True)
