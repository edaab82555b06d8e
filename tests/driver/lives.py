"""Lives of an assistant, one a process: `python -m tests.driver.lives NAME DATABASE`.

Each is a short program as a user may write one. It prints what came of it. At its end no thread, process or
file may be left of what it made; what is left is printed too.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from share_sql.assistant import Assistant
from share_sql.case import Case, Correction
from share_sql.catalog import Catalog
from share_sql.errors import ModelUnavailable, ShareError
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


async def _for_ever() -> None:
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


# -- the usual ways -------------------------------------------------------------------------------------


@life("kept")
def opened_used_closed(database: str) -> None:
    assistant = Assistant()
    print(told(lambda: assistant.correct(case(database))))
    assistant.close()


@life("kept kept kept")
def a_with_block(database: str) -> None:
    with Assistant() as assistant:
        print(*(each.verdict for each in assistant.correct_many(cases(database, 3))))


@life("closed")
def never_used(database: str) -> None:
    Assistant(models={"sam": Model()}).close()
    print("closed")


@life("AssistantClosed", "AssistantClosed", "AssistantClosed", "AssistantClosed")
def closed_twice_and_asked_afterwards(database: str) -> None:
    assistant = Assistant()
    assistant.correct(case(database))
    assistant.close()
    assistant.close()
    print(told(lambda: assistant.correct(case(database))))
    print(told(lambda: next(assistant.correct_many(cases(database, 2)))))
    print(told(lambda: asyncio.run(assistant.acorrect(case(database)))))
    try:
        with assistant:
            print("entered")
    except ShareError as error:
        print(type(error).__name__)


@life("closed")
def closed_by_eight_threads_at_once(database: str) -> None:
    assistant = Assistant()
    assistant.correct(case(database))
    threads = [threading.Thread(target=assistant.close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("closed")


@life("{'kept'}")
def asked_by_sixteen_threads(database: str) -> None:
    with Assistant() as assistant, ThreadPoolExecutor(16) as pool:
        print({each.verdict for each in pool.map(assistant.correct, cases(database, 64))})


# -- closed under what is going on ------------------------------------------------------------------------


@life("AssistantClosed")
def closed_while_a_query_runs(database: str) -> None:
    assistant = Assistant()
    assistant.correct(case(database))
    thread, found = in_thread(lambda: assistant.correct(case(database, ENDLESS)))
    time.sleep(0.5)
    assistant.close()
    thread.join()
    print(*found)


@life("AssistantClosed")
def closed_while_a_model_is_waited_for(database: str) -> None:
    model = Model(lambda request: _for_ever())
    assistant = Assistant(models={"sam": model})
    thread, found = in_thread(lambda: assistant.correct(case(database)))
    model.asked.wait()
    assistant.close()
    thread.join()
    print(*found)


@life("AssistantClosed")
def closed_while_a_stage_works(database: str) -> None:
    import share_sql.assistant as module

    began = threading.Event()

    def endless(state: object) -> object:
        began.set()
        while True:
            pass

    module.STAGES = (endless,)  # type: ignore[assignment]
    assistant = Assistant(work_seconds=600)
    thread, found = in_thread(lambda: assistant.correct(case(database)))
    began.wait()
    assistant.close()
    thread.join()
    print(*found)


@life("AssistantClosed")
def closed_while_many_cases_run(database: str) -> None:
    model = Model(lambda request: _for_ever())
    assistant = Assistant(models={"sam": model}, concurrency=16)
    thread, found = in_thread(lambda: next(assistant.correct_many(cases(database, 100))))
    model.asked.wait()
    assistant.close()
    thread.join()
    print(*found)


@life("AssistantClosed")
def closed_by_the_cases_it_reads(database: str) -> None:
    assistant = Assistant()

    def reading() -> Iterator[Case]:
        yield from cases(database, 3)
        assistant.close()
        yield case(database)

    print(told(lambda: list(assistant.correct_many(reading())).pop()))


@life("AssistantClosed")
def closed_by_its_own_model(database: str) -> None:
    def answer(request: ModelRequest) -> object:
        assistant.close()
        return _for_ever()

    assistant = Assistant(models={"sam": Model(answer)})
    print(told(lambda: assistant.correct(case(database))))
    assistant.close()


@life("interrupted")
def interrupted_from_the_keyboard(database: str) -> None:
    assistant = Assistant(models={"sam": Model(lambda request: _for_ever())})
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        assistant.correct(case(database))
    except KeyboardInterrupt:
        print("interrupted")
    assistant.close()


@life("kept")
def one_of_two_that_share_a_catalog_is_closed(database: str) -> None:
    catalog = Catalog()
    first, second = Assistant(catalog=catalog), Assistant(catalog=catalog)
    first.correct(case(database))
    second.correct(case(database))
    first.close()
    print(told(lambda: second.correct(case(database))))
    second.close()


# -- left early -------------------------------------------------------------------------------------------


@life("kept")
def the_caller_leaves_after_the_first(database: str) -> None:
    with Assistant() as assistant:
        for correction in assistant.correct_many(cases(database, 50)):
            print(correction.verdict)
            break


@life("enough")
def the_caller_leaves_by_an_exception(database: str) -> None:
    try:
        with Assistant() as assistant:
            for _ in assistant.correct_many(cases(database, 50)):
                raise ValueError("enough")
    except ValueError as error:
        print(error)


@life("kept", "kept")
def the_caller_drops_what_it_iterates(database: str) -> None:
    assistant = Assistant()
    print(next(assistant.correct_many(cases(database, 50))).verdict)
    gc.collect()
    print(told(lambda: assistant.correct(case(database))))
    assistant.close()


@life("no more", "kept")
def the_cases_end_in_an_exception(database: str) -> None:
    def reading() -> Iterator[Case]:
        yield from cases(database, 3)
        raise ValueError("no more")

    with Assistant() as assistant:
        try:
            list(assistant.correct_many(reading()))
        except ValueError as error:
            print(error)
        print(told(lambda: assistant.correct(case(database))))


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
    _with(database, Model(lambda request: _for_ever()), case_seconds=0.5)


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
            await _for_ever()

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


# -- dropped without an end -------------------------------------------------------------------------------


@life(*["kept"] * 10)
def ten_are_dropped(database: str) -> None:
    for _ in range(10):
        print(Assistant(models={"sam": Model()}).correct(case(database)).verdict)


@life("kept")
def one_is_dropped_in_a_circle(database: str) -> None:
    class Holder:
        pass

    holder = Holder()
    holder.assistant = Assistant()  # type: ignore[attr-defined]
    holder.holder = holder  # type: ignore[attr-defined]
    print(holder.assistant.correct(case(database)).verdict)  # type: ignore[attr-defined]
    del holder
    gc.collect()


@life("kept")
def the_program_ends_without_closing(database: str) -> None:
    global kept
    kept = Assistant(models={"sam": Model()})
    print(kept.correct(case(database)).verdict, flush=True)
    sys.exit(0)


@life("leaving")
def the_program_ends_in_the_middle_of_a_case(database: str) -> None:
    global kept
    model = Model(lambda request: _for_ever())
    kept = Assistant(models={"sam": model})
    threading.Thread(target=lambda: told(lambda: kept.correct(case(database))), daemon=True).start()
    model.asked.wait()
    print("leaving", flush=True)
    sys.exit(0)


# -- forks ------------------------------------------------------------------------------------------------


def forked(work: Callable[[], None]) -> None:
    """Do it in a forked process that ends as programs end."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        work()
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        print("the forked process ended with", status)


