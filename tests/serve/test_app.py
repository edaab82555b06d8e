"""The routes of the service, over the demo's shop."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from share_sql.assistant import STAGES
from tests.serve.models import CASE, DRAFT


def test_a_draft_is_corrected(client: httpx2.Client) -> None:
    answer = client.post("/v1/correct", json={**CASE, "id": "seven"}).json()
    assert answer["id"] == "seven"
    assert answer["verdict"] == "corrected"
    assert answer["sql"].endswith("segment = 'enterprise'")
    assert answer["draft"] == DRAFT
    assert answer["lost"] is False
    assert "".join(text for _, text in answer["diff"]["before"]) == DRAFT
    assert "".join(text for _, text in answer["diff"]["after"]) == answer["sql"]
    assert answer["trajectory"]["before"] != answer["trajectory"]["after"]
    assert answer["fingerprint"]
    assert answer["rows_before"] != answer["rows_after"]


def test_a_right_draft_is_handed_back(client: httpx2.Client) -> None:
    draft = "SELECT COUNT(*) FROM customers"
    answer = client.post(
        "/v1/correct", json={**CASE, "question": "How many customers?", "draft": draft}
    ).json()
    assert answer["verdict"] == "kept"
    assert answer["sql"] == draft


@pytest.mark.parametrize("draft", ["", "no SQL at all", "\0", "x" * 200_000, "DROP TABLE customers", "é🎉"])
def test_any_draft_gets_an_answer(client: httpx2.Client, draft: str) -> None:
    answer = client.post("/v1/correct", json={**CASE, "draft": draft})
    assert answer.status_code == 200
    assert answer.json()["verdict"] in ("kept", "abstained")
    assert answer.json()["draft"] == draft


def events_of(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_stream_tells_each_stage_then_the_correction(client: httpx2.Client) -> None:
    answer = client.post("/v1/correct/stream", json=CASE)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *stages, (last, correction) = events_of(answer.text)
    assert {kind for kind, _ in stages} == {"stage"}
    assert [stage["stage"] for _, stage in stages] == [stage.__name__ for stage in STAGES]
    assert last == "correction"
    at_once = client.post("/v1/correct", json=CASE).json()
    assert {**correction, "stages": 0} == {**at_once, "stages": 0}


def test_a_check_changes_nothing(client: httpx2.Client) -> None:
    answer = client.post("/v1/check", json={"database": "shop", "draft": DRAFT}).json()
    assert answer["runs"] is True
    assert "literal-case" in [each["kind"] for each in answer["findings"]]
    assert answer["sql"] == DRAFT
    assert answer["suggestion"].endswith("'enterprise'")


def test_sql_becomes_a_trajectory_and_sql_again(client: httpx2.Client) -> None:
    first = client.post("/v1/trajectory", json={"database": "shop", "sql": DRAFT}).json()
    assert first["trajectory"].startswith("df1 = df.where(element = customers.segment")
    again = client.post("/v1/trajectory", json={"database": "shop", "trajectory": first["trajectory"]}).json()
    assert again == first
    assert first["sql"] == DRAFT


def test_a_query_is_run_within_its_limits(client: httpx2.Client) -> None:
    body = {"database": "shop", "sql": "SELECT x'00ff', 9007199254740993, 1e999, NULL, 'ä'", "rows": 5}
    answer = client.post("/v1/run", json=body).json()
    assert answer["rows"] == [["x'00ff'", "9007199254740993", "inf", None, "ä"]]
    answer = client.post(
        "/v1/run", json={"database": "shop", "sql": "SELECT * FROM customers", "rows": 3}
    ).json()
    assert len(answer["rows"]) == 3
    assert answer["truncated"] is True


def test_databases_and_their_schemas(client: httpx2.Client) -> None:
    assert client.get("/v1/databases").json() == [{"name": "shop", "dialect": "sqlite"}]
    schema = client.get("/v1/databases/shop/schema").json()
    assert "customers" in [table["name"] for table in schema["tables"]]
    assert schema["foreign_keys"]


def test_examples_are_the_demos_drafts(client: httpx2.Client) -> None:
    examples = client.get("/v1/examples").json()
    assert len(examples) > 10
    assert set(examples[0]) == {"id", "question", "database", "draft", "evidence"}
