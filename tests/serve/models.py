"""Models of the service's tests: one that fails until it is mended, one that never answers."""

from __future__ import annotations

import threading

from share_sql.errors import ModelError
from share_sql.models.base import Answer, ModelReply, ModelRequest, Usage

DRAFT = "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'"
QUESTION = "How many enterprise customers are there?"
CASE = {"database": "shop", "question": QUESTION, "draft": DRAFT}
SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n WHERE i % 7 = 0"
)
"""A query that never ends by itself."""


class Plain:
    """What all have in common; see `share_sql.models.base.Model`."""

    name = "plain"
    takes_grammar = False
    prompts: str | None = None
    samples = 1
    calibrated = True

    async def close(self) -> None:
        """Nothing to give back."""


class Mendable(Plain):
    """Raises its failure until it has none."""

    def __init__(self, failure: ModelError | None) -> None:
        self.failure = failure

    async def ask(self, request: ModelRequest) -> ModelReply:
        if self.failure is not None:
            raise self.failure
        usage = Usage(3, 2, requests=1)
        return ModelReply((Answer("```sql\nSELECT COUNT(*) FROM customers\n```"),), usage, self.name)


class Silent(Plain):
    """Never answers; knows when it was asked and when it was given up."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.given_up = threading.Event()

    async def ask(self, request: ModelRequest) -> ModelReply:
        import asyncio

        self.asked.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            self.given_up.set()
            raise
        raise AssertionError("nobody waits so long")
