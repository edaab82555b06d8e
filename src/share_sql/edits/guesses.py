"""All single edits of a draft, in a fixed order, each with its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from share_sql.edits.conditions import condition_edits
from share_sql.edits.edit import Edit
from share_sql.edits.output import output_edits
from share_sql.edits.shape import shape_edits
from share_sql.query.examined import Examined

Family: TypeAlias = Callable[[Examined], Iterator[Edit]]

FAMILIES: Mapping[Family, tuple[str, ...]] = {
    output_edits: (
        "select-drop", "select-add", "select-column", "select-order", "distinct-add", "distinct-drop",
        "count-plain", "count-different", "aggregate",
    ),
    condition_edits: ("condition-drop", "condition-column", "operator", "like-equal", "and-or", "not-null"),
    shape_edits: (
        "order-direction", "order-column", "limit-drop", "limit-add", "group-drop", "group-key", "group-add",
        "ties", "set-operation", "join-drop", "join-left",
    ),
}  # fmt: skip
"""In order, with their kinds: what a query gives, what its rows must fulfil, how they are grouped, ordered
and cut."""

EDIT_KINDS = tuple(kind for kinds in FAMILIES.values() for kind in kinds)
"""Every kind of single edit."""

MOST_EDITS = 48
"""A long query has hundreds of edits, most of them idle; each costs a run and a score."""


def single_edits(draft: Examined, most: int = MOST_EDITS) -> list[Edit]:
    """The draft with one action more, fewer or different.

    Args:
        draft: a query whose names bind.
        most: how many at most; families take turns, so that none crowds the others out.

    Returns:
        Edits with different texts, none the draft's own.
    """
    if draft.binding.unknown_sources or draft.faults:
        return []
    seen = {draft.tree.sql(dialect=draft.schema.dialect)}
    turns: list[Iterator[Edit]] = [family(draft) for family in FAMILIES]
    found: list[Edit] = []
    while turns and len(found) < most:
        for turn in list(turns):
            edit = next(turn, None)
            if edit is None:
                turns.remove(turn)
                continue
            text = edit.tree.sql(dialect=draft.schema.dialect)
            if text not in seen:
                seen.add(text)
                found.append(edit)
    return found[:most]


def edits_of_kind(query: Examined, kind: str) -> list[Edit]:
    """All single edits of one kind; none where it has nothing to offer.

    Args:
        query: a query whose names bind.
        kind: one of EDIT_KINDS.
    """
    family = next(family for family, kinds in FAMILIES.items() if kind in kinds)
    return [edit for edit in family(query) if edit.kind == kind]
