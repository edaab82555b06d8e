"""Lives of an assistant: used, closed, left, dropped, forked.

Each is a short program as a user may write one. It prints what came of it. At its end no thread, process or
file may be left of what it made; what is left is printed too.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.errors import ShareError
from share_sql.models.base import ModelRequest
from tests.driver.living import ENDLESS, Model, case, cases, for_ever, in_thread, life, told

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
    model = Model(lambda request: for_ever())
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
    model = Model(lambda request: for_ever())
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
        return for_ever()

    assistant = Assistant(models={"sam": Model(answer)})
    print(told(lambda: assistant.correct(case(database))))
    assistant.close()


@life("interrupted")
def interrupted_from_the_keyboard(database: str) -> None:
    assistant = Assistant(models={"sam": Model(lambda request: for_ever())})
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
    model = Model(lambda request: for_ever())
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
    model = Model(lambda request: for_ever())
    assistant = Assistant(models={"sam": model})
    thread, found = in_thread(lambda: assistant.correct(case(database)))
    model.asked.wait()
    forked(lambda: print(told(lambda: assistant.correct(case(database)))))
    assistant.close()
    thread.join()
    print(*found)
