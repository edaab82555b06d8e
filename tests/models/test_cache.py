from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from share_sql.errors import ModelUnavailable, SettingsError
from share_sql.models.base import Answer, Message, ModelReply, ModelRequest, Usage
from share_sql.models.cache import CachedModel
from share_sql.models.scripted import ScriptedModel

Ask = Callable[..., ModelRequest]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "answers.sqlite"


def counting() -> ScriptedModel:
    """A model that answers how often it has been asked."""
    model = ScriptedModel(lambda _: str(len(model.requests)))
    return model


def ask(model: CachedModel, *requests: ModelRequest) -> list[ModelReply]:
    async def all_of_them() -> list[ModelReply]:
        return [await model.ask(request) for request in requests]

    return asyncio.run(all_of_them())


def test_asks_once(path: Path, request_of: Ask) -> None:
    model = CachedModel(counting(), path)
    assert [reply.text for reply in ask(model, request_of(), request_of())] == ["1", "1"]


def test_a_later_run_finds_the_answer(path: Path, request_of: Ask) -> None:
    ask(CachedModel(counting(), path), request_of())
    later = counting()
    ask(CachedModel(later, path), request_of())
    assert later.requests == []


@pytest.mark.parametrize(
    "change",
    [
        {"text": "other"},
        {"max_tokens": 5},
        {"temperature": 0.7},
        {"samples": 2},
        {"grammar": "root ::= x"},
        {"logprobs": True},
    ],
    ids=str,
)
def test_what_determines_the_answer_is_told_apart(
    path: Path, request_of: Ask, change: dict[str, object]
) -> None:
    model = CachedModel(counting(), path)
    replies = ask(model, request_of(), request_of(**change))
    assert [reply.text for reply in replies] == ["1", "2"]


def test_messages_are_told_apart_by_who_speaks(path: Path) -> None:
    model = CachedModel(counting(), path)
    said = [ModelRequest("sam", "1", (Message(role, "x"),)) for role in ("user", "system")]  # type: ignore[arg-type]
    assert [reply.text for reply in ask(model, *said)] == ["1", "2"]


def test_models_are_told_apart(path: Path, request_of: Ask) -> None:
    ask(CachedModel(ScriptedModel({"sam": "a"}, name="one"), path), request_of())
    assert ask(CachedModel(ScriptedModel({"sam": "b"}, name="two"), path), request_of())[0].text == "b"


def test_cases_with_the_same_prompt_share_an_answer(path: Path, request_of: Ask) -> None:
    model = CachedModel(counting(), path)
    replies = ask(model, request_of(case_id="1"), request_of(case_id="2"))
    assert [reply.text for reply in replies] == ["1", "1"]


def test_keeps_sampled_answers(path: Path, request_of: Ask) -> None:
    model = CachedModel(counting(), path)
    request = request_of(temperature=0.9, samples=3)
    first, second = ask(model, request, request)
    assert first.answers == second.answers


def test_keeps_everything_but_usage(path: Path, request_of: Ask) -> None:
    reply = ModelReply((Answer("grüß\0", -1.25, 3, "length"), Answer("")), Usage(5, 6, requests=1), "m")
    model = CachedModel(ScriptedModel(lambda _: reply), path)
    found = ask(model, request_of(), request_of())[1]
    assert (found.answers, found.model) == (reply.answers, reply.model)


def test_a_cached_answer_costs_nothing(path: Path, request_of: Ask) -> None:
    model = CachedModel(counting(), path)
    first, second = ask(model, request_of(), request_of())
    assert (first.usage.requests, second.usage) == (1, Usage())


def test_keeps_no_failure(path: Path, request_of: Ask) -> None:
    model = CachedModel(ScriptedModel({"sam": [ModelUnavailable("down"), "up"]}), path)
    with pytest.raises(ModelUnavailable):
        ask(model, request_of())
    assert ask(model, request_of())[0].text == "up"


