from __future__ import annotations

import asyncio
import logging
import multiprocessing
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
