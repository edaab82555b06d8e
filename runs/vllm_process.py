"""vLLM's server as a process of these scripts, in the environment that VLLM_PYTHON names."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from share_sql.child_process import ends_with_block

_LOADING_SECONDS = 900.0
SIMULATED = Path(__file__).with_name("simulated_vllm.py")


@dataclass(frozen=True)
class Engine:
    """A server that answers."""

    url: str
    """`http://127.0.0.1:PORT`."""
    model: str
    """The name of its model."""
    loading: float
    """Seconds from its start to its first answer."""
    log: Path
    """What it says."""

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask something of it that is no completion."""
        response = httpx2.post(self.url + path, json=body or {}, timeout=600.0, trust_env=False)
        response.raise_for_status()
        return response.json() if response.content else None

    def forget(self) -> None:
        """Empty its prefix cache."""
        self.post("/reset_prefix_cache")

    def length(self, text: str) -> int:
        """How many tokens a text has, at least one."""
        told = self.post("/tokenize", {"model": self.model, "prompt": text, "add_special_tokens": False})
        return max(1, int(told["count"]))


def vllm_environment() -> dict[str, str]:
    """The environment of whatever runs vLLM here: the same for a server and for a process that loads it."""
    # What the user has set goes first. Without a bound, half of the memory would be taken for the cache.
    defaults = {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_SERVER_DEV_MODE": "1", "HF_HUB_OFFLINE": "1"}
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    fakes = os.environ.get("VLLM_PYTHONPATH")
    return {**defaults, **others, **({"PYTHONPATH": fakes} if fakes else {})}


def engine_arguments(eager: bool) -> dict[str, Any]:
    """What every vLLM here is started with, as arguments of `vllm.LLM`."""
    return {"dtype": "bfloat16", "max_model_len": 8192, "enforce_eager": eager}


@contextmanager
def engine(
    python: str, base: Path | None, log: Path, *, eager: bool = True, speed: float = 1.0
) -> Iterator[Engine]:
    """Start a server on a free port, wait until it answers, and end it with the block.

    Args:
        python: of vLLM's environment.
        base: the checkpoint; None for `simulated_vllm.py`, which needs neither vLLM nor a model.
        log: gets what it says.
        eager: do not compile the model first.
        speed: of the simulated one; 1 for that of two cores.

    Raises:
        SystemExit: it ended, or does not answer.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(base)]
    if base is None:
        python, program = sys.executable, [str(SIMULATED), "--speed", str(speed)]
    arguments = [
        python, *program, "--host", "127.0.0.1", "--port", str(port), "--enable-prefix-caching",
        "--enable-prompt-tokens-details",
    ]  # fmt: skip
    for name, value in engine_arguments(eager).items():
        flag = "--" + name.replace("_", "-")
        arguments += [flag] if value is True else [] if value is False else [flag, str(value)]
    began = time.monotonic()
    with log.open("wb") as said:
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            env=vllm_environment(), start_new_session=True,
        )  # fmt: skip
    with ends_with_block(process):
        url = f"http://127.0.0.1:{port}"
        while not _answers(url):
            if process.poll() is not None:
                said = log.read_text(errors="replace").strip().rpartition("\n")[2][:300]
                raise SystemExit(
                    f"vLLM ended with {process.returncode} before it answered ({said}); "
                    "VLLM_PYTHON names the Python that has vLLM"
                )
            if time.monotonic() - began > _LOADING_SECONDS:
                raise SystemExit(f"vLLM did not answer in {_LOADING_SECONDS:g} s; see {log}")
            time.sleep(0.25)
        yield Engine(url, str(base), time.monotonic() - began, log)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/v1/models", timeout=5.0, trust_env=False).status_code == 200
    except (httpx2.HTTPError, json.JSONDecodeError):
        return False
