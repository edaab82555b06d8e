"""GROUP BY left out where the question asks for a value of each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.aggregates import own_aggregates
from share_sql.edits.edit import Edit, changed, plain_item
from share_sql.query.asked import words
from share_sql.query.examined import Examined

_EACH = re.compile(
    r"\b(?:each|every|per|by|different|distinct)\s+(?P<what>(?:\w+\s+){0,3}\w+)", re.IGNORECASE
)


def missing_groups(draft: Examined) -> Iterator[Edit]:
    """`SELECT city, COUNT(*)` for "how many … in each city": it is grouped by what stands beside the count.

    Without GROUP BY one row comes out, with the city of any row, or none where the database is strict. Only
    where the words after "each" or "per" name a selected column, and all other columns are aggregates.
    """
    tree = draft.tree
    # Where columns have types, such a query is refused; its names bind all the same.
    may_fail = not dialect_of(draft.schema.dialect).value_types and not draft.faults
    if not isinstance(tree, exp.Select) or tree.args.get("group") is not None or not (draft.runs or may_fail):
        return
    values = [plain_item(item) for item in tree.expressions]
    plain = [value for value in values if isinstance(value, exp.Column) and not value.is_star]
    rest = [value for value in values if value not in plain]
    if not plain or not rest or not all(own_aggregates(value) for value in rest) or tree.find(exp.Window):
        return
    asked = [words(found["what"]) for found in _EACH.finditer(draft.question)]
    named = [value for value in plain if any(_meant(draft, value) & each for each in asked)]
    if not named:
        return
    keys = exp.Group(expressions=[value.copy() for value in plain])
    by = ", ".join(draft.text(value) for value in plain)
    yield Edit(
        "group-missing",
        f"the question asks for a value of each; it is grouped by {by}",
        changed(tree, group=keys),
    )


def _meant(draft: Examined, value: exp.Column) -> frozenset[str]:
    """The words of a column and, where it is a plain name or id, of its table."""
    bound = draft.binding.names.get(id(value))
    own = words(value.name)
    table = bound.table if bound is not None else None
    return own | words(table.name) if table is not None and own <= words("name id title label code") else own
