"""Correct published drafts with the shipped small models, take stages out one by one, and print the figures.

    python runs/small_models.py [DATA] [OUT] [--sets NAME,…] [--variants NAME,…]

DATA is laid out as docs/results.md says (default: $SHARE_DATA, else ../shared/data). OUT (default
out/small_models) keeps each run and an answer cache: what a model answered once is not asked again, so a
second call, or a variant that asks the same, takes seconds. Times and tokens are told for what was really
asked, so look at those of a first call.

Variants: full (sam, lom, scorer, drafter, policy gated), no-model, drafter (it alone), without-drafter,
without-sam, without-lom, without-scorer (candidates are compared without one), without-judge (policy always:
the paper's), with-bam (bam by its model, not the syntax tree), untuned (SmolLM2 without adapters, on the
first 40 cases).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SHARE = os.environ.get("SHARE", ".venv/bin/share")
VARIANTS: dict[str, tuple[tuple[str, ...], str]] = {
    "no-model": ((), "gated"),
    "full": (("sam", "lom", "scorer", "drafter"), "gated"),
    "without-drafter": (("sam", "lom", "scorer"), "gated"),
    "drafter": (("drafter",), "gated"),
    "without-sam": (("lom", "scorer", "drafter"), "gated"),
    "without-lom": (("sam", "scorer", "drafter"), "gated"),
    "without-scorer": (("sam", "lom", "drafter"), "gated"),
    "without-judge": (("sam", "lom"), "always"),
    "with-bam": (("bam", "sam", "lom", "scorer"), "gated"),
    "untuned": (("sam", "lom", "scorer"), "gated"),
}
UNTUNED_CASES = 40


def benchmark_of(name: str, data: Path, out: Path) -> tuple[list[str], Path]:
    """The options that name a set's benchmark files, and its drafts."""
    kind, _, generator = name.partition("-")
    if kind == "spider":
        folder = data / "spider"
        drafts = folder / "drafts" / f"{generator}.json"
        files = {
            "questions": folder / "dev.json",
            "tables": folder / "tables.json",
            "databases": folder / "database",
        }
    else:
        folder = data / "bird" / "dev"
        drafts = folder / "drafts" / f"{generator}.json"
        questions = out / "bird_dev.json"
        if kind == "arcwise":  # corrected gold, and drafts from the recorded run
            kind, questions = "bird", out / "bird_arcwise.json"
            drafts = data / "recorded" / name / "baseline_sql.json"
        files = {
            "questions": questions,
            "tables": folder / "dev_tables.json",
            "databases": folder / "dev_databases",
        }
    options = ["--benchmark", kind]
    for key, path in files.items():
        options += [f"--{key}", str(path)]
    return options, drafts


def models_file(out: Path, variant: str) -> str:
    """What `--models` takes for a variant; a models file is written where one is needed."""
    roles, _ = VARIANTS[variant]
    if not roles:
        return "none"
    lines = []
    for role in roles:
        lines += [f"[models.{role}]", 'kind = "embedded"']
        lines += [] if variant == "untuned" else ['adapter = "shipped"']
    path = out / f"{variant}.toml"
    path.write_text("\n".join([*lines, "[cache]", 'path = "answers.sqlite"', ""]), encoding="utf-8")
    return str(path)


def figures(name: str, variant: str, data: Path, out: Path) -> dict[str, Any]:
    """One set through one variant."""
    options, drafts = benchmark_of(name, data, out)
    meanings = data / ("spider" if name.startswith("spider") else "bird/dev") / "column_meaning.json"
    folder = out / variant / name
    given = [SHARE, "run", *options, "--meanings", str(meanings), "--drafts", str(drafts)]
    given += ["--models", models_file(out, variant), "--policy", VARIANTS[variant][1], "--concurrency", "32"]
    if variant == "untuned":
        given += ["--limit", str(UNTUNED_CASES)]
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    started = time.time()
    subprocess.run([*given, "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)
    seconds = time.time() - started
    scored = subprocess.run(
        [
            SHARE,
            "eval",
            *options,
            "--predictions",
            str(folder),
            "--drafts",
            str(drafts),
            "--metrics",
            "ex",
            "--json",
        ]
        + (["--only-present"] if variant == "untuned" else []),
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(scored.stdout)
    corrections = [
        json.loads(line) for line in (folder / "corrections.jsonl").read_text("utf-8").splitlines()
    ]
    asked = {each["id"] for each in corrections}
    rows = [case for case in told["cases"] if str(case["id"]) in asked]
    before = [bool(case["draft"]["ex"]) for case in rows]
    after = [bool(case["ex"]) for case in rows]
    tokens = [
        sum(use["prompt_tokens"] + use["completion_tokens"] for use in each["usage"].values())
        for each in corrections
    ]
    return {
        "set": name,
        "variant": variant,
        "cases": len(rows),
        "before": sum(before),
        "after": sum(after),
        "fixed": sum(b and not a for a, b in zip(before, after, strict=True)),
        "broken": sum(a and not b for a, b in zip(before, after, strict=True)),
        "fired": sum(each["verdict"] == "corrected" for each in corrections),
        "seconds": seconds / len(corrections),
        "tokens": sum(tokens) / len(corrections),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "data", nargs="?", type=Path, default=Path(os.environ.get("SHARE_DATA", "../shared/data"))
    )
    parser.add_argument("out", nargs="?", type=Path, default=Path("out/small_models"))
    parser.add_argument("--sets")
    parser.add_argument("--variants", default="no-model,full")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "runs/make_cases.py", str(args.data), str(args.out)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    sets = args.sets.split(",") if args.sets else [
        f"{kind}-{path.stem}"
        for kind, folder in (("spider", args.data / "spider/drafts"), ("bird", args.data / "bird/dev/drafts"))
        for path in sorted(folder.glob("*.json"))
    ] + ["arcwise-gpt-5.2"]  # fmt: skip
    print("| set | variant | cases | before | after | fixed | broken | fired | s a case | tokens a case |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with (args.out / "figures.jsonl").open("a", encoding="utf-8") as log:
        for variant in args.variants.split(","):
            for name in sets:
                row = figures(name, variant, args.data, args.out)
                log.write(json.dumps(row) + "\n")
                counts = [
                    row[key] for key in ("set", "variant", "cases", "before", "after", "fixed", "broken")
                ]
                told = [*map(str, counts), f"{row['fired'] / row['cases']:.1%}"]
                told += [f"{row['seconds']:.2f}", f"{row['tokens']:.0f}"]
                print(f"| {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main()
