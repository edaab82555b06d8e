"""What is wrong with a query, in one word or several: the words that the role `errors` answers with.

`name.py` names each difference by the change that mends it; here these kinds are put together into few words.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from share_sql.edits.name import differences
from share_sql.schema.model import Schema
from share_sql.trajectory.columns import columns
from share_sql.trajectory.nodes import Trajectory

NOTHING = "nothing"
OTHER = "other"

ERROR_KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "output": frozenset({
            "select-add", "select-drop", "select-column", "select-order", "select-other", "distinct-add",
            "distinct-drop", "expression",
        }),
        "condition": frozenset({
            "condition-add", "condition-drop", "condition-column", "condition-other",
            "and-or", "operator", "null-comparison", "like-equal",
        }),
        "value": frozenset({"condition-literal", "literal-case", "literal-spelling"}),
        "table": frozenset({"join-add", "join-drop"}),
        "join": frozenset({"join-key", "join-left", "join-inner"}),
        "aggregate": frozenset({
            "aggregate", "aggregate-add", "aggregate-drop", "count-different", "count-plain", "group-key",
            "group-add", "group-drop",
        }),
        "order": frozenset({
            "order-column", "order-direction", "order-add", "order-drop", "limit-count", "limit-add",
            "limit-drop",
        }),
    }
)  # fmt: skip
"""By word: the kinds of change that mend it. All others are `other`."""

WORDS = (NOTHING, *ERROR_KINDS, OTHER)
"""Every word, in the order in which they are answered."""


def error_words(right: Trajectory, wrong: Trajectory, schema: Schema) -> tuple[str, ...]:
    """What is wrong with a wrong query.

    Args:
        right: e.g. gold's trajectory.
        wrong: e.g. the draft's.
        schema: tells which tables the two read.

    Returns:
        Words of WORDS in their order. `other` where the two give other rows and say the same, as far as their
        difference can be named; never `nothing`.
    """
    kinds = {difference.kind for difference in differences(right, wrong)}
    found = {word for word, members in ERROR_KINDS.items() if kinds & members}
    if not kinds <= frozenset().union(*ERROR_KINDS.values()):
        found.add(OTHER)
    read = [{name.table.lower() for name in columns(side, schema)} for side in (right, wrong)]
    if read[0] != read[1]:
        found.add("table")
    return tuple(word for word in WORDS if word in found) or (OTHER,)
