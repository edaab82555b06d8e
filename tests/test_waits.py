"""Waiting is told after a while, once, and only where somebody listens."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from share_sql import waits


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is told, with hardly any patience."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    listener = Listener()
    monkeypatch.setattr(waits, "PATIENCE", 0.01)
    monkeypatch.setattr(waits.log, "handlers", [listener])
    monkeypatch.setattr(waits.log, "propagate", False)
    level = waits.log.level
    waits.log.setLevel(logging.INFO)
    yield lines
    waits.log.setLevel(level)


def until(lines: list[str], count: int) -> None:
    end = time.monotonic() + 30
    while len(lines) < count and time.monotonic() < end:
        time.sleep(0.005)


def test_what_takes_long_is_told_once(heard: list[str]) -> None:
    slow = waits.Waits()
    for _ in range(2):
        with slow.told("loading sam"):
            until(heard, 1)
    assert heard == ["loading sam …"]


def test_what_is_quick_is_not_told(heard: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "PATIENCE", 3600.0)
    before = threading.active_count()
    with waits.waiting("loading sam"):
        pass
    assert heard == []
    assert threading.active_count() <= before + 1


def test_nobody_listening_nothing_is_counted(heard: list[str]) -> None:
    waits.log.setLevel(logging.WARNING)
    before = threading.active_count()
    with waits.waiting("loading sam"):
        assert threading.active_count() == before
    assert heard == []
