"""Drive one stage, or a part of one, against a real database."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

from share_sql.case import Case
from share_sql.database.base import Database
from share_sql.errors import QueryError, SqlError
from share_sql.evidence.weights import Weights, load_weights
from share_sql.schema.introspect import introspect
from share_sql.schema.values import ValueIndex
from share_sql.sqltext import extract_sql
from share_sql.stages.stage import Lookup, Plan, Query, State

Result = TypeVar("Result")


def start(
    database: Database, question: str, draft: str, evidence: str = "", weights: Weights | None = None
) -> State:
    """The state in which a case enters regenerate when no model is set."""
    try:
        sql = extract_sql(draft)
    except SqlError:
        sql = ""
    return State(
        case=Case("1", question, "shop", draft, evidence),
        schema=introspect(database),
        plan=Plan("gated", frozenset(), None, weights or load_weights()),
        sql=sql,
    )


def drive(stage: Generator[Any, Any, Result], database: Database, state: State) -> Result:
    """Answer a stage's queries and look-ups from the database; it may ask no model."""
    values = ValueIndex.open(database, state.schema)
    try:
        request = next(stage)
        while True:
            answer: Any
            if isinstance(request, Query):
                try:
                    answer = database.query(request.sql, request.limits)
                except QueryError as error:
                    answer = error
            else:
                assert isinstance(request, Lookup)
                answer = values.lookup(request.text, columns=request.columns, limit=request.limit)
            request = stage.send(answer)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        values.close()
