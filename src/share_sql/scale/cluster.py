"""Ray: found, started or joined, quiet, and ended again."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from share_sql.errors import UsageError

STORE_BYTES = 128 << 20
"""Memory for Ray's objects on a cluster of this machine alone: tasks and counts, never rows."""

TRIES = 3
"""Starts of a cluster here: Ray gives itself half a minute, and a busy machine may need more."""

log = logging.getLogger("share_sql")


def ray_data() -> Any:
    """Ray, with Ray Data. Raises UsageError where it is not installed."""
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError(
            "--engine ray needs Ray, which is not installed; pip install 'share-sql[ray]'"
        ) from None
    return ray


@contextmanager
def cluster(address: str | None) -> Iterator[Any]:
    """Join a cluster, or start one on this machine, for the length of the block; where the process has
    joined one already, that is used.

    A cluster that is started here tells its maker nothing about its use. What workers log stays in Ray's own
    files: among it is what Ray says of processes that it ends as it should.

    Args:
        address: of a running cluster, or `auto`; None for one of this machine.

    Yields:
        Ray.

    Raises:
        UsageError: Ray is not installed, or there is no cluster at that address.
    """
    # Before Ray is imported, which reads it then.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = ray_data()
    if ray.is_initialized():
        yield ray
        return
    own = {} if address else {"object_store_memory": STORE_BYTES, "include_dashboard": False}
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if in_main else None
    for tries_left in range(TRIES - 1, -1, -1):
        try:
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
            break
        except Exception as error:  # Ray has no class of its own for a start that takes too long
            said = " ".join(str(error).split())[:300]
            if address:
                raise UsageError(f"there is no Ray cluster at {address} to join ({said})") from error
            if not tries_left:
                raise UsageError(
                    f"Ray does not start on this machine ({said}); where it is busy, start a cluster by "
                    "`ray start --head`, and give --ray-address auto"
                ) from error
            log.warning("Ray has not started (%s); once more", said)
    if in_main:
        signal.signal(signal.SIGTERM, before)  # Ray put its own in place, which ends with another code
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def quiet_data(ray: Any) -> Iterator[None]:
    """Have Ray Data show no progress of its own for the length of the block."""
    import warnings

    with warnings.catch_warnings():
        # Its own settings are read with warnings about its own settings.
        warnings.simplefilter("ignore", DeprecationWarning)
        context = ray.data.DataContext.get_current()
    log = logging.getLogger("ray.data")
    before = context.enable_progress_bars, context.print_on_execution_start, log.level
    context.enable_progress_bars = context.print_on_execution_start = False
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars, context.print_on_execution_start = before[:2]
        log.setLevel(before[2])
