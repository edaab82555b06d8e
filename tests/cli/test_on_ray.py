"""`share run --engine ray` on the command line: what it refuses, and what survives when it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.scale.processes import children, command_of, has_ended

from share_sql.cli.main import cli
from share_sql.demo.cases import write_cases

from .answers import GOOD, serving

SHARE = (sys.executable, "-c", "from share_sql.cli.main import main; main()")


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["run", "--models", "none", *arguments])
    assert result.exit_code == 2, result.output
    return result.stderr


def test_what_an_engine_cannot_do_is_refused_in_a_line(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = tmp_path / "cases.jsonl"
    write_cases(cases, str(shop))
    out = ("--out", str(tmp_path / "out"))
    here = ("--cases", str(cases), *out)
    assert "--parts needs --engine ray" in refused(*here, "--parts", "jsonl")
    assert "--ray-address needs --engine ray" in refused(*here, "--ray-address", "auto")
    assert "--cases is a folder, which needs --engine ray" in refused("--cases", str(tmp_path), *out)
    assert "--out is a URL, which needs --engine ray" in refused(
        "--cases", str(cases), "--out", "s3://bucket/run"
    )
    assert "--engine ray needs --cases" in refused("--engine", "ray", "--benchmark", "bird", *out)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'share-sql[ray]'" in refused("--engine", "ray", *here)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")
def test_a_run_that_is_killed_goes_on(shop_path: Path, tmp_path: Path) -> None:
    """kill -9 on the process that the run was started in: what is written stays, nothing of Ray does."""
    cases = tmp_path / "cases"
    cases.mkdir()
    write_cases(tmp_path / "all.jsonl", str(shop_path))
    lines = (tmp_path / "all.jsonl").read_text().splitlines()[:40]
    for number in range(10):  # ten files, so ten blocks
        (cases / f"{number}.jsonl").write_text("\n".join(lines[4 * number : 4 * number + 4]))
    out, models = tmp_path / "out", tmp_path / "models.toml"
    with serving() as endpoint:
        models.write_text(f'[models.lom]\nbase_url = "{endpoint.url}"\nmodel = "served"\n')
        call = (*SHARE, "run", "--models", str(models), "--concurrency", "2", "--cases")
        ray = (*call, str(cases), "--engine", "ray", "--out", str(out), "--resume", "--json")

        def slowly(number: int, prompt: str) -> Any:
            time.sleep(0.2)
            return GOOD

        endpoint.answer = slowly
        running = subprocess.Popen(ray, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        late = time.monotonic() + 240
        while len(list(out.glob("parts/*.parquet"))) < 2:
            assert running.poll() is None
            assert time.monotonic() < late, "no block was done"
            time.sleep(0.05)
        ours = {pid: command_of(pid) for pid in children(running.pid)}
        running.send_signal(signal.SIGKILL)
        running.wait()
        # Ray's own two agents notice a minute later that nobody is there.
        agents = {
            pid for pid, command in ours.items() if command.startswith(b"ray::") and b"Agent" in command
        }
        late = time.monotonic() + 60
        while not all(map(has_ended, ours.keys() - agents)):
            assert time.monotonic() < late, "workers go on"
            time.sleep(0.1)
        for pid in agents:
            if command_of(pid) == ours[pid]:
                os.kill(pid, signal.SIGKILL)
        whole = {path.name for path in out.glob("parts/*.parquet")}
        assert 2 <= len(whole) < 10
        assert not (out / "corrections.jsonl").exists()
        endpoint.prompts.clear()
        endpoint.answer = lambda number, prompt: GOOD
        ended = subprocess.run(ray, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout)["cases"] == 40
        assert len(endpoint.prompts) == 40 - 4 * len(whole)
        assert whole <= {path.name for path in out.glob("parts/*.parquet")}
        local = subprocess.run(
            (*call, str(tmp_path / "all.jsonl"), "--limit", "40", "--out", str(tmp_path / "local")),
            capture_output=True,
        )
        assert local.returncode == 0
    for name in ("corrections.jsonl", "final_sql.json", "final_traj.jsonl"):
        assert (out / name).read_bytes() == (tmp_path / "local" / name).read_bytes()
