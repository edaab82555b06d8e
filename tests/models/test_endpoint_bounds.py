"""EndpointModel before real servers that drip, never end, send on, or answer in the wrong shape."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import httpx2
import pytest

from share_sql.errors import (
    AnswerEmpty,
    AnswerUnreadable,
    ModelError,
    ModelLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreachable,
)
from share_sql.models.base import Usage
from share_sql.models.endpoint import EndpointModel
from share_sql.models.post import LONGEST_BODY

from .server import KEY, Ask, RawServer, Server, ask, choice, completion, failure, good, model, response

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)


def endpoint(server: RawServer, **settings: Any) -> EndpointModel:
    return EndpointModel(
        "m", server.url, KEY, **{"timeout": 0.4, "retries": 1, "first_wait": 0.01, **settings}
    )


def fails(server: RawServer, request_of: Ask, kind: type[ModelError], **settings: Any) -> str:
    """The message of the error, which comes soon."""
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        ask(endpoint(server, **settings), request_of())
    assert time.monotonic() - started < 15
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- time --


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        pytest.param(b"", b"H", id="status line"),
        pytest.param(HEAD, b"x", id="headers"),
        pytest.param(HEAD + b"content-length: 9999\r\n\r\n", b" ", id="body"),
        pytest.param(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n", id="chunks"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="continue"),
        pytest.param(HEAD + b"content-length: 9999\r\n\r\n", b"", id="nothing"),
    ],
)
def test_a_server_that_drips_is_given_up(request_of: Ask, begin: bytes, part: bytes) -> None:
    def drip(connection: socket.socket, _: int) -> None:
        connection.sendall(begin)
        server.endlessly(connection, part, 0.02)

    with RawServer(drip) as server:
        message = fails(server, request_of, ModelTimeout)
        assert "after 2 tries" in message
        assert "within 0.4 s" in message
        assert len(server.requests) == 2
        assert not part or server.gone.wait(15), "the connection is closed"


def test_an_error_that_drips_is_told_by_its_status(request_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("share_sql.models.post.REFUSAL_SECONDS", 0.05)

    def drip(connection: socket.socket, _: int) -> None:
        connection.sendall(b"HTTP/1.1 401 No\r\ncontent-length: 9999\r\n\r\n")
        server.endlessly(connection, b" ", 0.02)

    with RawServer(drip) as server:
        assert "does not accept the key" in fails(server, request_of, ModelRefused)


@pytest.mark.parametrize("after", ["0.2", None])
def test_all_tries_and_waits_have_a_deadline(request_of: Ask, after: str | None) -> None:
    headers = {"retry_after": after} if after else {}
    with RawServer(lambda connection, _: connection.sendall(response(b"{}", 503, **headers))) as server:
        message = fails(server, request_of, ModelUnavailable, retries=10**6, first_wait=0.1, deadline=0.7)
    assert "its 0.7 s (`deadline`) are over" in message
    assert 2 <= len(server.requests) < 20


def test_the_last_try_gets_what_is_left_of_the_deadline(request_of: Ask) -> None:
    with RawServer(lambda connection, _: server.over.wait(60) and None) as server:
        message = fails(server, request_of, ModelTimeout, timeout=100.0, retries=9, deadline=0.3)
    assert "within 0.3 s" in message
    assert "set a longer `deadline`" in message


def test_the_wait_for_ones_turn_is_no_part_of_the_deadline(request_of: Ask) -> None:
    def slow(connection: socket.socket, _: int) -> None:
        time.sleep(0.2)
        connection.sendall(good())

    async def many(asked: EndpointModel) -> None:
        await asyncio.gather(*(asked.ask(request_of()) for _ in range(6)))
        await asked.close()

    with RawServer(slow) as server:
        asyncio.run(many(endpoint(server, timeout=0.9, deadline=0.9, concurrency=1)))


@pytest.mark.parametrize("value", ["nan", "-3", "soon", "", "-inf", "1e-400", "Wed, 99 Foo", "\u0663 s"])
def test_a_wait_that_is_none_is_not_waited_for(request_of: Ask, value: str) -> None:
    refused = failure(429, headers={"retry-after": value.encode()})  # type: ignore[dict-item]
    assert ask(model(Server(refused, completion()), timeout=5.0), request_of()).text == "hi"


@pytest.mark.parametrize("value", ["inf", "1e308", "86400", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_wait_for_ever_is_given_up(request_of: Ask, value: str) -> None:
    with pytest.raises(ModelLimited, match=r"asks to wait \d{5,10} s;"):
        ask(model(Server(failure(429, headers={"retry-after": value}))), request_of())


# -- size --


def endless(begin: bytes, part: bytes) -> Callable[[RawServer], Callable[[socket.socket, int], None]]:
    def of(server: RawServer) -> Callable[[socket.socket, int], None]:
        def behave(connection: socket.socket, _: int) -> None:
            connection.sendall(begin)
            server.endlessly(connection, part)

        return behave

    return of


@pytest.mark.parametrize(
    "part", [pytest.param(b" " * 65536, id="spaces"), pytest.param(b'{"a": [' * 9000, id="json")]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_without_end_is_cut_off(request_of: Ask, part: bytes, chunked: bool) -> None:
    head = HEAD + (b"transfer-encoding: chunked\r\n\r\n" if chunked else b"connection: close\r\n\r\n")
    sent = b"%x\r\n%b\r\n" % (len(part), part) if chunked else part
    with RawServer(lambda connection, number: None) as server:
        server.behave = endless(head, sent)(server)
        tracemalloc.start()
        message = fails(server, request_of, AnswerUnreadable, timeout=30.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert "more than 8 MB" in message
    assert peak < 6 * LONGEST_BODY
    assert len(server.requests) == 1


@pytest.mark.parametrize("times", [1, 2])
def test_what_is_compressed_counts_as_what_it_holds(request_of: Ask, times: int) -> None:
    packed = b" " * (64 << 20)
    for _ in range(times):
        packed = gzip.compress(packed, 6)
    answer = response(packed, content_encoding=", ".join(["gzip"] * times))
    with RawServer(lambda connection, _: connection.sendall(answer)) as server:
        tracemalloc.start()
        message = fails(server, request_of, AnswerUnreadable, timeout=30.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert ("more than 8 MB" if times == 1 else "compressed more than once") in message
    assert peak < 6 * LONGEST_BODY


def test_a_compressed_answer_is_read(request_of: Ask) -> None:
    packed = gzip.compress(json.dumps(completion()).encode())
    with RawServer(
        lambda connection, _: connection.sendall(response(packed, content_encoding="gzip"))
    ) as server:
        assert ask(endpoint(server), request_of()).text == "hi"


def test_what_is_not_compressed_though_it_says_so_cannot_be_read(request_of: Ask) -> None:
    answer = response(b"{}" * 50, content_encoding="gzip")
    with RawServer(lambda connection, _: connection.sendall(answer)) as server:
        assert "decompressed" in fails(server, request_of, AnswerUnreadable)


def test_an_error_without_end_is_told_by_its_status(request_of: Ask) -> None:
    with RawServer(lambda connection, number: None) as server:
        server.behave = endless(b"HTTP/1.1 400 No\r\n\r\n", b"x" * 65536)(server)
        assert "status 400" in fails(server, request_of, ModelRefused, timeout=30.0)


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"\x16\x03\x01 no HTTP at all\r\n\r\n", ModelUnreachable),
        (b"HTTP/9.9 200 OK\r\n\r\n", AnswerUnreadable),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000 + b"\r\n", ModelUnreachable),
        (b"HTTP/1.1 200 OK\r\ncontent-length: nine\r\n\r\n", ModelUnreachable),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-length: 8\r\n\r\n", ModelUnreachable),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", ModelUnreachable),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n", ModelUnreachable),
        (HEAD + b"content-length: 99999999999999999999\r\n\r\n{}", ModelUnreachable),
        (b"HTTP/1.1 204 None\r\n\r\n", AnswerUnreadable),
        (b"HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n", ModelUnavailable),
        (b"", ModelUnreachable),
    ],
)
def test_what_is_no_http_is_a_named_failure(request_of: Ask, sent: bytes, kind: type[ModelError]) -> None:
    def behave(connection: socket.socket, _: int) -> None:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_RDWR)

    with RawServer(behave) as server:
        fails(server, request_of, kind)


# -- redirects --


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(request_of: Ask, status: int) -> None:
    with RawServer(lambda connection, _: connection.sendall(good())) as other:
        answer = response(b"", status, location=f"{other.url}/chat/completions?token=abc")
        with RawServer(lambda connection, _: connection.sendall(answer)) as server:
            message = fails(server, request_of, ModelRefused, headers={"X-Token": "tok-12345"})
    assert f"sends on to http://{other.host}, which is not followed; set base_url" in message
    assert "abc" not in message
    assert (len(server.requests), len(other.requests)) == (1, 0)


@pytest.mark.parametrize(
    "location", ["", "http://[::1", "http://h:99999999/", "//", "mailto:a@b", f"http://{KEY}.test/"]
)
def test_a_redirect_to_anywhere_is_a_refusal(request_of: Ask, location: str) -> None:
    answer = response(b"", 302, location=location)
    with RawServer(lambda connection, _: connection.sendall(answer)) as server:
        assert KEY not in fails(server, request_of, ModelRefused)
    assert len(server.requests) == 1


def test_no_cookie_is_kept(request_of: Ask) -> None:
    answer = response(json.dumps(completion()).encode(), set_cookie="a=b")

    async def twice(asked: EndpointModel) -> None:
        for _ in range(2):
            await asked.ask(request_of())
        await asked.close()

    with RawServer(lambda connection, _: connection.sendall(answer)) as server:
        asyncio.run(twice(endpoint(server)))
    assert not any("cookie" in headers for _, headers, _ in server.requests)


# -- shape --

DEEP = b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"null", b"NaN", b"5", b'"text"', b"[]", b"{}", b"", b"{", b"\xff\xfe", DEEP,
        b'{"choices": null}', b'{"choices": {}}', b'{"choices": "text"}', b'{"choices": 7}',
        b'{"choices": [[]]}', b'{"choices": [5]}', b'{"choices": [null]}', b'{"choices": [{"message": 5}]}',
        b'{"choices": [{"message": "hi"}]}', b'{"choices": [{"message": []}]}',
        b'{"choices": [{"message": {"content": 5}}]}', b'{"choices": [{"message": {"content": NaN}}]}',
        b'{"choices": [{"message": {"content": true}}]}',
        b'{"choices": [{"message": {"content": {"text": "hi"}}}]}',
        b'{"choices": [{"message": {"content": ["hi"]}}]}',
        b'{"choices": [{"message": {"content": [{"type": "text", "text": 5}]}}]}',
        b'{"choices": [{"message": {"content": "hi"}}, 5]}',
        b'{"usage": {"prompt_tokens": 1' + b"0" * 5000 + b'}}',
    ],
)  # fmt: skip
def test_json_of_another_shape_is_asked_for_again_and_then_named(request_of: Ask, body: bytes) -> None:
    with RawServer(lambda connection, _: connection.sendall(response(body))) as server:
        message = fails(server, request_of, AnswerUnreadable)
    assert "after 2 tries" in message
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "b"}], "b"),
        ("a \ud800 b", "a \ufffd b"),
        ("\ud83d\ude00", "\U0001f600"),
    ],
)
def test_texts_in_other_forms_are_read(request_of: Ask, content: object, text: str) -> None:
    answer = good(choice(content))  # type: ignore[arg-type]
    with RawServer(lambda connection, _: connection.sendall(answer)) as server:
        assert ask(endpoint(server), request_of()).text == text
    text.encode()


def test_of_two_keys_of_one_name_the_last_counts(request_of: Ask) -> None:
    body = b'{"choices": 5, "choices": [{"message": {"content": 1, "content": "hi"}}]}'
    with RawServer(lambda connection, _: connection.sendall(response(body))) as server:
        assert ask(endpoint(server), request_of()).text == "hi"


@pytest.mark.parametrize(
    "told",
    [
        "none", 5, [], [1], True, {}, {"prompt_tokens": "10"}, {"prompt_tokens": -1},
        {"prompt_tokens": 1e300},
        {"prompt_tokens": float("nan")}, {"prompt_tokens": float("inf")}, {"prompt_tokens": 10**18},
        {"prompt_tokens": True}, {"prompt_tokens": [10]}, {"prompt_tokens": 1.5}, {"prompt_tokens": {}},
        {"prompt_tokens_details": "x", "completion_tokens_details": [1]},
        {"prompt_tokens_details": {"cached_tokens": "x"}},
    ],
)  # fmt: skip
def test_usage_in_another_shape_counts_nothing_and_costs_no_answer(request_of: Ask, told: object) -> None:
    body = json.dumps(completion(usage=told)).encode()
    with RawServer(lambda connection, _: connection.sendall(response(body))) as server:
        reply = ask(endpoint(server), request_of())
    assert (reply.text, reply.usage) == ("hi", Usage(requests=1))


@pytest.mark.parametrize(
    "told",
    [
        "x", 5, [], {"content": "x"}, {"content": [5]}, {"content": [{}]}, {"content": [{"logprob": "x"}]},
        {"content": [{"logprob": float("nan")}]}, {"content": [{"logprob": float("inf")}]},
        {"content": [{"logprob": 1e308}]}, {"content": [{"logprob": 10**400}]},
        {"content": [{"logprob": True}]},
    ],
)  # fmt: skip
def test_log_probabilities_in_another_shape_are_none(request_of: Ask, told: object) -> None:
    body = json.dumps(completion(choice(logprobs=told))).encode()
    with RawServer(lambda connection, _: connection.sendall(response(body))) as server:
        answer = ask(endpoint(server), request_of(logprobs=True)).answers[0]
    assert (answer.text, answer.logprob, answer.tokens) == ("hi", None, None)


@pytest.mark.parametrize("value", [5, None, [], {}, True])
def test_other_fields_in_another_shape_cost_no_answer(request_of: Ask, value: object) -> None:
    answer = completion(choice(finish=value), model=value)  # type: ignore[arg-type]
    reply = ask(model(Server(answer)), request_of())
    assert (reply.text, reply.model, reply.answers[0].finish) == ("hi", "sam", "unknown")


def test_what_a_prompt_holds_can_be_sent(request_of: Ask) -> None:
    server = Server()
    ask(model(server), request_of("a \ud800 b \0 \u2028"))
    assert server.body()["messages"][0]["content"] == "a \ufffd b \0 \u2028"


# -- usage --


def test_answers_of_no_use_are_counted_too(request_of: Ask) -> None:
    server = Server(completion(choice("")), {**completion(), "choices": 5}, failure(503), completion())
    assert ask(model(server), request_of()).usage == Usage(30, 12, requests=3)


def test_what_a_failure_cost_is_told(request_of: Ask) -> None:
    with pytest.raises(AnswerEmpty) as caught:
        ask(model(Server(completion(choice(""))), retries=2), request_of())
    assert caught.value.spent == asdict(Usage(30, 12, requests=3))


def test_samples_that_came_before_a_failure_are_counted(request_of: Ask) -> None:
    server = Server(completion(choice("a")), failure(401))
    with pytest.raises(ModelRefused) as caught:
        ask(model(server), request_of(samples=3, temperature=1.0))
    assert caught.value.spent == asdict(Usage(10, 4, requests=1))


# -- cancelling --


def test_an_ask_that_is_given_up_leaves_nothing(request_of: Ask) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        if number == 1:
            connection.sendall(HEAD + b"content-length: 9999\r\n\r\n")
            server.endlessly(connection, b" ", 0.02)
        connection.sendall(good())

    async def go(asked: EndpointModel) -> None:
        before = asyncio.all_tasks()
        first = asyncio.create_task(asked.ask(request_of()))
        second = asyncio.create_task(asked.ask(request_of()))
        while not server.requests:
            await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await second).text == "hi", "its place is free"
        assert asyncio.all_tasks() == before
        await asked.close()

    with RawServer(behave) as server:
        asyncio.run(asyncio.wait_for(go(endpoint(server, concurrency=1, timeout=30.0)), 60))
        assert server.gone.wait(15), "its connection is closed"


def test_a_failure_of_a_library_is_named(request_of: Ask) -> None:
    class Strange(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise KeyError(request.headers["authorization"])

    asked = EndpointModel("m", "http://models.test/v1", KEY, retries=0, transport=Strange())
    with pytest.raises(ModelUnavailable, match=r"the call failed \(KeyError: .*\*\*\*") as caught:
        ask(asked, request_of())
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ALL_PROXY", "ftp://ada:s3cret@h:1"), ("HTTP_PROXY", "http://ada:s3cret@h:port"),
     ("SSL_CERT_FILE", "/no/such/s3cret")],
)  # fmt: skip
def test_an_environment_that_cannot_be_used_is_named(
    request_of: Ask, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    asked = EndpointModel("m", "https://models.test/v1", KEY, retries=0, timeout=0.5)
    with pytest.raises(ModelError) as caught:
        ask(asked, request_of())
    assert "s3cret" not in str(caught.value)


def test_a_text_that_no_request_allows_cannot_be_read(request_of: Ask) -> None:
    with RawServer(lambda connection, _: connection.sendall(good(choice("word " * 200_000)))) as server:
        assert "a content of 1,000,000 characters" in fails(server, request_of, AnswerUnreadable, timeout=5.0)
