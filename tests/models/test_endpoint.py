"""EndpointModel: what is sent, what comes back, where its settings come from."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from share_sql.errors import ModelUnavailable, SettingsError
from share_sql.models.base import Usage
from share_sql.models.endpoint import EndpointModel

from .server import KEY, URL, Ask, Server, ask, choice, completion, model

# -- what is sent --


def test_sends_messages_and_sampling(request_of: Ask) -> None:
    server = Server()
    ask(model(server), request_of("hello", max_tokens=77, temperature=0.3))
    assert server.body() == {
        "model": "sam",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 77,
        "temperature": 0.3,
    }


def test_sends_to_the_chat_route_of_the_base_url(request_of: Ask) -> None:
    server = Server()
    ask(model(server), request_of())
    assert str(server.sent[0].url) == f"{URL}/chat/completions"


def test_sends_key_and_headers(request_of: Ask) -> None:
    server = Server()
    ask(model(server, headers={"X-Team": "data"}), request_of())
    headers = server.sent[0].headers
    assert (headers["authorization"], headers["x-team"]) == (f"Bearer {KEY}", "data")


@pytest.mark.parametrize(("asked", "sent"), [(3000, 768), (1, 1)])
def test_no_answer_may_be_longer_than_is_set(request_of: Ask, asked: int, sent: int) -> None:
    server = Server()
    short = model(server, max_tokens=768)
    ask(short, request_of(max_tokens=asked))
    assert server.body()["max_tokens"] == sent
    assert short.name != model(server).name, "answers may differ"


def test_a_set_temperature_wins(request_of: Ask) -> None:
    server = Server()
    ask(model(server, temperature=0.9), request_of(temperature=0.1))
    assert server.body()["temperature"] == 0.9


def test_may_send_no_temperature(request_of: Ask) -> None:
    server = Server()
    ask(model(server, send_temperature=False), request_of())
    assert "temperature" not in server.body()


def test_the_bound_on_tokens_may_have_its_newer_name(request_of: Ask) -> None:
    server = Server()
    ask(model(server, tokens_field="max_completion_tokens"), request_of(max_tokens=5))
    assert (server.body()["max_completion_tokens"], "max_tokens" in server.body()) == (5, False)


def test_openai_gets_the_newer_name(request_of: Ask) -> None:
    server = Server()
    ask(model(server, base_url="https://api.openai.com/v1"), request_of(max_tokens=5))
    assert server.body()["max_completion_tokens"] == 5


def test_more_fields_may_be_sent(request_of: Ask) -> None:
    server = Server()
    ask(model(server, extra_body={"top_k": 1}), request_of())
    assert server.body()["top_k"] == 1


@pytest.mark.parametrize(
    ("field", "sent"),
    [("structured_outputs", {"grammar": "root"}), ("guided_grammar", "root"), ("grammar", "root")],
)
def test_a_grammar_goes_where_the_server_wants_it(request_of: Ask, field: str, sent: object) -> None:
    server = Server()
    asked = model(server, grammar_field=field)
    ask(asked, request_of(grammar="root"))
    assert asked.takes_grammar
    assert server.body()[field] == sent


def test_a_grammar_is_left_out_for_servers_without(request_of: Ask) -> None:
    server = Server()
    asked = model(server)
    ask(asked, request_of(grammar="root"))
    assert not asked.takes_grammar
    assert "root" not in json.dumps(server.body())


# -- what comes back --


def test_gives_text_and_the_models_name(request_of: Ask) -> None:
    reply = ask(model(Server()), request_of())
    assert (reply.text, reply.model) == ("hi", "served")


def test_gives_usage_with_cached_and_reasoning_tokens(request_of: Ask) -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert ask(model(Server(completion(usage=usage))), request_of()).usage == Usage(10, 4, 8, 3, 1)


@pytest.mark.parametrize("details", [{}, {"prompt_tokens_details": None}, {"prompt_tokens_details": {}}])
def test_gives_usage_without_details(request_of: Ask, details: dict[str, Any]) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14, **details}
    assert ask(model(Server(completion(usage=usage))), request_of()).usage == Usage(10, 4, requests=1)


def test_gives_usage_where_the_server_tells_none(request_of: Ask) -> None:
    assert ask(model(Server(completion(usage=None))), request_of()).usage == Usage(requests=1)


@pytest.mark.parametrize(
    ("said", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "filter"),
        ("eos", "unknown"),
        (None, "unknown"),
    ],
)
def test_tells_why_the_answer_ended(request_of: Ask, said: str, finish: str) -> None:
    assert ask(model(Server(completion(choice(finish=said)))), request_of()).answers[0].finish == finish


def test_sums_log_probabilities(request_of: Ask) -> None:
    tokens = [{"token": "a", "logprob": logprob, "top_logprobs": []} for logprob in (-0.5, -0.25)]
    server = Server(completion(choice(logprobs={"content": tokens})))
    answer = ask(model(server), request_of(logprobs=True)).answers[0]
    assert (server.body()["logprobs"], answer.logprob, answer.tokens) == (True, -0.75, 2)


@pytest.mark.parametrize("logprobs", [None, {"content": None}, {"content": []}])
def test_no_log_probability_where_the_server_tells_none(request_of: Ask, logprobs: object) -> None:
    answer = ask(model(Server(completion(choice(logprobs=logprobs)))), request_of(logprobs=True)).answers[0]
    assert (answer.logprob, answer.tokens) == (None, None)


def test_gives_all_samples_of_one_call(request_of: Ask) -> None:
    server = Server(completion(choice("a"), choice("b"), choice("c")))
    reply = ask(model(server), request_of(samples=3, temperature=1.0))
    assert ([answer.text for answer in reply.answers], server.body()["n"], len(server.sent)) == (
        ["a", "b", "c"],
        3,
        1,
    )


def test_asks_again_where_a_server_gives_one_sample_a_call(request_of: Ask) -> None:
    server = Server(completion(choice("a")), completion(choice("b")), completion(choice("c")))
    reply = ask(model(server), request_of(samples=3, temperature=1.0))
    assert [answer.text for answer in reply.answers] == ["a", "b", "c"]
    assert reply.usage.requests == 3


def test_does_not_ask_again_for_what_would_be_the_same(request_of: Ask) -> None:
    server = Server(completion(choice("a")))
    assert len(ask(model(server), request_of(samples=3)).answers) == 1


# -- concurrency --


def test_bounds_concurrent_calls(request_of: Ask) -> None:
    server = Server(crowd=3)

    async def many() -> None:
        endpoint = model(server, concurrency=3)
        await asyncio.gather(*(endpoint.ask(request_of()) for _ in range(20)))
        await endpoint.close()

    asyncio.run(many())
    assert (len(server.sent), server.most_busy) == (20, 3)


def test_serves_one_event_loop_after_another(request_of: Ask) -> None:
    endpoint = model(Server())
    assert [ask(endpoint, request_of()).text for _ in range(3)] == ["hi"] * 3


def test_close_may_be_called_twice() -> None:
    async def close() -> None:
        endpoint = model(Server())
        await endpoint.close()
        await endpoint.close()

    asyncio.run(close())


# -- settings --


@pytest.mark.parametrize("variable", ["OPENAI_API_BASE", "OPENAI_BASE_URL"])
def test_takes_everything_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, request_of: Ask, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://from.env/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-env")
    monkeypatch.setenv("ENGINE_ID", "from-env")
    server = Server()
    ask(EndpointModel(transport=httpx2.MockTransport(server)), request_of())
    sent = server.sent[0]
    assert (str(sent.url), sent.headers["authorization"], server.body()["model"]) == (
        "http://from.env/v1/chat/completions",
        "Bearer sk-from-env",
        "from-env",
    )


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch, request_of: Ask) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://from.env/v1")
    monkeypatch.setenv("ENGINE_ID", "from-env")
    server = Server()
    ask(model(server), request_of())
    assert (server.sent[0].url.host, server.body()["model"]) == ("models.test", "sam")


def test_azure_from_the_environment(monkeypatch: pytest.MonkeyPatch, request_of: Ask) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.azure.test")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-secret")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
    server = Server()
    ask(EndpointModel("gpt", transport=httpx2.MockTransport(server)), request_of())
    sent = server.sent[0]
    assert str(sent.url) == (
        "https://mine.azure.test/openai/deployments/gpt/chat/completions?api-version=2024-10-21"
    )
    assert sent.headers["api-key"] == "azure-secret"


def test_azure_without_a_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.azure.test")
    with pytest.raises(SettingsError, match="OPENAI_API_VERSION"):
        EndpointModel("gpt")


def test_a_server_of_ones_own_needs_no_key(request_of: Ask) -> None:
    server = Server()
    ask(EndpointModel("m", URL, transport=httpx2.MockTransport(server)), request_of())
    assert len(server.sent) == 1


def test_openai_without_a_key_is_named() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        EndpointModel("gpt")


def test_no_model_is_named() -> None:
    with pytest.raises(SettingsError, match="ENGINE_ID"):
        EndpointModel(base_url=URL)


@pytest.mark.parametrize("change", [{"temperature": 0.5}, {"extra_body": {"top_k": 1}}, {"model": "lom"}])
def test_the_name_changes_with_what_changes_answers(change: dict[str, Any]) -> None:
    assert model(Server(), **change).name != model(Server()).name


# -- over a real connection --


class Handler(BaseHTTPRequestHandler):
    """OpenAI's chat route: fails once, then says the last message backwards."""

    failed = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not Handler.failed:
            Handler.failed = True
            self.send_response(503)
            self.end_headers()
            return
        answer = json.dumps(completion(choice(body["messages"][-1]["content"][::-1]))).encode()
        self.send_response(200 if self.path == "/v1/chat/completions" else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.failed = False
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_speaks_to_a_real_server(server: str, request_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    endpoint = EndpointModel("m", server, first_wait=0.01)
    assert ask(endpoint, request_of("abc")).text == "cba"


def test_a_server_that_is_not_there_is_named(request_of: Ask) -> None:
    with pytest.raises(ModelUnavailable, match=r"no connection to http://127\.0\.0\.1:9/v1"):
        ask(EndpointModel("m", "http://127.0.0.1:9/v1", retries=1, first_wait=0.01), request_of())
