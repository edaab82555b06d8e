"""`share run` against the reference's way to infer.

Three runs, one after another, over the same recorded cases (`recorded_cases.py`), on the same small base in
vLLM with the same settings:

reference  its own code, unchanged, started by `reference_outside.py`; or, with --stand-in, a program in our
           own words that makes the same calls in the same order (`reference_stand_in.py`)
all        `share run` with a model for every role: bam, mask, sam, lom, generator
symbolic   `share run` with a model for sam, lom and generator

What is compared: wall time, calls, tokens and lost cases. Each answer has the recorded answer's length and
text, on both sides (`forced_answers.py`), so that the same amount of writing is done and what differs is how
it is asked for: loads, batches, order, prompts. What is not compared: how good the answers are, for there is
one set of answers; a GPU; several GPUs for one model, as the reference fixes it; and a generator behind the
network, which is the same small base here, at one server, for both sides; with --generator-seconds it is a
service elsewhere that answers after as long, and writes on none of these cores.

SHARE's prompts are those that its own small models are trained on (--prompts brief), as the reference's are
those of its models; --prompts default asks any model, and is longer.

Loads: the reference starts an engine for each of its four stages, which is part of its way. SHARE's server is
started once. The server that stands for the reference's generator is a service that is there, so its start
does not count there. Times are given with and without loads. The server forgets its prefix cache before each
run of SHARE. While the reference's engines work, the server is idle; while SHARE runs, this process passes
its calls on, on the same cores, which counts against SHARE.

A lost case has no SQL in the end, or, with SHARE, an error. Ends with 1 where a measure is missed, or a call
was of no recorded case, so that its length was not forced.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from forced_answers import Answers
from forced_run import ROLES, RUNS, common_arguments, measured_answers, prepare, share_run
from forcing_server import Call, Forcing, forcing
from vllm_process import Engine, engine, engine_arguments, vllm_environment

FASTER = {"all": 4.0, "symbolic": 10.0}
TOKENS = 1 / 3


@dataclass(frozen=True)
class Side:
    """What one run took."""

    name: str
    """As the table heads it."""
    loads: float
    """Seconds in which engines were loaded."""
    work: float
    """Seconds without them."""
    calls: int = 0
    """Of the small models."""
    prompt_tokens: int = 0
    """Of the small models."""
    cached_tokens: int = 0
    """Of those, found in the prefix cache."""
    completion_tokens: int = 0
    """Of the small models."""
    generator_calls: int = 0
    """Of the generator."""
    generator_tokens: int = 0
    """Of the generator, read and written."""
    lost: int = 0
    """Cases."""
    unmatched: int = 0
    """Calls of no recorded case."""

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.loads + self.work

    @property
    def tokens(self) -> int:
        """Of the small models."""
        return self.prompt_tokens + self.completion_tokens


def counted(side: Side, calls: Sequence[Call]) -> Side:
    """A side with the calls that the server saw."""
    small = [call for call in calls if call.role != "generator"]
    generator = [call for call in calls if call.role == "generator"]
    return replace(
        side,
        calls=side.calls + len(small),
        prompt_tokens=side.prompt_tokens + sum(call.prompt_tokens for call in small),
        cached_tokens=side.cached_tokens + sum(call.cached_tokens for call in small),
        completion_tokens=side.completion_tokens + sum(call.completion_tokens for call in small),
        generator_calls=len(generator),
        generator_tokens=sum(call.prompt_tokens + call.completion_tokens for call in generator),
        unmatched=side.unmatched + sum(not call.matched or call.status != 200 for call in calls),
    )


# -- the two ways ----------------------------------------------------------------------------------------


def reference(given: argparse.Namespace, server: Forcing, inputs: Path, cases: int) -> Side:
    """Run the reference's code, or the stand-in."""
    out: Path = given.out / "reference"
    out.mkdir()
    server.take()
    notes, settings = out / "calls.jsonl", out / "settings.json"
    checkout: Path | None = given.checkout
    settings.write_text(
        json.dumps(
            {
                "base": str(given.base),
                "engine": {**engine_arguments(not given.compiled), "tensor_parallel_size": 1},
                "answers": str(given.out / "answers.json"),
                "log": str(notes),
                "generator": f"{server.url}/generator/v1",
                "paths": dict(pair.split("=", 1) for pair in given.path),
                "import_from": [str(checkout / part) for part in ("", "src")] if checkout else [],
            }
        )
    )
    if checkout is None:
        script = RUNS / "reference_stand_in.py"
        arguments = ["--prompts", str(inputs / "prompts.json"), "--output_dir", str(out / "answers")]
    else:
        script = checkout / "src/infer/run.py"
        arguments = ["--data_config_path", str(inputs / "data_config.json")]
        arguments += ["--input_sql_path", str(inputs / "baseline_sql.json")]
        for role in ("bam", "sam", "lom"):
            arguments += [f"--{role}_model_path", str(given.base)]
        arguments += ["--output_dir", str(out / "answers")]
    began = time.monotonic()
    with (out / "said.txt").open("wb") as said:
        code = subprocess.run(
            [given.python, str(RUNS / "reference_outside.py"), str(settings), str(script), *arguments],
            stdout=said, stderr=subprocess.STDOUT, env=vllm_environment(), cwd=checkout, check=False,
        ).returncode  # fmt: skip
    seconds = time.monotonic() - began
    if code:
        raise SystemExit(f"the reference's side ended with {code}; see {out / 'said.txt'}")
    entries = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
    loads = sum(entry["seconds"] for entry in entries if entry["event"] == "load")
    batches = [entry for entry in entries if entry["event"] == "batch"]
    total = {name: sum(entry[name] for entry in batches) for name in batches[0] if name.endswith("_tokens")}
    side = Side(
        "stand-in" if checkout is None else "reference", loads, seconds - loads,
        calls=sum(entry["calls"] for entry in batches), **total,
        unmatched=sum(entry["unmatched"] for entry in batches),
        lost=lost_by_reference(out / "answers" / "final_sql.json", cases),
    )  # fmt: skip
    return counted(side, server.take())


