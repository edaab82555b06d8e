"""EndpointModel: what is tried again, what is refused, and that no key shows."""

from __future__ import annotations

import asyncio
import contextlib
import logging

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
    PromptTooLong,
)
from share_sql.models.base import ModelRequest
from share_sql.models.endpoint import EndpointModel

from .server import KEY, Ask, Server, ask, choice, completion, failure, model
from .virtual import now, run


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
        (
            failure(400, "max_tokens=3000 cannot be greater than max_model_len=2048."),
            "set max_tokens for it in the models file",
        ),
        (failure(429, "pay", code="insufficient_quota"), "quota"),
    ],
)
def test_a_refusal_names_the_mend(request_of: Ask, answer: httpx2.Response, mend: str) -> None:
    with pytest.raises(ModelRefused) as caught:
        ask(model(Server(answer)), request_of())
    assert mend in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        failure(
            400,
            "This model's maximum context length is 2048 tokens. However, your prompt contains at "
            "least 2049 input tokens, which exceeds this limit even without any output tokens.",
        ),
        failure(400, "the request exceeds the available context size, try increasing it"),
        failure(400, "Your input is too large.", code="context_length_exceeded"),
    ],
)
def test_a_prompt_that_is_too_long_would_be_so_again(request_of: Ask, answer: httpx2.Response) -> None:
    server = Server(answer)
    with pytest.raises(PromptTooLong, match="a schema with fewer columns"):
        ask(model(server), request_of())
    assert len(server.sent) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"null",
        b'"text"',
        b"[]",
        b"\xff\xfe",
        b"{}",
        b'{"choices": []}',
        b'{"choices": "none"}',
        b'{"choices": [null]}',
        b'{"choices": ["a"]}',
        b'{"choices": [{"message": {"content": {"a": 1}}}]}',
        b"",
    ],
)
def test_an_answer_that_cannot_be_read_is_a_named_error(request_of: Ask, body: bytes) -> None:
    answer = httpx2.Response(200, content=body, headers={"content-type": "application/json"})
    with pytest.raises(AnswerUnreadable) as caught:
        ask(model(Server(answer), retries=1), request_of())
    assert "\n" not in str(caught.value)


def test_a_page_in_place_of_an_answer_names_the_mend(request_of: Ask) -> None:
    page = httpx2.Response(200, text="<html>welcome</html>", headers={"content-type": "text/html"})
    with pytest.raises(AnswerUnreadable, match="/v1"):
        ask(model(Server(page)), request_of())


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_an_answer_without_text_is_asked_for_again_and_then_an_error(
    request_of: Ask, content: str | None
) -> None:
    assert ask(model(Server(completion(choice(content)), completion())), request_of()).text == "hi"
    with pytest.raises(AnswerEmpty, match="without text"):
        ask(model(Server(completion(choice(content))), retries=1), request_of())


@pytest.mark.parametrize(("finish", "said"), [("length", "cut off"), ("content_filter", "content filter")])
def test_an_answer_that_never_came_says_why(request_of: Ask, finish: str, said: str) -> None:
    server = Server(completion(choice(None, finish)))
    with pytest.raises(AnswerEmpty, match=said):
        ask(model(server), request_of())
    assert len(server.sent) == 1, "the same would come again"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx2.ConnectError("refused"), ModelUnreachable),
        (httpx2.RemoteProtocolError("cut"), ModelUnreachable),
        (httpx2.ReadTimeout("late"), ModelTimeout),
        (failure(429), ModelLimited),
        (failure(504), ModelTimeout),
        (failure(500), ModelUnavailable),
        (failure(401), ModelRefused),
    ],
)
def test_each_failure_has_a_kind_of_its_own(
    request_of: Ask, answer: Exception | httpx2.Response, kind: type[ModelError]
) -> None:
    with pytest.raises(ModelError) as caught:
        ask(model(Server(answer), retries=1), request_of())
    assert type(caught.value) is kind


def test_a_proxys_page_is_not_quoted(request_of: Ask) -> None:
    page = httpx2.Response(502, text="<!DOCTYPE html><html><body>bad gateway</body></html>")
    with pytest.raises(ModelUnavailable, match="after one try: status 502; check"):
        ask(model(Server(page), retries=0), request_of())


def test_a_refused_key_is_named_by_its_variable(request_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_KEY", KEY)
    with pytest.raises(ModelRefused, match="in TEAM_KEY"):
        ask(model(Server(failure(401)), api_key=None, api_key_env="TEAM_KEY"), request_of())


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


def test_no_wait_of_its_own_is_too_long(request_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(failure(503))
    asked = model(server, first_wait=60.0, retries=3, deadline=9999.0)
    assert all(30 <= found <= 90 for found in waits(monkeypatch, asked, request_of()))
    assert len(server.sent) == 4


@pytest.mark.parametrize("status", [429, 503])
def test_waits_as_long_as_it_is_told(request_of: Ask, status: int) -> None:
    server = Server(failure(status, headers={"retry-after": "7"}), completion())

    async def once() -> float:
        asked = model(server)
        await asked.ask(request_of())
        await asked.close()
        return now()

    assert run(once()) == 7.0


@pytest.mark.parametrize(("patience", "tries"), [(100.0, 5), (30.0, 4), (3.0, 1)])
def test_who_waits_for_an_answer_bounds_when_the_last_try_begins(
    request_of: Ask, monkeypatch: pytest.MonkeyPatch, patience: float, tries: int
) -> None:
    monkeypatch.setattr("share_sql.models.endpoint.random.random", lambda: 0.5)
    server = Server(failure(503))
    asked = model(server, first_wait=4.0, retries=4, deadline=999.0)  # waits 4, 8, 16, 32
    waited = waits(monkeypatch, asked, request_of(patience=patience))
    # Time spent in the waits is counted, though none passes here.
    assert (len(server.sent), len(waited)) == (tries, tries - 1)


def test_a_server_that_asks_for_more_patience_than_there_is_is_given_up(request_of: Ask) -> None:
    server = Server(failure(429, headers={"retry-after": "7"}))
    with pytest.raises(ModelLimited, match="after one try"):
        ask(model(server), request_of(patience=5.0))


def test_waits_until_a_date(request_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(failure(429, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}), completion())
    assert waits(monkeypatch, model(server), request_of()) == []  # the date has passed


def test_a_date_counts_from_the_servers_own(request_of: Ask) -> None:
    """Whose clock is wrong, the server's or this one's, does not matter."""
    told = {"retry-after": "Wed, 21 Oct 2099 07:28:07 GMT", "date": "Wed, 21 Oct 2099 07:28:00 GMT"}

    async def once() -> float:
        asked = model(Server(failure(429, headers=told), completion()))
        await asked.ask(request_of())
        await asked.close()
        return now()

    assert run(once()) == 7.0


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