def test_has_its_models_name(path: Path) -> None:
    assert CachedModel(ScriptedModel({}, name="sam@here"), path).name == "sam@here"


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_corrupt_file_is_put_aside_with_a_warning(
    path: Path, request_of: Ask, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        model = CachedModel(counting(), path)
    assert [reply.text for reply in ask(model, request_of(), request_of())] == ["1", "1"]
    assert "corrupt" in caplog.text
    assert Path(f"{path}.corrupt").read_bytes() == content


def test_a_file_that_breaks_while_open_loses_no_answer(path: Path, request_of: Ask) -> None:
    model = CachedModel(counting(), path)
    ask(model, request_of())
    for side in ("", "-wal", "-shm"):
        file = Path(f"{path}{side}")
        file.write_bytes(b"\xff" * file.stat().st_size)
    assert ask(model, request_of("next"))[0].text


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="answer cache"):
        CachedModel(counting(), tmp_path / "file" / "answers.sqlite")


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="answer cache"):
        CachedModel(counting(), tmp_path)


def test_close_may_be_called_twice(path: Path) -> None:
    async def close() -> None:
        model = CachedModel(counting(), path)
        await model.close()
        await model.close()

    asyncio.run(close())


def fill(path: Path, start: int) -> None:
    async def run() -> None:
        model = CachedModel(ScriptedModel(lambda request: "to " + request.messages[0].content), path)
        for number in range(start, start + 40):
            await model.ask(ModelRequest("sam", "1", (Message("user", str(number)),)))
        await model.close()

    asyncio.run(run())


def test_processes_share_a_file(path: Path, request_of: Ask) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=fill, args=(path, start)) for start in (0, 20, 40)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    silent = ScriptedModel({})
    found = ask(CachedModel(silent, path), *(request_of(str(number)) for number in range(80)))
    assert [reply.text for reply in found] == [f"to {number}" for number in range(80)]


# -- answers of no use, and files that fail --


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("sam", " \n"),
        ("sam", "I am sorry, I cannot do that."),
        ("generator", "I am sorry, I cannot do that."),
        ("scorer", "It depends on the question."),
    ],
)
def test_answers_of_no_use_are_not_kept(path: Path, request_of: Ask, role: str, text: str) -> None:
    model = ScriptedModel(lambda _: text)
    cached = CachedModel(model, path)
    ask(cached, request_of(role=role), request_of(role=role))
    assert len(model.requests) == 2


@pytest.mark.parametrize(
    ("role", "text"),
    [
        ("sam", "Here it is: ```SR\nres = df.where(element = a.b, filter = 1).count()\n```"),
        ("sam", '["a.b", "a.c d e"]'),
        ("generator", "This is it: SELECT a FROM b"),
        ("scorer", "Yes, it does so."),
        ("teacher", "Whatever it may be."),
    ],
)
def test_answers_of_use_are_kept(path: Path, request_of: Ask, role: str, text: str) -> None:
    model = ScriptedModel(lambda _: text)
    cached = CachedModel(model, path)
    ask(cached, request_of(role=role), request_of(role=role))
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    "stored",
    [
        "null", "5", "[]", "{}", "{", "", None, 5, b"\xff\xfe\xfd", "[" * 100_000,
        '{"answers": 5, "model": "m"}', '{"answers": [], "model": "m"}', '{"answers": [5], "model": "m"}',
        '{"answers": [{"text": 5, "logprob": null, "tokens": null, "finish": "stop"}], "model": "m"}',
        '{"answers": [{"text": "x", "logprob": NaN, "tokens": null, "finish": "stop"}], "model": "m"}',
        '{"answers": [{"text": "x", "logprob": 1e999, "tokens": null, "finish": "stop"}], "model": "m"}',
        '{"answers": [{"text": "x", "logprob": null, "tokens": "3", "finish": "stop"}], "model": "m"}',
        '{"answers": [{"text": "x", "logprob": null, "tokens": null, "finish": []}], "model": "m"}',
        '{"answers": [{"text": "x", "logprob": null, "tokens": null, "finish": "stop"}], "model": 5}',
        '{"answers": [{"text": "x", "more": 1}], "model": "m"}',
    ],
)  # fmt: skip
def test_a_stored_row_of_another_shape_is_a_miss(
    path: Path, request_of: Ask, caplog: pytest.LogCaptureFixture, stored: object
) -> None:
    ask(CachedModel(counting(), path), request_of(), request_of("other"))
    # The column takes anything but NULL.
    connection = sqlite3.connect(path)
    connection.execute("UPDATE answers SET reply = ?", (stored if stored is not None else 0,))
    if isinstance(stored, bytes):
        connection.execute("UPDATE answers SET reply = CAST(reply AS TEXT)")
    connection.commit()
    connection.close()
    with caplog.at_level(logging.WARNING):
        found = ask(CachedModel(counting(), path), request_of(), request_of("other"), request_of())
    assert [reply.text for reply in found] == ["1", "2", "1"]
    assert caplog.text.count("cannot be read") == 1


