"""vLLM as a process: a program of the test's own stands in for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from share_sql.errors import SettingsError
from share_sql.models.vllm_server import serving, what_to_serve

from .adapters import QWEN2, write_adapter

PROGRAM = """#!{python}
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
if os.environ.get("TEST_ENDS"):
    raise SystemExit(3)
class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/v1/models" else 404)
        self.end_headers()
    def log_message(self, *_):
        pass
open({told!r}, "w").write(json.dumps({{"call": sys.argv[1:], "pid": os.getpid()}}))
HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answers).serve_forever()
"""


@pytest.fixture
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    told = tmp_path / "told.json"
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, told=str(told)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return told


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_it_serves_adapters_prints_their_file_and_ends_with_share(vllm: Path, tmp_path: Path) -> None:
    import json

    named = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
    for role in ("sam", "drafter"):
        write_adapter(tmp_path / "mine" / role, QWEN2, 2, rank=12, base_model_name_or_path=named)
    port = free_port()
    code = "from share_sql.cli.main import main; main()"
    share = [sys.executable, "-c", code, "models", "serve", "--adapters", str(tmp_path / "mine")]
    process = subprocess.Popen([*share, "--port", str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = "".join(process.stdout.readline() for _ in range(6))
    assert f'[models.sam]\nbase_url = "http://127.0.0.1:{port}/v1"\nmodel = "sam"' in text
    told = json.loads(vllm.read_text())
    call = told["call"]
    assert call[:2] == ["serve", named]
    assert call[call.index("--max-lora-rank") + 1] == "16"
    at = call.index("--lora-modules")
    assert call[at + 1] == f"sam={tmp_path / 'mine' / 'sam'}"
    assert {"--enable-lora", "--enable-prefix-caching", "--chat-template"} <= set(call)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode != 0
    with pytest.raises(ProcessLookupError):
        os.kill(told["pid"], 0)


def test_a_server_that_ends_at_once_is_told(vllm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from share_sql.errors import ModelUnavailable

    monkeypatch.setenv("TEST_ENDS", "1")
    monkeypatch.setattr("sys.stderr", sys.__stderr__)
    served = what_to_serve("qwen2.5-coder-0.5b", None, free_port())
    assert "[models.generator]" in served.models_file()
    with pytest.raises(ModelUnavailable, match="ended with 3"), serving(served):
        pass


def test_without_vllm_the_way_to_install_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="uv tool install vllm"), serving(what_to_serve("0.5b", None, 1)):
        pass
    with pytest.raises(SettingsError, match="holds no adapter"):
        what_to_serve(None, tmp_path, 1)


def test_a_whole_checkpoint_answers_for_the_roles_that_are_named(
    vllm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json
    import tomllib

    monkeypatch.setattr("sys.stderr", sys.__stderr__)
    served = what_to_serve(
        "birdsql/share-bam",
        None,
        free_port(),
        roles=("bam", "mask"),
        further=("--gpu-memory-utilization", "0.3"),
    )
    with serving(served):
        pass
    call = json.loads(vllm.read_text())["call"]
    assert call[:2] == ["serve", "birdsql/share-bam"]
    assert call[-2:] == ["--gpu-memory-utilization", "0.3"]
    assert not {"--enable-lora", "--chat-template"} & set(call), "its own template, and no adapters"
    told = tomllib.loads(served.models_file())["models"]
    assert {role: table["model"] for role, table in told.items()} == {
        "bam": "birdsql/share-bam",
        "mask": "birdsql/share-bam",
    }
    with pytest.raises(SettingsError, match="an adapter's folder names its role"):
        what_to_serve(None, tmp_path, 1, roles=("sam",))
