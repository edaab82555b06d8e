"""Errors: each a problem document with the right status, which says what to do, and no more than it may."""

from __future__ import annotations

import inspect
import json
import logging
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from share_sql import errors
from share_sql.serve.app import create_app
from share_sql.serve.problems import OTHERS, PROBLEMS, TYPE, told
from tests.serve.conftest import serving, shop_desk
from tests.serve.models import CASE, SLOW, Mendable

JSON = {"content-type": "application/json"}


def problem_of(answer: httpx2.Response, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == TYPE + name
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert "\n" not in document["detail"]
    assert "Traceback" not in answer.text
    return document


@pytest.mark.parametrize(
    ("path", "body", "status", "name"),
    [
        ("/v1/correct", {**CASE, "database": "shopp"}, 404, "database-missing"),
        ("/v1/correct/stream", {**CASE, "database": "shopp"}, 404, "database-missing"),
        ("/v1/check", {**CASE, "database": "/etc/passwd"}, 404, "database-missing"),
        ("/v1/run", {"database": "sqlite:///x", "sql": "SELECT 1"}, 404, "database-missing"),
        ("/v1/run", {"database": "shop", "sql": "DELETE FROM customers"}, 403, "query-refused"),
        ("/v1/run", {"database": "shop", "sql": "ATTACH 'x' AS x"}, 403, "query-refused"),
        ("/v1/run", {"database": "shop", "sql": "SELECT * FROM nowhere"}, 422, "query-failed"),
        ("/v1/run", {"database": "shop", "sql": "SELECT 'a\0b'"}, 422, "query-failed"),
        ("/v1/run", {"database": "shop", "sql": SLOW, "seconds": 0.1}, 422, "query-timeout"),
        ("/v1/run", {"database": "shop", "sql": "SELECT zeroblob(9000000)"}, 422, "query-too-large"),
        ("/v1/trajectory", {"database": "shop", "sql": "SELECT ((("}, 422, "sql-unusable"),
        ("/v1/trajectory", {"database": "shop", "sql": "(" * 5000}, 422, "sql-unusable"),
        ("/v1/trajectory", {"database": "shop", "trajectory": "hello"}, 422, "trajectory-unusable"),
    ],
)
def test_what_share_refuses(
    client: httpx2.Client, path: str, body: dict[str, Any], status: int, name: str
) -> None:
    problem_of(client.post(path, json=body), status, name)


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/v1/nothing", 404, "not-found"),
        ("POST", "/v1/nothing", 404, "not-found"),
        ("GET", "/nothing.html", 404, "not-found"),
        ("GET", "/v1/databases/nothing/schema", 404, "database-missing"),
        ("GET", "/v1/databases/%00/schema", 404, "database-missing"),
        ("GET", "/v1/databases/%FF/schema", 404, "database-missing"),
        ("GET", f"/v1/databases/{'x' * 300}/schema", 422, "invalid"),
        ("GET", "/v1/correct", 405, "method-not-allowed"),
        ("DELETE", "/v1/run", 405, "method-not-allowed"),
        ("BREW", "/v1/run", 405, "method-not-allowed"),
        ("POST", "/", 405, "method-not-allowed"),
        ("PUT", "/healthz", 405, "method-not-allowed"),
    ],
)
def test_addresses_and_methods(client: httpx2.Client, method: str, path: str, status: int, name: str) -> None:
    answer = client.request(method, path)
    problem_of(answer, status, name)
    assert bool(answer.headers.get("allow")) == (status == 405)


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        (b'{"database": ', 400, "not-json"),
        (b"\xff\xfe\x00", 400, "not-json"),
        (b"[" * 200_000, 400, "not-json"),
        (b'{"database":"shop","sql":"SELECT 1","rows":' + b"9" * 5000 + b"}", 400, "not-json"),
        (b"", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"[1]", 422, "invalid"),
        (b'{"database":"shop"}', 422, "invalid"),
        (b'{"database":"shop","sql":"\\ud800"}', 422, "invalid"),
        (b'{"database":"\\udfff","sql":"SELECT 1"}', 422, "invalid"),
        (b'{"database":"shop","sql":"SELECT 1","seconds":NaN}', 422, "invalid"),
        (b'{"database":"shop","sql":"SELECT 1","seconds":1e999}', 422, "invalid"),
        (b'{"database":"shop","sql":"SELECT 1","rows":0}', 422, "invalid"),
        (b'{"database":"shop","sql":"SELECT 1","rows":9999999999999999999999}', 422, "invalid"),
        (b'{"database":"shop","sql":["SELECT 1"]}', 422, "invalid"),
        (b'{"database":"shop","sql":"' + b"x" * 100_001 + b'"}', 422, "invalid"),
    ],
    ids=range(16),
)
def test_bodies_that_are_none(client: httpx2.Client, body: bytes, status: int, name: str) -> None:
    problem_of(client.post("/v1/run", content=body, headers=JSON), status, name)


