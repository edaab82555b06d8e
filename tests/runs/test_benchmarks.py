"""Each benchmark as a trial: it works, and leaves what it measured, with a plot."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(
    path.name for path in (ROOT / "benchmarks").glob("*.py") if "main(__doc__" in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "harness.py"])
def test_it_works_in_small(tmp_path: Path, name: str) -> None:
    call = [sys.executable, str(ROOT / "benchmarks" / name), "--small", "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    stem = name.removesuffix(".py")
    told = json.loads((tmp_path / f"{stem}.json").read_text("utf-8"))
    assert told["small"] is True
    for comparison in told["comparisons"]:
        assert comparison["name"] in done.stdout
        assert len(comparison["rounds"]) == 1
        for sides in comparison["rounds"]:
            assert len(sides) > 1, "there is something to compare with"
            assert all(comparison["figures"].keys() <= figures.keys() for figures in sides.values())
            assert all(value >= 0 for figures in sides.values() for value in figures.values())
    assert (tmp_path / f"{stem}.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_has_a_section_for_each() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    told = set(re.findall(r"^`benchmarks/(\w+\.py)`: ", page, re.MULTILINE))
    assert told == {name for name in SCRIPTS if name != "harness.py"}
