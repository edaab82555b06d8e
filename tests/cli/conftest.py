"""A small shop for the verbs' tests."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE store (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
        CREATE TABLE sale (id INTEGER PRIMARY KEY, store_id INTEGER REFERENCES store (id), amount REAL);
        INSERT INTO store VALUES (1, 'North', 'Bonn'), (2, 'South', 'Bonn'), (3, 'East', 'Jena');
        INSERT INTO sale VALUES (1, 1, 10.0), (2, 1, 5.5), (3, 3, 7.0);
        """
    )
    connection.close()
    return path


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's is read or written."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