def test_a_body_of_no_media_type_is_not_read(client: httpx2.Client) -> None:
    body = json.dumps({"database": "shop", "sql": "SELECT 1"})
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        problem_of(client.post("/v1/run", content=body, headers={"content-type": kind}), 422, "invalid")


def test_what_was_sent_is_not_sent_back(client: httpx2.Client) -> None:
    body = {"database": "shop", "sql": 7, "hunter2": "hunter3", "rows": "hunter4"}
    answer = client.post("/v1/run", json=body)
    document = problem_of(answer, 422, "invalid")
    assert "hunter" not in answer.text
    assert {"place": ["rows"], "message": document["errors"][1]["message"]} in document["errors"]
    assert [each["place"] for each in document["errors"]] == [["sql"], ["rows"], []]


def test_each_error_of_share_has_its_place_in_the_table() -> None:
    for name, each in vars(errors).items():
        if inspect.isclass(each) and issubclass(each, errors.ShareError):
            document = told(each("what was wrong"))
            assert document["status"] in range(400, 600), name
            served = issubclass(
                each,
                errors.DatabaseError | errors.SqlError | errors.TrajectoryError | errors.SchemaError
                | errors.ModelError | errors.ServiceBusy | errors.WorkExceeded | errors.UsageError,
            )  # fmt: skip
            assert (document["status"] != 500) == served, name


