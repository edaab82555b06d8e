"""A server that fails: each fault alone, for one case of five, and all mixed over 500 cases.

The server is a real one (`runs/faulty_server.py`), the run is that of `share run`, in this process. Whatever
the server does, each case ends with a verdict, the run ends, and its totals add up. `runs/endpoint_faults.py`
does the same with each of a hundred faults over 500 cases.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from runs.faulty_server import ALL, ANSWER, Endpoint, Fault, completion, faults, refused, wire

from share_sql.assistant import Assistant
from share_sql.benchmarks.cases import CaseFile
from share_sql.catalog import Catalog
from share_sql.errors import PromptTooLong, RunStopped
from share_sql.models.load import load_models
from share_sql.prompts.library import load_prompts
from share_sql.runfolder.counts import RunCounts
from share_sql.runfolder.execute import RunSettings, run_cases

CASES, MIXED, EVERY = 120, 500, 5
DRAFT = "SELECT COUNT(*) FROM stores WHERE city = 'Bonn'"
KNOWN = faults(bombs=False)
Pick = Callable[[int, int], "Fault | None"]


@pytest.fixture(scope="module")
def endpoint() -> Endpoint:
    return Endpoint(good=completion(ANSWER.replace("store.city", "stores.city")))


@pytest.fixture(autouse=True)
def healthy(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    endpoint.begin(lambda call, case: None)
    endpoint.latency = lambda call: 0.0
    yield
    endpoint.begin(lambda call, case: None)


def write_cases(folder: Path, shop: Path, count: int = CASES, **others: dict[str, str]) -> Path:
    """Cases by number; `others` differ from what their number says."""
    path = folder / "cases.jsonl"
    with path.open("w") as file:
        for at in range(count):
            row = {"id": f"c{at}", "question": f"How many stores are in Bonn? ({at})", "draft": DRAFT}
            file.write(json.dumps({**row, "database": str(shop), **others.get(f"c{at}", {})}) + "\n")
    return path


def models_file(folder: Path, port: int, **more: Any) -> Path:
    settings = {
        "base_url": f"http://127.0.0.1:{port}/v1", "model": "m", "timeout": 60.0, "retries": 1,
        "first_wait": 0.01, **more,
    }  # fmt: skip
    path = folder / "models.toml"
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    path.write_text(f"[models.sam]\n{lines}\n")
    return path


@dataclass
class Ended:
    """What came of a run."""

    counts: RunCounts
    rows: list[dict[str, Any]]
    told: dict[str, Any]
    """run.json."""

    @property
    def lost(self) -> list[int]:
        return [int(each.id[1:]) for each in self.counts.failed]


def run(folder: Path, endpoint: Endpoint, cases: Path, *, resume: bool = False, **more: Any) -> Ended:
    """A run over the cases; checked is what holds whatever the server does."""
    models = load_models(str(models_file(folder, endpoint.port, **more)))
    prompts = load_prompts()
    settings = RunSettings("gated", {role: model.name for role, model in models.items()}, prompts)
    file = CaseFile(cases, ("question", "database", "draft"))
    catalog = Catalog(cache=folder / "cache")
    named = models["sam"]
    with Assistant(catalog=catalog, models=models, concurrency=64) as assistant:
        counts = run_cases(
            assistant, file, folder / "out", settings, resume=resume,
            answered_as=lambda: {"sam": named.other_names},  # type: ignore[attr-defined]
        )  # fmt: skip
    rows = [json.loads(line) for line in (folder / "out" / "corrections.jsonl").read_text().splitlines()]
    told = json.loads((folder / "out" / "run.json").read_text())
    assert len(rows) == counts.cases == len(file)
    assert all(row["verdict"] in ("kept", "corrected", "abstained") and row["reason"] for row in rows)
    assert sum(counts.verdicts.values()) == len(file)
    assert sum(counts.causes.values()) == len(counts.failed) == sum(row["error"] is not None for row in rows)
    assert "internal" not in counts.causes
    used = [told["usage"][name] for name in ("prompt_tokens", "completion_tokens", "requests")]
    assert resume or used == endpoint.told, "what was counted is what the server told"
    assert told["seconds"] >= 0
    return Ended(counts, rows, told)


def one_of_five(fault: Fault) -> Pick:
    return lambda call, case: fault if case % EVERY == 0 else None


def drawn(names: list[str], seed: int = 1) -> Pick:
    """One call of five is struck, by a fault drawn at random."""

    def pick(call: int, case: int) -> Fault | None:
        chance = random.Random(f"{seed} {call}")
        return KNOWN[chance.choice(names)] if chance.random() < 0.2 else None

    return pick


# -- a fault strikes the same cases, in each try -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("hangs up in its body", "unreachable"),
        ("resets", "unreachable"),
        ("stops in its body", "timeout"),
        ("never answers", "timeout"),
        ("an adapter that is gone", "refused"),
        ("status 429, retry_after 0.01", "limited"),
        ("status 503", "unavailable"),
        ("JSON cut off", "unreadable"),
    ],
)
def test_each_struck_case_is_told_and_no_other_is_lost(
    endpoint: Endpoint, shop_path: Path, tmp_path: Path, name: str, cause: str
) -> None:
    endpoint.begin(one_of_five(KNOWN[name]))
    more = {"timeout": 5.0, "retries": 0} if cause == "timeout" else {}
    ended = run(tmp_path, endpoint, write_cases(tmp_path, shop_path), **more)
    struck = set(range(0, CASES, EVERY))
    assert set(ended.lost) >= struck
    assert ended.counts.causes[cause] >= len(struck)
    if cause != "timeout":  # where a machine is busy, another call may be late too
        assert ended.counts.causes == {cause: len(struck)}
    endpoint.begin(lambda call, case: None)
    again = run(tmp_path, endpoint, tmp_path / "cases.jsonl", resume=True, **more)
    assert endpoint.answered == set(ended.lost), "what was answered is not asked again"
    assert not again.lost


def test_another_models_name_is_told_and_loses_nothing(
    endpoint: Endpoint, shop_path: Path, tmp_path: Path
) -> None:
    endpoint.begin(one_of_five(KNOWN["another model's name"]))
    ended = run(tmp_path, endpoint, write_cases(tmp_path, shop_path))
    assert not ended.lost
    assert ended.told["answered_as"] == {"sam": ["another"]}


# -- a fault strikes the server ------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [None, "1"])
def test_a_storm_of_429_loses_no_case(
    endpoint: Endpoint, shop_path: Path, tmp_path: Path, after: str | None
) -> None:
    headers = {"retry_after": after} if after else {}
    storm = Fault(refused(429, "slow down", **headers), None)
    until: list[float] = []
    refusals = Counter[int]()

    def pick(call: int, case: int) -> Fault | None:
        if call > 20 and not until:
            until.append(time.monotonic() + 2.5)
        if until and time.monotonic() < until[0]:
            refusals[case] += 1
            return storm
        return None

    endpoint.begin(pick)
    ended = run(tmp_path, endpoint, write_cases(tmp_path, shop_path), retries=5, first_wait=0.05)
    assert not ended.lost
    assert refusals
    # Of 64 in flight each was refused once; afterwards only few tried.
    assert sum(refusals.values()) < 64 + 40
    assert max(refusals.values()) <= 4


def test_a_server_that_dies_and_comes_back_loses_no_case(
    endpoint: Endpoint, shop_path: Path, tmp_path: Path
) -> None:
    death = endpoint.dies(0.5)
    endpoint.latency = lambda call: 0.02
    endpoint.begin(lambda call, case: death if call == 50 else None)
    ended = run(tmp_path, endpoint, write_cases(tmp_path, shop_path), retries=6, first_wait=0.1)
    assert not ended.lost
    assert len(endpoint.answered) == CASES


def test_a_server_that_becomes_slow_loses_no_case(
    endpoint: Endpoint, shop_path: Path, tmp_path: Path
) -> None:
    """As one whose answers come to take a minute."""
    endpoint.latency = lambda call: min(2.0, call / 30)
    ended = run(tmp_path, endpoint, write_cases(tmp_path, shop_path))
    assert not ended.lost
    assert endpoint.most_busy >= 32, "it is not asked less for that: fewer calls would be no quicker"


def test_a_run_whose_adapter_is_lost_stops_and_goes_on_once_it_is_back(
    endpoint: Endpoint, shop_path: Path, tmp_path: Path
) -> None:
    pauses: list[float] = []
    gone = KNOWN["an adapter that is gone"]
    endpoint.begin(lambda call, case: gone if call > 100 else None)
    cases = write_cases(tmp_path, shop_path, MIXED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("share_sql.runfolder.execute.time.sleep", pauses.append)
        with pytest.raises(RunStopped, match="knows no model m, or is no such address") as stopped:
            run(tmp_path, endpoint, cases)
    assert pauses == [20.0]
    assert 100 < stopped.value.tried < MIXED - 100
    done = set(endpoint.answered)
    endpoint.begin(lambda call, case: None)
    ended = run(tmp_path, endpoint, cases, resume=True)
    assert not ended.lost
    assert not done & endpoint.answered, "nothing is paid twice"
    assert len(done | endpoint.answered) == MIXED


def test_one_slow_case_delays_nobody(endpoint: Endpoint, shop_path: Path, tmp_path: Path) -> None:

    async def after_all_others(writer: asyncio.StreamWriter) -> None:
        while len(endpoint.answered) < CASES - 1:
            await asyncio.sleep(0.02)
        writer.write(wire(endpoint.good))
        await writer.drain()

    slow = Fault(after_all_others, None, ALL)
    endpoint.begin(lambda call, case: slow if case == 3 else None)
    ended = run(tmp_path, endpoint, write_cases(tmp_path, shop_path), retries=0)
    assert not ended.lost


# -- a fault strikes the input, or the clock -----------------------------------------------------------------


def test_a_case_of_200k_tokens_and_ids_that_are_taken_cost_no_other(
    endpoint: Endpoint, shop_path: Path, tmp_path: Path
) -> None:
    long = {"question": "How many stores are in Bonn? (7) " + "word " * 200_000}
    twice = {f"c{at}": {"id": "c0"} for at in range(50, 100)}
    endpoint.begin(lambda call, case: KNOWN["a prompt that is too long"] if case == 7 else None)
    cases = write_cases(tmp_path, shop_path, c7=long, **twice)
    ended = run(tmp_path, endpoint, cases)
    assert ended.counts.causes == {"input": 50}
    (failure,) = ended.rows[7]["failures"]
    assert failure["cause"] == PromptTooLong.cause
    assert "maximum context length" in failure["message"]
    assert all("is taken already" in ended.rows[at]["error"] for at in range(50, 100))


def test_a_clock_that_goes_backwards_changes_nothing(
    endpoint: Endpoint, shop_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = time.time()
    back = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: begin - 3600.0 * next(back))
    ended = run(tmp_path, endpoint, write_cases(tmp_path, shop_path))
    assert not ended.lost
    assert next(back) < 10_000


def test_durations_are_taken_from_a_clock_that_nobody_sets() -> None:
    """The clock of the wall says when something was, and nothing else."""
    source = Path(__file__).parents[2] / "src" / "share_sql"
    found = {
        f"{path.relative_to(source)}"
        for path in source.rglob("*.py")
        if any(each in path.read_text() for each in ("time.time(", "time_ns(", "datetime.now(", ".utcnow("))
    }
    # Of files, and in a server's words.
    times = {"database/sqlite.py", "models/engine_form.py", "models/wire.py", "serve/uploads.py"}
    assert found == times | {"runfolder/execute.py", "scale/run.py", "scale/worker.py"}


# -- all of them ---------------------------------------------------------------------------------------------


def test_all_faults_mixed(endpoint: Endpoint, shop_path: Path, tmp_path: Path) -> None:
    quick = [name for name, fault in KNOWN.items() if "timeout" not in str(fault.cause)]
    names = [*quick, "never answers", "stops in its body"]
    pick, death = drawn(names), endpoint.dies(0.3)
    endpoint.begin(lambda call, case: death if call == 200 else pick(call, case))
    twice = {f"c{at}": {"id": "c1"} for at in range(450, 460)}
    cases = write_cases(tmp_path, shop_path, MIXED, **twice)
    more = {"timeout": 5.0, "retries": 5, "first_wait": 0.05}
    ended = run(tmp_path, endpoint, cases, **more)
    struck = {*endpoint.struck, *range(450, 460)}
    assert set(ended.lost) - {1} <= struck | {1}
    assert ended.counts.causes["input"] == 10
    assert len(ended.lost) < 150


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.usefixtures("interruptible")
def test_a_run_is_stopped_at_once_while_its_server_hangs(
    endpoint: Endpoint, shop_path: Path, tmp_path: Path, number: int, code: int
) -> None:
    endpoint.begin(lambda call, case: KNOWN["never answers"] if call > 40 else None)
    cases, models = write_cases(tmp_path, shop_path, 100), models_file(tmp_path, endpoint.port)
    call = [sys.executable, "-c", "from share_sql.cli.main import main; main()", "run"]
    call += ["--cases", str(cases), "--out", str(tmp_path / "out"), "--models", str(models)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while endpoint.calls < 70 and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(number)
        try:
            said, complaint = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, said) == (code, "")
    assert complaint.endswith("share: stopped; go on with --resume\n")
    first = set(endpoint.answered)
    endpoint.begin(lambda call, case: None)
    ended = subprocess.run([*call, "--resume"], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert len(first & endpoint.answered) <= 8, "what was answered and on its way is asked again, no more"
    assert len(first | endpoint.answered) == 100
