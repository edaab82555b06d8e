"""The report's plots, as SVG text to put into a page. Needs matplotlib (the extra `report`)."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from share_sql.errors import UsageError
from share_sql.evaluation.assurance import CoveragePoint, ReliabilityBin

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FIXED, _BROKEN, _LINE = "#2f8f5b", "#c0453c", "#33639c"


def check_library() -> None:
    """See that the plots can be drawn, before hours go into what they would show.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "--html draws with matplotlib, which is not installed; pip install 'share-sql[report]'"
        ) from error


def _figure(width: float = 6.0, height: float = 3.2) -> tuple[Figure, Axes]:
    check_library()
    from matplotlib.figure import Figure

    # Figure without pyplot: no display, no state shared between reports.
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure, name: str) -> str:
    """The figure as an SVG element; `name` keeps its ids apart from other figures' in the page."""
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure.savefig(out, format="svg", metadata={"Date": None}, transparent=True)
    text = out.getvalue()
    text = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", text[text.index("<svg") :])
    return text.replace("#000000", "currentColor")  # axes and words in the page's colour, dark or light


def transition_bars(counts: Mapping[str, tuple[int, int]], name: str) -> str:
    """Fixed up, broken down, by group.

    Args:
        counts: fixed and broken by the group's name.
        name: a word of its own in the page.

    Returns:
        SVG.

    Raises:
        UsageError: matplotlib is not installed.
    """
    figure, axes = _figure(max(3.6, 0.9 * len(counts) + 1.6))
    places = range(len(counts))
    fixed = axes.bar(places, [fixed for fixed, _ in counts.values()], color=_FIXED, label="fixed")
    broken = axes.bar(places, [-broken for _, broken in counts.values()], color=_BROKEN, label="broken")
    axes.bar_label(fixed, labels=[str(fixed or "") for fixed, _ in counts.values()], padding=2)
    axes.bar_label(broken, labels=[str(broken or "") for _, broken in counts.values()], padding=2)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.margins(y=0.2)
    axes.set_xticks(list(places), list(counts), rotation=30 if len(counts) > 6 else 0)
    axes.set_ylabel("cases")
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.legend(frameon=False)
    return _svg(figure, name)


def coverage_curve(points: Sequence[CoveragePoint], area: float, name: str) -> str:
    """The risk–coverage curve, with its area in the title. Arguments and errors as `transition_bars`."""
    figure, axes = _figure(4.6)
    axes.step(
        [point.coverage for point in points],
        [point.risk for point in points],
        where="post",
        color=_LINE,
        marker="o" if len(points) < 30 else None,
        markersize=3,
    )
    axes.set(xlim=(0, 1.02), xlabel="coverage: share of cases answered", ylabel="risk: share wrong of those")
    axes.set_ylim(0, max([0.05, *(point.risk for point in points)]) * 1.1)
    axes.set_title(f"area {area:.4f}", fontsize=10)
    return _svg(figure, name)


def calibration_plot(bars: Sequence[ReliabilityBin], name: str) -> str:
    """The reliability diagram: accuracy by confidence. Arguments and errors as `transition_bars`."""
    figure, axes = _figure(4.6)
    full = [bar for bar in bars if bar.count]
    width = bars[0].high - bars[0].low if bars else 0.1
    drawn = axes.bar(
        [(bar.low + bar.high) / 2 for bar in full],
        [bar.accuracy for bar in full],
        width=width * 0.92,
        color=_LINE,
        alpha=0.75,
    )
    axes.bar_label(drawn, labels=[str(bar.count) for bar in full], fontsize=8, padding=2)
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle="--")
    axes.set(xlim=(0, 1), ylim=(0, 1.1), xlabel="confidence", ylabel="share right")
    return _svg(figure, name)


def token_bars(tokens: Mapping[str, tuple[float, float]], name: str) -> str:
    """Prompt and completion tokens by stage. Arguments and errors as `transition_bars`."""
    figure, axes = _figure(4.6)
    places = range(len(tokens))
    prompts = [prompt for prompt, _ in tokens.values()]
    axes.bar(places, prompts, color=_LINE, label="prompt")
    axes.bar(
        places,
        [completion for _, completion in tokens.values()],
        bottom=prompts,
        color="#d49a3a",
        label="completion",
    )
    axes.set_xticks(list(places), list(tokens))
    axes.set_ylabel("tokens a case")
    axes.legend(frameon=False)
    return _svg(figure, name)


def time_bars(seconds: Mapping[str, float], name: str) -> str:
    """Wall-clock time by stage. Arguments and errors as `transition_bars`."""
    figure, axes = _figure(6.0)
    # Without a model all is over in milliseconds, with one it takes seconds.
    fine = max(seconds.values(), default=0.0) < 1
    drawn = axes.bar(
        range(len(seconds)), [spent * (1000 if fine else 1) for spent in seconds.values()], color=_LINE
    )
    axes.bar_label(drawn, fmt="{:.3g}", fontsize=8, padding=2)
    axes.margins(y=0.15)
    axes.set_xticks(range(len(seconds)), list(seconds), fontsize=9)
    axes.set_ylabel("milliseconds a case" if fine else "seconds a case")
    return _svg(figure, name)