def test_a_database_that_cannot_be_read_tells_no_path(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "secret-folder" / "broken.sqlite"
    file.parent.mkdir()
    file.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with shop_desk(tmp_path) as desk:
        desk._catalog.add("broken", file)
        desk._catalog.add("away", tmp_path / "secret-folder" / "none.sqlite")
        desk.names = (*desk.names, "broken", "away")
        with serving(create_app(desk)) as url, httpx2.Client(base_url=url, timeout=60) as client:
            for name in ("broken", "away"):
                asked = {**CASE, "database": name}
                answers = [
                    client.post("/v1/run", json={"database": name, "sql": "SELECT 1"}),
                    client.get(f"/v1/databases/{name}/schema"),
                    client.post("/v1/check", json=asked),
                    client.post("/v1/correct", json=asked),
                ]
                for answer in answers:
                    assert answer.status_code == 503
                    assert "secret-folder" not in answer.text
                    assert str(tmp_path) not in answer.text
                assert answers[3].status_code == 503
                assert answers[3].headers["retry-after"]
                assert answers[3].json()["correction"]["sql"] == CASE["draft"]
                lines = client.post("/v1/correct/stream", json=asked).text
                assert "event: problem" in lines
                assert "secret-folder" not in lines
            # The others are served all the same.
            assert client.post("/v1/correct", json=CASE).status_code == 200
            assert client.get("/readyz").json() == {"status": "ready", "databases": 3, "away": 2}
    assert "secret-folder" in caplog.text


def test_what_nobody_foresaw_is_logged_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with shop_desk(tmp_path) as desk:

        async def broken(body: object) -> None:
            raise RuntimeError("the secret cause")

        monkeypatch.setattr(desk, "run", broken)
        with serving(create_app(desk)) as url, caplog.at_level(logging.ERROR):
            answer = httpx2.post(f"{url}/v1/run", json={"database": "shop", "sql": "SELECT 1"})
            document = problem_of(answer, 500, "unforeseen")
            assert "secret" not in answer.text
            assert document["incident"] in caplog.text
            assert "POST /v1/run" in caplog.text
            assert httpx2.get(f"{url}/healthz").status_code == 200


# -- models ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        errors.ModelUnreachable("nobody listens"),
        errors.ModelLimited("too many requests"),
        errors.ModelTimeout("nothing came"),
        errors.ModelUnavailable("it answers 500"),
        errors.ModelRefused("it answers 401"),
    ],
    ids=lambda each: each.cause,
)
def test_a_model_that_is_lost_loses_no_answer(tmp_path: Path, failure: errors.ModelError) -> None:
    model = Mendable(failure)
    with shop_desk(tmp_path, models={"generator": model}) as desk, serving(create_app(desk)) as url:
        answer = httpx2.post(f"{url}/v1/correct", json=CASE, timeout=30)
        document = problem_of(answer, 503, "model-lost")
        assert int(answer.headers["retry-after"]) >= 1
        assert str(failure) in document["detail"]
        assert document["draft"] == CASE["draft"]
        assert document["failures"] == [
            {"role": "generator", "cause": failure.cause, "message": document["failures"][0]["message"]}
        ]
        # What came of the draft without the model is there.
        assert document["correction"]["verdict"] == "corrected"
        assert document["correction"]["lost"] is True

        events = httpx2.post(f"{url}/v1/correct/stream", json=CASE, timeout=30).text
        last = events.strip().split("\n\n")[-1]
        assert last.startswith("event: problem\n")
        streamed = json.loads(last.partition("data: ")[2])
        assert streamed["type"] == document["type"]
        assert streamed["correction"]["sql"] == document["correction"]["sql"]

        lines = httpx2.post(
            f"{url}/v1/batch",
            content=json.dumps(CASE),
            headers={"content-type": "application/jsonl"},
            timeout=30,
        )
        assert lines.status_code == 200
        assert lines.json()["problem"]["correction"]["sql"] == document["correction"]["sql"]

        model.failure = None
        answer = httpx2.post(f"{url}/v1/correct", json=CASE, timeout=30)
        assert answer.status_code == 200
        assert answer.json()["failures"] == []
        assert answer.json()["lost"] is False


def test_a_failure_that_asking_again_does_not_mend_is_no_problem(tmp_path: Path) -> None:
    model = Mendable(errors.PromptTooLong("the prompt is too long"))
    with shop_desk(tmp_path, models={"generator": model}) as desk, serving(create_app(desk)) as url:
        answer = httpx2.post(f"{url}/v1/correct", json=CASE, timeout=30)
        assert answer.status_code == 200
        assert [each["cause"] for each in answer.json()["failures"]] == ["too-long"]
        assert answer.json()["lost"] is False


def test_the_documents_table_is_the_codes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
    told_there = {
        (name, int(status)) for status, name in re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", page, re.M)
    }
    known = {(each.name, each.status) for each in PROBLEMS.values()}
    known |= {(name, status) for name, (status, _) in OTHERS.items()}
    assert known <= told_there


def test_a_body_of_many_unknown_members_is_refused_in_few_words(client: httpx2.Client) -> None:
    body = dict.fromkeys((f"m{at}" for at in range(100_000)), 1) | CASE
    for path in ("/v1/correct", "/v1/check", "/v1/run"):
        answer = client.post(path, json=body)
        assert answer.status_code == 422
        assert "more than 32 members" in answer.json()["detail"]
        assert len(answer.content) < 1_000
