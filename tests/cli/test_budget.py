"""`share run` with a real server: what was paid is written down once, and budgets end cases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.cli.answers import Endpoint, Reply, sent, serving

from share_sql.cli.main import cli
from share_sql.runfolder.final import FINAL_FILES, VARYING_FILES
from share_sql.runfolder.ledger import CALLS

RIGHT = "SELECT COUNT(*) FROM store WHERE city = 'Bonn'"
SAID = "```SR\nres = df.where(element = store.city, filter = 'Bonn').count()\n```"
HEARS = "import signal as s; s.signal(s.SIGHUP, s.SIG_DFL); s.signal(s.SIGINT, s.default_int_handler)"
CALL = [sys.executable, "-c", f"{HEARS}; from share_sql.cli.main import main; main()"]
"""Signals that are ignored where the tests run are not in it."""
PRICE = "price = {input = 1000, output = 10000}"
"""A call of 90 and 10 tokens costs 0.19 USD."""


def paid(text: str = SAID) -> Reply:
    """An answer of 100 tokens."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}
    return sent({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage})


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as told:
        told.answer = lambda number, prompt: paid()
        yield told


@pytest.fixture
def call(shop: Path, endpoint: Endpoint) -> list[str]:
    """`share run` over six cases that ask sam and lom."""
    rows = [
        {"id": f"c{at}", "question": f"How many? ({at})", "database": "shop.sqlite", "draft": RIGHT}
        for at in range(6)
    ]
    folder = shop.parent
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = f'base_url = "{endpoint.url}"\nmodel = "m"\nretries = 0\n'
    (folder / "models.toml").write_text(f"[models.sam]\n{table}{PRICE}\n[models.lom]\n{table}{PRICE}\n")
    files = ["--cases", str(folder / "cases.jsonl"), "--models", str(folder / "models.toml")]
    return ["run", *files, "--concurrency", "1"]


def run(call: list[str], out: Path, *more: object) -> Result:
    return CliRunner().invoke(cli, [*call, "--out", str(out), *map(str, more)])


def usage(out: Path) -> dict[str, Any]:
    return json.loads((out / "usage.json").read_text())  # type: ignore[no-any-return]


def assert_same(out: Path, other: Path) -> None:
    for name in FINAL_FILES:
        if name not in VARYING_FILES:
            assert (out / name).read_bytes() == (other / name).read_bytes(), name


