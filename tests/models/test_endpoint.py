from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from share_sql.errors import ModelRefused, ModelUnavailable, SettingsError
from share_sql.models.base import ModelReply, ModelRequest, Usage
from share_sql.models.endpoint import EndpointModel

Ask = Callable[..., ModelRequest]
KEY = "sk-very-secret-key"
URL = "http://models.test/v1"


def choice(text: str | None = "hi", finish: str = "stop", **more: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}, **more}


def completion(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "served", "usage": usage}
    return {**body, "choices": list(choices) or [choice()], **more}


class Server:
    """Answers from a list, the last one again and again; keeps what it was sent."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or [completion()]
        self.sent: list[httpx2.Request] = []
        self.busy = self.most_busy = 0

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        await asyncio.sleep(0)
        self.busy -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return answer
        return httpx2.Response(200, json=answer)

    def body(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.sent[number].content)
        return found


def model(server: Server, **settings: Any) -> EndpointModel:
    settings = {"model": "sam", "base_url": URL, "api_key": KEY, "first_wait": 0.0, **settings}
    return EndpointModel(transport=httpx2.MockTransport(server), **settings)


def ask(model: EndpointModel, request: ModelRequest) -> ModelReply:
    async def once() -> ModelReply:
        try:
            return await model.ask(request)
        finally:
            await model.close()

    return asyncio.run(once())


def failure(
    status: int, message: str = "no", headers: dict[str, str] | None = None, **more: Any
) -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"message": message, **more}}, headers=headers)


# -- what is sent ------------------------------------------------------------------------------------


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
    ask(model(server, grammar_field=field), request_of(grammar="root"))
    assert server.body()[field] == sent


def test_a_grammar_is_left_out_for_servers_without(request_of: Ask) -> None:
    server = Server()
    ask(model(server), request_of(grammar="root"))
    assert "root" not in json.dumps(server.body())


# -- what comes back ---------------------------------------------------------------------------------


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
    "message", [{"role": "assistant", "content": None}, {"role": "assistant"}, {"content": ""}]
)
def test_no_content_is_an_empty_text(request_of: Ask, message: dict[str, Any]) -> None:
    reply = ask(
        model(Server(completion({"index": 0, "finish_reason": "length", "message": message}))), request_of()
    )
    assert (reply.text, reply.answers[0].finish) == ("", "length")


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


# -- failures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_tries_again_after_a_passing_failure(request_of: Ask, status: int) -> None:
    server = Server(failure(status), completion())
    assert ask(model(server), request_of()).text == "hi"


@pytest.mark.parametrize(
    "error", [httpx2.ConnectError("refused"), httpx2.ReadTimeout("late"), httpx2.RemoteProtocolError("cut")]
)
def test_tries_again_after_a_broken_connection(request_of: Ask, error: Exception) -> None:
    assert ask(model(Server(error, completion())), request_of()).text == "hi"


def test_tries_again_after_an_answer_without_choices(request_of: Ask) -> None:
    server = Server({**completion(), "choices": []}, {"error": {"message": "overloaded"}}, completion())
    assert ask(model(server), request_of()).text == "hi"


def test_gives_up_after_its_retries(request_of: Ask) -> None:
    server = Server(failure(503, "overloaded"))
    with pytest.raises(ModelUnavailable, match=r"after 3 tries: status 503 \(.*overloaded"):
        ask(model(server, retries=2), request_of())
    assert len(server.sent) == 3


def test_may_not_retry_at_all(request_of: Ask) -> None:
    server = Server(failure(503))
    with pytest.raises(ModelUnavailable):
        ask(model(server, retries=0), request_of())
    assert len(server.sent) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_does_not_retry_what_a_retry_cannot_mend(request_of: Ask, status: int) -> None:
    server = Server(failure(status))
    with pytest.raises(ModelRefused):
        ask(model(server), request_of())
    assert len(server.sent) == 1


@pytest.mark.parametrize(
    ("answer", "mend"),
    [
        (failure(401), "OPENAI_API_KEY"),
        (failure(403), "another key or model"),
        (failure(404, "no such model"), "check model and base_url"),
        (failure(400, "use max_completion_tokens instead"), 'tokens_field = "max_completion_tokens"'),
        (failure(400, "temperature is not supported"), "send_temperature = false"),
        (failure(400, "context too long"), "context too long"),
        (failure(429, "pay", code="insufficient_quota"), "quota"),
        (httpx2.Response(200, text="<html>welcome</html>", headers={"content-type": "text/html"}), "/v1"),
    ],
)
def test_a_refusal_names_the_mend(request_of: Ask, answer: httpx2.Response, mend: str) -> None:
    with pytest.raises(ModelRefused) as caught:
        ask(model(Server(answer)), request_of())
    assert mend in str(caught.value)


@pytest.mark.parametrize("body", [b"{", b"null", b'"text"', b"[]", b"\xff\xfe"])
def test_an_answer_that_cannot_be_read_is_a_named_error(request_of: Ask, body: bytes) -> None:
    answer = httpx2.Response(200, content=body, headers={"content-type": "application/json"})
    with pytest.raises((ModelUnavailable, ModelRefused)):
        ask(model(Server(answer), retries=1), request_of())


def waits(monkeypatch: pytest.MonkeyPatch, model: EndpointModel, request: ModelRequest) -> list[float]:
    slept: list[float] = []
    sleep = asyncio.sleep

    async def remember(seconds: float) -> None:
        slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr("share_sql.models.endpoint.asyncio.sleep", remember)
    with contextlib.suppress(ModelUnavailable):
        ask(model, request)
    return [seconds for seconds in slept if seconds]


def test_waits_longer_each_time(request_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = waits(monkeypatch, model(Server(failure(503)), first_wait=1.0, retries=4), request_of())
    assert all(base / 2 <= found <= base * 1.5 for base, found in zip((1, 2, 4, 8), slept, strict=True))


def test_waits_as_long_as_it_is_told(request_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(failure(429, headers={"retry-after": "7"}), completion())
    assert waits(monkeypatch, model(server), request_of()) == [7.0]


def test_waits_until_a_date(request_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(failure(429, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}), completion())
    assert waits(monkeypatch, model(server), request_of()) == []  # the date has passed


def test_does_not_wait_for_hours(request_of: Ask) -> None:
    with pytest.raises(ModelUnavailable, match="after one try"):
        ask(model(Server(failure(429, headers={"retry-after": "7200"}))), request_of())


def test_a_key_shows_in_no_message(request_of: Ask) -> None:
    with pytest.raises(ModelRefused) as caught:
        ask(model(Server(failure(400, f"bad key {KEY} here"))), request_of())
    assert KEY not in str(caught.value)


def test_a_servers_words_on_a_key_are_left_out(request_of: Ask) -> None:
    with pytest.raises(ModelRefused) as caught:
        ask(model(Server(failure(401, "Incorrect API key: sk-very****-key"))), request_of())
    assert "sk-very" not in str(caught.value)


def test_a_headers_value_shows_in_no_message(request_of: Ask) -> None:
    with pytest.raises(ModelRefused) as caught:
        ask(
            model(Server(failure(400, "token tok-12345 is bad")), headers={"X-Token": "tok-12345"}),
            request_of(),
        )
    assert "tok-12345" not in str(caught.value)


def test_a_key_shows_in_no_repr_and_name() -> None:
    endpoint = model(Server(), base_url="http://ada:hunter2@models.test/v1")
    assert not any(secret in repr(endpoint) + endpoint.name for secret in (KEY, "hunter2"))


def test_a_key_shows_in_no_log(request_of: Ask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(model(Server(failure(503), completion())), request_of())
    assert KEY not in caplog.text


def test_a_failure_keeps_no_request_with_the_key_behind_it(request_of: Ask) -> None:
    with pytest.raises(ModelRefused) as caught:
        ask(model(Server(failure(400))), request_of())
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)


# -- concurrency -------------------------------------------------------------------------------------


def test_bounds_concurrent_calls(request_of: Ask) -> None:
    server = Server()

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


# -- settings ----------------------------------------------------------------------------------------


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


# -- over a real connection --------------------------------------------------------------------------


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
