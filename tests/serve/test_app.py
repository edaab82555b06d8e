"""The routes of the service, over the demo's shop."""

from __future__ import annotations

import httpx2


def test_a_draft_is_corrected(client: httpx2.Client) -> None:
    draft = "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'"
    body = {"database": "shop", "question": "How many enterprise customers are there?", "draft": draft}
    answer = client.post("/v1/correct", json=body).json()
    assert answer["verdict"] == "corrected"
    assert answer["sql"].endswith("segment = 'enterprise'")
    assert "".join(text for _, text in answer["diff"]["before"]) == draft
