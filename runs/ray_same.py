"""`--engine ray` against `--engine local` on the same cases: the same files, whatever is killed.

    python runs/ray_same.py [DATA]      DATA: the data folder; default $SHARE_DATA or ../shared/data
        [--cases 500] [--models none]

Spider dev's drafts, generator after generator, or, without the data, the demo's cases again and again. Runs:
local; Ray on a cluster of this machine; Ray with one worker killed by SIGKILL in the middle; Ray with the
process killed that started the run, and `--resume`. Their final files (those that hold times left out) must
be the same to the byte. Prints a line a run, and ends with exit code 1 if any differs. Two minutes on two
cores.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from share_sql.demo.cases import load_cases
from share_sql.demo.database import write_database
from share_sql.runfolder.final import FINAL_FILES, VARYING_FILES

SHARE = (sys.executable, "-c", "from share_sql.cli.main import main; main()", "run")


def write_cases(data: Path, folder: Path, count: int) -> Path:
    """The cases' file, with absolute paths of databases."""
    spider = data / "spider"
    if spider.is_dir():
        questions = json.loads((spider / "dev.json").read_text())
        files = [json.loads(file.read_text()) for file in sorted((spider / "drafts").glob("*.json"))]
        pairs = [pair for drafts in files for pair in zip(questions, drafts, strict=True)]
        rows = [
            {
                "id": str(at),
                "question": each["question"],
                "database": str((spider / "database" / each["db_id"] / f"{each['db_id']}.sqlite").resolve()),
                "draft": draft,
            }
            for at, (each, draft) in enumerate(pairs[:count])
        ]
    else:
        write_database(folder / "shop.sqlite")
        demo = load_cases()
        rows = [
            {**asdict(demo[at % len(demo)].case(str(folder / "shop.sqlite"))), "id": str(at)}
            for at in range(count)
        ]
    path = folder / "cases.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def workers(parent: int) -> list[int]:
    """The run's workers among the processes below one."""
    parents, names = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
            names[int(path.parent.name)] = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
    below, before = {parent}, 0
    while len(below) > before:
        before = len(below)
        below |= {pid for pid, above in parents.items() if above in below}
    return [pid for pid in below if names.get(pid, b"").startswith(b"ray::") and b"Worker" in names[pid]]


def run(call: list[str], out: Path, disturb: Callable[[int], None] | None = None) -> float:
    """Run to the end; `disturb` is called with the process once a third of the blocks is done."""
    started = time.monotonic()
    process = subprocess.Popen([*call, "--out", str(out)], stdout=subprocess.DEVNULL)
    while disturb is not None and process.poll() is None:
        plan, parts = out / "ray.json", out / "parts"
        if plan.exists() and parts.exists():
            blocks = len(json.loads(plan.read_text())["blocks"])
            if 3 * len(list(parts.glob("*.parquet"))) >= blocks:
                disturb(process.pid)
                disturb = None
        time.sleep(0.01)
    process.wait()
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    default = os.environ.get("SHARE_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data"))
    parser.add_argument("data", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--models", default="none")
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ray-same-") as name:
        folder = Path(name)
        cases = write_cases(arguments.data, folder, arguments.cases)
        local = [*SHARE, "--cases", str(cases), "--models", arguments.models]
        ray = [*local, "--engine", "ray"]
        killed: list[int] = []

        def kill_worker(parent: int) -> None:
            killed.append(workers(parent)[0])
            os.kill(killed[-1], signal.SIGKILL)

        def kill_run(parent: int) -> None:
            killed.append(parent)
            os.kill(parent, signal.SIGKILL)

        seconds = {"local": run(local, folder / "local"), "ray": run(ray, folder / "ray")}
        seconds["ray, a worker killed"] = run(ray, folder / "ray, a worker killed", kill_worker)
        last = "ray, the run killed and resumed"
        before = run(ray, folder / last, kill_run)
        seconds[last] = before + run([*ray, "--resume"], folder / last)
        if len(killed) != 2:
            failed += 1
            print("NOT KILLED: the runs were over too soon")
        for what, took in seconds.items():
            differ = [
                file
                for file in FINAL_FILES
                if file not in VARYING_FILES
                and (folder / what / file).read_bytes() != (folder / "local" / file).read_bytes()
            ]
            lines = (folder / what / "corrections.jsonl").read_text().splitlines()
            failed += bool(differ) or len(lines) != arguments.cases
            said = f"DIFFERS in {', '.join(differ)}" if differ else "the same files"
            print(f"{what:34} {len(lines)} cases  {took:6.1f} s  {said}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
