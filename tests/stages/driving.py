"""Drive one stage, or a part of one, against a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from dataclasses import replace
from typing import Any, TypeVar

from share_sql.case import Case, Correction
from share_sql.database.base import Database
from share_sql.errors import ModelError, QueryError
from share_sql.judgement.weights import Weights, load_weights
from share_sql.models.scripted import ScriptedModel
from share_sql.prompts.library import load_prompts
from share_sql.requests import Ask, Lookup, Query
from share_sql.schema.introspect import introspect
from share_sql.schema.values import ValueIndex
from share_sql.stages.policies import POLICIES
from share_sql.stages.read import read
from share_sql.stages.state import Candidate, Plan, Stage, State

Result = TypeVar("Result")


def start(
    database: Database,
    question: str,
    draft: str,
    evidence: str = "",
    weights: Weights | None = None,
    roles: tuple[str, ...] = (),
    policy: str = "gated",
) -> State:
    """The state in which a case enters bam."""
    plan = Plan(
        POLICIES[policy], frozenset(roles), load_prompts() if roles else None, weights or load_weights()
    )
    case = Case("1", question, "shop", draft, evidence)
    return take(read, database, State.start(case, introspect(database), plan))


def take(stage: Stage, database: Database, state: State, model: ScriptedModel | None = None) -> State:
    """The state after a stage."""
    after = stage(state)
    return after if isinstance(after, State) else drive(after, database, state, model)


def corrected(stage: Stage, database: Database, state: State) -> Correction:
    """The correction that a stage ends with."""
    done = take(stage, database, state).correction
    assert done is not None
    return done


def added(database: Database, state: State, sql: str, origin: str = "generator", **fields: Any) -> State:
    """The state with one candidate more."""
    query = drive(state.examiner.examine(sql), database, state)
    return replace(state, candidates=(*state.candidates, Candidate(query, origin, **fields)))


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
    assert isinstance(request, Ask)
    assert model is not None
    return [asyncio.run(model.ask(asked)) for asked in request.requests]
