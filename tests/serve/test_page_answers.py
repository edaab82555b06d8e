"""What the page is made of: marks in trajectories, what a stage made, kinds explained."""

from __future__ import annotations

import json
from typing import Any

import httpx2

CASE = {
    "database": "shop",
    "question": "Which companies have an order that is still pending? Give each company once.",
    "draft": "SELECT DISTINCT company_name FROM orders WHERE status = 'Pending'",
}


def marks(steps: list[dict[str, Any]], mark: str) -> list[str]:
    return [each["text"] for step in steps for each in step["actions"] if each["mark"] == mark]


def test_steps_are_marked_as_the_actions_say(client: httpx2.Client) -> None:
    pair = client.post("/v1/correct", json=CASE).json()["trajectory"]
    assert marks(pair["steps_before"], "removed") == ["from(orders)"]
    assert marks(pair["steps_before"], "changed") == ["select_distinct(orders.company_name)"]
    assert marks(pair["steps_after"], "changed") == ["select_distinct(customers.company_name)"]
    assert [each["kind"] for each in pair["actions"]] == ["removed", "changed"]


def test_every_example_has_as_many_marks_as_changes(client: httpx2.Client) -> None:
    for example in client.get("/v1/examples").json()[:30]:
        body = {name: example[name] for name in ("database", "question", "evidence", "draft")}
        pair = client.post("/v1/correct", json=body).json()["trajectory"]
        for side, kinds in (("steps_before", ("removed", "changed")), ("steps_after", ("added", "changed"))):
            differ = [
                each["mark"]
                for step in pair[side]
                for each in (*([step["source"]] if step["source"] else []), *step["actions"])
                if each["mark"] != "same"
            ]
            assert sorted(differ) == sorted(
                change["kind"] for change in pair["actions"] if change["kind"] in kinds
            )


def test_stages_tell_what_they_made(client: httpx2.Client) -> None:
    told = {}
    for block in client.post("/v1/correct/stream", json=CASE).text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if lines.get("event") == "stage":
            stage = json.loads(lines["data"])
            told[stage["stage"]] = stage
    assert told["read"]["candidates"][0]["sql"] == CASE["draft"]
    assert told["read"]["candidates"][0]["runs"] is False
    assert told["bam"]["lines"][0].startswith("df1 = df.from(orders)")
    (repaired,) = told["repair"]["candidates"]
    assert repaired["origin"] == "repair"
    assert repaired["rows"] == 30
    assert "joined customers" in repaired["note"]
    assert told["judge"]["candidates"] == []


def test_kinds_are_explained(client: httpx2.Client) -> None:
    kinds = {each["name"]: each for each in client.get("/v1/kinds").json()}
    found = client.post("/v1/correct", json=CASE).json()["findings"]
    assert found
    assert all(kinds[each["kind"]]["line"] for each in found)