def lost_by_reference(final_sql: Path, cases: int) -> int:
    """How many cases have no SQL in its `final_sql.json`."""
    written = json.loads(final_sql.read_text(encoding="utf-8"))
    return sum(not str(written.get(str(at), "")).split("\t")[0].strip() for at in range(cases))


def share(which: str, server: Forcing, running: Engine, folder: Path, cases: int) -> Side:
    """Run `share run` with models for some roles."""
    ran = share_run(which, folder, server, running)
    return counted(Side(f"share, {which}", running.loading, ran.seconds, lost=cases - ran.whole), ran.calls)


# -- the table -------------------------------------------------------------------------------------------


def table(sides: Sequence[Side], cases: int) -> str:
    """All sides beside each other."""
    first = sides[0]
    rows: list[tuple[str, list[str]]] = [
        ("seconds", [f"{side.seconds:.1f}" for side in sides]),
        ("  loads", [f"{side.loads:.1f}" for side in sides]),
        ("  without loads", [f"{side.work:.1f}" for side in sides]),
        ("times as fast", [f"{first.seconds / side.seconds:.2f}" for side in sides]),
        ("  without loads", [f"{first.work / side.work:.2f}" for side in sides]),
        ("SLM calls", [str(side.calls) for side in sides]),
        ("SLM tokens a case", [f"{side.tokens / cases:.0f}" for side in sides]),
        ("  of the first's", [f"{side.tokens / first.tokens:.2f}" for side in sides]),
        ("  read", [f"{side.prompt_tokens / cases:.0f}" for side in sides]),
        ("    from the cache", [f"{side.cached_tokens / cases:.0f}" for side in sides]),
        ("  written", [f"{side.completion_tokens / cases:.0f}" for side in sides]),
        ("generator calls", [str(side.generator_calls) for side in sides]),
        ("generator tokens a case", [f"{side.generator_tokens / cases:.0f}" for side in sides]),
        ("lost cases", [str(side.lost) for side in sides]),
        ("calls not forced", [str(side.unmatched) for side in sides]),
    ]
    head = f"{cases} cases".ljust(26) + "".join(side.name.rjust(18) for side in sides)
    return "\n".join(
        [head, *(name.ljust(26) + "".join(v.rjust(18) for v in values) for name, values in rows)]
    )


