"""A comparison as a picture: in text for terminals, and as PNG where matplotlib is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness import Figure, Measured

WIDTH = 50
"""Characters of the longest bar."""


def text(measured: Measured) -> str:
    """Bars as long as the medians, with a mark where the least and the most lie."""
    sides = measured.comparison.sides
    name = max(len(side.name) for side in sides) + 2
    lines = []
    for figure in measured.comparison.figures:
        seen = {side.name: measured.values(side.name, figure.name) for side in sides}
        most = max(max(values) for values in seen.values()) or 1.0
        lines.append(f"  {figure.name}, to {most:,.4g} {figure.unit}")
        for side in sides:
            values = seen[side.name]
            median, least, end = (
                round(WIDTH * max(0.0, each) / most)
                for each in (measured.median(side.name, figure.name), min(values), max(values))
            )
            bar = ["█"] * median + ["·"] * (max(end, median) - median)
            if least < median:
                bar[least] = "▒"
            lines.append(f"    {side.name:{name}}│{''.join(bar)}")
    return "\n".join(lines)


def png(all_measured: Sequence[Measured], path: Path) -> Path | None:
    """Write one panel a figure: each round a dot, medians as bars, or as a line along the axis.

    Returns:
        The path; None where matplotlib is not installed, or nothing was measured.
    """
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("agg")
    from matplotlib import pyplot

    panels = [(measured, figure) for measured in all_measured for figure in measured.comparison.figures]
    if not panels:
        return None
    drawn, axes = pyplot.subplots(
        len(panels), figsize=(8, 3 * len(panels)), squeeze=False, layout="constrained"
    )
    for (measured, figure), axis in zip(panels, axes.flat, strict=True):
        _panel(axis, measured, figure)
    drawn.savefig(path, dpi=120)
    pyplot.close(drawn)
    return path


def _panel(axis, measured: Measured, figure: Figure) -> None:  # type: ignore[no-untyped-def]
    sides = measured.comparison.sides
    along = all(side.at is not None for side in sides)
    places = [float(side.at) if along and side.at is not None else float(at) for at, side in enumerate(sides)]
    medians = [measured.median(side.name, figure.name) for side in sides]
    if along:
        axis.set_xscale("log")
        axis.set_xlabel(measured.comparison.axis)
        axis.plot(places, medians, color="#4269d0")
    else:
        axis.bar(places, medians, color="#a9b9ea", width=0.6)
        axis.set_xticks(places, [side.name for side in sides])
    for place, side in zip(places, sides, strict=True):
        values = measured.values(side.name, figure.name)
        axis.plot([place] * len(values), values, "o", color="#1d2b5c", markersize=4)
    axis.set_ylim(bottom=0)
    axis.set_ylabel(figure.unit)
    axis.set_title(f"{measured.comparison.name}: {figure.name}", fontsize=9)
