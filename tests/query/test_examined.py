"""A query examined once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.stages.driving import drive, start

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import SqlError, TrajectoryError
from share_sql.judgement.weights import load_weights
from share_sql.models.base import ModelRequest
from share_sql.models.scripted import ScriptedModel
from share_sql.query import examined
from share_sql.query.examined import Context, Examiner, Ran, unrun
from share_sql.schema.introspect import introspect
from share_sql.trajectory.nodes import Trajectory

QUESTION = "How many stores are open in Hamburg?"
DRAFT = "SELECT store_name, COUNT(*) FROM stores WHERE citty = 'HAMBURG' AND closed_on IS NULL"
"""Wrong in three ways: an unknown column, another case than stored, and a column that nobody asked for."""


@pytest.fixture
def context(shop: SqliteDatabase) -> Context:
    return Context(introspect(shop), QUESTION, "", load_weights().asked)


def _answers(request: ModelRequest) -> str:
    """Every role answers, and each with another query."""
    return {
        "bam": "```SR\nres = df.where(element = stores.city, filter = 'HAMBURG').count()\n```",
        "mask": "```SR\nres = df.where(element = [MASK], filter = [MASK]).count()\n```",
        "sam": "```SR\nres = df.where(element = stores.region, filter = 'HAMBURG').count()\n```",
        "lom": "```SR\nres = df.where(element = stores.city, filter = 'HAMBURG').select(store_name)\n```",
        "generator": "```sql\nSELECT COUNT(*) FROM stores WHERE city = 'HAMBURG' AND closed_on IS NULL\n```",
        "scorer": "yes",
    }[request.role]


def test_each_text_of_a_case_is_parsed_bound_run_and_searched_once(
    shop: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed, resolved, searched, ran = Counter[str](), Counter[str](), Counter[str](), Counter[str]()

    def counted(owner: object, name: str, counter: Counter[str], key: Callable[..., object]) -> None:
        real = getattr(owner, name)

        def wrapper(*arguments: Any, **more: Any) -> Any:
            counter[str(key(*arguments))] += 1
            return real(*arguments, **more)

        monkeypatch.setattr(owner, name, wrapper)

    counted(examined, "parse_select", parsed, lambda sql, *_: sql)
    counted(examined, "resolve_tree", resolved, lambda tree, *_: tree.sql())
    counted(examined, "static_findings", searched, lambda query: query.tree.sql())
    counted(SqliteDatabase, "query", ran, lambda _, sql, *__: sql)
    roles = ("bam", "mask", "sam", "lom", "generator", "scorer")
    weights = replace(load_weights(), guesses=load_weights().guesses | {"distinct-add", "condition-drop"})
    model = ScriptedModel(_answers)
    with Assistant(models=dict.fromkeys(roles, model), weights=weights) as assistant:
        (state,) = assistant.correct_states([Case("1", QUESTION, str(shop.path), DRAFT)])
    assert {request.role for request in model.requests} == set(roles)
    assert {"draft", "repair", "compile", "generator", "edit"} <= {each.origin for each in state.candidates}
    assert len(ran) > 6
    for counter in (parsed, resolved, searched, ran):
        assert counter
        assert set(counter.values()) == {1}, counter


def test_a_text_that_cannot_be_parsed_is_run_all_the_same(shop: SqliteDatabase, context: Context) -> None:
    examiner = Examiner(context)
    query = drive(examiner.examine("SELECT (1"), shop, start(shop, QUESTION, "SELECT 1"))
    assert type(query) is Ran
    assert isinstance(query.unreadable, SqlError)
    assert query.failure is not None
    assert query.kinds == {"fails"}
    assert not query.runs


def test_what_was_examined_is_kept(shop: SqliteDatabase, context: Context) -> None:
    examiner, state = Examiner(context), start(shop, QUESTION, "SELECT 1")
    first = drive(examiner.examine("SELECT city FROM stores"), shop, state)
    assert drive(examiner.examine("SELECT city FROM stores"), shop, state) is first
    with pytest.raises(StopIteration) as stop:
        next(examiner.examine("SELECT city FROM stores"))
    assert stop.value.value is first


def test_nothing_is_said_of_a_result_where_nothing_was_run(context: Context) -> None:
    query = unrun("SELECT city FROM stores", context)
    assert (query.runs, query.failure, query.rows, query.is_abnormal) == (False, None, None, False)
    assert query.kinds == frozenset()


def test_a_trajectory_or_why_there_is_none(context: Context) -> None:
    assert isinstance(unrun("SELECT city FROM stores", context).trajectory, Trajectory)
    deep = "SELECT (" * 70 + "SELECT 1" + ")" * 70
    assert isinstance(unrun(deep, context).trajectory, SqlError | TrajectoryError)


def test_columns_are_judged_only_where_there_are_several_and_a_model(context: Context) -> None:
    assert len(unrun("SELECT city, region FROM stores", context).asked) == 2
    assert unrun("SELECT city FROM stores", context).asked == ()
    assert unrun("SELECT city, region FROM stores UNION SELECT 1, 2", context).asked == ()
    assert unrun("SELECT city, region FROM stores", replace(context, asked=None)).asked == ()


def test_faults_count_names_that_do_not_bind(context: Context) -> None:
    assert unrun("SELECT city FROM stores", context).faults == 0
    assert unrun("SELECT citi, regio FROM stores", context).faults == 2
    assert unrun("SELECT 1 FROM nowhere", context).faults == 1
    joined = "SELECT city FROM stores JOIN customers ON stores.city = customers.city"
    assert unrun(joined, context).faults == 1
