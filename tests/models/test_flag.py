"""openai:MODEL and URL#MODEL: where they ask, with which key, and what they refuse."""

from __future__ import annotations

import json

import pytest
from tests.models.server import Ask, RawServer, Server, ask, choice, completion, failure, good, model

from share_sql.errors import SettingsError
from share_sql.models.base import ModelRequest
from share_sql.models.endpoint import EndpointModel
from share_sql.models.load import load_models
from share_sql.models.roles import ROLES

SCHEMA = json.dumps({"type": "object"})


def _loaded(spec: str) -> EndpointModel:
    models = load_models(spec)
    assert set(models) == {"sam", "lom", "generator", "scorer"} <= set(ROLES)
    (only,) = {id(each): each for each in models.values()}.values()
    assert isinstance(only, EndpointModel)
    return only


@pytest.fixture(autouse=True)
def no_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHARE_API_KEY", raising=False)


def test_openai_names_a_model_at_openai_or_at_the_server_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://elsewhere.test")
    assert _loaded("openai:gpt-4o").name == "gpt-4o@https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://models.test/v1")
    assert _loaded("openai:gpt-4o").name == "gpt-4o@http://models.test/v1"


def test_it_is_asked_for_samples_and_its_scores_are_not_calibrated() -> None:
    found = _loaded("http://models.test/v1#org/model:8b")
    assert found.name == "org/model:8b@http://models.test/v1"
    assert (found.samples, found.calibrated, found.takes_grammar, found.prompts) == (4, False, True, None)


@pytest.mark.parametrize(
    ("own", "others", "sent"), [("own", "openai", "own"), ("", "openai", "openai"), ("", "", "share")]
)
def test_a_server_gets_the_key_that_is_set(
    monkeypatch: pytest.MonkeyPatch, request_of: Ask, own: str, others: str, sent: str
) -> None:
    monkeypatch.setenv("SHARE_API_KEY", own)
    monkeypatch.setenv("OPENAI_API_KEY", others)
    with RawServer(lambda connection, _: connection.sendall(good())) as server:
        ask(_loaded(f"{server.url}#m"), request_of())
    line, headers, body = server.requests[0]
    assert line.startswith("POST /v1/chat/completions ")
    assert (sent or "none") in headers["authorization"] or not (own or others)
    assert json.loads(body)["model"] == "m"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("openai:gpt-4o", "OPENAI_API_KEY"),
        ("openai:", "openai:gpt-4o"),
        ("http://localhost:8000/v1", "#"),
        ("http://localhost:8000/v1#", "#"),
        ("http://user:hunter2@localhost/v1#m", "SHARE_API_KEY"),
        ("https://localhost/v1?code=hunter2#m", "SHARE_API_KEY"),
        ("http://[hunter2#m", "SHARE_API_KEY"),
        ("https://api.openai.com/v1#gpt-4o", "OPENAI_API_KEY"),
        ("gpt-4o", "openai:MODEL"),
    ],
)
def test_what_cannot_be_asked_is_told_with_its_mend(spec: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        load_models(spec)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


# -- what a server does not take -----------------------------------------------------------------------


def _held(request_of: Ask, **more: object) -> ModelRequest:
    return request_of(json_schema=SCHEMA, grammar="root ::= [a-z]", **more)


def test_a_json_schema_is_sent_as_response_format(request_of: Ask) -> None:
    server = Server()
    ask(model(server, adapts=True), _held(request_of))
    sent = server.body()["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"] == {"name": "sam", "strict": True, "schema": {"type": "object"}}


def test_a_grammar_goes_before_it_where_the_server_takes_one(request_of: Ask) -> None:
    server = Server()
    ask(model(server, adapts=True, grammar_field="structured_outputs"), _held(request_of))
    assert "response_format" not in server.body()
    assert "structured_outputs" in server.body()


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("Invalid parameter: 'response_format' of type 'json_schema' is not supported", "response_format"),
        ("bad request", "response_format"),
        ("Unsupported value: 'temperature' does not support 0 with this model", "temperature"),
        ("You are not allowed to request logprobs from this model", "logprobs"),
        ("'n' : number must be at most 1 with this model", "n"),
    ],
)
def test_what_a_server_refuses_is_left_out_from_then_on(request_of: Ask, words: str, field: str) -> None:
    server = Server(failure(400, words), completion(choice("a"), choice("b")))
    asked = model(server, adapts=True)
    request = _held(request_of, logprobs=True, samples=2, temperature=0.7)
    assert len(ask(asked, request).answers) == 2
    ask(asked, request)
    assert [field in server.body(each) for each in range(3)] == [True, False, False]
    assert len(server.sent) == 3
    others = set(server.body(0)) - set(server.body(1))
    assert others == {field}


def test_the_bound_on_tokens_takes_its_newer_name(request_of: Ask) -> None:
    words = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    server = Server(failure(400, words), completion())
    ask(model(server, adapts=True), request_of(max_tokens=7))
    assert (server.body(0)["max_tokens"], server.body(1)["max_completion_tokens"]) == (7, 7)
    assert "max_tokens" not in server.body(1)


def test_a_model_that_reasons_first_gets_room_once(request_of: Ask) -> None:
    server = Server(completion(choice(None, "length")), completion(choice("yes")))
    asked = model(server, adapts=True)
    assert ask(asked, request_of(max_tokens=1)).text == "yes"
    ask(asked, request_of(max_tokens=1))
    assert [server.body(each)["max_tokens"] > 10_000 for each in range(3)] == [False, True, True]


def test_one_that_never_ends_is_not_asked_for_ever(request_of: Ask) -> None:
    server = Server(completion(choice(None, "length")))
    with pytest.raises(Exception, match="cut off"):
        ask(model(server, adapts=True), request_of(max_tokens=1))
    assert len(server.sent) == 2


@pytest.mark.parametrize("status", [401, 404])
def test_a_wrong_key_and_an_unknown_model_are_refused_at_once(request_of: Ask, status: int) -> None:
    server = Server(failure(status, "no such thing"))
    with pytest.raises(Exception, match=r"models\.test"):
        ask(model(server, adapts=True), _held(request_of))
    assert len(server.sent) == 1


def test_nothing_is_left_out_unless_it_may_be(request_of: Ask) -> None:
    server = Server(failure(400, "'temperature' is not supported"))
    with pytest.raises(Exception, match="send_temperature"):
        ask(model(server), request_of())
    assert len(server.sent) == 1
