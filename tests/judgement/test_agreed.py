"""What tells an answer of the drafter from the current query."""

from __future__ import annotations

import pytest
from tests.stages.driving import drive, start

from share_sql.database.sqlite import SqliteDatabase
from share_sql.judgement.agreed import AGREED, agreed_features, may_act
from share_sql.judgement.agreement import Answers
from share_sql.query.examined import Examined

JOINED = (
    "SELECT COUNT(DISTINCT c.customer_id) FROM customers c JOIN orders o ON o.customer_id = c.customer_id"
)


def _features(
    shop: SqliteDatabase,
    question: str,
    current: str,
    other: str,
    mended: tuple[str, ...] = (),
    votes: int = 3,
) -> dict[str, float]:
    """The features of an answer that all of four give, where nothing else is said."""
    state = start(shop, question, current)
    queries = [drive(state.examiner.examine(sql), shop, state) for sql in (current, other)]
    before, after = queries
    assert isinstance(before, Examined)
    assert isinstance(after, Examined)
    answers = Answers.of(4, [(after, votes), (before, 4 - votes)])
    row = agreed_features(answers, before, after, (0.5, 0.5), mended)
    return dict(zip(AGREED, row, strict=True))


def test_votes_are_shares_of_all_answers(shop: SqliteDatabase) -> None:
    pair = ("SELECT store_name FROM stores", "SELECT city FROM stores")
    for votes, share, most in ((4, 1.0, 1.0), (3, 0.75, 1.0), (2, 0.5, 0.0)):
        found = _features(shop, "Cities?", *pair, votes=votes)
        assert (found["share"], found["most"]) == (share, most)


@pytest.mark.parametrize(
    ("question", "current", "other", "expected"),
    [
        pytest.param(
            "In which city is each store?", "SELECT store_name FROM stores", "SELECT city FROM stores",
            {"output-words": 0.0, "outputs-differ": 1.0},
            id="each output column has one word of the question and one other, or one: a draw by words",
        ),
        pytest.param(
            "What are the segments?", "SELECT country FROM customers", "SELECT segment FROM customers",
            {"output-words": 0.5, "other-output-words": -0.5, "outputs-differ": 1.0},
            id="an output column that the question names, in place of one that it does not",
        ),
        pytest.param(
            "How many customers have orders?",
            JOINED,
            "SELECT COUNT(*) FROM customers",
            {"loses-table": 1.0, "gains-table": 0.0, "less-tables": 1.0, "more-tables": 0.0},
            id="a table that the question names is gone",
        ),
        pytest.param(
            "How many customers have orders?", "SELECT COUNT(*) FROM customers",
            JOINED,
            {"loses-table": 0.0, "gains-table": 1.0, "less-tables": 0.0, "more-tables": 1.0},
            id="a table that the question names is added",
        ),
        pytest.param(
            "Cities with more than one store opened before 2015?",
            "SELECT city FROM stores WHERE opened_on < '2015' GROUP BY city HAVING COUNT(*) > 1",
            "SELECT city FROM stores GROUP BY city HAVING COUNT(*) > 1 AND opened_on < '2015'",
            {"loose": 1.0, "literals-differ": 0.0},
            id="HAVING beside a column of any row",
        ),
        pytest.param(
            "The largest floor area?",
            "SELECT MAX(floor_area) FROM stores",
            "SELECT COUNT(floor_area) FROM stores ORDER BY floor_area LIMIT 1",
            {"loose": 1.0, "aggregates-differ": 1.0, "limit": 1.0},
            id="the order of a single row",
        ),
        pytest.param(
            "How many stores in each city?", "SELECT COUNT(*) FROM stores",
            "SELECT city, COUNT(*) AS n FROM stores GROUP BY city ORDER BY n",
            {"loose": 0.0, "group": 1.0, "more-items": 1.0, "one-row": -1.0},
            id="groups, sorted by what is counted",
        ),
        pytest.param(
            "Cities?", "SELECT city FROM stores",
            "SELECT DISTINCT city FROM stores WHERE 1 = 2 UNION SELECT country FROM customers",
            {"set": 1.0, "subquery": 1.0, "distinct": 1.0},
            id="a set operation",
        ),
    ],
)  # fmt: skip
def test_what_differs(
    shop: SqliteDatabase, question: str, current: str, other: str, expected: dict[str, float]
) -> None:
    found = _features(shop, question, current, other)
    assert {name: found[name] for name in expected} == expected


def test_a_query_and_its_change_are_described_the_other_way_round(shop: SqliteDatabase) -> None:
    one, two = "SELECT COUNT(*) FROM customers", "SELECT segment FROM customers GROUP BY segment LIMIT 2"
    there, back = (_features(shop, "Segments?", *pair) for pair in ((one, two), (two, one)))
    for name in (
        "one-row",
        "output-words",
        "words",
        "limit",
        "group",
        "set",
        "subquery",
        "distinct",
        "loose",
    ):
        assert there[name] == -back[name]


NAMES, CITIES = "SELECT store_name FROM stores", "SELECT city FROM stores"


@pytest.mark.parametrize(
    ("current", "other", "votes", "acts"),
    [
        pytest.param(NAMES, CITIES, 4, True, id="other rows"),
        pytest.param(NAMES, CITIES, 3, False, id="one for the draft"),
        pytest.param(CITIES, f"{CITIES} WHERE 1 = 1", 4, False, id="the same rows"),
        pytest.param(CITIES, f"{CITIES} LIMIT 0", 4, False, id="no row"),
        pytest.param("SELECT x FROM stores", CITIES, 4, False, id="a draft that fails"),
        pytest.param(f"{NAMES} WHERE floor_area > 300", CITIES, 4, False, id="a constant asked for lost"),
        pytest.param(f"{NAMES} WHERE floor_area > 301", CITIES, 4, True, id="another constant lost"),
    ],
)
def test_which_answers_may_act(
    shop: SqliteDatabase, current: str, other: str, votes: int, acts: bool
) -> None:
    state = start(shop, "Stores of more than 300 square metres?", current)
    before, after = (drive(state.examiner.examine(sql), shop, state) for sql in (current, other))
    assert isinstance(before, Examined)
    assert isinstance(after, Examined)
    answers = Answers.of(4, [(after, votes), *([(before, 4 - votes)] if votes < 4 else [])])
    assert may_act(answers, before, after) == acts
