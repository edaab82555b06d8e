"""In which order a run's cases begin."""

from __future__ import annotations

import random
from itertools import pairwise

from share_sql.benchmarks.cases import LabelledCase
from share_sql.case import Case
from share_sql.runfolder.together import together


def mixed(count: int, databases: int) -> list[tuple[int, LabelledCase]]:
    chance = random.Random(3)
    names = [f"db{chance.randrange(databases)}" for _ in range(count)]
    return [
        (at, LabelledCase(Case(id=str(at), question="", database=name, draft="")))
        for at, name in enumerate(names)
    ]


def changes(cases: list[tuple[int, LabelledCase]]) -> int:
    names = [labelled.case.database for _, labelled in cases]
    return sum(one != other for one, other in pairwise(names))


def test_cases_of_one_database_begin_next_to_each_other_and_none_is_lost() -> None:
    cases = mixed(500, 7)
    begun = list(together(cases))
    assert changes(cases) > 300
    assert changes(begun) == 6
    assert sorted(at for at, _ in begun) == list(range(500))
    of_one = [at for at, labelled in begun if labelled.case.database == "db3"]
    assert of_one == sorted(of_one), "in their order"


def test_no_more_than_a_window_is_read_before_the_first_begins() -> None:
    read = 0

    def reading() -> object:
        nonlocal read
        for each in mixed(500, 7):
            read += 1
            yield each

    begun = together(reading(), window=50)  # type: ignore[arg-type]
    assert next(begun)[0] == 0
    assert read == 50
    rest = list(begun)
    assert len(rest) == 499
    assert changes(rest) < 10 * 7
