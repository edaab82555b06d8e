"""A run whose models are scripted and take their time: for `scaling.py`, which starts it as a process.

    python benchmarks/scripted_run.py --cases FILE --out DIR [--concurrency 64] [--processes 1]
        [--seconds 0.3]

What `share run` does with a models file of sam, lom and generator, but for the server: the models answer in
this process, each after a latency of its own, log-normal as servers' are. It is drawn from the role and
the case's id, so that every run of a case waits alike. sam and lom answer the trajectory of the case's gold,
the generator its gold, so that later stages have real work. Printed at the end, as JSON: how many cases, and
how long the middle eight tenths of them took to end one after another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import time
from collections.abc import Mapping
from pathlib import Path

from share_sql.assistant import Assistant, prompts_for
from share_sql.benchmarks.cases import CaseFile
from share_sql.database.open import open_database
from share_sql.models.base import Answer, Model, ModelReply, ModelRequest, Usage
from share_sql.runfolder.execute import RunSettings, run_cases
from share_sql.schema.introspect import introspect
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.write import write

ROLES = ("sam", "lom", "generator")
SIGMA = 0.6
"""Of the latencies' logarithm: one answer of twenty takes over twice the mean."""


class Slow:
    """Answers from a script, after a while.

    Args:
        answers: by role, then by the case's id up to its last slash.
        seconds: the mean latency.
    """

    name = "scripted"
    takes_grammar = False
    prompts = None
    samples = 1
    calibrated = True

    def __init__(self, answers: Mapping[str, Mapping[str, str]], seconds: float) -> None:
        self._answers = answers
        self._mu = math.log(seconds) - SIGMA**2 / 2 if seconds else None

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The script's answer."""
        if self._mu is not None:
            drawn = random.Random(f"{request.role} {request.case_id}")
            await asyncio.sleep(drawn.lognormvariate(self._mu, SIGMA))
        text = self._answers[request.role][request.case_id.rpartition("/")[0]]
        characters = sum(len(message.content) for message in request.messages)
        usage = Usage(characters // 4, len(text) // 4, requests=1)
        return ModelReply((Answer(text),), usage, self.name)

    async def close(self) -> None:
        """Nothing to give back."""


def answers_of(path: Path) -> dict[str, dict[str, str]]:
    """By role and case what is answered, from gold; ids begin anew, up to their slash, after some cases."""
    found: dict[str, dict[str, str]] = {role: {} for role in ROLES}
    schema = None
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            case = json.loads(line)
            key = case["id"].rpartition("/")[0]
            if key in found["lom"]:
                break
            if schema is None:
                with open_database(case["database"]) as database:
                    schema = introspect(database)
            trajectory = f"```SR\n{write(from_sql(case['gold'], schema), 'paper')}\n```"
            found["sam"][key] = found["lom"][key] = trajectory
            found["generator"][key] = f"```sql\n{case['gold']}\n```"
    return found


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.3, help="mean latency")
    given = parser.parse_args()
    model: Model = Slow(answers_of(given.cases), given.seconds)
    models = dict.fromkeys(ROLES, model)
    prompts = prompts_for(models)
    settings = RunSettings("gated", dict.fromkeys(ROLES, model.name), prompts)
    cases = CaseFile(given.cases, ("question", "database", "draft"))
    ends: dict[int, float] = {}

    def progress(done: int, of: int) -> None:
        for tenth in (1, 9):
            if 10 * done >= tenth * of:
                ends.setdefault(tenth, time.monotonic())

    with Assistant(
        models=models, prompts=prompts, concurrency=given.concurrency, processes=given.processes
    ) as assistant:
        counts = run_cases(assistant, cases, given.out, settings, progress=progress)
    failed = [f"{each.id}: {each.error}" for each in counts.failed[:3]]
    if failed or counts.unusable:
        raise SystemExit(
            f"{len(counts.failed)} cases failed: {failed}; answers of no use: {dict(counts.unusable)}"
        )
    print(json.dumps({"cases": counts.cases, "middle_seconds": ends[9] - ends[1]}))


if __name__ == "__main__":
    main()
