"""What `share run` makes of a model's server that fails in every way: does each run end, soon, and whole?

    python runs/endpoint_faults.py [--cases 500] [--only NAME]

A small database, its cases and a server are made on the spot. For each fault a run over all cases is started,
as a command line of its own; the fault strikes one case of five, in each try. In the three mixes one call of
five is struck by a fault drawn at random. With 500 cases all of it takes about half an hour on two cores;
`--only` and a part of a name take some of the faults, `--only mix` the mixes. Asked of each run:

- it ends with 0 or 1, each case has its line, and as many cases failed as were struck, with the cause that
  the fault should have; none failed by an internal error;
- it takes at most three times a healthy run, and the time that the struck asks may take;
- the usage in run.json is what the server told;
- no key, header, password or query, in any encoding, is in the run folder, the answer cache, stdout or
  stderr with -vv.

Prints a table; ends with 1 where something is off.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sqlite3
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from faulty_server import HEADER, KEY, PASSWORD, QUERY, Endpoint, Fault, all_secrets, faults, hangs

TIMEOUT, RETRIES, CONCURRENCY, EVERY = 0.8, 1, 8, 5
DRAFT = "SELECT COUNT(*) FROM store WHERE city = 'Bonn'"


# -- a run -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What came of one run."""

    code: int
    seconds: float
    megabytes: float
    """The most that the process held."""
    rows: list[dict[str, Any]]
    counts: dict[str, Any]
    said: bytes
    """All that it wrote anywhere."""
    stderr: str


def prepare(folder: Path, cases: int) -> None:
    connection = sqlite3.connect(folder / "shop.sqlite")
    connection.executescript(
        "CREATE TABLE store (id INTEGER PRIMARY KEY, name TEXT, city TEXT);"
        "INSERT INTO store VALUES (1, 'North', 'Bonn'), (2, 'South', 'Bonn'), (3, 'East', 'Jena');"
    )
    connection.close()
    rows = [
        {"id": f"c{at}", "question": f"How many stores are in Bonn? ({at})", "database": "shop.sqlite",
         "draft": DRAFT}
        for at in range(cases)
    ]  # fmt: skip
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def run(folder: Path, port: int, out: Path) -> Outcome:
    out.mkdir()
    url = f"http://ada:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/v1?code={quote(QUERY, safe='')}"
    settings = {
        "base_url": url, "model": "m", "api_key_env": "FAULTS_KEY", "timeout": TIMEOUT, "retries": RETRIES,
        "first_wait": 0.01, "concurrency": CONCURRENCY, "deadline": 5.0,
    }  # fmt: skip
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    models = out / "models.toml"
    models.write_text(
        "[models.sam]\n" + "\n".join(lines) + f'\nheaders = {{ "X-Token" = {json.dumps(HEADER)} }}\n'
        '[cache]\npath = "answers.sqlite"\n'
    )
    call = [
        sys.executable, "-c", "from share_sql.cli.main import main; main()", "run", "-vv",
        "--cases", str(folder / "cases.jsonl"), "--out", str(out / "run"), "--models", str(models),
        "--concurrency", str(CONCURRENCY),
    ]  # fmt: skip
    environment = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"FAULTS_KEY": KEY + "\r\n", "XDG_CACHE_HOME": str(folder / "cache")}
    started = time.monotonic()
    with (out / "stdout").open("wb") as stdout, (out / "stderr").open("wb") as stderr:
        pid = os.posix_spawn(
            sys.executable, call, environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stdout.fileno(), 1), (os.POSIX_SPAWN_DUP2, stderr.fileno(), 2)
            ],
        )  # fmt: skip
        killer = threading.Timer(300, lambda: os.kill(pid, 9))
        killer.start()
        most = 0.0
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            most = max(most, megabytes(pid))
            time.sleep(0.05)
        killer.cancel()
    seconds = time.monotonic() - started
    models.unlink()  # the user's own file holds what the user wrote there
    files = [path for path in out.rglob("*") if path.is_file()]
    corrections, counts = out / "run" / "corrections.jsonl", out / "run" / "run.json"
    return Outcome(
        os.waitstatus_to_exitcode(ended[1]),
        seconds,
        most,
        [json.loads(line) for line in corrections.read_text().splitlines()] if corrections.exists() else [],
        json.loads(counts.read_text()) if counts.exists() else {},
        b"\0".join(str(path).encode() + b"\0" + path.read_bytes() for path in files),
        (out / "stderr").read_text(errors="replace"),
    )