def measures(sides: Sequence[Side]) -> list[tuple[str, bool]]:
    """What is asked of the figures, and whether it holds."""
    first, *others = sides
    told = []
    for side in others:
        least = FASTER[side.name.removeprefix("share, ")]
        times, tokens = first.seconds / side.seconds, side.tokens / first.tokens
        told += [
            (f"{side.name}: {times:.2f} times as fast, at least {least:g} asked", times >= least),
            (f"{side.name}: {tokens:.2f} of the SLM tokens, at most 0.33 asked", tokens <= TOKENS),
            (f"{side.name}: {side.lost} cases lost, at most {first.lost} asked", side.lost <= first.lost),
        ]
    unmatched = sum(side.unmatched for side in sides)
    return [*told, (f"{unmatched} calls were not forced, 0 asked", unmatched == 0)]


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        "runs/against_reference.sh", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("checkout", nargs="?", type=Path, help="of quge2023/SHARE")
    which.add_argument("--stand-in", action="store_true", help="without a checkout")
    parser.add_argument(
        "--path", action="append", default=[], metavar="OLD=NEW",
        help="where a path is that its files fix: files whose path begins with OLD are opened at NEW",
    )  # fmt: skip
    parser.add_argument("--base", type=Path, required=True, help="folder of a small Hugging Face checkpoint")
    common_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="a new folder for all that is made")
    parser.add_argument(
        "--generator-seconds", type=float, metavar="S",
        help="the generator is a service elsewhere that takes S seconds for each answer",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser


def main() -> int:
    """Run all sides and print them."""
    given = arguments().parse_args()
    if given.checkout is not None:
        given.checkout = given.checkout.resolve()
        if not (given.checkout / "src/infer/run.py").is_file():
            raise SystemExit(f"{given.checkout} has no src/infer/run.py; give a checkout of the reference")
    given.base, given.out = given.base.resolve(), given.out.resolve()
    cases = prepare(given, given.out)
    with engine(given.python, given.base, given.out / "server.txt", eager=not given.compiled) as running:
        answers = Answers(measured_answers(given.out, running))
        with forcing(running.url, running.model, answers, given.generator_seconds) as server:
            what = "stand-in" if given.stand_in else "its own code"
            print(f"the reference's way ({what}) …", file=sys.stderr)
            sides = [reference(given, server, given.out / "inputs", cases)]
            for which in ROLES:
                print(f"share run, {which} …", file=sys.stderr)
                sides.append(share(which, server, running, given.out, cases))
    if given.generator_seconds is not None:
        print(f"the generator is a service elsewhere: {given.generator_seconds:g} s for each answer")
    if given.stand_in:
        print("stand-in: a program of our own that makes the reference's calls, not the reference's code\n")
    print(table(sides, cases))
    told = measures(sides)
    print()
    for text, holds in told:
        print(f"{'yes' if holds else 'NO '}  {text}")
    if given.json:
        figures = {
            "cases": cases,
            "stand_in": given.stand_in,
            "compiled": given.compiled,
            "prompts": given.prompts,
            "generator_seconds": given.generator_seconds,
        }
        rows = [{**asdict(side), "seconds": side.seconds, "tokens": side.tokens} for side in sides]
        measured = [{"measure": text, "holds": holds} for text, holds in told]
        given.json.write_text(
            json.dumps({**figures, "sides": rows, "measures": measured}, indent=1) + "\n", encoding="utf-8"
        )
    return int(not all(holds for _, holds in told))


if __name__ == "__main__":
    sys.exit(main())
