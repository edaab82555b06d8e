"""`share run` over recorded cases, on an engine whose answers are forced: what comparisons with it share."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forced_answers import Forced, read_answers, write_answers
from forcing_server import Call, Forcing
from recorded_cases import recorded_cases
from vllm_process import Engine

from share_sql.prompts.library import format_template, load_prompts

RUNS = Path(__file__).resolve().parent
CONCURRENCY = 64
"""Of `share run`. Later stages wait for earlier ones, so that many cases keep the engine's batches full."""
ROLES = {
    "all": ("bam", "mask", "sam", "lom", "generator"),
    "symbolic": ("sam", "lom", "generator"),
}
"""For which roles a model is asked."""


@dataclass(frozen=True)
class Ran:
    """One `share run`."""

    seconds: float
    """From the command's start to its end."""
    processor: float
    """Its processor time."""
    rows: list[Mapping[str, Any]]
    """corrections.jsonl."""
    calls: list[Call]
    """What it asked, in order."""

    @property
    def whole(self) -> int:
        """Cases with SQL and without an error."""
        return sum(bool(row["sql"]) and not row["error"] for row in self.rows)

    @property
    def engine_seconds(self) -> float:
        """From its first call to its last answer."""
        return max(call.ended for call in self.calls) - min(call.began for call in self.calls)


def common_arguments(parser: argparse.ArgumentParser, *, cases: int = 64) -> None:
    """What all comparisons on recorded cases take."""
    data = os.environ.get("SHARE_DATA") or str(RUNS / "../../shared/data")
    python = os.environ.get("VLLM_PYTHON", "python")
    parser.add_argument("--cases", type=int, default=cases, help="%(default)s")
    parser.add_argument("--data", type=Path, default=Path(data), help="$SHARE_DATA, else ../shared/data")
    parser.add_argument("--recorded", default="arcwise-gpt-5.2", help="the recorded run: %(default)s")
    parser.add_argument("--compiled", action="store_true", help="vLLM compiles the model at each load")
    parser.add_argument(
        "--prompts", default="brief",
        help="SHARE's prompts: `brief`, which its own small models are trained on, or `default`, for any\n"
        "model; roles that a set lacks are asked with the default; %(default)s",
    )  # fmt: skip
    parser.add_argument("--python", default=python, help="of vLLM's environment: $VLLM_PYTHON, else python")


def prepare(given: argparse.Namespace, folder: Path) -> int:
    """Make a folder with inputs/, prompts/ and answers.json; how many cases there are."""
    if folder.exists():
        raise SystemExit(f"{folder} is there already; give a new folder")
    folder.mkdir(parents=True)
    answers, cases = recorded_cases(given.data.resolve(), given.recorded, given.cases, folder / "inputs")
    if not cases:
        raise SystemExit(f"{given.data} has no case of {given.recorded} with its database")
    write_answers(folder / "answers.json", answers)
    prompts = {**load_prompts().templates, **load_prompts(given.prompts).templates}
    (folder / "prompts").mkdir()
    for role, template in prompts.items():
        (folder / "prompts" / f"{role}.md").write_bytes(format_template(template).encode())
    return cases


def measured_answers(folder: Path, running: Engine) -> tuple[Forced, ...]:
    """The recorded answers with their lengths in the engine's tokens, which are noted in answers.json."""
    path = folder / "answers.json"
    recorded = read_answers(path).recorded
    write_answers(path, (replace(each, tokens=running.length(each.text)) for each in recorded))
    return read_answers(path).recorded


def share_run(which: str, folder: Path, server: Forcing, running: Engine) -> Ran:
    """Run it with models for some roles, over the inputs in a folder, on an engine that has forgotten all
    prefixes. Its run folder is new each time. Raises SystemExit where it fails."""
    out = folder / f"{which}-{time.time_ns()}"
    models = out.with_suffix(".toml")
    models.write_text(
        "".join(
            f'[models.{role}]\nbase_url = "{server.url}/{role}/v1"\nmodel = "{role}"\n'
            'grammar_field = "structured_outputs"\n'
            f"timeout = 3600.0\ndeadline = 3600.0\nconcurrency = {CONCURRENCY}\n\n"
            for role in ROLES[which]
        )
    )
    arguments = [
        sys.executable, "-c", "from share_sql.cli.main import main; main()", "run",
        "--data-config", str(folder / "inputs/data_config.json"), "--models", str(models),
        "--prompts", str(folder / "prompts"), "--policy", "always", "--concurrency", str(CONCURRENCY),
        "--case-seconds", "7200", "--out", str(out),
    ]  # fmt: skip
    running.forget()
    server.take()
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    said = out.with_suffix(".txt")
    with said.open("wb") as file:
        # 1 says that a model gave nothing of use in some cases; who compares counts what is lost.
        code = subprocess.run(arguments, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if code not in (0, 1):
        raise SystemExit(f"share run ended with {code}; see {said}")
    with (out / "corrections.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(seconds, processor, rows, server.take())
