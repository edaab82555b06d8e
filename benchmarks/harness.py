"""What every benchmark here stands on: sides that are measured in turns, a table, a plot, and what is asked.

    from harness import Comparison, Figure, Setup, Side, main

    def comparisons(setup: Setup) -> Iterator[Comparison]:
        yield Comparison(
            "cold start",
            sides=(Side("python", start_python), Side("share", start_share)),
            figures=(Figure("start", "s", at_most(1.5)),),
        )

    if __name__ == "__main__":
        sys.exit(main(__doc__, comparisons))

A side is a function that does the work once and returns its figures by name. All sides take turns, there and
back again: A B, B A, A B …, so that a machine whose speed drifts is fair to all. Told are the least, the
median and the most of each side, and the ratio to the first side, which is the median of the ratios within
each round. What is asked is judged by medians. `main` ends with 1 where something asked is missed or a side
fails. `--small` makes a trial of seconds, whose figures say nothing: they are not judged.

Why not pyperf or asv, which measure more finely: pyperf times one function or command in many processes, all
rounds of one before the first of another, and compares files of results afterwards; asv compares commits. On
a machine whose speed varies by two, that compares its minutes. A round here is a whole run with several
figures (seconds, processor time, memory), and an answer that is wrong ends it. What pyperf adds beyond that,
calibrated loops and isolated cores, is for functions of microseconds.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import plots

Figures = Mapping[str, float]


class SideFailed(Exception):
    """A side did not do its work, or did another's: its figures would say nothing."""


@dataclass(frozen=True)
class Side:
    """One of the things that are compared."""

    name: str
    measure: Callable[[], Figures]
    """Does the work once, and returns its figures by name. Raises SideFailed."""
    at: float | None = None
    """Where it stands on the plot's axis, as 1000 for a thousand cases; None for a bar of its own."""
    rounds: int | None = None
    """In how many rounds it is measured at most; None for all. For a side that takes many minutes."""


@dataclass(frozen=True)
class Asked:
    """What a figure must keep to."""

    text: str
    """In words, for the table."""
    holds: Callable[[Measured, str], bool]
    """Whether it does: the comparison as it was measured, and the figure's name."""


@dataclass(frozen=True)
class Figure:
    """One number that every side returns."""

    name: str
    unit: str
    asked: Asked | None = None


@dataclass(frozen=True)
class Comparison:
    """Two sides or more, measured in turns."""

    name: str
    sides: Sequence[Side]
    """The first is the one that the others are compared with."""
    figures: Sequence[Figure]
    rounds: int = 5
    axis: str = ""
    """What `Side.at` counts; empty where sides are bars."""


@dataclass
class Measured:
    """What came of a comparison."""

    comparison: Comparison
    rounds: list[dict[str, Figures]] = field(default_factory=list)
    """By round, by side."""

    def values(self, side: str, figure: str) -> list[float]:
        """A side's figure, round after round."""
        return [each[side][figure] for each in self.rounds if side in each]

    def median(self, side: str, figure: str) -> float:
        """The median over the rounds."""
        return statistics.median(self.values(side, figure))

    def ratio(self, side: str, figure: str, to: str | None = None) -> float | None:
        """The median over the rounds of this side's figure to the first side's, or to that of `to`; where one
        of both is in fewer rounds, the ratio of their medians. None where the other figure is 0."""
        first = to or self.comparison.sides[0].name
        pairs = [
            (each[side][figure], each[first][figure]) for each in self.rounds if {side, first} <= each.keys()
        ]
        if not len(pairs) == len(self.values(side, figure)) == len(self.values(first, figure)):
            pairs = [(self.median(side, figure), self.median(first, figure))]
        return (
            statistics.median(above / below for above, below in pairs)
            if all(low for _, low in pairs)
            else None
        )


@dataclass(frozen=True)
class Setup:
    """What a benchmark is called with."""

    small: bool
    """A trial in seconds: that it works, not how fast."""
    given: argparse.Namespace
    """Its own options."""


# ------------------------------------------------------------------------------------- what may be asked


def _last(measured: Measured, of: str | None) -> str:
    return of or measured.comparison.sides[-1].name


def at_least(bound: float, of: str | None = None) -> Asked:
    """The median of a side, by default the last, is at least this."""
    return Asked(f">= {bound:g}{_of(of)}", lambda seen, figure: seen.median(_last(seen, of), figure) >= bound)


def at_most(bound: float, of: str | None = None) -> Asked:
    """The median of a side, by default the last, is at most this."""
    return Asked(f"<= {bound:g}{_of(of)}", lambda seen, figure: seen.median(_last(seen, of), figure) <= bound)


def ratio_at_least(bound: float, of: str | None = None, to: str | None = None) -> Asked:
    """The ratio of a side, by default the last, to another, by default the first, is at least this."""
    return Asked(
        f"ratio >= {bound:g}{_of(of, to)}",
        lambda seen, figure: _or(seen.ratio(_last(seen, of), figure, to), 0.0) >= bound,
    )


def ratio_at_most(bound: float, of: str | None = None, to: str | None = None) -> Asked:
    """The ratio of a side, by default the last, to another, by default the first, is at most this."""
    return Asked(
        f"ratio <= {bound:g}{_of(of, to)}",
        lambda seen, figure: _or(seen.ratio(_last(seen, of), figure, to), math.inf) <= bound,
    )


