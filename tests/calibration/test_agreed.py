"""When answers of the drafter may act: thresholds on cases that are made up."""

from __future__ import annotations

from share_sql.calibration.agreed import Asked, Rival, fit_agreed, tried

SURE, UNSURE = [1.0, 1.0], [1.0, 0.25]


def _cases(rows: list[float], right: int, wrong: int, named: str) -> list[Asked]:
    """Cases of eight databases in which an answer mends (`right` of them) or breaks a draft."""
    return [
        Asked(
            f"database{at % 8}", f"{named}{at}", f"generator{at % 5}", at >= right, at >= right, at >= right,
            (Rival(rows, at < right),), None,
        )
        for at in range(right + wrong)
    ]  # fmt: skip


def test_the_threshold_lets_act_what_is_mostly_right() -> None:
    model, figures = fit_agreed(_cases(SURE, 60, 1, "sure") + _cases(UNSURE, 20, 40, "unsure"))
    assert model(SURE) > model.threshold > model(UNSURE)
    assert (figures["questions"], figures["fixed"], figures["broken"]) == (61, 60, 1)


def test_cases_that_are_as_likely_act_together_or_not_at_all() -> None:
    # The first hundred alone would do; those that are as likely come after them.
    mixed = _cases(SURE, 100, 0, "first") + _cases(SURE, 0, 30, "then")
    model, figures = fit_agreed(mixed)
    assert model(SURE) <= model.threshold
    assert figures["questions"] == 0
    assert tried(mixed) == [None] * 130


def test_few_questions_say_nothing() -> None:
    model, _ = fit_agreed(_cases(SURE, 15, 0, "few") + _cases(UNSURE, 5, 10, "more"))
    assert model(SURE) <= model.threshold


def test_each_case_is_tried_by_a_model_that_did_not_see_it() -> None:
    cases = _cases(SURE, 100, 1, "sure") + _cases(UNSURE, 20, 40, "unsure")
    found = tried(cases)
    assert [each is not None for each in found] == [True] * 101 + [False] * 60
