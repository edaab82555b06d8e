"""A long run: does it grow? Memory, open files, threads and processes of `share run` while it works.

    python runs/many_cases.py [--cases 100000]

Makes the demo's database and as many cases: right drafts, wrong ones, drafts that fail, that are no SQL, and
one in a thousand on a database that is not there. Looks at the process ten times a second and prints a line a
tenth of the run, then the growth from the first ten thousand cases to the last. Ends with 1 where that is
over 30 MB, or where files or processes grew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from share_sql.demo.database import write_database

MOST_GROWTH = 30.0
"""MB, from the first ten thousand cases to the last."""
WINDOW = 10_000
DRAFTS = (
    ("How many stores are still open?", "SELECT COUNT(*) FROM stores WHERE closed_on IS NULL"),
    ("How many enterprise customers?", "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'"),
    ("Names of all products", "SELECT nme FROM products"),
    ("Names of all products", "Here it is:\n```sql\nSELECT name FROM products;\n```"),
    ("How many order lines are there?", "SELECT COUNT(* FROM order_lines"),
    ("Which stores are there?", "I cannot tell."),
    ("Stores by city", "SELECT city, COUNT(*) FROM stores GROUP BY city ORDER BY COUNT(*) DESC LIMIT {at}"),
)


def write_cases(path: Path, database: Path, count: int) -> None:
    """`count` cases, no two of one id; texts differ, so that nothing is answered from memory."""
    with path.open("w", encoding="utf-8") as file:
        for at in range(count):
            question, draft = DRAFTS[at % len(DRAFTS)]
            case = {
                "id": f"case-{at}",
                "question": question,
                "database": str(database if at % 1000 else database.with_name("none.sqlite")),
                "draft": f"{draft.replace('{at}', str(at))} -- {at}" if at % 3 == 0 else draft,
            }
            file.write(json.dumps(case) + "\n")


def look(pid: int) -> tuple[float, int, int, int]:
    """Resident memory in MB, open files, threads and child processes of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    children = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        children += len((task / "children").read_text().split())
    files = len(os.listdir(f"/proc/{pid}/fd"))
    return int(status["VmRSS"].split()[0]) / 1024, files, int(status["Threads"]), children


def lines_of(path: Path, at: int, known: int) -> tuple[int, int]:
    """How many lines a growing file has, and up to which byte they were counted."""
    if not path.is_file():
        return at, known
    with path.open("rb") as file:
        file.seek(at)
        while block := file.read(1 << 20):
            known += block.count(b"\n")
            at += len(block)
    return at, known


def main() -> int:
    """Run and watch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    count = parser.parse_args().cases
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_database(root / "shop.sqlite")
        write_cases(root / "cases.jsonl", root / "shop.sqlite", count)
        command = [
            sys.executable,
            "-c",
            "from share_sql.cli.main import main; main()",
            "run",
            "--cases",
            str(root / "cases.jsonl"),
        ]
        command += ["--out", str(root / "out"), "--models", "none"]
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        seen: list[tuple[int, float, int, int, int]] = []
        at, done, tenth = 0, -1, 1
        print(f"{'cases':>9} {'seconds':>8} {'MB':>7} {'files':>6} {'threads':>8} {'processes':>10}")
        while process.poll() is None:
            time.sleep(0.1)
            at, done = lines_of(root / "out" / "journal.jsonl", at, done)
            try:
                found = look(process.pid)
            except (OSError, KeyError):
                continue
            seen.append((done, *found))
            if done >= tenth * count / 10:
                spent = time.monotonic() - began
                print(
                    f"{done:9} {spent:8.1f} {found[0]:7.1f} {found[1]:6} {found[2]:8} {found[3]:10}",
                    flush=True,
                )
                tenth += 1
        sys.stderr.buffer.write(process.stderr.read() if process.stderr else b"")
        print(f"exit code {process.returncode}, {time.monotonic() - began:.1f} s")
        window = min(WINDOW, count // 4)
        first = [each for each in seen if window / 2 <= each[0] <= window]
        last = [each for each in seen if count - window <= each[0] < count]
        growth = [
            max(each[part] for each in last) - max(each[part] for each in first) for part in range(1, 5)
        ]
        print(
            f"from the first {window:,} cases to the last: {growth[0]:+.1f} MB, {growth[1]:+d} files, "
            f"{growth[2]:+d} threads, {growth[3]:+d} processes"
        )
        print(f"largest, files at the end too: {max(each[1] for each in seen):.1f} MB")
        lines = sum(1 for _ in (root / "out" / "corrections.jsonl").open("rb"))
        return int(lines != count or growth[0] > MOST_GROWTH or any(each > 0 for each in growth[1:]))


if __name__ == "__main__":
    sys.exit(main())
