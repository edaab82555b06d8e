"""How long a start takes: Python alone, the package's import, `share --version`, a first correction.

    python benchmarks/cold_start.py [--small]

Each is a process of its own, started in turns; the files are in the disk's cache, as the second start of a
day finds them. A first correction takes the demo's database without a model, its index of values new
or there. Seconds by the clock, and of processor time.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from harness import Comparison, Figure, Figures, Setup, Side, SideFailed, main
from processes import SHARE, finished

from share_sql.demo.database import write_database

FIGURES = (Figure("start", "s"), Figure("processor time", "s"))


def start(command: list[str], expected: str, before: Callable[[], None] | None = None) -> Figures:
    """Run a command to its end."""
    if before is not None:
        before()
    done = finished(command)
    if done.code or expected not in done.stdout:
        raise SideFailed(f"{command[:4]} ended with {done.code}: {done.stdout[-300:]}{done.stderr[-300:]}")
    return {"start": done.seconds, "processor time": done.processor_seconds}


def comparisons(setup: Setup) -> Iterator[Comparison]:
    """Starts without work, then first corrections."""
    python = [sys.executable, "-c"]
    yield Comparison(
        "starts",
        (
            Side("python -c pass", partial(start, [*python, "pass"], "")),
            Side("import share_sql", partial(start, [*python, "import share_sql"], "")),
            Side("share --version", partial(start, [*SHARE, "--version"], "share")),
            Side("share fix --help", partial(start, [*SHARE, "fix", "--help"], "--sql")),
        ),
        FIGURES,
        rounds=10,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_database(folder / "shop.sqlite")
        asked = ["--db", str(folder / "shop.sqlite"), "--models", "none", "--cache", str(folder / "cache")]
        asked += ["--question", "How many stores are still open?"]
        asked += ["--sql", "SELECT COUNT(*) FROM store WHERE closed_on IS NULL"]

        def forget() -> None:
            for file in (folder / "cache").rglob("*"):
                if file.is_file():
                    file.unlink()

        fix = [*SHARE, "fix", *asked]
        yield Comparison(
            "first correction, the process's start included",
            (
                Side("share --version", partial(start, [*SHARE, "--version"], "share")),
                Side("index of values there", partial(start, fix, "stores")),
                Side("index of values new", partial(start, fix, "stores", forget)),
            ),
            FIGURES,
            rounds=10,
        )


if __name__ == "__main__":
    sys.exit(main(__doc__, comparisons))
