"""The demo on other databases than the one its drafts are written for."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from tests.servers.kinds import ServerMissing

from share_sql.demo.result import DemoResult
from share_sql.demo.run import run_demo

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "runs" / "demo_on.py"


def honest(result: DemoResult, dialect: str, title: str) -> None:
    """It is told what runs here, and what would be right at home."""
    counts = result.counts
    assert (result.dialect, result.right_at_home) == (dialect, 18)
    assert f"here they are corrected on {title}." in result.place
    assert result.place.replace("'", "&#39;") in result.page.read_text("utf-8")
    assert counts["broken"] == 0
    assert counts["fixed"] >= 10
    assert counts["right_after"] == counts["right_before"] + counts["fixed"]
    rows = [json.loads(line) for line in (result.out / "cases.jsonl").read_text("utf-8").splitlines()]
    assert not [row for row in rows if "gold" in row]


def test_duckdb(tmp_path: Path) -> None:
    into = tmp_path / "shop.duckdb"
    result = run_demo(tmp_path / "out", into=str(into))
    honest(result, "duckdb", "DuckDB")
    texts = [(result.out / name).read_bytes() for name in ("corrections.jsonl", "demo.html")]
    again = run_demo(tmp_path / "out", into=str(into))
    assert [(again.out / name).read_bytes() for name in ("corrections.jsonl", "demo.html")] == texts


@pytest.mark.parametrize(("kind", "title"), [("postgres", "PostgreSQL"), ("mysql", "MySQL")])
def test_servers(tmp_path: Path, kind: str, title: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(f"{kind}_database").owner
    result = run_demo(tmp_path, into=url)
    honest(result, kind, title)
    password = urlsplit(url).password
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert password
    assert not [path for path in files if password.encode() in path.read_bytes()]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo_on", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_where_the_servers_package_is_missing_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = script()

    def missing(*_: object) -> str:
        raise ServerMissing("PostgreSQL is not installed here: apt-get install postgresql")

    monkeypatch.setattr(module, "start", missing)
    monkeypatch.setattr(sys, "argv", ["demo_on.py", "postgres"])
    assert module.main() == 1
    assert capsys.readouterr().err == "PostgreSQL is not installed here: apt-get install postgresql\n"


def test_a_kind_that_is_none_is_refused() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "oracle"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "postgres, mysql, duckdb" in done.stderr
