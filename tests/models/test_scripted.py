from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from share_sql.errors import AnswerMissing, ModelUnavailable
from share_sql.models.base import Answer, ModelReply, ModelRequest
from share_sql.models.scripted import ScriptedModel

Ask = Callable[..., ModelRequest]


def test_answers_by_role(request_of: Ask) -> None:
    model = ScriptedModel({"sam": "filled", "lom": "final"})
    assert asyncio.run(model.ask(request_of(role="lom"))).text == "final"


def test_gives_a_sequence_one_by_one(request_of: Ask) -> None:
    model = ScriptedModel({"sam": ["first", "second"]})
    assert [asyncio.run(model.ask(request_of())).text for _ in range(2)] == ["first", "second"]


def test_says_when_a_sequence_is_used_up(request_of: Ask) -> None:
    model = ScriptedModel({"sam": []})
    with pytest.raises(AnswerMissing, match="0 answers for role sam"):
        asyncio.run(model.ask(request_of()))


def test_says_which_role_it_lacks(request_of: Ask) -> None:
    with pytest.raises(AnswerMissing, match="role sam"):
        asyncio.run(ScriptedModel({}).ask(request_of()))


def test_answers_by_function(request_of: Ask) -> None:
    model = ScriptedModel(lambda request: request.messages[0].content.upper())
    assert asyncio.run(model.ask(request_of("hello"))).text == "HELLO"


def test_hands_a_whole_reply_on(request_of: Ask) -> None:
    reply = ModelReply((Answer("x", -1.5, 3),))
    assert asyncio.run(ScriptedModel(lambda _: reply).ask(request_of())) is reply


def test_raises_an_error_in_an_answers_place(request_of: Ask) -> None:
    model = ScriptedModel({"sam": [ModelUnavailable("down"), "up"]})
    with pytest.raises(ModelUnavailable, match="down"):
        asyncio.run(model.ask(request_of()))
    assert asyncio.run(model.ask(request_of())).text == "up"


def test_remembers_its_requests(request_of: Ask) -> None:
    model = ScriptedModel({"sam": "x"})
    request = request_of("remember me")
    asyncio.run(model.ask(request))
    assert model.requests == [request]


def test_gives_as_many_samples_as_asked(request_of: Ask) -> None:
    assert len(asyncio.run(ScriptedModel({"sam": "x"}).ask(request_of(samples=3))).answers) == 3


def test_counts_one_call(request_of: Ask) -> None:
    assert asyncio.run(ScriptedModel({"sam": "x"}).ask(request_of(samples=3))).usage.requests == 1


def test_lets_others_run_while_it_delays(request_of: Ask) -> None:
    order: list[str] = []

    async def ask(model: ScriptedModel) -> None:
        order.append((await model.ask(request_of())).text)

    async def both() -> None:
        await asyncio.gather(
            ask(ScriptedModel({"sam": "slow"}, delay=0.05)), ask(ScriptedModel({"sam": "fast"}))
        )

    asyncio.run(both())
    assert order == ["fast", "slow"]