def test_what_models_cost_is_told_by_role(call: list[str], tmp_path: Path) -> None:
    done = run(call, tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "1,200 tokens in 12 calls of models, 2.2800 USD (lom 1.1400, sam 1.1400)." in done.stdout
    told = usage(tmp_path / "out")
    assert told["total"]["cost"] == pytest.approx(2.28)
    assert (told["stages"]["sam"]["requests"], told["stages"]["sam"]["cost"]) == (6, pytest.approx(1.14))
    assert json.loads((tmp_path / "out" / "run.json").read_text())["usage"] == told["total"]


def test_a_price_that_is_not_known_is_told_and_is_null(call: list[str], tmp_path: Path) -> None:
    file = Path(call[call.index("--models") + 1])
    file.write_text(file.read_text().replace(PRICE, "", 1))
    done = run(call, tmp_path / "out")
    line = "1.1400 USD, without sam, whose price is not known (`price` in a models file)."
    assert line in " ".join(done.stdout.split())
    assert (usage(tmp_path / "out")["stages"]["sam"]["cost"], usage(tmp_path / "out")["total"]["cost"]) == (
        None,
        None,
    )
    refused = run(call, tmp_path / "other", "--max-cost", 1)
    assert refused.exit_code == 2
    assert "a budget of money needs each model's price, and that of sam (m@http" in refused.stderr


@pytest.mark.parametrize(
    ("bound", "calls", "told"),
    [
        (("--max-tokens", 500), 5, "the 500 tokens that the run may take are used up"),
        (("--max-cost", 0.9), 5, "the 0.9 USD that the run may take are used up"),
        (("--case-tokens", 100), 6, "the 100 tokens that one case may take are used up"),
        (("--case-cost", 0.1), 6, "the 0.1 USD that one case may take are used up"),
    ],
)
def test_a_budget_ends_cases_and_a_larger_one_goes_on_without_paying_twice(
    call: list[str], endpoint: Endpoint, tmp_path: Path, bound: tuple[str, object], calls: int, told: str
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    first = run(call, out, *bound)
    assert first.exit_code == 1
    assert told in first.stderr
    assert "--resume with a larger one goes on" in first.stderr
    assert "lost a model" not in first.stderr
    assert len(endpoint.prompts) == calls
    assert len((out / "corrections.jsonl").read_text().splitlines()) == 6
    same = run(call, out, *bound, "--resume")
    assert same.exit_code == 1
    assert len(endpoint.prompts) == calls, "the same budget is used up already"
    assert run(call, out, "--resume").exit_code == 0
    assert len(endpoint.prompts) == 12
    assert run(call, whole).exit_code == 0
    assert_same(out, whole)


def test_the_seconds_of_a_run_end_it(call: list[str], endpoint: Endpoint, tmp_path: Path) -> None:
    free = threading.Event()

    def answer(number: int, prompt: str) -> Reply:
        if number == 3:
            free.wait(60)
        return paid()

    endpoint.answer = answer
    try:
        done = run(call, tmp_path / "out", "--max-seconds", 1)
    finally:
        free.set()
    assert done.exit_code == 1
    assert "the 1 s that the run may take are over" in done.stderr
    assert run(call, tmp_path / "out", "--resume").exit_code == 0
    assert max(Counter(endpoint.prompts).values()) <= 2
    assert len(endpoint.prompts) <= 13, "that which was under way, and it alone, is asked again"


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_run_pays_nothing_twice_but_what_was_under_way(
    call: list[str], endpoint: Endpoint, tmp_path: Path, by: signal.Signals
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    free, asked = threading.Event(), threading.Event()

    def answer(number: int, prompt: str) -> Reply:
        if number == 4:
            asked.set()
            free.wait(60)
        return paid()

    endpoint.answer = answer
    process = subprocess.Popen(
        [*CALL, *call, "--out", str(out)], env=dict(os.environ), stderr=subprocess.DEVNULL
    )
    try:
        assert asked.wait(120)
        process.send_signal(by)
        assert process.wait(60) == (-9 if by == signal.SIGKILL else 128 + by)
    finally:
        process.kill()
        process.wait()
        free.set()
    done = run(call, out, "--resume")
    assert done.exit_code == 0, done.stderr
    assert len(endpoint.prompts) == 13, "the fourth call was under way"
    assert usage(out)["total"]["requests"] == 12
    assert run(call, whole).exit_code == 0
    assert_same(out, whole)


def test_calls_of_a_case_that_is_done_again_are_all_counted(
    call: list[str], endpoint: Endpoint, tmp_path: Path
) -> None:
    """An answer without text is paid for, and asked for again by --resume; what came before it is not."""
    out = tmp_path / "out"
    endpoint.answer = lambda number, prompt: paid("" if number == 2 else SAID)
    assert run(call, out).exit_code == 1
    assert usage(out)["total"]["requests"] == 12
    assert run(call, out, "--resume").exit_code == 0
    assert usage(out)["total"]["requests"] == 13
    rows = [json.loads(line) for line in (out / "corrections.jsonl").read_text().splitlines()]
    assert sum(each["requests"] for row in rows for each in row["usage"].values()) == 12
    assert len(endpoint.prompts) == 13


def test_without_a_ledger_cases_say_what_they_took_at_a_cost_unknown(call: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(call, out).exit_code == 0
    (out / CALLS).unlink()
    assert run(call, out, "--resume").exit_code == 0
    assert (usage(out)["total"]["requests"], usage(out)["total"]["cost"]) == (12, None)


def test_no_model_leaves_no_ledger_and_a_ledger_alone_is_a_run(call: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run([*call, "--models", "none"], out).exit_code == 0
    assert not (out / CALLS).exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / CALLS).touch()
    refused = run(call, tmp_path / "other")
    assert refused.exit_code == 2
    assert f"holds a run already ({CALLS})" in refused.stderr
