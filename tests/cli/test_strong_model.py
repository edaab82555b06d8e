"""`share run --models URL#MODEL`: a chat model behind a server of the tests, answering as OpenAI does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from share_sql.cli.main import cli

KEY = "sk-very-secret-key"
GOOD = "```SR\nres = df.where(element = store.city, filter = 'Bonn').count()\n```"
UNKNOWN = GOOD.replace("store.city", "store.town")


class Chat:
    """Knows one model and one key; may refuse JSON schemas."""

    def __init__(self, takes_schemas: bool) -> None:
        self.takes_schemas = takes_schemas
        self.bodies: list[dict[str, Any]] = []
        self.url = ""

    def answer(self, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        self.bodies.append(body)
        if key != f"Bearer {KEY}":
            return 401, _error("Incorrect API key provided")
        if body["model"] != "strong":
            return 404, _error(f"The model {body['model']} does not exist")
        if "response_format" in body and not self.takes_schemas:
            return 400, _error("Invalid parameter: 'response_format' is not supported with this model")
        prompt = body["messages"][-1]["content"]
        if "response_format" in body:
            masks = body["response_format"]["json_schema"]["schema"]["properties"]["columns"]["minItems"]
            text = json.dumps({"columns": ["store.city"] * masks})
        elif "yes or no" in prompt:
            text = "No"
        elif "[MASK]" in prompt:
            text = UNKNOWN
        else:
            text = "```sql\nSELECT COUNT(*) FROM store\n```" if "sqlite fence" in prompt else GOOD
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": text, "logprob": -0.01}]}
        return 200, {"model": "strong", "choices": [choice] * body.get("n", 1), "usage": {"prompt_tokens": 9}}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error"}}


@contextmanager
def _serving(takes_schemas: bool = True) -> Iterator[Chat]:
    chat = Chat(takes_schemas)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, told = chat.answer(body, self.headers["authorization"])
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        chat.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield chat
        server.shutdown()
        thread.join()


def _run(folder: Path, shop: Path, models: str, drafts: tuple[str, ...]) -> Result:
    rows = [
        {"id": f"c{at}", "question": "How many stores are in Bonn?", "database": str(shop), "draft": draft}
        for at, draft in enumerate(drafts)
    ]
    cases = folder / "cases.jsonl"
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call = ["run", "--cases", str(cases), "--out", str(folder / "out"), "--models", models]
    return CliRunner().invoke(cli, [*call, "--concurrency", "1"])


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARE_API_KEY", KEY)


DRAFTS = ("SELECT COUNT(*) FROM store WHERE city = 'Bonn'", "SELECT id FROM store WHERE city = 'Bonn'")


@pytest.mark.parametrize("takes_schemas", [True, False])
def test_a_run_ends_well_whether_or_not_the_server_takes_schemas(
    tmp_path: Path, shop: Path, takes_schemas: bool
) -> None:
    with _serving(takes_schemas) as chat:
        ended = _run(tmp_path, shop, f"{chat.url}#strong", DRAFTS)
    assert ended.exit_code == 0, ended.output
    schemas = sum("response_format" in body for body in chat.bodies)
    assert schemas == (len(DRAFTS) if takes_schemas else 1), "a refusal is remembered"
    filled = list(map(json.loads, (tmp_path / "out" / "intermediate_traj.jsonl").read_text().splitlines()))
    assert all(("store.town" in each["response"]) == (not takes_schemas) for each in filled)
    assert all(each["response"].startswith("```SR") for each in filled)
    assert {body["n"] for body in chat.bodies if "n" in body} == {3}
    assert KEY not in "".join(
        path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    )


@pytest.mark.parametrize(
    ("model", "key", "told"),
    [("strong", "sk-wrong-key", "SHARE_API_KEY"), ("stronger", KEY, "knows no model stronger")],
)
def test_a_wrong_key_and_an_unknown_model_keep_the_drafts_and_are_told(
    tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch, model: str, key: str, told: str
) -> None:
    monkeypatch.setenv("SHARE_API_KEY", key)
    with _serving() as chat:
        ended = _run(tmp_path, shop, f"{chat.url}#{model}", DRAFTS[:1])
    assert ended.exit_code == 1
    assert told in ended.output
    assert key not in ended.output
    row = json.loads((tmp_path / "out" / "corrections.jsonl").read_text().splitlines()[0])
    assert (row["verdict"], row["sql"]) == ("kept", DRAFTS[0])
