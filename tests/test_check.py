"""`check` and `acheck`, as called from Python; what they see is in tests/cli/test_check.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from share_sql import Assistant, Case, UsageError
from share_sql.check import Checked, acheck, check
from share_sql.errors import ModelUnavailable
from share_sql.judgement.agreement import OPINION
from share_sql.judgement.logistic import Logistic
from share_sql.judgement.weights import Weights, load_weights
from share_sql.models.scripted import ScriptedModel


def test_a_draft_is_looked_at_from_threads_and_event_loops(shop_path: Path, tmp_path: Path) -> None:
    case = Case(database=str(shop_path), draft="SELECT nosuch FROM store")
    with Assistant(inspect=True) as assistant:
        checked = check(assistant, case)
        assert asyncio.run(acheck(assistant, case)) == checked
    assert not checked.runs
    assert checked.found


def test_an_assistant_that_sees_no_warnings_is_refused(shop_path: Path) -> None:
    with Assistant() as assistant, pytest.raises(UsageError, match="inspect=True"):
        check(assistant, Case(database=str(shop_path), draft="SELECT 1"))


QUESTION = "In which cities are there stores?"
NAMES, CITIES = "SELECT store_name FROM stores", "SELECT DISTINCT city FROM stores"


@pytest.fixture
def looked(shop_path: Path) -> Callable[[object], Checked]:
    """What is seen of NAMES beside a drafter's answer, with weights that trust it."""
    trusts = Logistic(dict(zip(OPINION, (0.0, 1.0, 3.0, -6.0), strict=True)), 0.5)
    weights: Weights = replace(load_weights(), right_answers=trusts)

    def look(answer: object) -> Checked:
        models = {"drafter": ScriptedModel({"drafter": answer})}
        with Assistant(models=models, weights=weights, inspect=True) as assistant:
            return check(assistant, Case(question=QUESTION, database=str(shop_path), draft=NAMES))

    return look


def test_a_drafter_that_answers_with_other_rows_counts_against_the_draft(
    looked: Callable[[object], Checked],
) -> None:
    other, same = looked(CITIES), looked(f"{NAMES} WHERE 1 = 1")
    (seen,) = (each for each in other.observations if each.kind == "other-answer")
    assert (seen.severity, other.found) == ("warning", True)
    assert seen.message.endswith(f"(1 of 1): {CITIES}")
    assert other.wrong > 0.5 > same.wrong
    assert not same.found


def test_a_drafter_that_does_not_answer_is_told(looked: Callable[[object], Checked]) -> None:
    for answer in (ModelUnavailable("gone"), "I do not know."):
        checked = looked(answer)
        assert not checked.found
        assert checked.incomplete is not None
        assert "drafter" in checked.incomplete
