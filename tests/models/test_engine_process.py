"""Engines that stop, die, are forked or dropped: real processes with a library of the tests' own."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from share_sql.errors import ModelTimeout, ModelUnavailable
from share_sql.models.base import ModelRequest
from share_sql.models.embedded import EmbeddedModel

from .adapters import write_weights

Ask = Callable[..., ModelRequest]

LIBRARY = '''
"""Answers each prompt with its own last word; the word `stop` or `die` does that in a step."""
import enum, os, signal, sys, time, types


class GenerationStatus(enum.Enum):
    RUNNING = 1
    FINISHED = 2


class GenerationFinishReason(enum.Enum):
    STOP = 1
    LENGTH = 2


class SchedulerConfig:
    pass


class GenerationConfig:
    def __init__(self, **settings):
        pass

    def set_eos_token_id(self, number):
        pass


class Tokens:
    def __init__(self, text):
        self.input_ids, self.shape, self.text = self, (1, len(text.split())), text
        self.data = [[sum(map(ord, word)) for word in text.split()]]


class Tokenizer:
    def encode(self, text, add_special_tokens):
        return Tokens(text)

    def get_eos_token_id(self):
        return 0

    def decode(self, ids):
        return ids[0]


class Handle:
    def __init__(self, word):
        self.word, self.steps, self.cancelled = word, 4 if word.startswith("one") else 6, False

    def get_status(self):
        return GenerationStatus.RUNNING if self.steps else GenerationStatus.FINISHED

    def read_all(self):
        output = types.SimpleNamespace(
            generated_ids=[self.word], generated_log_probs=[0.0], finish_reason=GenerationFinishReason.STOP
        )
        return [output]

    def can_read(self):
        # Four steps compute the prompt; an answer of one token is whole then.
        return self.steps <= (0 if self.word.startswith("one") else 2)

    def cancel(self):
        self.steps = 0


class ContinuousBatchingPipeline:
    def __init__(self, weights, scheduler, device, properties):
        self.handles, self.steps = [], 0
        if os.environ.get("TEST_LOADING") == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(float(os.environ.get("TEST_LOADING", 0)))

    def get_tokenizer(self):
        return Tokenizer()

    def add_request(self, number, tokens, config):
        handle = Handle(tokens.text.split("<|im_end|>")[0].split()[-1])
        self.handles.append(handle)
        if "TEST_LOG" in os.environ:
            with open(os.environ["TEST_LOG"], "a") as log:
                log.write(f"{self.steps} {handle.word}\\n")
        return handle

    def has_non_finished_requests(self):
        return any(handle.steps for handle in self.handles)

    def step(self):
        self.steps += 1
        for handle in self.handles:
            if handle.steps and handle.word == "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            if handle.steps and handle.word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if handle.word != "long":
                handle.steps = max(0, handle.steps - 1)
        time.sleep(0.02)
'''


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], EmbeddedModel]:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "openvino_genai.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path / "library")
    monkeypatch.delenv("TEST_LOADING", raising=False)
    monkeypatch.setattr("share_sql.models.engine_process._TICK", 0.05)
    monkeypatch.setattr("share_sql.models.engine_process.STEP_SECONDS", 2.0)
    weights = write_weights(tmp_path / "w.gguf")
    return lambda: EmbeddedModel(weights)


def pids() -> list[int]:
    """The engines that this process has started and that still are, stopped or not."""
    children = "".join(path.read_text() for path in Path("/proc/self/task").glob("*/children")).split()
    return [
        int(pid)
        for pid in children
        if b"share_sql.models.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def soon(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()


def run(story: Callable[[], object]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))  # type: ignore[arg-type]


def test_it_answers(made: Callable[[], EmbeddedModel], request_of: Ask) -> None:
    async def story() -> None:
        model = made()
        replies = await asyncio.gather(*(model.ask(request_of(f"say {at}")) for at in range(5)))
        assert [reply.text for reply in replies] == list("01234")
        await model.close()
        await model.close()
        assert not pids()
        assert (await model.ask(request_of("again"))).text == "again"
        await model.close()

    run(story)


def test_prompts_that_begin_alike_wait_for_the_first_and_others_do_not(
    made: Callable[[], EmbeddedModel], request_of: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_LOG", str(tmp_path / "log"))
    one, other = "singers " * 200, "stores " * 200
    prompts = [f"{one} a", f"{one} b", f"{other} c", f"{one} d"]

    async def begun(times: int, prompts: list[str] = prompts) -> dict[str, int]:
        (tmp_path / "log").unlink(missing_ok=True)
        model = made()
        await model.ask(request_of("hello"))
        for _ in range(times):
            replies = await asyncio.gather(*(model.ask(request_of(text)) for text in prompts))
            assert [reply.text for reply in replies] == [text.split()[-1] for text in prompts]
        await model.close()
        lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
        return {word: int(step) for step, word in lines[-4:]}

    async def story() -> None:
        first = await begun(1)
        assert first["c"] <= first["a"] + 2
        assert {first["b"], first["d"]} == {first["a"] + 4}
        ends = await begun(1, [f"{one} one", f"{one} b", f"{other} c", f"{one} d"])
        assert {ends["b"], ends["d"]} == {ends["one"] + 4}
        again = await begun(2)
        assert max(again.values()) - min(again.values()) <= 2, "what was computed before is kept"

    run(story)


def test_one_that_waits_for_a_prompt_can_be_taken_back_and_outlives_its_leader(
    made: Callable[[], EmbeddedModel], request_of: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_LOG", str(tmp_path / "log"))
    long = "singers " * 200

    async def story() -> None:
        model = made()
        await model.ask(request_of("hello"))
        leader = asyncio.ensure_future(model.ask(request_of(f"{long} long")))
        taken, stays = (asyncio.ensure_future(model.ask(request_of(f"{long} {word}"))) for word in "xy")
        await asyncio.sleep(0.3)
        assert not stays.done(), "the leader's prompt is never computed here"
        taken.cancel()
        leader.cancel()
        assert (await stays).text == "y"
        assert (await model.ask(request_of("next"))).text == "next"
        await model.close()
        begun = [line.split()[1] for line in (tmp_path / "log").read_text().splitlines()]
        assert begun == ["hello", "long", "y", "next"]

    run(story)


@pytest.mark.parametrize("prompt", ["stop", "word " * 400 + "stop"])
def test_an_engine_that_stops_is_killed_and_named(
    made: Callable[[], EmbeddedModel], request_of: Ask, prompt: str
) -> None:
    async def story() -> None:
        model = made()
        await model.ask(request_of("hello"))
        first = pids()
        asked = [model.ask(request_of(text)) for text in (prompt, "b", "c")]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(found[0], ModelTimeout)
        assert "w: its process gave no sign of life for 2 s while working and was stopped" in str(found[0])
        assert (await model.ask(request_of("next"))).text == "next"
        assert pids() != first
        await model.close()

    run(story)
    assert not pids()


def test_the_end_of_one_engine_leaves_the_next_alone(
    made: Callable[[], EmbeddedModel], request_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = Connection.fileno
    begun = threading.Event()

    def slow(connection: Connection) -> int:
        number = descriptor(connection)
        begun.wait(5)  # the next engine is given the number if it is free
        return number

    async def story() -> None:
        model = made()
        await model.ask(request_of("hello"))
        loop = asyncio.get_running_loop()
        told = loop.call_soon_threadsafe

        def later(*call: Any, **more: Any) -> asyncio.Handle:
            time.sleep(0.3)  # whoever reads closes the descriptor after whoever watches has looked at it
            return told(*call, **more)

        monkeypatch.setattr(loop, "call_soon_threadsafe", later)
        monkeypatch.setattr(Connection, "fileno", slow)
        with pytest.raises(ModelTimeout):
            await model.ask(request_of("stop"))
        await asyncio.sleep(0.1)
        following = asyncio.ensure_future(model.ask(request_of("next")))
        await asyncio.sleep(0)
        begun.set()
        assert (await following).text == "next"
        monkeypatch.undo()
        await model.close()

    run(story)


def test_an_engine_that_stops_as_it_loads_is_killed_and_named(
    made: Callable[[], EmbeddedModel], request_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        model = made()
        with pytest.raises(ModelTimeout, match="while loading"):
            await model.ask(request_of())
        monkeypatch.delenv("TEST_LOADING")
        monkeypatch.setattr("share_sql.models.engine_process.LOADING_SECONDS", 60.0)
        assert (await model.ask(request_of("next"))).text == "next"
        await model.close()

    monkeypatch.setattr("share_sql.models.engine_process.LOADING_SECONDS", 2.0)
    monkeypatch.setenv("TEST_LOADING", "stop")
    run(story)


def test_loading_may_take_longer_than_a_step(
    made: Callable[[], EmbeddedModel], request_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        model = made()
        assert (await model.ask(request_of("late"))).text == "late"
        await model.close()

    monkeypatch.setattr("share_sql.models.engine_process.STEP_SECONDS", 0.3)
    monkeypatch.setenv("TEST_LOADING", "0.8")
    run(story)


def test_an_engine_at_work_is_left_alone_and_one_that_rests_too(
    made: Callable[[], EmbeddedModel], request_of: Ask
) -> None:
    async def story() -> None:
        model = made()
        await model.ask(request_of("hello"))
        first = pids()
        asked = asyncio.create_task(model.ask(request_of("long")))
        await asyncio.sleep(2.5)
        assert not asked.done()
        asked.cancel()
        await asyncio.wait([asked])
        await asyncio.sleep(2.5)
        assert (await model.ask(request_of("next"))).text == "next"
        assert pids() == first
        await model.close()

    run(story)


def test_what_a_stopped_engine_does_not_read_holds_up_nobody(
    made: Callable[[], EmbeddedModel], request_of: Ask
) -> None:
    async def story() -> None:
        model = made()
        await model.ask(request_of("hello"))
        os.kill(pids()[0], signal.SIGSTOP)
        long = request_of("word " * 100_000)
        started = time.monotonic()
        asked = [asyncio.create_task(model.ask(long)) for _ in range(8)]
        await asyncio.sleep(0.1)
        assert time.monotonic() - started < 1.5, "the event loop goes on"
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in found] == [ModelTimeout] * 8
        await model.close()

    run(story)


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL, None])
def test_close_ends_an_engine_whatever_it_does(
    made: Callable[[], EmbeddedModel], request_of: Ask, how: signal.Signals | None
) -> None:
    async def story() -> None:
        model = made()
        await model.ask(request_of("hello"))
        asked = asyncio.create_task(model.ask(request_of("long")))
        await asyncio.sleep(0.1)
        if how is not None:
            os.kill(pids()[0], how)
        await asyncio.wait_for(model.close(), 10)
        with pytest.raises(ModelUnavailable, match=r"was closed|process ended"):
            await asked
        assert not pids()

    run(story)


def test_an_engine_that_dies_is_named(made: Callable[[], EmbeddedModel], request_of: Ask) -> None:
    async def story() -> None:
        model = made()
        with pytest.raises(ModelUnavailable, match=r"its process ended \(-9\)"):
            await model.ask(request_of("die"))
        assert (await model.ask(request_of("next"))).text == "next"
        await model.close()

    run(story)


def test_a_model_that_is_dropped_leaves_no_process_and_no_thread(
    made: Callable[[], EmbeddedModel], request_of: Ask
) -> None:
    threads = threading.active_count()

    async def story() -> None:
        model = made()
        await model.ask(request_of("hello"))

    run(story)
    gc.collect()
    assert soon(lambda: not pids())
    assert soon(lambda: threading.active_count() <= threads)


def test_a_program_that_ends_leaves_no_process(
    made: Callable[[], EmbeddedModel], tmp_path: Path, request_of: Ask
) -> None:
    script = """if True:
        import asyncio, os, sys
        from pathlib import Path
        from share_sql.models.base import Message, ModelRequest
        from share_sql.models.embedded import EmbeddedModel
        model = EmbeddedModel(Path(sys.argv[1]))
        print(asyncio.run(model.ask(ModelRequest("sam", "1", (Message("user", "hello"),)))).text)
        print(model._weights._engine._process.pid)
    """
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "w.gguf")],
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    text, pid = done.stdout.split()
    assert (text, done.stderr) == ("hello", "")
    assert soon(lambda: not Path(f"/proc/{pid}").exists())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_an_engine_of_its_own(
    made: Callable[[], EmbeddedModel], request_of: Ask
) -> None:
    model = made()

    def told(text: str) -> str:
        async def story() -> str:
            return (await asyncio.wait_for(model.ask(request_of(text)), 30)).text

        return asyncio.run(story())

    assert told("before") == "before"
    first = pids()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, told("child").encode())
            asyncio.run(model.close())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        assert said.read() == "child"
    os.waitpid(child, 0)
    assert told("after") == "after"
    assert pids() == first
    asyncio.run(model.close())
    assert not pids()
