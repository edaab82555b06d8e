"""The ledger of model calls: each is written down once, and answered from once, whatever was killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from share_sql.errors import ModelLimited, RunFolderError
from share_sql.models.base import Answer, Message, ModelReply, ModelRequest, Usage
from share_sql.models.prices import Price
from share_sql.models.scripted import ScriptedModel
from share_sql.runfolder.ledger import CALLS, Ledger, Paid

RUN = "0123456789abcdef"
PRICE = Price(10_000, 100_000)


def request(case: str = "a", text: str = "fill", temperature: float = 0.0) -> ModelRequest:
    return ModelRequest("sam", case, (Message("user", text),), temperature=temperature)


def numbered() -> Callable[[ModelRequest], ModelReply]:
    """Answers 1, 2, 3, …, each of ten tokens and two."""
    count = 0

    def answer(_: ModelRequest) -> ModelReply:
        nonlocal count
        count += 1
        return ModelReply((Answer(f"{count}\ud800", -0.5, 2),), Usage(10, 2, requests=1), "m")

    return answer


def opened(folder: Path, model: ScriptedModel, *, run: str = RUN, finished: tuple[int, ...] = ()) -> Ledger:
    """A ledger whose cases a, b, c are under way."""
    ledger = Ledger({"sam": model})
    ledger.open(folder / CALLS, run, lambda at, name: "abc"[at] == name and at not in finished)
    for at, name in enumerate("abc"):
        ledger.begin(at, name)
    return ledger


def said(ledger: Ledger, *requests: ModelRequest) -> list[str]:
    async def all_of() -> list[str]:
        return [(await ledger.models["sam"].ask(each)).text for each in requests]

    return asyncio.run(all_of())


def test_an_answer_is_given_again_once_for_each_time_that_it_was_given(tmp_path: Path) -> None:
    with opened(tmp_path, ScriptedModel(numbered(), price=PRICE)) as ledger:
        assert said(ledger, request(), request(), request("b")) == ["1\ud800", "2\ud800", "3\ud800"]
        assert ledger.paid == {"sam": Paid(Usage(30, 6, requests=3), pytest.approx(0.9))}
    model = ScriptedModel(numbered(), price=PRICE)
    with opened(tmp_path, model) as ledger:
        assert ledger.paid == {"sam": Paid(Usage(30, 6, requests=3), pytest.approx(0.9))}
        again = asyncio.run(ledger.models["sam"].ask(request()))
        assert again == ModelReply(
            (Answer("1\ud800", -0.5, 2),), Usage(10, 2, requests=1), "m", repeated=True
        )
        assert said(ledger, request(), request("b")) == ["2\ud800", "3\ud800"]
        assert not model.requests
        assert said(ledger, request(), request(temperature=0.7), request("c")) == [
            "1\ud800",
            "2\ud800",
            "3\ud800",
        ]
        assert ledger.paid["sam"].usage.requests == 6


def test_finished_cases_and_other_models_get_nothing(tmp_path: Path) -> None:
    with opened(tmp_path, ScriptedModel(numbered())) as ledger:
        said(ledger, request(), request("b"))
    model = ScriptedModel(numbered())
    with opened(tmp_path, model, finished=(0,)) as ledger:
        said(ledger, request(), request("b"))
    assert [each.case_id for each in model.requests] == ["a"]
    other = ScriptedModel(numbered(), name="another")
    with opened(tmp_path, other) as ledger:
        said(ledger, request("b"))
    assert len(other.requests) == 1


def test_a_failed_call_is_counted_and_made_again(tmp_path: Path) -> None:
    error = ModelLimited("slow down")
    error.spent = {"prompt_tokens": 7, "requests": 2}
    with opened(tmp_path, ScriptedModel({"sam": error})) as ledger, pytest.raises(ModelLimited):
        said(ledger, request())
    row = json.loads((tmp_path / CALLS).read_text())
    assert (row["id"], row["role"], row["failed"], row["cost"]) == ("a", "sam", "limited", None)
    model = ScriptedModel(numbered())
    with opened(tmp_path, model) as ledger:
        said(ledger, request())
        assert ledger.paid == {"sam": Paid(Usage(17, 2, requests=3), None)}
    assert len(model.requests) == 1


def test_a_price_that_is_known_later_counts_for_what_was_paid_before(tmp_path: Path) -> None:
    with opened(tmp_path, ScriptedModel(numbered())) as ledger:
        said(ledger, request())
        assert ledger.paid["sam"].cost is None
    with opened(tmp_path, ScriptedModel(numbered(), price=PRICE)) as ledger:
        assert ledger.paid["sam"].cost == pytest.approx(0.3)
    with opened(tmp_path, ScriptedModel(numbered(), price=Price(9, 9))) as ledger:
        said(ledger, request("c"))


def test_what_reached_no_model_leaves_no_file(tmp_path: Path) -> None:
    free = ScriptedModel(lambda _: ModelReply((Answer("x"),)))
    with opened(tmp_path, free) as ledger:
        assert said(ledger, request()) == ["x"]
    assert not (tmp_path / CALLS).exists()


@pytest.mark.parametrize("cut", range(1, 300, 23))
def test_a_torn_tail_costs_its_call_and_no_other(tmp_path: Path, cut: int) -> None:
    with opened(tmp_path, ScriptedModel(numbered())) as ledger:
        said(ledger, request(), request("b"))
    path = tmp_path / CALLS
    path.write_bytes(path.read_bytes()[:-cut])
    model = ScriptedModel(numbered())
    with opened(tmp_path, model) as ledger:
        said(ledger, request(), request("b"))
        assert ledger.paid["sam"].usage.requests == 2
    assert [each.case_id for each in model.requests] == ["b"]
    with opened(tmp_path, ScriptedModel({})) as ledger:
        assert said(ledger, request(), request("b")) == ["1\ud800", "1\ud800"]


def test_damaged_lines_and_those_of_another_run_count_for_nothing_and_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path, ScriptedModel(numbered())) as ledger:
        said(ledger, request(), request("b"))
    path = tmp_path / CALLS
    damaged = path.read_bytes().replace(b'"id":"a"', b'"id":"c"')
    path.write_bytes(damaged)
    with opened(tmp_path, ScriptedModel(numbered())) as ledger:
        assert ledger.paid["sam"].usage.requests == 1
    assert "1 damaged line is passed over" in caplog.text
    with opened(tmp_path, ScriptedModel(numbered()), run="f" * 16) as ledger:
        assert ledger.paid == {}
    assert "2 damaged lines are passed over" in caplog.text


def test_a_line_that_is_damaged_while_the_run_goes_on_is_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path, ScriptedModel(numbered())) as ledger:
        said(ledger, request())
    model = ScriptedModel(numbered())
    with opened(tmp_path, model) as ledger:
        path = tmp_path / CALLS
        path.write_bytes(path.read_bytes().replace(b"ud800", b"ud801"))
        assert said(ledger, request()) == ["1\ud800"]
    assert len(model.requests) == 1
    assert "its call is made again" in caplog.text


def test_what_cannot_be_written_is_raised_in_the_run_and_costs_no_answer(tmp_path: Path) -> None:
    ledger = opened(tmp_path, ScriptedModel(numbered()))
    (tmp_path / CALLS).mkdir()
    assert said(ledger, request()) == ["1\ud800"]
    with pytest.raises(RunFolderError, match="cannot be written"):
        ledger.end(0, "a")
    ledger.close()


def test_after_the_end_nothing_is_written(tmp_path: Path) -> None:
    ledger = opened(tmp_path, ScriptedModel(numbered()))
    said(ledger, request())
    ledger.close()
    before = (tmp_path / CALLS).read_bytes()
    assert said(ledger, request("b")) == ["2\ud800"]
    assert (tmp_path / CALLS).read_bytes() == before
