"""The reference's environment variables, and Azure's: what a real server is sent where they alone are set."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from share_sql.models.base import ModelRequest
from share_sql.models.load import load_models

from .server import Ask, RawServer, ask, completion


@pytest.fixture
def server() -> Iterator[RawServer]:
    def behave(connection: socket.socket, number: int) -> None:
        body = json.dumps(completion()).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with RawServer(behave) as running:
        yield running


@pytest.fixture
def request_(request_of: Ask) -> ModelRequest:
    return request_of()


def sent_by(
    server: RawServer, request: ModelRequest, tmp_path: Path, table: str = ""
) -> tuple[str, dict[str, str], str]:
    """Route, headers and model of the request of a models file whose generator says nothing but `table`."""
    models = tmp_path / "models.toml"
    models.write_text(f"[models.generator]\n{table}\n")
    reply = ask(load_models(str(models))["generator"], request)  # type: ignore[arg-type]
    assert reply.answers[0].text == "hi"
    ((line, headers, body),) = server.requests
    return line.split()[1], headers, json.loads(body)["model"]


def test_the_references_three(
    server: RawServer, request_: ModelRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_BASE", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-three")
    monkeypatch.setenv("ENGINE_ID", "gpt-4o")
    route, headers, model = sent_by(server, request_, tmp_path)
    assert (route, headers["authorization"], model) == ("/v1/chat/completions", "Bearer sk-three", "gpt-4o")


def test_azures_newer_route_is_an_api_base_like_any(
    server: RawServer, request_: ModelRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_BASE", f"http://{server.host}/openai/v1/")
    monkeypatch.setenv("OPENAI_API_KEY", "azure-key")
    monkeypatch.setenv("ENGINE_ID", "my-deployment")
    route, headers, model = sent_by(server, request_, tmp_path)
    assert (route, model) == ("/openai/v1/chat/completions", "my-deployment")
    assert headers["authorization"] == "Bearer azure-key"


def test_azures_deployments(
    server: RawServer, request_: ModelRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"http://{server.host}")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
    monkeypatch.setenv("ENGINE_ID", "my-deployment")
    route, headers, _ = sent_by(server, request_, tmp_path)
    assert route == "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"
    assert headers["api-key"] == "azure-key"
    assert "authorization" not in headers


def test_an_api_base_goes_before_azures_endpoint(
    server: RawServer, request_: ModelRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_API_BASE", server.url)
    monkeypatch.setenv("ENGINE_ID", "gpt-4o")
    assert sent_by(server, request_, tmp_path)[0] == "/v1/chat/completions"


def test_a_models_file_keeps_the_key_from_a_server_of_ones_own(
    server: RawServer, request_: ModelRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-three")
    monkeypatch.setenv("VLLM_API_KEY", "of-vllm")
    table = f'base_url = "{server.url}"\nmodel = "birdsql/share-lom"\napi_key_env = "VLLM_API_KEY"'
    _, headers, model = sent_by(server, request_, tmp_path, table)
    assert model == "birdsql/share-lom"
    assert headers["authorization"] == "Bearer of-vllm"
