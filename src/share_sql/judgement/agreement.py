"""What another model's answers say of a query: how many give its rows, as numbers.

The drafter answers the question without seeing the draft. Agreement by execution is the best evidence that
needs no look inside a model (arXiv 2508.14056); it is evidence here because the answers are independent of
the draft.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from share_sql.judgement.logistic import logit
from share_sql.query.examined import Ran

OPINION = ("bias", "alone", "share", "rival")
"""Features of the confidence where there are answers, in the order of the weights; `alone` is what it would
be without them, as log-odds."""


@dataclass(frozen=True)
class Answers:
    """The drafter's answers that run, those with the same rows together."""

    count: int
    """All answers that were given, those that do not run included."""
    groups: tuple[tuple[frozenset[object], int], ...]
    """Rows, and how many answers give them."""

    @staticmethod
    def of(count: int, answers: Sequence[tuple[Ran, int]]) -> Answers:
        """Group answers.

        Args:
            count: all that were given.
            answers: queries with how often each was given.
        """
        groups: dict[frozenset[object], int] = {}
        for query, times in answers:
            if (rows := query.row_set) is not None:
                groups[rows] = groups.get(rows, 0) + times
        return Answers(count, tuple(groups.items()))

    def share(self, query: Ran) -> float:
        """The share of all answers that give a query's rows, 0 to 1."""
        return sum(times for rows, times in self.groups if rows == query.row_set) / max(1, self.count)

    def rival(self, query: Ran) -> float:
        """The largest share of answers that agree on other rows, 0 to 1."""
        others = (times for rows, times in self.groups if rows != query.row_set)
        return max(others, default=0) / max(1, self.count)


def opinion(answers: Answers, query: Ran, alone: float) -> list[float]:
    """Describe a query that is handed back by what the answers say of it, in the order of OPINION.

    Args:
        answers: at least one.
        query: the query.
        alone: the confidence without answers, 0 to 1.
    """
    return [
        1.0,
        logit(min(max(alone, 0.01), 0.99)),
        answers.share(query),
        answers.rival(query),
    ]
