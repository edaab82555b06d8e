"""What the lives of an assistant are made of: cases, models, and a look at what is left of them."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from share_sql.case import Case, Correction
from share_sql.errors import ShareError
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.scripted import ScriptedModel

RIGHT = "SELECT COUNT(*) FROM stores"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT COUNT(*) FROM c"
SAID = "```SR\nres = df.count()\n```"

Life = Callable[[str], None]
LIVES: dict[str, tuple[Life, tuple[str, ...]]] = {}
"""Each life by its name, with the lines that it prints."""


def life(*lines: str) -> Callable[[Life], Life]:
    """Register a life under its name, with the lines that it is to print."""

    def register(function: Life) -> Life:
        LIVES[function.__name__] = function, lines
        return function

    return register


def case(database: str, draft: str = RIGHT, name: str = "1") -> Case:
    return Case(name, "How many stores are there?", database, draft)


def cases(database: str, count: int) -> list[Case]:
    return [case(database, name=str(at)) for at in range(count)]


def told(work: Callable[[], Correction]) -> str:
    """The verdict, or the class of the named error."""
    try:
        return work().verdict
    except ShareError as error:
        return type(error).__name__


class Model(ScriptedModel):
    """Answers by a coroutine function, and says when it was first asked."""

    def __init__(self, answer: Callable[[ModelRequest], object] | None = None) -> None:
        super().__init__({"sam": SAID})
        self.asked = threading.Event()
        self.answer = answer

    async def ask(self, request: ModelRequest) -> ModelReply:
        self.asked.set()
        if self.answer is None:
            return await super().ask(request)
        found = self.answer(request)
        if asyncio.iscoroutine(found):
            found = await found
        return found  # type: ignore[return-value]


async def for_ever() -> None:
    await asyncio.Event().wait()


def raising(error: BaseException) -> Model:
    def answer(request: ModelRequest) -> object:
        raise error

    return Model(answer)


def in_thread(work: Callable[[], Correction]) -> tuple[threading.Thread, list[str]]:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(told(work)))
    thread.start()
    return thread, found


def _left(files: int) -> list[str]:
    left = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()
    left += [f"process {child}" for child in children.split()]
    more = len(os.listdir("/proc/self/fd")) - files
    return left + ([f"{more} files"] if more > 0 else [])


def all_lives() -> dict[str, tuple[Life, tuple[str, ...]]]:
    """Those of each file that registers some."""
    from tests.driver import lives, lives_with_models  # noqa: F401

    return LIVES


def main(name: str, database: str) -> None:
    """Live one life, in a process of its own, and look for what is left."""
    live, _ = all_lives()[name]
    files = len(os.listdir("/proc/self/fd"))
    live(database)
    gc.collect()
    for _ in range(100):
        if not (left := _left(files)):
            break
        time.sleep(0.05)
    for each in left:
        print("left:", each)
