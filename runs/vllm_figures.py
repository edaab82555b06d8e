"""What a run with vLLM took, and how like it is to the same run in SHARE's own process (`vllm_cpu.sh`).

python runs/vllm_figures.py OUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(out: Path) -> None:
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    seconds = json.loads((out / "run" / "run.json").read_text(encoding="utf-8"))["seconds"]
    print(f"{'stage':10} {'requests':>8} {'prompt':>8} {'cached':>8} {'share':>6} {'answers':>8}")
    total = dict.fromkeys(("requests", "prompt_tokens", "cached_tokens", "completion_tokens"), 0)
    for stage, usage in told["usage"].items():
        row(stage, usage)
        total = {name: count + usage[name] for name, count in total.items()}
    row("all", total)
    print(f"{told['cases']} cases in {seconds:.1f} s: {told['verdicts']}")
    print(f"cases that lost a model: {len(told['failed'])} (asked for: 0)")
    print(f"answers of no use, by role: {told['unusable'] or 'none'}")
    if (out / "embedded" / "corrections.jsonl").is_file():
        ours, theirs = corrections(out / "run"), corrections(out / "embedded")
        verdicts = sum(one["verdict"] == theirs[name]["verdict"] for name, one in ours.items())
        queries = sum(one["sql"] == theirs[name]["sql"] for name, one in ours.items())
        like = f"{verdicts} verdicts and {queries} queries of {len(ours)}"
        print(f"like the same models in SHARE's own process: {like}")


def row(stage: str, usage: dict[str, int]) -> None:
    share = usage["cached_tokens"] / max(usage["prompt_tokens"], 1)
    counts = (usage[name] for name in ("requests", "prompt_tokens", "cached_tokens"))
    told = " ".join(f"{count:8}" for count in counts)
    print(f"{stage:10} {told} {share:6.0%} {usage['completion_tokens']:8}")


def corrections(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "corrections.jsonl").read_text(encoding="utf-8").splitlines()
    return {each["id"]: each for each in map(json.loads, lines)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