def more_by_at_most(bound: float, of: str | None = None, to: str | None = None) -> Asked:
    """A side, by default the last, is above another, by default the first, by at most this."""
    return Asked(
        f"more by <= {bound:g}{_of(of, to)}",
        lambda seen, figure: (
            seen.median(_last(seen, of), figure) - seen.median(to or seen.comparison.sides[0].name, figure)
            <= bound
        ),
    )


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _of(side: str | None, to: str | None = None) -> str:
    return (f", {side}" if side else "") + (f" to {to}" if to else "")


# ------------------------------------------------------------------------------------------- measuring


def measure(comparison: Comparison, rounds: int | None = None) -> Measured:
    """All rounds of a comparison.

    Args:
        comparison: what to measure.
        rounds: how many; None for as many as the comparison says.

    Raises:
        SideFailed: a side did not do its work, or left out a figure.
    """
    found = Measured(comparison)
    for at in range(rounds or comparison.rounds):
        order = [side for side in comparison.sides if side.rounds is None or at < side.rounds]
        seen: dict[str, Figures] = {}
        for side in order if at % 2 == 0 else reversed(order):
            figures = side.measure()
            if missing := [each.name for each in comparison.figures if each.name not in figures]:
                raise SideFailed(f"{side.name} gave no {', '.join(missing)}")
            seen[side.name] = figures
        found.rounds.append(seen)
    return found


def judged(measured: Measured, small: bool) -> Iterator[tuple[Figure, Asked, bool | None]]:
    """What is asked and whether it holds; None where a trial in small does not judge it."""
    for figure in measured.comparison.figures:
        if figure.asked is not None:
            yield figure, figure.asked, None if small else figure.asked.holds(measured, figure.name)


# ---------------------------------------------------------------------------------------------- telling


def table(measured: Measured) -> str:
    """Least, median and most of each side and figure, with the ratio to the first side."""
    width = max(len(side.name) for side in measured.comparison.sides) + 2
    lines = []
    for figure in measured.comparison.figures:
        unit = f" ({figure.unit})" if figure.unit else ""
        lines.append(f"  {figure.name}{unit}")
        lines.append(f"    {'':{width}}{'least':>12}{'median':>12}{'most':>12}{'ratio':>9}{'rounds':>8}")
        for side in measured.comparison.sides:
            values = measured.values(side.name, figure.name)
            told = "".join(
                f"{number(each):>12}" for each in (min(values), statistics.median(values), max(values))
            )
            ratio = measured.ratio(side.name, figure.name)
            lines.append(
                f"    {side.name:{width}}{told}{'' if ratio is None else f'{ratio:.3f}':>9}{len(values):8}"
            )
    return "\n".join(lines)


def number(value: float) -> str:
    """A number in four digits, as a table shows it."""
    if value and abs(value) < 1:
        return f"{value:.4f}"
    return f"{value:,.{max(0, 3 - len(str(int(abs(value)))))}f}"


def machine() -> dict[str, object]:
    """On what was measured, and how busy that was when it began."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def as_json(measured: Measured, small: bool) -> dict[str, object]:
    """A comparison as data: every round, and what is asked."""
    return {
        "name": measured.comparison.name,
        "figures": {each.name: each.unit for each in measured.comparison.figures},
        "rounds": measured.rounds,
        "asked": [
            {"figure": figure.name, "asked": asked.text, "holds": holds}
            for figure, asked, holds in judged(measured, small)
        ],
    }


def main(
    doc: str | None,
    comparisons: Callable[[Setup], Iterable[Comparison]],
    options: Callable[[argparse.ArgumentParser], None] | None = None,
) -> int:
    """A benchmark's command line.

    Args:
        doc: the script's docstring, for `--help`.
        comparisons: what to compare; each is measured before the next is taken.
        options: adds the script's own options.

    Returns:
        The exit code: 1 where something asked is missed or a side fails.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a trial in seconds; nothing is judged")
    parser.add_argument("--rounds", type=int, metavar="N", help="in place of the benchmark's own number")
    parser.add_argument(
        "--out", type=Path, default=Path("out", "benchmarks"), help="for NAME.json and NAME.png; %(default)s"
    )
    if options is not None:
        options(parser)
    given = parser.parse_args()
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds must be at least 1")
    name = Path(sys.argv[0]).stem
    on, began = machine(), time.monotonic()
    print(f"{name}: " + ", ".join(f"{what} {said}" for what, said in on.items()), flush=True)
    measured: list[Measured] = []
    missed = 0
    try:
        for comparison in comparisons(Setup(given.small, given)):
            print(f"\n{comparison.name}", flush=True)
            found = measure(comparison, given.rounds or (1 if given.small else None))
            measured.append(found)
            print(table(found))
            print(plots.text(found))
            for figure, asked, holds in judged(found, given.small):
                said = {True: "holds", False: "MISSED", None: "not judged in small"}[holds]
                print(f"  asked: {figure.name} {asked.text}: {said}", flush=True)
                missed += holds is False
    except SideFailed as failed:
        print(f"{name}: failed: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        return 130
    given.out.mkdir(parents=True, exist_ok=True)
    told = {
        "benchmark": name,
        "small": given.small,
        "on": on,
        "seconds": round(time.monotonic() - began, 1),
        "comparisons": [as_json(each, given.small) for each in measured],
    }
    path = given.out / f"{name}.json"
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    drawn = plots.png(measured, path.with_suffix(".png"))
    print(f"\n{told['seconds']} s; {path}" + (f", {drawn}" if drawn else "; no plot: no matplotlib"))
    return int(bool(missed))
