"""Keys, headers and URLs: loaded clean, and covered in every encoding that a server may echo."""

from __future__ import annotations

import base64
import html
import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from share_sql.errors import ModelError, ModelRefused, SettingsError
from share_sql.models.endpoint import EndpointModel
from share_sql.models.load import load_models
from share_sql.models.secrets import Secrets, checked_headers, checked_key

from .server import Ask, RawServer, ask, choice, good, response

KEY = "sk-live/9f8e+7d6c=5b4a"
TOKEN = "tok&<en>'12\"345"
PASSWORD = "p@ss:w/rd+1"

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper": str.upper,
    "url": lambda text: quote(text, safe=""),
    "url with slashes": quote,
    "url in lower case": lambda text: quote(text, safe="").lower(),
    "form": quote_plus,
    "url, every character": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "twice in a url": lambda text: quote(quote(text, safe=""), safe=""),
    "json": lambda text: json.dumps(text)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "json, slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json, every character": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
    "html": html.escape,
    "html, decimal": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "repr": lambda text: repr(text)[1:-1],
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 unpadded": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 in a url": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", [KEY, TOKEN, PASSWORD, f"ada:{PASSWORD}", "q-54321", "ab1", "hunter2"])
def test_a_secret_is_covered_in_each_encoding(encoding: str, secret: str) -> None:
    secrets = Secrets([KEY, "q-54321", "ab1"], {"X-Token": TOKEN, "X-Other": "hunter2"}, [("ada", PASSWORD)])
    if encoding == "upper" and len(secret) < 8:
        pytest.skip("a short one in capitals is another word")
    shown = ENCODINGS[encoding](secret)
    for around in ("no {} here", "{}", '"{}"', "key={}&x", "Bearer {}\n", "({})", "\\n{}", "%20{}%20"):
        assert shown not in secrets.cover(around.format(shown)), around


@pytest.mark.parametrize("before", ["", "a", "ab", "Bearer ", '{"key": "'])
def test_a_secret_is_covered_inside_longer_base64(before: str) -> None:
    packed = base64.b64encode(f"{before}{KEY} and more".encode()).decode()
    covered = Secrets([KEY]).cover(f"sent {packed}")
    assert "***" in covered
    assert len(covered) < len(f"sent {packed}") - len(KEY)


def test_half_of_a_secret_is_covered() -> None:
    assert Secrets(["abcdefgh12345678"]).cover("bad key abcdefgh12…") == "bad key ***12…"


@pytest.mark.parametrize("secret", ["none", ""])
def test_ordinary_words_are_no_secrets(secret: str) -> None:
    said = "none of the models is there; 127.0.0.1 says nonesuch"
    assert Secrets([secret], {"X-Team": secret}).cover(said) == said


def test_a_short_secret_is_covered_where_it_stands_alone() -> None:
    secrets = Secrets(["data"], {"X-Tries": "1"})
    assert secrets.cover("database data, data1: 1 of 10") == "database ***, data1: *** of 10"


def test_a_word_of_a_header_by_chance_changes_no_name(request_of: Ask) -> None:
    headers = {"X-Version": "v1", "Cookie": "session=abc123; path=/", "X-Port": "8000", "X-Db": "formula_1"}
    asked = EndpointModel("m", "http://h:8000/v1?region=eu-west-1", headers=headers, retries=0)
    assert (asked.name, asked.server) == ("m@http://h:8000/v1", "http://h:8000/v1")
    said = "SELECT 1 / 8000, v1 FROM formula_1 WHERE region = 'eu-west-1'"
    assert Secrets((), headers, (), [("region", "eu-west-1")]).cover_sure(said) == said


def test_others_words_are_one_printable_line() -> None:
    assert Secrets().cover("a\nb\x1b[31m c\r\n\u202ed") == "a b [31m c d"


def test_a_long_text_is_cut_where_no_secret_is_cut_through() -> None:
    text = "x " * 1985 + KEY * 40
    assert KEY[:8] not in Secrets([KEY]).cover(text)


# -- loading --


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", " {} ", "\ufeff{}\n", "\t{}"])
def test_white_space_around_a_key_is_taken_off(
    request_of: Ask, monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    monkeypatch.setenv("TEAM_KEY", around.format("sk-abc"))
    with RawServer(lambda connection, _: connection.sendall(good())) as server:
        for asked in (
            EndpointModel("m", server.url, api_key_env="TEAM_KEY"),
            EndpointModel("m", server.url, around.format("sk-abc")),
        ):
            ask(asked, request_of())
    assert [headers["authorization"] for _, headers, _ in server.requests] == ["Bearer sk-abc"] * 2


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("sk-a\nb1234", "a line break"),
        ("sk-a\0b1234", "a control character"),
        ("sk-a b1234", "a space"),
        ("sk-ä1234", "a character that is not ASCII"),
    ],
)
def test_a_key_that_cannot_be_sent_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, key: str, fault: str
) -> None:
    with pytest.raises(SettingsError, match=f"^the key in TEAM_KEY holds {fault}; ") as caught:
        checked_key(key, "TEAM_KEY")
    assert "1234" not in str(caught.value)
    with pytest.raises(SettingsError, match="the key in api_key"):
        EndpointModel("m", "http://h/v1", key)
    if "\0" not in key:
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(SettingsError, match="the key in OPENAI_API_KEY"):
            EndpointModel("m", "http://h/v1")


