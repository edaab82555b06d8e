"""From 10 cases to 100,000: does a run keep its pace and its size?

    python benchmarks/scaling.py [--most 10000] [--concurrency 64] [--processes N]
        [--seconds 0.3] [--small]

The demo's drafts, again and again, with scripted models for sam, lom and generator that take their time as
servers do (`scripted_run.py`); each size is a process of its own. `in the middle` is the pace between the
first tenth of the cases and the last, without start and end; it says nothing of a run that has not many
more cases than are under way at once. Asked of the most cases against a thousand: that pace within 10%, and
at most 50 MB more. All sizes but the most are measured before and after it.

10,000 cases take 3 minutes where the latencies set the pace, which is 71 cases a second, and all sizes
together 5; --most 100000 takes half an hour, and longer where a processor sets the pace.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from drafts import demo_drafts
from harness import (
    Comparison,
    Figure,
    Figures,
    Setup,
    Side,
    SideFailed,
    main,
    more_by_at_most,
    ratio_at_least,
)
from processes import finished

SCRIPT = Path(__file__).with_name("scripted_run.py")
AGAINST = 1_000
LEAST_RATIO = 0.9
MOST_GROWTH = 50.0
"""MB."""


def options(parser: ArgumentParser) -> None:
    """How many, and how slow."""
    parser.add_argument("--most", type=int, default=10_000, metavar="CASES", help="%(default)s")
    parser.add_argument("--concurrency", type=int, default=64, help="cases under way at once; %(default)s")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--processes", type=int, default=cores, help="as of `share run`; %(default)s")
    parser.add_argument("--seconds", type=float, default=0.3, help="a model's mean latency; %(default)s")


def comparisons(setup: Setup) -> Iterator[Comparison]:
    """One comparison."""
    given = setup.given
    against, most, seconds = AGAINST, max(10 * AGAINST, given.most), given.seconds
    if setup.small:
        against, most, seconds = 10, 40, 0.02
    flags = ["--concurrency", str(given.concurrency), "--processes", str(given.processes)]
    flags += ["--seconds", str(seconds)]
    sizes = [10**power for power in range(1, 9) if 10**power < most]
    with tempfile.TemporaryDirectory() as name:
        yield Comparison(
            f"{given.concurrency} cases under way in {given.processes} processes, "
            f"three answers of {seconds:g} s a case",
            (
                *(Side(_said(size), partial(run, Path(name), size, flags), size) for size in sizes),
                Side(_said(most), partial(run, Path(name), most, flags), most, rounds=1),
            ),
            (
                Figure(
                    "pace in the middle", "cases a second", ratio_at_least(LEAST_RATIO, to=_said(against))
                ),
                Figure("pace from start to end", "cases a second"),
                Figure("most memory", "MB", more_by_at_most(MOST_GROWTH, to=_said(against))),
                Figure("processor time, a case", "ms"),
            ),
            rounds=2,
            axis="cases",
        )


def _said(size: int) -> str:
    return f"{size:,} cases"


def run(folder: Path, size: int, flags: list[str]) -> Figures:
    """One run."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    cases = demo_drafts(folder / "cases.jsonl", size)
    command = [sys.executable, str(SCRIPT), "--cases", str(cases.path), "--out", str(folder / "run")]
    done = finished([*command, *flags], watch=True)
    if done.code:
        raise SideFailed(f"the run of {size:,} ended with {done.code}: {done.stderr[-500:]}")
    told = json.loads(done.stdout)
    if told["cases"] != size:
        raise SideFailed(f"{told['cases']} cases of {size:,} ended")
    return {
        "pace in the middle": 0.8 * size / told["middle_seconds"],
        "pace from start to end": size / done.seconds,
        "most memory": done.peak_mb,
        "processor time, a case": 1e3 * done.processor_seconds / size,
    }


if __name__ == "__main__":
    sys.exit(main(__doc__, comparisons, options))
