"""Agreement with the official evaluation scripts, case by case; see against_official.sh."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
SHARE = str(Path(sys.executable).with_name("share"))
PATIENCE_SECONDS = 180
"""How long an official script may take for one file."""

ROUNDS = 5
"""Timed runs of each program."""

BIRD_DATABASES = ("superhero", "student_club")
"""Those of BIRD dev whose files are in the data."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mini-dev", type=Path, required=True)
    parser.add_argument("--test-suite", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--skip-speed", action="store_true")
    parser.add_argument("--speed-only", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(arguments, Path(folder))
        print(f"{'file':42} {'metric':22} {'cases':>6} {'ours':>6} {'theirs':>6} {'disagree':>9}")
        if not arguments.speed_only:
            comparison.bird()
            comparison.spider()
            comparison.spider_train()
        if not arguments.skip_speed:
            comparison.speed_bird()
            comparison.speed_spider()
    print(f"\n{comparison.disagreements} disagreements")
    return 1 if comparison.disagreements else 0


class Comparison:
    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.arguments = arguments
        self.data: Path = arguments.data.resolve()
        self.folder = folder
        self.disagreements = 0

    # -- running both

    def official(self, kind: str, checkout: Path, job: object) -> dict[str, list[object]] | None:
        """The script's verdicts; None where it does not end in time (trying all values may never)."""
        file = self.folder / "job.json"
        file.write_text(json.dumps(job))
        try:
            done = subprocess.run(
                [self.arguments.python, str(HERE / "official_verdicts.py"), kind, str(checkout), str(file)],
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            raise SystemExit(f"the official script failed:\n{done.stderr}")
        answer: dict[str, list[object]] = json.loads(done.stdout)
        return answer

    def ours(self, cases: Sequence[dict[str, object]], metrics: str, *flags: str) -> list[dict[str, object]]:
        file = self.folder / "cases.jsonl"
        file.write_text("".join(json.dumps(case) + "\n" for case in cases))
        done = subprocess.run(
            [SHARE, "eval", "--cases", str(file), "--metrics", metrics, "--json", "--no-cache", *flags],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"share eval failed:\n{done.stderr}")
        answer: list[dict[str, object]] = json.loads(done.stdout)["cases"]
        return answer

    def row(self, name: str, metric: str, ours: Sequence[object], theirs: Sequence[object]) -> None:
        assert len(ours) == len(theirs), f"{name} {metric}: {len(ours)} against {len(theirs)}"
        apart = [at for at, (a, b) in enumerate(zip(ours, theirs, strict=True)) if not same(a, b)]
        self.disagreements += len(apart)
        counts = [
            sum(value == 1 for value in side) if metric != "hardness" else "" for side in (ours, theirs)
        ]
        shown = f"  at {apart[:8]}" if apart else ""
        print(f"{name:42} {metric:22} {len(ours):6} {counts[0]:>6} {counts[1]:>6} {len(apart):9}{shown}")
        sys.stdout.flush()

    # -- BIRD

    def bird_files(self) -> list[tuple[str, Path, Path]]:
        """Name, file of SQL by id, questions with gold."""
        dev = self.data / "bird/dev/dev.json"
        files = [(f"bird/{f.stem}", f, dev) for f in sorted((self.data / "bird/dev/drafts").glob("*.json"))]
        files.append(("recorded/bird-gpt-4o final", self.data / "recorded/bird-gpt-4o/final_sql.json", dev))
        arcwise = self.data / "recorded/arcwise-gpt-5.2"
        files += [
            (f"recorded/arcwise {part}", arcwise / f"{part}_sql.json", arcwise / "dev.json")
            for part in ("baseline", "final")
        ]
        return files

    def bird_cases(self, file: Path, questions: Path) -> list[dict[str, object]]:
        predictions = json.loads(file.read_text())
        databases = self.data / "bird/dev/dev_databases"
        cases = []
        for question in json.loads(questions.read_text()):
            name = str(question.get("idx", question["question_id"]))
            database = question["db_id"]
            if database in BIRD_DATABASES and name in predictions:
                cases.append(
                    {
                        "id": name,
                        "database": str(databases / database / f"{database}.sqlite"),
                        "gold": question["SQL"],
                        "prediction": predictions[name].split("\t----- bird -----\t")[0],
                        "difficulty": question.get("difficulty", "simple"),
                    }
                )
        return cases

    def bird(self) -> None:
        for name, file, questions in self.bird_files():
            cases = self.bird_cases(file, questions)
            pairs = [[case["prediction"], case["gold"], case["database"]] for case in cases]
            theirs = self.official("bird", self.arguments.mini_dev / "evaluation", {"pairs": pairs})
            assert theirs is not None, "the official script did not end in time"
            ours = self.ours(cases, "ex,soft-f1")
            for metric in ("ex", "soft-f1"):
                self.row(name, metric, [case[metric] for case in ours], theirs[metric])

    # -- Spider

    def spider_job(self, file: Path) -> tuple[list[dict[str, object]], dict[str, object]]:
        """Cases for us and files for the script, whose format is one line a query."""
        folder = self.data / "spider/database"
        questions = json.loads((self.data / "spider/dev.json").read_text())
        predictions = json.loads(file.read_text())
        cases = [
            {
                "id": at,
                "database": str(folder / question["db_id"] / f"{question['db_id']}.sqlite"),
                "gold": " ".join(question["query"].split()),
                "prediction": " ".join(prediction.split()),
            }
            for at, (question, prediction) in enumerate(zip(questions, predictions, strict=True))
        ]
        gold, predicted = self.folder / "gold.txt", self.folder / "predicted.txt"
        gold.write_text(
            "".join(f"{case['gold']}\t{q['db_id']}\n" for case, q in zip(cases, questions, strict=True))
        )
        predicted.write_text("".join(f"{case['prediction']}\n" for case in cases))
        job = {
            "gold": str(gold),
            "predictions": str(predicted),
            "databases": str(folder),
            "tables": str(self.data / "spider/tables.json"),
        }
        return cases, job

    def spider(self) -> None:
        for file in sorted((self.data / "spider/drafts").glob("*.json")):
            cases, job = self.spider_job(file)
            variants = {
                "": (),
                " keep-distinct": ("--keep-distinct",),
                " plug-values": ("--plug-values",),
            }
            for label, flags in variants.items():
                settings = {"plug_values": "plug" in label, "keep_distinct": "keep" in label}
                theirs = self.official("spider", self.arguments.test_suite, job | settings)
                tables = ("--benchmark", "spider", "--tables", str(job["tables"]))
                ours = self.ours(cases, "ex,em", *tables, *flags)
                name = f"spider/{file.stem}"
                if theirs is None:
                    print(
                        f"{name:42} {'ex' + label:22} the official script did not end in {PATIENCE_SECONDS} s"
                    )
                    continue
                self.row(name, f"ex{label}", [case["ex"] for case in ours], theirs["ex"])
                if not label:
                    self.row(name, "em", [case["em"] for case in ours], theirs["em"])
                    levels = [case["difficulty"] for case in ours]
                    self.row(name, "hardness", levels, theirs["hardness"])

    def spider_train(self) -> None:
        """Each train question's gold as prediction for the one before it: many more kinds of queries.

        The script ends where a gold is outside its grammar or does not run;
        such questions are left out and counted.
        """
        folder = self.data / "spider/database"
        questions = json.loads((self.data / "spider/train.json").read_text())
        cases: list[dict[str, object]] = []
        for at, (question, other) in enumerate(pairwise(questions)):
            database = question["db_id"]
            if database == other["db_id"]:
                cases.append(
                    {
                        "id": at,
                        "name": database,
                        "database": str(folder / database / f"{database}.sqlite"),
                        "gold": " ".join(question["query"].split()),
                        "prediction": " ".join(other["query"].split()),
                    }
                )
        tables = str(self.data / "spider/tables.json")
        ours = self.ours(cases, "ex,em", "--benchmark", "spider", "--tables", tables)
        readable = [at for at, case in enumerate(ours) if case["em"] is not None and "gold_error" not in case]
        gold, predicted = self.folder / "gold.txt", self.folder / "predicted.txt"
        gold.write_text("".join(f"{cases[at]['gold']}\t{cases[at]['name']}\n" for at in readable))
        predicted.write_text("".join(f"{cases[at]['prediction']}\n" for at in readable))
        job = {"gold": str(gold), "predictions": str(predicted), "databases": str(folder), "tables": tables}
        theirs = self.official(
            "spider", self.arguments.test_suite, job | {"plug_values": False, "keep_distinct": False}
        )
        assert theirs is not None, "the official script did not end in time"
        kept = [ours[at] for at in readable]
        for metric, key in (("ex", "ex"), ("em", "em"), ("hardness", "difficulty")):
            self.row("spider/train, next gold", metric, [case[key] for case in kept], theirs[metric])
        print(f"{len(cases) - len(readable)} train questions left out: the script ends at their gold")

    # -- speed

    def speed_bird(self) -> None:
        """BIRD's 287 × 3: the script takes one file a command, `share eval` all three in one."""
        dev = self.data / "bird/dev"
        scripts: list[list[str]] = []
        files = self.bird_files()[:3]
        for name, file, questions in files:
            cases = self.bird_cases(file, questions)
            names = [Path(str(case["database"])).stem for case in cases]
            stem = self.folder / name.replace("/", "_")
            predicted = {
                case["id"]: f"{case['prediction']}\t----- bird -----\t{database}"
                for case, database in zip(cases, names, strict=True)
            }
            gold = [
                f"{' '.join(str(case['gold']).split())}\t{database}\n"
                for case, database in zip(cases, names, strict=True)
            ]
            levels = [json.dumps({"difficulty": case["difficulty"]}) + "\n" for case in cases]
            stem.with_suffix(".json").write_text(json.dumps(predicted))
            stem.with_suffix(".sql").write_text("".join(gold))
            stem.with_suffix(".jsonl").write_text("".join(levels))
            scripts.append(
                [
                    *(self.arguments.python, str(self.arguments.mini_dev / "evaluation/evaluation_ex.py")),
                    *("--predicted_sql_path", f"{stem}.json", "--ground_truth_path", f"{stem}.sql"),
                    *("--db_root_path", f"{dev / 'dev_databases'}/", "--diff_json_path", f"{stem}.jsonl"),
                    *("--num_cpus", str(os.cpu_count() or 1), "--output_log_path", os.devnull),
                ]
            )
        share = ["--benchmark", "bird", "--questions", str(dev / "dev.json"), "--only-present"]
        share += ["--databases", str(dev / "dev_databases"), "--metrics", "ex"]
        self.speed("BIRD 287 x 3, EX", scripts, share, [file for _, file, _ in files])

    def speed_spider(self) -> None:
        """Spider dev's 498 × 5, likewise."""
        scripts: list[list[str]] = []
        files = sorted((self.data / "spider/drafts").glob("*.json"))
        for file in files:
            _, job = self.spider_job(file)
            for part in ("gold", "predictions"):
                kept = self.folder / f"{file.stem}.{part}"
                kept.write_text(Path(str(job[part])).read_text())
                job[part] = str(kept)
            scripts.append(
                [
                    *(self.arguments.python, str(self.arguments.test_suite / "evaluation.py")),
                    *("--etype", "exec", "--gold", str(job["gold"]), "--pred", str(job["predictions"])),
                    *("--db", str(job["databases"])),
                ]
            )
        spider = self.data / "spider"
        share = ["--benchmark", "spider", "--questions", str(spider / "dev.json")]
        share += ["--databases", str(spider / "database"), "--metrics", "ex"]
        self.speed("Spider 498 x 5, test-suite execution", scripts, share, files)

    def speed(self, name: str, scripts: list[list[str]], flags: list[str], files: Sequence[Path]) -> None:
        """The best of several runs each, in turns, on all processors; cold runs start from an empty cache.

        Every program has run before, so that all modules are compiled to bytecode, as installed ones are.
        """
        share = [SHARE, "eval", *flags]
        for file in files:
            share += ["--predictions", str(file)]
        runs: dict[str, list[tuple[float, float]]] = {}
        for at in range(ROUNDS + 1):
            cache = ["--cache", str(self.folder / f"cache-{len(files)}-{at}")]
            for side, commands in (
                ("official", scripts),
                ("share, cold", [[*share, *cache]]),
                ("share, warm", [[*share, *cache]]),
                ("share --help", [[SHARE, "--help"]]),
            ):
                found = self.timed(commands)
                if at:  # the first only compiles
                    runs.setdefault(side, []).append(found)
        best = {side: tuple(map(min, zip(*found, strict=True))) for side, found in runs.items()}
        theirs = best["official"]
        for side, (clock, processor) in best.items():
            print(
                f"{name}: {side:13} {clock:6.2f} s ({theirs[0] / clock:.1f}x); processor time "
                f"{processor:.2f} s ({theirs[1] / processor:.1f}x)"
            )
        sys.stdout.flush()

    def timed(self, commands: Sequence[Sequence[str]]) -> tuple[float, float]:
        """Seconds by the clock and of processor time, child processes' too."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(self.folder / "bytecode")
        spent_before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, env=environment)
        clock = time.perf_counter() - began
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = spent.ru_utime + spent.ru_stime - spent_before.ru_utime - spent_before.ru_stime
        return clock, processor


def same(ours: object, theirs: object) -> bool:
    """Verdicts must be equal; soft-F1 up to the last digits of adding in another order."""
    if isinstance(ours, float) and isinstance(theirs, int | float):
        return abs(ours - theirs) < 1e-12
    return ours == theirs


if __name__ == "__main__":
    sys.exit(main())
