"""Drive one stage, or a part of one, against a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

from share_sql.case import Case
from share_sql.database.base import Database
from share_sql.errors import ModelError, QueryError, SqlError
from share_sql.judgement.weights import Weights, load_weights
from share_sql.models.scripted import ScriptedModel
from share_sql.schema.introspect import introspect
from share_sql.schema.values import ValueIndex
from share_sql.sql.text import extract_sql
from share_sql.stages.stage import Ask, AskAll, Lookup, Plan, Query, State

Result = TypeVar("Result")


def start(
    database: Database,
    question: str,
    draft: str,
    evidence: str = "",
    weights: Weights | None = None,
    roles: tuple[str, ...] = (),
) -> State:
    """The state in which a case enters regenerate when only the models of `roles` are set."""
    try:
        sql = extract_sql(draft)
    except SqlError:
        sql = ""
    return State(
        case=Case("1", question, "shop", draft, evidence),
        schema=introspect(database),
        plan=Plan.make("gated", frozenset(roles), None, weights or load_weights()),
        sql=sql,
    )


def drive(
    stage: Generator[Any, Any, Result], database: Database, state: State, model: ScriptedModel | None = None
) -> Result:
    """Answer a stage's queries and look-ups from the database, its questions from the model."""
    values = ValueIndex.open(database, state.schema)
    try:
        request = next(stage)
        while True:
            try:
                answer = _answer(request, database, values, model)
            except ModelError as error:
                request = stage.throw(error)
            else:
                request = stage.send(answer)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        values.close()


def _answer(request: Any, database: Database, values: ValueIndex, model: ScriptedModel | None) -> Any:
    if isinstance(request, Query):
        try:
            return database.query(request.sql, request.limits)
        except QueryError as error:
            return error
    if isinstance(request, Lookup):
        return values.lookup(request.text, columns=request.columns, limit=request.limit)
    assert model is not None
    if isinstance(request, Ask):
        return asyncio.run(model.ask(request.request))
    assert isinstance(request, AskAll)
    return [asyncio.run(model.ask(asked)) for asked in request.requests]
