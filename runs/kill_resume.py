"""Kill a run at 20 random moments, resume it, and compare its files with those of an undisturbed run.

    python runs/kill_resume.py [DATA]      DATA: the data folder; default $SHARE_DATA or ../shared/data
        [--kills 20] [--limit N] [--seed 1]

Each time: `share run` over Spider dev without a model, killed with SIGKILL after a random part of the
undisturbed run's time, then `--resume` to its end. The final files (those that hold times left
out) must be the same to the byte, and the journal must hold each case exactly once. Prints a line a kill and
ends with exit code 1 if any differs. A last trial kills one and the same run again and again, as often.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from share_sql.runfolder.final import FINAL_FILES, VARYING_FILES
from share_sql.runfolder.folder import JOURNAL


def command(data: Path, out: Path, limit: int | None) -> list[str]:
    spider = data / "spider"
    call = [
        *(sys.executable, "-c", "from share_sql.cli.main import main; main()", "run"),
        *("--benchmark", "spider", "--questions", str(spider / "dev.json")),
        *("--tables", str(spider / "tables.json"), "--databases", str(spider / "database")),
        *("--meanings", str(spider / "column_meaning.json")),
        *("--drafts", str(spider / "drafts" / "gpt4-zero-shot.json")),
        *("--models", "none", "--out", str(out), "--resume"),
    ]
    return [*call, "--limit", str(limit)] if limit else call


def run(call: list[str]) -> float:
    """Run to the end; seconds it took."""
    started = time.monotonic()
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def killed(call: list[str], seconds: float) -> bool:
    """Run, and kill -9 after so many seconds. False where it ended before."""
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def journaled(out: Path) -> list[int]:
    """Positions in the journal; a torn last line does not count."""
    if not (out / JOURNAL).exists():
        return []
    lines = (out / JOURNAL).read_bytes().split(b"\n")[:-1]
    return [json.loads(line)["at"] for line in lines[1:]]


def differences(out: Path, whole: Path) -> list[str]:
    names = [name for name in FINAL_FILES if name not in VARYING_FILES]
    found = [name for name in names if (out / name).read_bytes() != (whole / name).read_bytes()]
    positions = journaled(out)
    if sorted(positions) != list(range(len(journaled(whole)))):
        found.append(f"{JOURNAL} ({len(positions)} lines, {len(set(positions))} cases)")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = os.environ.get("SHARE_DATA") or Path(__file__).resolve().parent / "../../shared/data"
    parser.add_argument("data", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    bad = 0
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "whole"
        run(command(options.data, Path(place) / "warm", options.limit))
        seconds = run(command(options.data, whole, options.limit))
        cases = len(journaled(whole))
        print(f"undisturbed: {cases} cases in {seconds:.1f} s")
        for number in range(1, options.kills + 1):
            out = Path(place) / f"killed-{number}"
            call = command(options.data, out, options.limit)
            moment = moments.uniform(0, seconds)
            while not killed(call, moment):  # it ended before: a kill that hits nothing shows nothing
                shutil.rmtree(out)
                moment = moments.uniform(0, seconds)
            before = len(journaled(out))
            run(call)
            found = differences(out, whole)
            bad += bool(found)
            print(
                f"{number:3}  killed at {moment:.2f} s, {before} cases done: "
                + ("the same files" if not found else "DIFFERENT: " + ", ".join(found))
            )
            shutil.rmtree(out)
        out = Path(place) / "often"
        call = command(options.data, out, options.limit)
        kills = sum(killed(call, moments.uniform(0.2, max(1.0, seconds / 4))) for _ in range(options.kills))
        run(call)
        found = differences(out, whole)
        bad += bool(found)
        print(f"one run killed {kills} times: {'the same files' if not found else ', '.join(found)}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
