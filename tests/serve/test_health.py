"""Whether the service lives and is ready, and what it opens before it is asked."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import httpx2
import pytest

from share_sql import Assistant, Catalog
from share_sql.serve import health
from share_sql.serve.app import create_app
from share_sql.serve.desk import Desk
from tests.serve.conftest import serving, shop_desk


def test_databases_are_opened_before_they_are_asked(tmp_path: Path) -> None:
    with shop_desk(tmp_path) as desk, serving(create_app(desk)):
        deadline = time.monotonic() + 30
        while not desk._catalog.seen("shop"):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_service_without_a_database_that_can_be_read_is_not_ready_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "AGAIN_SECONDS", 0.1)
    file = tmp_path / "late.sqlite"
    catalog = Catalog(cache=tmp_path)
    catalog.add("late", file)
    assistant = Assistant(catalog=catalog, inspect=True)
    desk = Desk(catalog=catalog, names=("late",), assistant=assistant, checker=assistant)

    def becomes(status: int, url: str) -> None:
        deadline = time.monotonic() + 30
        while (answer := httpx2.get(f"{url}/readyz")).status_code != status:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.05)
        assert "late" not in answer.text

    with serving(create_app(desk)) as url:
        becomes(503, url)
        assert httpx2.get(f"{url}/healthz").status_code == 200
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE t (a)")
        connection.close()
        becomes(200, url)  # nobody has asked it for anything else
    desk.close()