def megabytes(pid: int) -> float:
    """The most memory that a process has held so far."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def wrong(outcome: Outcome, endpoint: Endpoint, cases: int, limit: float, fault: Fault | None) -> list[str]:
    """What is off; empty where all is as it should be."""
    off = []
    if outcome.code not in (0, 1):
        off.append(f"ended with {outcome.code}")
    if len(outcome.rows) != cases:
        off.append(f"{len(outcome.rows)} lines")
    if outcome.seconds > limit:
        off.append(f"took {outcome.seconds:.1f} s of {limit:.1f} s")
    if "internal" in outcome.stderr or "Traceback" in outcome.stderr:
        off.append("an internal error")
    failed, causes = outcome.counts.get("failed", []), outcome.counts.get("causes", {})
    if fault is not None:
        lost = len(endpoint.struck) if fault.cause not in (None, "unusable") else 0
        if not set(causes) <= set((fault.cause or "").split()) or len(failed) != lost:
            off.append(f"causes {causes}, not {fault.cause}")
        unusable = len(endpoint.struck) if fault.cause == "unusable" else 0
        if sum(outcome.counts.get("unusable", {}).values()) != unusable:
            off.append(f"unusable {outcome.counts.get('unusable')}")
        if outcome.code != (1 if lost else 0):
            off.append(f"ended with {outcome.code}")
    elif not {f"c{case}" for case in endpoint.struck} >= {each["id"] for each in failed}:
        off.append("a case failed that was not struck")
    used = outcome.counts.get("usage", {})
    counted = [used.get(name, 0) for name in ("prompt_tokens", "completion_tokens", "requests")]
    if counted != endpoint.told:
        off.append(f"usage {counted}, told {endpoint.told}")
    low = outcome.said.lower()
    shown = [each for each in all_secrets() if each.encode().lower() in low]
    if shown:
        off.append(f"shows {shown[:3]}")
    return off


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--only", default="", help="faults whose names hold this")
    chosen = parser.parse_args()
    every = faults()
    known = {name: fault for name, fault in every.items() if chosen.only in name}
    endpoint = Endpoint()
    bad = 0
    times, sizes = [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, chosen.cases)

        def one(number: int, name: str, pick: Any, limit: float, fault: Fault | None) -> Outcome:
            nonlocal bad
            endpoint.begin(pick)
            outcome = run(folder, endpoint.port, folder / f"out{number}")
            off = wrong(outcome, endpoint, chosen.cases, limit, fault)
            bad += bool(off)
            causes = ", ".join(
                f"{cause} {count}" for cause, count in outcome.counts.get("causes", {}).items()
            )
            print(
                f"{name:44} {len(endpoint.struck):4} {outcome.seconds:6.1f} s {outcome.megabytes:5.0f} MB  "
                f"{causes or '-':40} {'; '.join(off) or 'as it should'}",
                flush=True,
            )
            return outcome

        healthy = max(
            one(number, "healthy", lambda call, case: None, 120.0, Fault(hangs, None)).seconds
            for number in (0, 1)
        )
        ask = (RETRIES + 1) * TIMEOUT + 0.1
        for number, (name, fault) in enumerate(known.items(), 2):
            struck = -(-chosen.cases // EVERY)
            limit = 3 * healthy + -(-struck // CONCURRENCY) * ask
            outcome = one(
                number,
                name,
                lambda call, case, fault=fault: fault if case % EVERY == 0 else None,
                limit,
                fault,
            )
            times.append((outcome.seconds, name))
            sizes.append((outcome.megabytes, name))
        names = sorted(every)
        for seed in range(3 if not chosen.only or "mix" in chosen.only else 0):

            def drawn(call: int, case: int, seed: int = seed) -> Fault | None:
                chance = random.Random(f"{seed} {call}")
                return every[chance.choice(names)] if chance.random() < 0.2 else None

            limit = 3 * healthy + -(-chosen.cases // CONCURRENCY) * ask
            outcome = one(1000 + seed, f"mix {seed + 1}: one call of five", drawn, limit, None)
            times.append((outcome.seconds, f"mix {seed + 1}"))
            sizes.append((outcome.megabytes, f"mix {seed + 1}"))
    print(
        f"{len(times)} runs of {chosen.cases} cases; healthy {healthy:.1f} s; "
        f"longest {max(times)[0]:.1f} s ({max(times)[1]}); most memory {max(sizes)[0]:.0f} MB "
        f"({max(sizes)[1]}); {bad} runs off (asked: 0)"
    )
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
