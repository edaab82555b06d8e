"""The benchmarks' harness: sides in turns, ratios within rounds, and what is asked decides the exit code."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
Run = Callable[..., int]


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As the scripts beside it import it."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("harness")


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("processes")


@pytest.fixture
def run(harness: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a benchmark of one comparison, called with flags."""

    def call(comparison: Any, *flags: str) -> int:
        monkeypatch.setattr("sys.argv", ["tried.py", "--out", str(tmp_path), *flags])
        code = harness.main("What for.", lambda setup: [comparison])
        assert isinstance(code, int)
        return code

    return call


def of(harness: Any, asked: Any = None, /, rounds: int = 3, **values: list[float]) -> tuple[Any, list[str]]:
    """A comparison whose sides give these values in turn, and the list of who was measured."""
    order: list[str] = []

    def side(name: str, left: list[float]) -> Any:
        def measure() -> dict[str, float]:
            order.append(name)
            return {"time": left.pop(0)}

        return harness.Side(name, measure, rounds=len(left))

    sides = [side(name, [*left]) for name, left in values.items()]
    return harness.Comparison("A try", sides, [harness.Figure("time", "s", asked)], rounds), order


def test_sides_take_turns_there_and_back(harness: Any) -> None:
    comparison, order = of(harness, a=[1, 1, 1], b=[2, 2, 2], c=[9])
    harness.measure(comparison)
    assert order == ["a", "b", "c", "b", "a", "a", "b"]


def test_a_ratio_is_the_median_of_those_within_rounds(harness: Any) -> None:
    # The machine is ten times slower in the last round, and all alike.
    comparison, _ = of(harness, a=[1, 1, 10], b=[2, 4, 20])
    seen = harness.measure(comparison)
    assert seen.ratio("b", "time") == 2
    assert seen.ratio("a", "time", to="b") == 0.5
    assert (seen.median("a", "time"), seen.median("b", "time")) == (1, 4)


def test_a_side_of_fewer_rounds_is_compared_by_medians(harness: Any) -> None:
    # Measured before and after the long one: both count.
    comparison, _ = of(harness, rounds=2, few=[1, 3], many=[4])
    assert harness.measure(comparison).ratio("many", "time") == 2


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("at_most", 2), 0),
        (("at_most", 1.9), 1),
        (("at_most", 1, "a"), 0),
        (("at_least", 2), 0),
        (("at_least", 2.1), 1),
        (("ratio_at_most", 2), 0),
        (("ratio_at_most", 1.9), 1),
        (("ratio_at_least", 2), 0),
        (("ratio_at_least", 2.1), 1),
        (("ratio_at_least", 0.5, "a", "b"), 0),
        (("more_by_at_most", 1), 0),
        (("more_by_at_most", 0.9), 1),
    ],
)
def test_what_is_asked_decides_the_exit_code(
    harness: Any, run: Run, capsys: pytest.CaptureFixture[str], asked: tuple[Any, ...], code: int
) -> None:
    kind, *arguments = asked
    comparison, _ = of(harness, getattr(harness, kind)(*arguments), a=[1, 1, 1], b=[2, 2, 2])
    assert run(comparison) == code
    assert ("MISSED" if code else "holds") in capsys.readouterr().out


def test_small_is_one_round_in_which_times_are_not_judged(
    harness: Any, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    comparison, order = of(harness, harness.at_most(1), a=[1, 1, 1], b=[2, 2, 2])
    assert run(comparison, "--small") == 0
    assert order == ["a", "b"]
    assert "not judged in small" in capsys.readouterr().out
    told = json.loads((tmp_path / "tried.json").read_text("utf-8"))
    assert told["comparisons"][0]["asked"] == [{"figure": "time", "asked": "<= 1", "holds": None}]


def test_what_was_measured_is_told_in_full(
    harness: Any, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    comparison, _ = of(harness, a=[1, 2, 3], b=[1500, 0.25, 0])
    assert run(comparison) == 0
    told = json.loads((tmp_path / "tried.json").read_text("utf-8"))
    assert told["comparisons"][0]["rounds"][0] == {"a": {"time": 1}, "b": {"time": 1500}}
    assert (tmp_path / "tried.png").stat().st_size > 1000
    lines = capsys.readouterr().out.splitlines()
    assert ["b", "0.00", "0.2500", "1,500", "0.125", "3"] in [line.split() for line in lines]


def test_sides_that_fail_leave_no_figures(
    harness: Any, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> dict[str, float]:
        raise harness.SideFailed("its answers are others")

    sides = [harness.Side("a", lambda: {"time": 1.0}), harness.Side("b", fails)]
    assert run(harness.Comparison("A try", sides, [harness.Figure("time", "s")])) == 1
    assert capsys.readouterr().err == "tried: failed: its answers are others\n"
    assert not list(tmp_path.iterdir())
    sides = [harness.Side("a", dict)]
    assert run(harness.Comparison("A try", sides, [harness.Figure("time", "s")])) == 1
    assert "a gave no time" in capsys.readouterr().err


def test_a_command_is_watched_with_what_it_starts(processes: Any) -> None:
    script = (
        "import subprocess, sys, time; held = b'x' * 30_000_000;"
        "subprocess.run([sys.executable, '-c', 'import time; held = b\"y\" * 50_000_000; time.sleep(2)']);"
        "print('told'); sys.exit(3)"
    )
    looks: list[Any] = []
    done = processes.finished([processes.SHARE[0], "-c", script], seen=looks.append)
    assert (done.code, done.stdout, done.stderr) == (3, "told\n", "")
    assert done.seconds > 2
    assert 0 < done.processor_seconds < 2
    assert 80 < done.peak_mb < 200
    assert max(each.processes for each in looks) == 2
    assert done.peak_mb == max(each.mb for each in looks)
