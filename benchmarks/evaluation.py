"""How long `share eval` takes: nothing kept, an empty cache, a full one, one worker.

    python benchmarks/evaluation.py [--data DATA] [--small]

Five generators' SQL for Spider dev is scored by `ex` (--small: the demo's drafts), as a process from start to
end; all sides must print the same figures. The official scripts beside it: `runs/against_official.sh`, which
needs a checkout of them.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from drafts import data_option, demo_drafts
from harness import Comparison, Figure, Figures, Setup, Side, SideFailed, main, ratio_at_most
from processes import SHARE, finished

GENERATORS = 5


def comparisons(setup: Setup) -> Iterator[Comparison]:
    """One comparison."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = demo_files(folder) if setup.small else spider_files(setup.given.data)
        told: dict[str, str] = {}
        numbers = itertools.count()

        def anew() -> list[str]:
            return ["--cache", str(folder / f"cache-{next(numbers)}")]

        def full() -> list[str]:
            return ["--cache", str(folder / "full")]

        score(files, full(), told)  # which fills it
        yield Comparison(
            "share eval, ex",
            (
                Side("empty cache", lambda: score(files, anew(), told)),
                Side("empty cache, 1 worker", lambda: score(files, [*anew(), "--workers", "1"], told)),
                Side("no cache", lambda: score(files, ["--no-cache"], told)),
                Side("full cache", partial(score, files, full(), told)),
            ),
            (Figure("by the clock", "s", ratio_at_most(1.0)), Figure("processor time", "s")),
        )


def spider_files(data: Path) -> list[str]:
    """Flags of `share eval`."""
    spider = data / "spider"
    found = sorted((spider / "drafts").glob("*.json"))[:GENERATORS]
    if not found:
        raise SideFailed(f"{spider} holds no Spider; name the folder by --data, or try the demo by --small")
    flags = ["--benchmark", "spider", "--questions", str(spider / "dev.json")]
    flags += ["--databases", str(spider / "database")]
    return flags + [flag for file in found for flag in ("--predictions", str(file))]


def demo_files(folder: Path) -> list[str]:
    """The demo's drafts, without what is no query, as predictions."""
    drafts = demo_drafts(folder / "drafts.jsonl", 30)
    path = folder / "cases.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for line in drafts.path.read_text("utf-8").splitlines():
            case = json.loads(line)
            out.write(json.dumps(case | {"prediction": case["draft"]}) + "\n")
    return ["--cases", str(path)]


def score(files: list[str], flags: list[str], told: dict[str, str]) -> Figures:
    """One evaluation."""
    done = finished([*SHARE, "eval", *files, *flags, "--metrics", "ex", "--json"])
    if done.code or not done.stdout.strip():
        raise SideFailed(f"share eval ended with {done.code}: {done.stderr[-500:]}")
    if told.setdefault("figures", done.stdout) != done.stdout:
        raise SideFailed(f"share eval with {' '.join(flags)} gives other figures")
    return {"by the clock": done.seconds, "processor time": done.processor_seconds}


if __name__ == "__main__":
    sys.exit(main(__doc__, comparisons, data_option))
