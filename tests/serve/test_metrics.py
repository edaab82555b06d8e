"""Figures for Prometheus: what was asked and what came of it, and no text of anybody's."""

from __future__ import annotations

from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from share_sql.errors import ModelUnreachable
from share_sql.serve.app import create_app
from tests.serve.conftest import serving, shop_desk
from tests.serve.models import CASE, Mendable


def figures(url: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = httpx2.get(f"{url}/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_corrections_failures_and_tokens_are_counted(tmp_path: Path) -> None:
    model = Mendable(None)
    with shop_desk(tmp_path, models={"generator": model}) as desk, serving(create_app(desk)) as url:
        httpx2.post(f"{url}/v1/correct", json=CASE, timeout=30)
        model.failure = ModelUnreachable("nobody")
        httpx2.post(f"{url}/v1/correct", json=CASE, timeout=30)
        httpx2.post(f"{url}/v1/correct/stream", json=CASE, timeout=30)
        httpx2.get(f"{url}/v1/databases/hunter2/schema?token=hunter3", headers={"x-hunter": "hunter4"})
        httpx2.get(f"{url}/hunter5")
        httpx2.request("HUNTER6", f"{url}/v1/run")
        found = figures(url)
        assert "hunter" not in httpx2.get(f"{url}/metrics").text.lower()

    def count(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    route = "/v1/databases/{name}/schema"
    assert count("share_requests_total", method="POST", route="/v1/correct", status="200") == 1
    assert count("share_requests_total", method="POST", route="/v1/correct", status="503") == 1
    assert count("share_requests_total", method="GET", route=route, status="404") == 1
    assert count("share_requests_total", method="GET", route="other", status="404") == 1
    assert count("share_requests_total", method="other", route="/v1/run", status="405") == 1
    assert count("share_request_seconds_count", route="/v1/correct") == 2
    assert count("share_corrections_total", verdict="corrected") == 3
    assert count("share_model_failures_total", role="generator", cause="unreachable") == 2
    assert count("share_tokens_total", kind="prompt") == 3
    assert count("share_tokens_total", kind="completion") == 2
    assert count("share_cases_under_way") == 0
    assert count("share_waiting") == 0


def test_two_services_count_apart(tmp_path: Path) -> None:
    with shop_desk(tmp_path) as desk, serving(create_app(desk)) as url, serving(create_app(desk)) as other:
        httpx2.get(f"{url}/healthz")
        assert not any(dict(labels).get("route") == "/healthz" for _, labels in figures(other))