@life("AssistantClosed", "AssistantClosed", "kept", "kept")
def a_forked_process_uses_what_worked_before(database: str) -> None:
    assistant = Assistant()
    assistant.correct(case(database))

    def work() -> None:
        print(told(lambda: assistant.correct(case(database))))
        print(told(lambda: next(assistant.correct_many(cases(database, 2)))))
        assistant.close()
        with Assistant() as own:
            print(told(lambda: own.correct(case(database))))

    forked(work)
    print(told(lambda: assistant.correct(case(database))))
    assistant.close()


@life("kept", "kept", "kept")
def made_before_a_fork_and_used_after_it(database: str) -> None:
    assistant = Assistant()

    def work() -> None:
        print(told(lambda: assistant.correct(case(database))))
        assistant.close()

    forked(work)
    forked(work)
    print(told(lambda: assistant.correct(case(database))))
    assistant.close()


@life("AssistantClosed", "AssistantClosed")
def forked_in_the_middle_of_a_case(database: str) -> None:
    model = Model(lambda request: _for_ever())
    assistant = Assistant(models={"sam": model})
    thread, found = in_thread(lambda: assistant.correct(case(database)))
    model.asked.wait()
    forked(lambda: print(told(lambda: assistant.correct(case(database)))))
    assistant.close()
    thread.join()
    print(*found)


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
        with Assistant(models={"sam": Model(lambda request: _for_ever())}) as assistant:
            try:
                async with asyncio.timeout(0.5):
                    await assistant.acorrect(case(database))
            except TimeoutError:
                print("given up")

    asyncio.run(main())


@life("AssistantClosed")
def awaited_and_closed_under_it(database: str) -> None:
    async def main() -> None:
        model = Model(lambda request: _for_ever())
        assistant = Assistant(models={"sam": model})
        task = asyncio.create_task(assistant.acorrect(case(database)))
        await asyncio.to_thread(model.asked.wait)
        await asyncio.to_thread(assistant.close)
        try:
            await task
        except ShareError as error:
            print(type(error).__name__)

    asyncio.run(main())


# -- what is left -----------------------------------------------------------------------------------------


def _left(files: int) -> list[str]:
    left = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()
    left += [f"process {child}" for child in children.split()]
    more = len(os.listdir("/proc/self/fd")) - files
    return left + ([f"{more} files"] if more > 0 else [])


def main(name: str, database: str) -> None:
    """Live one life and look for what is left."""
    files = len(os.listdir("/proc/self/fd"))
    LIVES[name][0](database)
    gc.collect()
    for _ in range(100):
        if not (left := _left(files)):
            break
        time.sleep(0.05)
    for each in left:
        print("left:", each)


if __name__ == "__main__":
    main(*sys.argv[1:])
