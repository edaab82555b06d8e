"""What `share run` costs beyond its engine: the same prompts and answers, all submitted to vLLM at once.

    VLLM_PYTHON=/opt/vllm/bin/python python benchmarks/engine_overhead.py --base CHECKPOINT
        [--cases 64]

First `share run`, with a model for every role, is run once over recorded cases, and what it asks the server
is noted. Then two sides take turns on that server, which forgets its prefixes before each:

engine     the noted requests, all at once, in the order in which they were made
share run  the command, from its start to its end, with what it asks waiting for what was answered

Answers have the recorded answers' lengths on both sides (`runs/forced_answers.py`); a process between `share
run` and the server hands the recorded texts back, and counts against SHARE. 64 cases are under way.

Without --base, or in small, the engine is a simulated one (`runs/simulated_vllm.py`), which takes time but
not the processor: what waiting for one stage after another costs. Without the recorded run, or in small, the
demo's cases stand for it.

Asked: at most 1.15 times the engine's seconds. "asking" is the time from the first call to the last answer,
"processor" what the client takes of the cores that the engine works on too.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runs"))

import httpx2
from demo_recorded import RUN, write_demo_run
from forced_answers import Answers
from forced_run import common_arguments, measured_answers, prepare, share_run
from forcing_server import Call, Forcing, forcing
from harness import Comparison, Figure, Figures, Setup, Side, SideFailed, main, ratio_at_most
from recorded_cases import STEPS
from vllm_process import Engine, engine

FIGURES = (Figure("whole", "s", ratio_at_most(1.15)), Figure("asking", "s"), Figure("processor", "s"))
SMALL = 4
"""Cases of a trial."""


async def all_at_once(url: str, calls: Sequence[Call]) -> int:
    """Submit all requests; how many tokens were written where the length is forced."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(timeout=3600.0, limits=limits, trust_env=False) as client:

        async def ask(call: Call) -> int:
            response = await client.post(f"{url}/v1/chat/completions", json=call.body)
            if response.status_code != 200:
                raise SideFailed(f"the engine answered {response.status_code}: {response.text[:200]}")
            # What keeps to a grammar may differ by some tokens, as batches differ.
            return int(response.json()["usage"]["completion_tokens"]) if "ignore_eos" in call.body else 0

        return sum(await asyncio.gather(*map(ask, calls)))


def by_engine(running: Engine, calls: Sequence[Call]) -> Figures:
    """The engine alone."""
    running.forget()
    processor, began = time.process_time(), time.monotonic()
    written = asyncio.run(all_at_once(running.url, calls))
    seconds = time.monotonic() - began
    noted = sum(call.completion_tokens for call in calls if "ignore_eos" in call.body)
    if written != noted:
        raise SideFailed(f"the engine wrote {written} tokens in place of {noted}")
    return {"whole": seconds, "asking": seconds, "processor": time.process_time() - processor}


def by_share(running: Engine, server: Forcing, folder: Path, calls: Sequence[Call], cases: int) -> Figures:
    """The command."""
    ran = share_run("all", folder, server, running)
    if ran.whole != cases or len(ran.calls) != len(calls):
        raise SideFailed(f"{ran.whole} cases of {cases} are whole, {len(ran.calls)} calls of {len(calls)}")
    return {"whole": ran.seconds, "asking": ran.engine_seconds, "processor": ran.processor}


def comparisons(setup: Setup) -> Iterator[Comparison]:
    """Start the engine, note what is asked, and compare."""
    given = setup.given
    base: Path | None = None if setup.small or given.base is None else given.base.resolve()
    with tempfile.TemporaryDirectory(prefix="engine-overhead-") as parent:
        if setup.small or not given.data.is_dir():
            given.data, given.recorded = Path(parent) / "data", RUN
            write_demo_run(given.data, STEPS)
        if setup.small:
            given.cases = min(given.cases, SMALL)
        folder = Path(parent) / "run"
        cases = prepare(given, folder)
        said = Path(parent) / "server.txt"
        speed = 20.0 if setup.small else 1.0
        with engine(given.python, base, said, eager=not given.compiled, speed=speed) as running:
            answers = Answers(measured_answers(folder, running))
            with forcing(running.url, running.model, answers) as server:
                noted = share_run("all", folder, server, running)
                calls = noted.calls
                unmatched = sum(not call.matched for call in calls)
                if noted.whole != cases or unmatched:
                    raise SideFailed(
                        f"{noted.whole} of {cases} cases are whole, {unmatched} calls not forced"
                    )
                what = "vLLM" if base else "a simulated engine"
                yield Comparison(
                    f"{cases} cases of {given.recorded}, {len(calls)} calls, {what}",
                    sides=(
                        Side("engine", lambda: by_engine(running, calls)),
                        Side("share run", lambda: by_share(running, server, folder, calls, cases)),
                    ),
                    figures=FIGURES,
                    rounds=3,
                )


def options(parser: argparse.ArgumentParser) -> None:
    """Its own."""
    parser.add_argument("--base", type=Path, help="folder of a small Hugging Face checkpoint, for vLLM")
    common_arguments(parser)


if __name__ == "__main__":
    sys.exit(main(__doc__, comparisons, options))
