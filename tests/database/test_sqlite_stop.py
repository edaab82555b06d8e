"""SQLite: a query is stopped by another thread, and nobody else is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from share_sql.database.base import QueryResult
from share_sql.database.sqlite import SqliteDatabase


def test_a_query_that_is_stopped_when_its_answer_has_come_stops_nobody_else(
    shop_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteDatabase(shop_path) as database:
        began = database.fingerprint()

        def late(*parts: object) -> QueryResult:
            database.stop(threading.get_ident())
            return QueryResult(*parts)  # type: ignore[arg-type]

        monkeypatch.setattr("share_sql.database.sqlite.QueryResult", late)
        assert database.query("SELECT 1").rows == ((1,),)
        assert database.fingerprint() == began
