"""read: the SQL is taken out of what a model wrote, and becomes candidate 0."""

from __future__ import annotations

from dataclasses import replace

from share_sql.errors import SqlError
from share_sql.requests import Steps
from share_sql.sql.text import extract_sql
from share_sql.stages.asking import noted
from share_sql.stages.state import Candidate, State


def read(state: State) -> Steps[State]:
    """Take the SQL out of the draft and examine it."""
    try:
        sql = extract_sql(state.case.draft)
    except SqlError as error:
        return noted(state, "read", "the draft is no SQL", error=str(error))
    query = yield from state.examiner.examine(sql)
    return replace(state, candidates=(Candidate(query, "draft"),))
