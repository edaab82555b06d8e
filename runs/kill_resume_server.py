"""Kill runs that ask a real server for answers, resume them, and count what was asked twice.

    python runs/kill_resume_server.py [--kills 30] [--cases 60] [--concurrency 8] [--seed 1]
        [--models FILE.toml]

First a run that nothing disturbs. Then, again and again: `share run` killed with SIGKILL at a random moment
of its time, and resumed to its end; one run each with SIGINT, SIGTERM and SIGHUP; and last one run that is
killed as often again and again. The server is a process of its own (scripted_server.py, which answers late
and writes down each call); with `--models`, whatever server that file names: then only the run's own files
are looked at, since a real model's answers differ from run to run.

After each: the final files are those of the undisturbed run, usage.json included, byte for byte; the ledger
has each call of the undisturbed run once; and the server was asked each of them once, but for those that
were under way when the run was killed: no more than `--concurrency` a kill, as a case asks one at a time.
Prints a line a run and ends with exit code 1 if any differs. Takes some 6 seconds a kill on a calm machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from scripted_server import models_file

from share_sql.runfolder.final import FINAL_FILES, USAGE, VARYING_FILES
from share_sql.runfolder.folder import JOURNAL
from share_sql.runfolder.ledger import CALLS

SERVER = Path(__file__).with_name("scripted_server.py")
ENDS = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
"""How a run ends by each signal."""


@contextmanager
def serving(log: Path) -> Iterator[int]:
    """The scripted server, in a process; its port."""
    call = [
        sys.executable,
        str(SERVER),
        "--port",
        "0",
        "--seconds",
        "0.15",
        "--spread",
        "0.8",
        "--log",
        str(log),
    ]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline().split()[-1])
        finally:
            server.kill()


def write_cases(folder: Path, count: int) -> Path:
    """A database, and drafts on it that no model's answer mends."""
    with closing(sqlite3.connect(folder / "shop.sqlite")) as shop:
        shop.executescript(
            "CREATE TABLE stores (store_id INTEGER PRIMARY KEY, store_name TEXT, city TEXT);"
            "INSERT INTO stores VALUES (1, 'North', 'Bonn'), (2, 'South', 'Jena');"
        )
    path = folder / "cases.jsonl"
    with path.open("w") as file:
        for at in range(count):
            question = f"How many stores in Bonn have a number above {at}?"
            draft = f"SELECT COUNT(*) FROM stores WHERE city = 'bonn' AND store_id > {at}"
            case = {"id": str(at), "question": question, "database": "shop.sqlite", "draft": draft}
            file.write(json.dumps(case) + "\n")
    return path


