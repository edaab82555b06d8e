"""Which answers of the drafter may replace the current query, and what is weighed of them."""

from __future__ import annotations

import pytest
from tests.stages.driving import drive, start

from share_sql.database.sqlite import SqliteDatabase
from share_sql.judgement.agreed import AGREED, agreed_features, may_act
from share_sql.judgement.agreement import Answers
from share_sql.query.examined import Examined

NAMES, CITIES = "SELECT store_name FROM stores", "SELECT city FROM stores"
COUNT = "SELECT COUNT(*) FROM customers"
JOINED = (
    "SELECT COUNT(DISTINCT c.customer_id) FROM customers c JOIN orders o ON o.customer_id = c.customer_id"
)


def _examined(shop: SqliteDatabase, question: str, *queries: str) -> list[Examined]:
    state = start(shop, question, queries[0])
    found = [drive(state.examiner.examine(sql), shop, state) for sql in queries]
    assert all(isinstance(each, Examined) for each in found)
    return [each for each in found if isinstance(each, Examined)]


@pytest.mark.parametrize(
    ("question", "current", "other", "acts"),
    [
        pytest.param("Cities?", NAMES, CITIES, True, id="other rows"),
        pytest.param("Cities?", CITIES, f"{CITIES} WHERE 1 = 1", False, id="the same rows"),
        pytest.param("Cities?", NAMES, f"{CITIES} LIMIT 0", False, id="no row"),
        pytest.param("Cities?", "SELECT x FROM stores", CITIES, False, id="a draft that fails"),
        pytest.param(
            "Cities?", NAMES, "SELECT MAX(city) FROM stores WHERE 1 = 2", False,
            id="a result as questions rarely have it: NULL alone",
        ),
        pytest.param(
            "Stores of more than 300 square metres?", f"{NAMES} WHERE floor_area > 300", CITIES, False,
            id="a constant asked for lost",
        ),
        pytest.param(
            "Stores of more than 300 square metres?", f"{NAMES} WHERE floor_area > 301", CITIES, True,
            id="another constant lost",
        ),
        pytest.param("How many customers have orders?", JOINED, COUNT, False, id="a named table lost"),
        pytest.param("How many customers have orders?", COUNT, JOINED, True, id="a named table gained"),
        pytest.param("How many customers are there?", JOINED, COUNT, True, id="another table lost"),
        pytest.param(
            "How many stores are in each city?", "SELECT city, COUNT(*) FROM stores GROUP BY city",
            CITIES, False, id="groups lost",
        ),
        pytest.param(
            "Cities with more than one store opened before 2015?",
            "SELECT city FROM stores WHERE opened_on < '2015' GROUP BY city HAVING COUNT(*) > 1",
            "SELECT city FROM stores GROUP BY city HAVING COUNT(*) > 1 AND opened_on > '2013'", False,
            id="HAVING beside a column of any row",
        ),
        pytest.param(
            "The largest floor area?", "SELECT MAX(floor_area) FROM stores",
            "SELECT COUNT(floor_area) FROM stores ORDER BY floor_area LIMIT 1", False,
            id="the order of a single row",
        ),
        pytest.param(
            "Which cities?", NAMES, "SELECT city, COUNT(*) FROM stores", False,
            id="a finding that is rare on right queries",
        ),
    ],
)  # fmt: skip
def test_which_answers_may_act(
    shop: SqliteDatabase, question: str, current: str, other: str, acts: bool
) -> None:
    before, after = _examined(shop, question, current, other)
    assert may_act(Answers.of(4, [(after, 4)]), after, before, after, (0.5, 0.5)) == acts


@pytest.mark.parametrize(
    ("second", "acts"),
    [
        pytest.param(f"{CITIES} WHERE 1 = 1", True, id="it answers the same"),
        pytest.param(NAMES, False, id="it gives the current rows"),
        pytest.param("SELECT opened_on FROM stores", False, id="it answers otherwise"),
        pytest.param("SELECT x FROM stores", False, id="it does not run"),
    ],
)
def test_the_second_drafter_has_to_answer_the_same(shop: SqliteDatabase, second: str, acts: bool) -> None:
    before, after, other = _examined(shop, "Cities?", NAMES, CITIES, second)
    assert may_act(Answers.of(4, [(after, 4)]), other, before, after, (0.5, 0.5)) == acts


@pytest.mark.parametrize(("mine", "current", "acts"), [(5, 3, True), (4, 4, False), (2, 5, False)])
def test_more_answers_have_to_give_its_rows_than_the_current_ones(
    shop: SqliteDatabase, mine: int, current: int, acts: bool
) -> None:
    before, after = _examined(shop, "Cities?", NAMES, CITIES)
    answers = Answers.of(8, [(after, mine), (before, current)])
    assert may_act(answers, after, before, after, (0.5, 0.5)) == acts


def test_an_answer_that_is_less_sure_alone_does_not_act(shop: SqliteDatabase) -> None:
    before, after = _examined(shop, "Cities?", NAMES, CITIES)
    answers = Answers.of(4, [(after, 4)])
    assert may_act(answers, after, before, after, (0.6, 0.7))
    assert not may_act(answers, after, before, after, (0.7, 0.6))


def test_what_is_weighed(shop: SqliteDatabase) -> None:
    (after,) = _examined(shop, "Cities?", CITIES)
    row = agreed_features(Answers.of(8, [(after, 6)]), after)
    assert dict(zip(AGREED, row, strict=True)) == {"bias": 1.0, "share": 0.75}


def test_few_answers_that_agree_are_not_as_good_as_many(shop: SqliteDatabase) -> None:
    _, after = _examined(shop, "Cities?", NAMES, CITIES)
    shares = [agreed_features(Answers.of(n, [(after, n)]), after)[1] for n in (1, 4, 8, 16)]
    assert shares == [0.125, 0.5, 1.0, 1.0]
