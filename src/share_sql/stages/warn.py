"""warn: where it is asked for, the draft's risks are told and its rows hashed. Nothing is acted on."""

from __future__ import annotations

from dataclasses import replace

from share_sql.case import Inspection, TextChange
from share_sql.query.examined import Examined
from share_sql.query.place import place_in_draft
from share_sql.query.warnings import warnings
from share_sql.requests import Steps
from share_sql.stages.state import State


def warn(state: State) -> Steps[State]:
    """Inspect the draft: warnings, with places in the draft as given."""
    if not state.plan.inspects:
        return state
    query = state.draft.query if state.draft is not None else None
    told = (yield from warnings(query)) if isinstance(query, Examined) else ()
    placed = []
    for each in told:
        place = place_in_draft(state.case.draft, state.sql, each.place)
        change = each.suggestion if place is not None else None
        moved = TextChange(*place, change.text) if place is not None and change is not None else None
        placed.append(replace(each, place=place, suggestion=moved))
    return replace(state, inspection=replace(state.inspection or Inspection(), warnings=tuple(placed)))