class Trial:
    """One run folder, and what the server answered for it."""

    def __init__(self, out: Path, cases: Path, models: Path, concurrency: int, log: Path | None) -> None:
        self.out = out
        self.call = [
            *(sys.executable, "-c", "from share_sql.cli.main import main; main()", "run"),
            *("--cases", str(cases), "--models", str(models), "--out", str(out), "--resume"),
            *("--concurrency", str(concurrency)),
        ]
        self._log = log
        self._before = self._logged()
        self.asked = Counter[str]()
        """By what was asked, how often the server was; once the run has ended."""

    def _logged(self) -> Counter[str]:
        if self._log is None or not self._log.exists():
            return Counter()
        return Counter(self._log.read_text().splitlines())

    @property
    def written(self) -> Counter[str]:
        """By what was asked, how often the ledger has it."""
        lines = (self.out / CALLS).read_text().splitlines() if (self.out / CALLS).exists() else []
        return Counter(json.loads(line)["asked"] for line in lines if line.endswith("}"))

    def go_on(self) -> tuple[float, float]:
        """Run to the end; the seconds until its journal was there, and after that."""
        started = time.monotonic()
        with subprocess.Popen(self.call, stdout=subprocess.DEVNULL) as process:
            begun = self._begun(process)
            assert process.wait() == 0, f"it ended with {process.returncode}"
        self.asked = self._logged() - self._before
        return begun - started, time.monotonic() - begun

    def _begun(self, process: subprocess.Popen[bytes]) -> float:
        """Wait for the journal; the time then."""
        while not (self.out / JOURNAL).exists() and process.poll() is None:
            time.sleep(0.01)
        return time.monotonic()

    def killed(self, seconds: float, by: signal.Signals = signal.SIGKILL) -> bool:
        """Run, and send a signal so many seconds after its journal is there. False where it ended before."""
        with subprocess.Popen(self.call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            self._begun(process)
            try:
                process.wait(seconds)
                return False
            except subprocess.TimeoutExpired:
                process.send_signal(by)
                code = process.wait()
        assert code in (ENDS[by], -by), f"it ended with {code}"
        return True


def faults(trial: Trial, whole: Trial, kills: int, options: argparse.Namespace) -> list[str]:
    """What is not as it should be."""
    found = []
    usage = json.loads((trial.out / USAGE).read_text())["total"]["requests"]
    if usage != trial.written.total():
        found.append(f"{USAGE} counts {usage} calls, {CALLS} has {trial.written.total()}")
    if options.models is not None:
        rows = [json.loads(line) for line in (trial.out / "corrections.jsonl").read_text().splitlines()]
        lost = [row["id"] for row in rows if row["error"]]
        return [*found, f"lost: {lost}"] if lost or len(rows) != options.cases else found
    names = [name for name in FINAL_FILES if name not in VARYING_FILES]
    found += [name for name in names if (trial.out / name).read_bytes() != (whole.out / name).read_bytes()]
    if trial.written != whole.written:
        found.append(f"{CALLS} has other calls")
    if missing := whole.asked - trial.asked:
        found.append(f"{missing.total()} calls that the server was never asked")
    more = (trial.asked - whole.asked).total()
    if more > kills * options.concurrency:
        found.append(f"{more} calls asked again")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--models", type=Path, help="a models file in place of the scripted server")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        log = folder / "asked.log"
        if options.models is not None:
            sys.exit(work(options, folder, options.models.absolute(), None))
        with serving(log) as port:
            models = folder / "models.toml"
            models.write_text(models_file(port))
            sys.exit(work(options, folder, models, log))


def work(options: argparse.Namespace, folder: Path, models: Path, log: Path | None) -> int:
    """All runs; the exit code."""
    moments = random.Random(options.seed)
    cases = write_cases(folder, options.cases)

    def trial(name: str) -> Trial:
        return Trial(folder / name, cases, models, options.concurrency, log)

    whole = trial("whole")
    start, seconds = whole.go_on()
    print(f"undisturbed: {options.cases} cases, {whole.written.total()} calls in {seconds:.1f} s", flush=True)
    bad = again = 0

    def judged(one: Trial, kills: int, told: str) -> None:
        nonlocal bad, again
        found = faults(one, whole, kills, options)
        bad += bool(found)
        more = (one.asked - whole.asked).total()
        again += more
        twice = f", {more} asked again" if log is not None else ""
        print(
            f"{told}{twice}: {'as undisturbed' if not found else 'DIFFERENT: ' + '; '.join(found)}",
            flush=True,
        )

    signals = [*[signal.SIGKILL] * options.kills, signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    for number, by in enumerate(signals, 1):
        one = trial(f"killed-{number}")
        while not one.killed(moment := moments.uniform(0, seconds), by):
            one = trial(f"killed-{number}-{moment}")  # a kill that hits nothing shows nothing
        calls = one.written.total()
        one.go_on()
        judged(one, 1, f"{number:3}  {by.name} at {moment:.2f} s, {calls} calls made")
    often = trial("often")
    kills = sum(often.killed(start + moments.uniform(0, seconds / 4)) for _ in range(options.kills))
    often.go_on()
    judged(often, kills, f"one run killed {kills} times")
    print(f"{bad} runs differ; {again} calls asked again by {len(signals) + kills} kills")
    return 1 if bad else 0


if __name__ == "__main__":
    main()
