"""Budgets: what is used up is not asked for, what is proved stands, and each case ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.assistant import Assistant
from share_sql.case import Case, Correction
from share_sql.driver.budget import Budget
from share_sql.errors import UsageError
from share_sql.models.base import Answer, ModelReply, ModelRequest, Usage
from share_sql.models.prices import Price
from share_sql.models.scripted import ScriptedModel

QUESTION = "How many enterprise customers are there?"
RIGHT = "SELECT COUNT(*) FROM customers"
WRONG = "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'"
SAID = "```SR\nres = df.count()\n```"


def answer(_: ModelRequest) -> ModelReply:
    """100 tokens."""
    return ModelReply((Answer(SAID),), Usage(90, 10, requests=1), "m")


def corrected(
    path: Path, budget: Budget, count: int = 1, draft: str = RIGHT, delay: float = 0.0
) -> tuple[list[Correction], ScriptedModel]:
    model = ScriptedModel(answer, delay=delay, price=Price(10_000, 10_000))  # a token for a cent
    models = {"sam": model, "lom": model}
    with Assistant(models=models, budget=budget, concurrency=1) as assistant:
        cases = [Case(str(at), QUESTION, str(path), draft) for at in range(count)]
        return list(assistant.correct_many(cases)), model


def failed(correction: Correction) -> list[tuple[str, str]]:
    return [(each.role, each.cause) for each in correction.failures]


@pytest.mark.parametrize("budget", [Budget(case_tokens=100), Budget(case_cost=1.0)])
def test_a_case_that_has_used_up_its_budget_asks_no_more_and_the_next_has_its_own(
    shop_path: Path, budget: Budget
) -> None:
    ended, model = corrected(shop_path, budget, 2)
    assert [request.role for request in model.requests] == ["sam", "sam"]
    for correction in ended:
        assert (correction.verdict, correction.sql) == ("kept", RIGHT)
        assert failed(correction) == [("lom", "budget")]
        assert "that one case may take are used up" in correction.reason
        assert correction.usage["sam"].tokens == 100
        assert correction.lost, "a larger budget gives an answer"


def test_what_is_under_way_may_overspend_and_what_is_left_is_spent(shop_path: Path) -> None:
    (correction,), model = corrected(shop_path, Budget(case_tokens=101))
    assert len(model.requests) == 2
    assert not correction.failures


def test_a_proved_repair_stands_without_a_budget_for_models(shop_path: Path) -> None:
    (correction,), _ = corrected(shop_path, Budget(case_tokens=100), draft=WRONG)
    assert correction.verdict == "corrected"
    assert failed(correction) == [("lom", "budget")]


@pytest.mark.parametrize("budget", [Budget(tokens=300), Budget(cost=3.0)])
def test_the_budget_of_all_cases_ends_the_one_under_way_and_begins_no_other(
    shop_path: Path, budget: Budget
) -> None:
    ended, model = corrected(shop_path, budget, 4)
    assert len(model.requests) == 3
    assert [failed(correction) for correction in ended] == [[], [("lom", "budget")], [], []]
    for correction in ended[2:]:
        assert (correction.verdict, correction.sql, correction.runs) == ("kept", RIGHT, None)
        assert correction.reason.startswith("not begun: the 3")
        assert [(step.stage, step.cause) for step in correction.steps] == [("budget", "budget")]


def test_what_was_spent_before_counts(shop_path: Path) -> None:
    model = ScriptedModel(answer)
    with Assistant(models={"sam": model}, budget=Budget(tokens=300)) as assistant:
        assistant.already_spent(300, 0.0)
        done = assistant.correct(Case("1", QUESTION, str(shop_path), RIGHT))
    assert done.reason == "not begun: the 300 tokens that the run may take are used up"
    assert not model.requests


def test_an_answer_that_was_paid_before_counts_for_its_case_alone(shop_path: Path) -> None:
    def again(_: ModelRequest) -> ModelReply:
        return ModelReply((Answer(SAID),), Usage(90, 10, requests=1), "m", repeated=True)

    model = ScriptedModel(again)
    with Assistant(models={"sam": model}, budget=Budget(tokens=100)) as assistant:
        for name in "123":
            done = assistant.correct(Case(name, QUESTION, str(shop_path), RIGHT))
            assert not done.failures
            assert done.usage["sam"].tokens == 100


def test_seconds_stop_a_model_that_is_under_way(shop_path: Path) -> None:
    ended, model = corrected(shop_path, Budget(seconds=0.2), 3, delay=60.0)
    assert [failed(correction) for correction in ended] == [[("sam", "budget"), ("lom", "budget")], [], []]
    assert len(model.requests) <= 1
    assert ended[2].reason == "not begun: the 0.2 s that the run may take are over"


def test_money_needs_prices_and_bounds_are_above_0() -> None:
    with pytest.raises(UsageError, match=r"that of sam \(scripted\) is not known; set `price`"):
        Assistant(models={"sam": ScriptedModel({})}, budget=Budget(cost=1.0))
    with pytest.raises(UsageError, match="the budget's tokens is 0"):
        Budget(tokens=0)
    with pytest.raises(UsageError, match="the budget's case_cost is nan"):
        Budget(case_cost=float("nan"))
