"""A query of a case as the evidence sees it: parsed, bound, with what running it gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from share_sql.query.examined import BoundQuery

if TYPE_CHECKING:
    from sqlglot import exp

    from share_sql.stages.stage import Response, State


def bind(state: State, tree: exp.Query, outcome: Response) -> BoundQuery:
    """Bind a query.

    Args:
        state: the case.
        tree: the parsed query.
        outcome: the answer to the `Query` that ran it.
    """
    assert not isinstance(outcome, tuple | list)
    case = state.case
    return BoundQuery(tree, state.schema, case.question, case.evidence, outcome, state.plan.weights)  # type: ignore[arg-type]
