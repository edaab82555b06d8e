"""The service's figures for Prometheus.

Labels hold routes, verdicts, roles and causes: nothing that was sent, and nothing out of a database.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from share_sql.serve.problems import route_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from share_sql.serve.shapes import CorrectAnswer

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the latencies' buckets."""
GONE = "gone"
"""Stands for the status of a request whose client went away before its answer."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = logging.getLogger("share_sql.serve")


class Metrics:
    """Counts what a service does, in a registry of its own.

    Args:
        inside: how many cases are under way, asked whenever the figures are.
        waiting: how much waits for a thread.
    """

    def __init__(self, inside: Callable[[], float], waiting: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "share_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "share_request_seconds",
            "From a request to the end of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._verdicts = Counter(
            "share_corrections", "Drafts that were worked on.", ("verdict",), registry=self._registry
        )
        self._failures = Counter(
            "share_model_failures",
            "Models' answers of no use.",
            ("role", "cause"),
            registry=self._registry,
        )
        self._tokens = Counter("share_tokens", "Tokens of models.", ("kind",), registry=self._registry)
        cases = Gauge("share_cases_under_way", "Cases being worked on.", registry=self._registry)
        cases.set_function(inside)
        queued = Gauge("share_waiting", "Requests that wait for a free thread.", registry=self._registry)
        queued.set_function(waiting)

    def corrected(self, answer: CorrectAnswer) -> None:
        """Count a correction, with the models that failed it and the tokens that it took."""
        self._verdicts.labels(answer.verdict).inc()
        for failure in answer.failures:
            self._failures.labels(failure.role, failure.cause).inc()
        for usage in answer.usage.values():
            self._tokens.labels("prompt").inc(usage.prompt_tokens)
            self._tokens.labels("completion").inc(usage.completion_tokens)

    def answered(self, method: str, route: str, status: str, seconds: float) -> None:
        """Count a request."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)
        log.info("%s %s: %s, %.3f s", method, route, status, seconds)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        return generate_latest(self._registry)


class Measured:
    """An ASGI application around another, whose requests are counted.

    Args:
        app: answers.
        metrics: counts.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), GONE

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._metrics.answered(scope["method"], route_of(scope), status, time.monotonic() - began)
