"""Lives of an assistant with models of other people, and in event loops of the caller's."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

from share_sql.assistant import Assistant
from share_sql.errors import ModelUnavailable, ShareError
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.scripted import ScriptedModel
from tests.driver.living import Model, case, cases, for_ever, life, raising, told

# -- models of other people -------------------------------------------------------------------------------


def _with(database: str, model: ScriptedModel, **settings: float) -> None:
    with Assistant(models={"sam": model}, **settings) as assistant:  # type: ignore[arg-type]
        for correction in assistant.correct_many(cases(database, 3)):
            print(correction.verdict, *(each.cause for each in correction.failures))


@life("kept unavailable", "kept unavailable", "kept unavailable")
def a_model_raises_what_cancels(database: str) -> None:
    _with(database, raising(asyncio.CancelledError()))


@life(*["kept unavailable"] * 15)
def a_model_raises_what_ends_programs(database: str) -> None:
    for error in (SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopAsyncIteration(), StopIteration()):
        _with(database, raising(error))


@life(*["kept unavailable"] * 15)
def a_model_raises_what_it_likes(database: str) -> None:
    for error in (
        ValueError("what\nnow"),
        RecursionError(),
        MemoryError(),
        TimeoutError(),
        OSError(24, "files"),
    ):
        _with(database, raising(error))


@life(*["kept unreadable"] * 12)
def a_model_returns_what_is_no_reply(database: str) -> None:
    for found in (None, "res = df.count()", ModelReply(()), 7):
        _with(database, Model(lambda request, found=found: found))  # type: ignore[misc]


@life("kept timeout", "kept timeout", "kept timeout")
def a_model_never_answers(database: str) -> None:
    _with(database, Model(lambda request: for_ever()), case_seconds=0.5)


@life("kept timeout", "kept timeout", "kept timeout")
def a_model_that_never_answers_ignores_its_end(database: str) -> None:
    async def stubborn() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

    _with(database, Model(lambda request: stubborn()), case_seconds=0.5)


@life("kept unreadable", "kept unreadable", "kept unreadable")
def a_model_blocks_the_loop(database: str) -> None:
    _with(database, Model(lambda request: time.sleep(1.0)))


@life("kept", "kept")
def a_model_cannot_be_closed(database: str) -> None:
    class Stuck(Model):
        async def close(self) -> None:
            await for_ever()

    class Broken(Model):
        async def close(self) -> None:
            raise OSError("no")

    for model in (Stuck(), Broken()):
        with Assistant(models={"sam": model}) as assistant:
            print(told(lambda assistant=assistant: assistant.correct(case(database))))  # type: ignore[misc]


@life("kept True")
def a_model_asks_the_assistant_that_asks_it(database: str) -> None:
    def answer(request: ModelRequest) -> object:
        try:
            return assistant.correct(case(database))
        except ShareError as error:
            raise ModelUnavailable(str(error)) from None

    with Assistant(models={"sam": Model(answer)}) as assistant:
        correction = assistant.correct(case(database))
    print(correction.verdict, "a model asks the assistant" in correction.reason)


# -- event loops of the caller's --------------------------------------------------------------------------


@life("{'kept'}")
def awaited(database: str) -> None:
    async def main() -> None:
        with Assistant(models={"sam": Model()}) as assistant:
            done = await asyncio.gather(*(assistant.acorrect(each) for each in cases(database, 20)))
            print({each.verdict for each in done})

    asyncio.run(main())


@life("kept kept")
def awaited_in_two_loops(database: str) -> None:
    with Assistant(models={"sam": Model()}) as assistant, ThreadPoolExecutor(2) as pool:
        print(*pool.map(lambda _: asyncio.run(assistant.acorrect(case(database))).verdict, range(2)))


@life("given up")
def awaited_and_given_up(database: str) -> None:
    async def main() -> None:
        with Assistant(models={"sam": Model(lambda request: for_ever())}) as assistant:
            try:
                async with asyncio.timeout(0.5):
                    await assistant.acorrect(case(database))
            except TimeoutError:
                print("given up")

    asyncio.run(main())


@life("AssistantClosed")
def awaited_and_closed_under_it(database: str) -> None:
    async def main() -> None:
        model = Model(lambda request: for_ever())
        assistant = Assistant(models={"sam": model})
        task = asyncio.create_task(assistant.acorrect(case(database)))
        await asyncio.to_thread(model.asked.wait)
        await asyncio.to_thread(assistant.close)
        try:
            await task
        except ShareError as error:
            print(type(error).__name__)

    asyncio.run(main())
