"""read: the SQL is taken out of what a model wrote, and becomes candidate 0."""

from __future__ import annotations

from dataclasses import replace

from share_sql.query.examined import Examined, Ran
from share_sql.requests import Steps
from share_sql.sql.readings import Reading, readings
from share_sql.sql.text import no_sql
from share_sql.stages.asking import noted
from share_sql.stages.repair import mend
from share_sql.stages.state import Candidate, State

_MOST_MENDED = 40_000
"""Characters of the texts together that mends are tried on, to tell which is meant."""


def read(state: State) -> Steps[State]:
    """Take the SQL out of the draft and examine it.

    A text may be read in several ways. The first that runs is taken, or can be mended so that it runs: a
    last answer with a slip is meant before an intermediate step without one. Where there is none, the first
    that can be parsed is taken.
    """
    found = readings(state.case.draft)
    query = (yield from _meant(state, found)) if found else None
    if query is None:
        return noted(state, "read", "the draft is no SQL", error=str(no_sql(state.case.draft)))
    return replace(state, candidates=(Candidate(query, "draft"),))


def _meant(state: State, found: tuple[Reading, ...]) -> Steps[Ran | None]:
    """The query that a text means; None where no reading can be parsed and none stands where SQL does."""
    only = len(found) == 1 and len(found[0].texts) == 1
    parsed: Ran | None = None
    left = _MOST_MENDED
    for reading in found:
        queries: list[Ran] = []
        for text in reading.texts:
            query = yield from state.examiner.examine(text)
            if query.runs or (only and reading.sure):
                return query
            queries.append(query)
        for query in queries if reading.sure else ():
            if len(query.sql) > left:
                continue
            left -= len(query.sql)
            mended = yield from mend(state, query)
            # A heap of marks can be mended into a constant; what answers a question reads a table.
            if mended is not None and mended.query.runs and mended.query.binding.tables:
                return query
        parsed = parsed or next((query for query in queries if isinstance(query, Examined)), None)
    if parsed is None and found[0].sure:
        return (yield from state.examiner.examine(found[0].texts[0]))
    return parsed
