"""The load test in small, over real processes: nothing is timed, each answer is right or names why not.

`runs/service_load.py` says what each part does; in full it is a measurement.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "runs" / "service_load.py"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the load test looks at processes in /proc")
@pytest.mark.parametrize("part", ["many", "memory", "hang", "killed", "leave"])
def test_all_is_as_it_should_be_under_load(part: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), part, "--small", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode in (0, 1), done.stderr
    (rows,) = json.loads(done.stdout).values()
    assert [row for row in rows if not row["good"]] == []
