"""VES and R-VES from times that are given, not taken."""

from __future__ import annotations

import math

import pytest

from share_sql.evaluation.efficiency import BEST_OF, mean_ratio, measure, r_ves_score, ves_score


def test_ratio_drops_what_lies_three_deviations_off() -> None:
    assert mean_ratio([2.0] * 4, [1.0] * 4) == 2.0
    steady = [1.0, 1.01] * 20
    assert mean_ratio([*steady, 50.0], [1.0] * 41) == pytest.approx(1.005)
    assert mean_ratio([], []) == 0.0


@pytest.mark.parametrize(
    ("ratio", "reward"),
    [(0, 0), (0.1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.99, 0.75), (1, 1), (2, 1.25), (9, 1.25)],
)
def test_rewards(ratio: float, reward: float) -> None:
    assert r_ves_score(ratio) == math.sqrt(reward)


def test_ves_is_the_root_of_the_ratio() -> None:
    assert ves_score(4.0) == 2.0
    assert ves_score(0.0) == 0.0


def test_measure_alternates_and_takes_the_best() -> None:
    ran: list[str] = []

    def run(sql: str) -> float:
        ran.append(sql)
        noise = 5.0 if len(ran) % BEST_OF else 0.0
        return {"gold": 2.0, "ours": 1.0}[sql] + noise

    assert measure(run, "ours", "gold", repeats=4) == pytest.approx(2.0)
    turns = ran[2:]
    assert turns[0] == "ours"
    assert turns[2 * BEST_OF] == "gold"
    assert turns.count("gold") == turns.count("ours") == 4 * BEST_OF
