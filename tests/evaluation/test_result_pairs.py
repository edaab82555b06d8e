"""Every metric on every hand-made pair of results."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest

from share_sql.benchmarks.bird import bird_ex, soft_f1
from share_sql.benchmarks.spider import spider_ex
from share_sql.database.base import Row
from share_sql.evaluation.execution import strict_ex

FILE = Path(__file__).with_name("result_pairs.txt")
VERDICTS = re.compile(r"bird (.) · spider (.)/(.) · strict (.)/(.) · f1 (\S+)")


class Pair(NamedTuple):
    title: str
    gold: list[Row]
    predicted: list[Row]
    verdicts: tuple[str, ...]


def read_pairs() -> list[Pair]:
    pairs = []
    for block in FILE.read_text("utf-8").split("\n== ")[1:]:
        title, why, gold, predicted, verdicts, *_ = block.split("\n")
        assert why.startswith("why: "), f"{title}: say why"
        found = VERDICTS.fullmatch(verdicts)
        assert found, f"{title}: {verdicts}"
        names = {"__builtins__": {}, "float": float}
        pairs.append(Pair(title, eval(gold[6:], names), eval(predicted[6:], names), tuple(found.groups())))
    return pairs


PAIRS = read_pairs()


def test_there_are_at_least_sixty_pairs() -> None:
    assert len({pair.title for pair in PAIRS}) == len(PAIRS) >= 60


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.title for pair in PAIRS])
def test_pair(pair: Pair) -> None:
    _, gold, predicted, verdicts = pair
    judged = (
        bird_ex(predicted, gold),
        spider_ex(predicted, gold, ordered=False),
        spider_ex(predicted, gold, ordered=True),
        strict_ex(predicted, gold, ordered=False),
        strict_ex(predicted, gold, ordered=True),
    )
    assert "".join("ny"[verdict] for verdict in judged) == "".join(verdicts[:5])
    assert soft_f1(predicted, gold) == pytest.approx(float(Fraction(verdicts[5])))
