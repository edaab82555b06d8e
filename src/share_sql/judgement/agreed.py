"""An answer of the drafter beside the current query: may it replace it?

A small model's favourite mistakes are as sure as its right answers, so that how many of its answers agree
is not enough. Another model, trained by others, makes other mistakes: what both answer is seldom wrong. What
both still get wrong is of few kinds, and most can be seen in the query: a table that the question names is
left out, or groups are, or HAVING stands beside a column of any row.
"""

from __future__ import annotations

from sqlglot import exp

from share_sql.judgement.agreement import Answers
from share_sql.judgement.features import BLAMES, is_loose, loses_constants
from share_sql.query.asked import words
from share_sql.query.examined import Examined, Ran

AGREED = ("bias", "share")
"""Features, in the order of the weights: the share of the drafter's answers that give its rows. One: with
what else tells two queries apart, weights did not hold on databases that were left out."""
FITTED_ANSWERS = 8
"""Answers of the drafter that the weights were fitted with; of fewer none is as good as all of these."""


def may_act(
    answers: Answers, second: Ran, current: Examined, other: Examined, confidences: tuple[float, float]
) -> bool:
    """Whether an answer may replace the current query at all. Each condition is a way in which small models
    answer wrongly, or evidence for the current query.

    Args:
        answers: all of the drafter's.
        second: the second drafter's.
        current: the draft, or its repair.
        other: the answer.
        confidences: of the current query and of the answer, as they would be without answers, 0 to 1.
    """
    if not current.runs or other.is_abnormal or other.row_set == current.row_set:
        return False
    if second.row_set != other.row_set or answers.share(other) <= answers.share(current):
        return False
    if (other.kinds - current.kinds) & BLAMES or confidences[1] < confidences[0]:
        return False
    if loses_constants(current, other) or (is_loose(other) and not is_loose(current)):
        return False
    return not (_groups(current) and not _groups(other)) and not _loses_table(current, other)


def agreed_features(answers: Answers, other: Examined) -> list[float]:
    """Describe an answer that may replace the current query.

    Args:
        answers: all of the drafter's.
        other: the answer.

    Returns:
        One number a feature, in the order of AGREED, 0 to 1.
    """
    return [1.0, answers.share(other) * min(1.0, answers.count / FITTED_ANSWERS)]


def _loses_table(current: Examined, other: Examined) -> bool:
    """Whether the answer lacks a table of the current query's that the question or the evidence names."""
    asked = words(current.question) | words(current.evidence)
    return any(_is_named(table, asked) for table in set(current.binding.tables) - set(other.binding.tables))


def _is_named(name: str, asked: frozenset[str]) -> bool:
    """Whether all words of a table's name are the question's."""
    own = words(name)
    return bool(own) and own <= asked


def _groups(query: Examined) -> bool:
    return any(select.args.get("group") is not None for select in query.tree.find_all(exp.Select))
