"""What came of a case, as answers."""

from __future__ import annotations

import pytest

from share_sql.case import Case
from share_sql.driver.case_run import kept_unworked
from share_sql.judgement.weights import load_weights
from share_sql.serve import answers
from share_sql.stages.policies import POLICIES
from share_sql.stages.state import Plan


def test_a_draft_that_no_stage_has_read_is_not_read_for_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be what ended the processes that read it."""

    def read(*_: object) -> None:
        pytest.fail("it was read")

    monkeypatch.setattr(answers, "from_sql", read)
    case = Case("1", "How many?", "shop", "SELECT COUNT(*) FROM orders")
    plan = Plan(POLICIES["gated"], frozenset(), None, load_weights(), inspects=True)
    answer = answers.correct_answer(kept_unworked(case, plan, "two processes died", "internal"))
    assert (answer.verdict, answer.sql, answer.reason) == ("kept", case.draft, "two processes died")
    assert (answer.trajectory.before, answer.trajectory.after) == (None, None)
