"""Work that takes too long is stopped, and nothing else is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from share_sql.driver.meter import Meter
from share_sql.errors import WorkExceeded


@contextmanager
def watched(meter: Meter, every: float = 0.01) -> Iterator[None]:
    """Another thread looks at the meter, as the driver does."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(every):
            meter.check()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def busy(seconds: float) -> str:
    """Work for this long, by the thread's own clock."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return "done"


def test_work_within_its_time_gives_its_result() -> None:
    meter = Meter(30.0)
    with watched(meter):
        assert meter.run(lambda: busy(0.05)) == "done"
        with pytest.raises(KeyError):
            meter.run(lambda: {}[1])  # type: ignore[misc]


def test_endless_work_is_stopped_and_named() -> None:
    meter = Meter(0.05)
    with watched(meter), pytest.raises(WorkExceeded, match="too much work"):
        meter.run(lambda: busy(600))


def test_time_adds_up_over_pieces_and_none_begins_afterwards() -> None:
    meter = Meter(0.1)
    began: list[int] = []

    def pieces() -> None:
        for at in range(1_000):
            meter.run(lambda at=at: (began.append(at), busy(0.02)))  # type: ignore[misc]

    with watched(meter), pytest.raises(WorkExceeded):
        pieces()
    assert len(began) < 100
    with pytest.raises(WorkExceeded):
        meter.run(lambda: began.append(-1))
    assert -1 not in began
    meter.allow(1.0)
    assert meter.run(lambda: "again") == "again"


def test_waiting_is_no_work() -> None:
    meter = Meter(0.2)
    with watched(meter):
        meter.run(lambda: time.sleep(0.5))
        time.sleep(0.3)
        assert meter.run(lambda: "done") == "done"


def test_work_that_catches_everything_it_may_is_stopped() -> None:
    def stubborn() -> None:
        while True:
            try:
                busy(0.01)
            except Exception:
                continue

    meter = Meter(0.05)
    with watched(meter), pytest.raises(WorkExceeded):
        meter.run(stubborn)


def test_work_that_swallows_its_stop_once_is_stopped_again() -> None:
    def swallows() -> None:
        try:
            busy(600)
        except BaseException:
            busy(600)

    meter = Meter(0.05)
    with watched(meter), pytest.raises(WorkExceeded):
        meter.run(swallows)


def test_what_follows_the_work_never_meets_its_stop() -> None:
    """The stop is raised at the very end of the work, over and over."""
    for _ in range(300):
        meter = Meter(0.002)
        try:
            with watched(meter, 0.0005):
                meter.run(lambda: busy(0.0021))
        except WorkExceeded:
            pass
        busy(0.0005)


def test_another_thread_stops_it() -> None:
    meter = Meter(600.0)
    began = threading.Event()

    def work() -> None:
        began.set()
        busy(600)

    stopper = threading.Thread(target=lambda: (began.wait(), meter.stop()))
    stopper.start()
    with pytest.raises(WorkExceeded):
        meter.run(work)
    stopper.join()
    with pytest.raises(WorkExceeded):
        meter.run(lambda: None)