def test_a_stored_text_with_a_lone_surrogate_can_be_used(path: Path, request_of: Ask) -> None:
    model = CachedModel(ScriptedModel(lambda _: ModelReply((Answer("a \ud800"),), model="m\udcff")), path)
    found = ask(model, request_of(), request_of())[1]
    (found.text + found.model).encode()


def test_a_file_that_another_holds_costs_a_wait_and_a_warning(
    path: Path, request_of: Ask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("share_sql.models.cache._BUSY_SECONDS", 0.1)
    inner = counting()
    model = CachedModel(inner, path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with caplog.at_level(logging.WARNING):
        assert [reply.text for reply in ask(model, *(request_of(str(at)) for at in range(20)))][-1] == "20"
        assert CachedModel(inner, path).name == inner.name, "it may be held at the start too"
    assert 1 <= caplog.text.count("is locked") <= 2
    assert "models are asked without it" in caplog.text
    holder.execute("ROLLBACK")
    holder.close()
    monkeypatch.setattr("share_sql.models.cache._REST_SECONDS", 0.0)
    later = CachedModel(inner, path)
    ask(later, request_of("x"), request_of("x"))
    assert len(inner.requests) == 21


def test_an_event_loop_does_not_wait_for_a_file_that_another_holds(
    path: Path, request_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("share_sql.models.cache._BUSY_SECONDS", 1.0)
    model = CachedModel(counting(), path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    async def story() -> int:
        asked = asyncio.create_task(model.ask(request_of()))
        turns = 0
        while not asked.done():
            turns += 1
            await asyncio.sleep(0.01)
        return turns

    assert asyncio.run(story()) > 10
    holder.close()


@pytest.mark.parametrize("sides", [("",), ("", "-wal", "-shm")])
def test_a_file_that_is_taken_away_is_begun_again(
    path: Path, request_of: Ask, monkeypatch: pytest.MonkeyPatch, sides: tuple[str, ...]
) -> None:
    monkeypatch.setattr("share_sql.models.cache._REST_SECONDS", 0.0)
    inner = counting()
    model = CachedModel(inner, path)
    ask(model, request_of("a"))
    for side in sides:
        Path(f"{path}{side}").unlink()
    assert [reply.text for reply in ask(model, *map(request_of, "bbcc"))][-1] == "3"
    later = counting()
    asyncio.run(model.close())
    assert ask(CachedModel(later, path), request_of("c"))[0].text == "3"
    assert later.requests == []


def test_a_full_disk_costs_a_warning(
    request_of: Ask, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=192k", "tmpfs", str(mount)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        inner = ScriptedModel(lambda _: "x" * 20_000)
        model = CachedModel(inner, mount / "answers.sqlite")
        with caplog.at_level(logging.WARNING):
            replies = ask(model, *(request_of(str(at)) for at in range(30)))
        assert {len(reply.text) for reply in replies} == {20_000}
        assert 1 <= caplog.text.count("could not be written") <= 2
        asyncio.run(model.close())
        (mount / "rest").write_bytes(b"x" * (os.statvfs(mount).f_bavail * os.statvfs(mount).f_frsize))
        for name in mount.glob("answers*"):
            name.unlink()
        (mount / "more").write_bytes(b"x" * (os.statvfs(mount).f_bavail * os.statvfs(mount).f_frsize))
        assert len(ask(CachedModel(inner, mount / "answers.sqlite"), request_of())[0].text) == 20_000
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=False)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_opens_the_file_for_itself(path: Path, request_of: Ask) -> None:
    model = CachedModel(counting(), path)
    ask(model, request_of("a"))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if [reply.text for reply in ask(model, *map(request_of, "ab"))] == ["1", "2"] else 2
            asyncio.run(model.close())
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert [reply.text for reply in ask(model, *map(request_of, "ab"))] == ["1", "2"]
    asyncio.run(model.close())