def test_headers_are_taken_clean_or_refused_by_name() -> None:
    assert checked_headers({"X-A": " v w \n"}) == {"X-A": "v w"}
    for value in ("tok\n12345", "tok\r12345", "tok\x7f12345", "tök12345"):
        with pytest.raises(SettingsError, match="the header X-A holds") as caught:
            checked_headers({"X-A": value})
        assert "12345" not in str(caught.value)
    with pytest.raises(SettingsError, match="no name of a header"):
        checked_headers({"X A": "v"})


@pytest.mark.parametrize(
    "url",
    [
        "http://ada:s3cret@h:port/v1", "http://ada:s3cret@h:99999/v1", "http://ada:s3cret@[::1/v1",
        "http://ada:s3cret@/v1", "http://", "ftp://ada:s3cret@h", "s3cret", "http://h/a b?k=s3cret",
        "http://ada:s3cret@h\n.x/",
    ],
)  # fmt: skip
def test_a_base_url_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="base_url") as caught:
        EndpointModel("m", url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["timeout", "deadline", "first_wait"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_seconds_are_a_number(name: str, value: float, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=name):
        EndpointModel("m", "http://h/v1", **{name: value})  # type: ignore[arg-type]
    file = tmp_path / "models.toml"
    file.write_text(f'[models.sam]\nmodel = "m"\nbase_url = "http://h/v1"\n{name} = {value}\n')
    with pytest.raises(SettingsError, match=name):
        load_models(str(file))


def test_what_json_cannot_hold_is_refused() -> None:
    for value in (object(), float("nan")):
        with pytest.raises(SettingsError, match="extra_body"):
            EndpointModel("m", "http://h/v1", extra_body={"a": value})


def test_a_key_in_its_variables_place_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text('[models.sam]\nmodel = "m"\nbase_url = "http://h/v1"\napi_key_env = "sk-12345"\n')
    with pytest.raises(SettingsError, match="no name of a variable") as caught:
        load_models(str(file))
    assert "sk-12345" not in str(caught.value)


# -- sending --


def secretive(server: RawServer, **settings: object) -> EndpointModel:
    url = f"http://ada:{quote(PASSWORD, safe='')}@{server.host}/v1?api-key=q-54321&v=2"
    headers = {"X-Session": "abcdef123456", "X-Team": "red"}
    return EndpointModel(
        "m", url, KEY, headers=headers, **{"retries": 1, "first_wait": 0.01, "timeout": 5.0, **settings}  # type: ignore[arg-type]
    )  # fmt: skip


SECRET = [KEY, PASSWORD, quote(PASSWORD, safe=""), "q-54321", "abcdef123456",
          base64.b64encode(f"ada:{PASSWORD}".encode()).decode()]  # fmt: skip


def test_what_a_url_holds_is_sent_and_shown_nowhere(
    request_of: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        RawServer(lambda connection, _: connection.sendall(good())) as server,
    ):
        asked = secretive(server)
        ask(asked, request_of())
    line, headers, _ = server.requests[0]
    assert line == "POST /v1/chat/completions?api-key=q-54321&v=2 HTTP/1.1"
    assert headers["authorization"] == f"Basic {base64.b64encode(f'ada:{PASSWORD}'.encode()).decode()}"
    assert headers["x-session"] == "abcdef123456"
    assert headers["host"] == server.host
    assert asked.name == f"m@http://{server.host}/v1"
    shown = asked.name + asked.server + repr(asked) + repr(vars(asked)["_where"]) + caplog.text
    assert not [secret for secret in SECRET if secret in shown]


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 418, 429, 500, 503])
@pytest.mark.parametrize("encoding", ["plain", "url", "base64", "hex", "json"])
def test_a_server_that_echoes_shows_nothing(
    request_of: Ask, caplog: pytest.LogCaptureFixture, status: int, encoding: str
) -> None:
    def echo(connection: socket.socket, number: int) -> None:
        line, headers, _ = server.requests[number - 1]
        said = " ".join([line, *headers.values(), *map(ENCODINGS[encoding], SECRET)])
        body = json.dumps({"error": {"message": said, "code": said}}).encode()
        connection.sendall(response(body, status, location=f"http://{quote(said, safe='')}/"))

    with (
        caplog.at_level(logging.DEBUG, "share_sql"),
        RawServer(echo) as server,
        pytest.raises(ModelError) as caught,
    ):
        ask(secretive(server), request_of())
    shown = str(caught.value) + repr(caught.value) + caplog.text
    assert not [secret for secret in SECRET if secret in shown or ENCODINGS[encoding](secret) in shown]


def test_a_model_that_echoes_shows_nothing(request_of: Ask) -> None:
    said = " ".join([*SECRET, *map(ENCODINGS["base64"], SECRET)])
    answer = good(choice(f"SELECT red FROM none WHERE a = 'ada' -- {said}"), model=said)
    with RawServer(lambda connection, _: connection.sendall(answer)) as server:
        reply = ask(secretive(server), request_of())
    assert reply.text.startswith("SELECT red FROM none WHERE a = 'ada' -- ***"), "ordinary words stay"
    assert not [secret for secret in SECRET if secret in reply.text + reply.model]


def test_a_query_without_a_value_and_a_version_of_azure_go_together(
    request_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
    with RawServer(lambda connection, _: connection.sendall(response(b"{}", 404))) as server:
        asked = EndpointModel("gpt 4", api_key="k1", azure_endpoint=f"http://{server.host}/?code=q-54321")
        with pytest.raises(ModelRefused):
            ask(asked, request_of())
    assert server.requests[0][0] == (
        "POST /openai/deployments/gpt%204/chat/completions?api-version=2024-10-21&code=q-54321 HTTP/1.1"
    )
    assert server.requests[0][1]["api-key"] == "k1"
