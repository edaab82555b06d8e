"""Fit when an answer of the drafter that the second drafter was asked about beats the draft, and what the
drafter's answers add to the confidence.

The same question comes with the drafts of many generators, so cases are no independent evidence: bounds count
questions. What is left out to try a model is a database together with some generators.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from share_sql.benchmarks.cases import LabelledCase
from share_sql.calibration.label import Labeller
from share_sql.calibration.logistic import fit
from share_sql.judgement.agreed import AGREED
from share_sql.judgement.agreement import OPINION, opinion
from share_sql.judgement.logistic import Logistic
from share_sql.stages.policies import agreed_row, answers_of
from share_sql.stages.state import State

LEAST_BOUND = 0.85
"""Lower end of the 95% interval of the precision, over questions, that an answer needs to act."""
LEAST_SHARE = 0.95
"""Cases that turn right, of those that turn right or wrong: twenty mended for one that breaks."""
STRENGTH = 0.3
"""Inverse of the regularisation: there are few questions to learn from."""
LEAST_QUESTIONS = 20
"""Questions acted on; fewer say nothing of a threshold."""
_Z = 1.96
_SAME = 1e-6
"""Probabilities that differ by less are the same."""


@dataclass(frozen=True)
class Rival:
    """An answer of the drafter that may replace the current query."""

    row: list[float]
    right: bool


@dataclass(frozen=True)
class Asked:
    """One case with the drafter's answers."""

    database: str
    question: str
    generator: str
    """Whose draft it is."""
    draft: bool
    """Whether the draft is right."""
    before: bool
    """Whether the current query (the draft, or its repair) is right."""
    after: bool
    """Whether what is handed back is right, as long as no answer replaces a query that runs."""
    rivals: tuple[Rival, ...]
    opinion: list[float] | None
    """Features of the confidence; None where the current query does not run."""


@dataclass
class AgreedData:
    """Cases to learn from."""

    cases: list[Asked] = field(default_factory=list)


def collect_agreed(
    cases: Iterable[LabelledCase],
    states: Iterable[State],
    labeller: Labeller,
    generator: str,
    data: AgreedData,
) -> None:
    """Label what the judge compared; adds to `data`.

    Args:
        cases: drafts with gold.
        states: the cases as the assistant left them, in any order.
        labeller: says what is right.
        generator: whose drafts they are.
        data: added to.
    """
    gold = {each.case.id: each.gold for each in cases}
    for state in states:
        case, wanted = state.case, gold[state.case.id]
        current = state.repaired or state.draft
        if current is None or not state.answers or not labeller.gold_runs(case.database, wanted):
            continue
        rivals = tuple(
            Rival(row, labeller.right(case.database, each.sql, wanted))
            for each in state.candidates
            if (row := agreed_row(state, each, state.second)) is not None
        )
        # Without the second drafter's answer none of the drafter's replaces a query that runs.
        choice = state.plan.policy.choose(replace(state, second=None))
        handed = choice.candidate.sql if choice.candidate is not None else state.sql
        alone = state.plan.weights.confidence(current.query, current.mended)
        data.cases.append(
            Asked(
                case.database,
                f"{case.database}/{case.question}",
                generator,
                labeller.right(case.database, case.draft, wanted),
                labeller.right(case.database, current.sql, wanted),
                labeller.right(case.database, handed, wanted),
                rivals,
                opinion(answers_of(state), current.query, alone) if current.query.runs else None,
            )
        )


def fit_agreed(cases: Sequence[Asked]) -> tuple[Logistic, dict[str, float]]:
    """Fit the model of the drafter's answers.

    Its threshold is the lowest at which, on left-out databases, the precision over questions has a lower
    bound of LEAST_BOUND, and that over cases is LEAST_SHARE.

    Returns:
        The model, and figures out of fold: questions acted on, fixed, broken (cases), bound.
    """
    scores = _left_out(cases)
    threshold, figures = _lowest(cases, scores)
    return Logistic(_fitted(cases), round(threshold, 4)), figures


def tried(cases: Sequence[Asked], generators: int = 5) -> list[Rival | None]:
    """What each case would be given by a model, with its threshold, that saw neither its database nor its
    generator.

    Args:
        cases: of several databases and generators.
        generators: groups in which generators are left out.
    """
    chosen: list[Rival | None] = [None] * len(cases)
    group = {name: at % generators for at, name in enumerate(sorted({each.generator for each in cases}))}
    for database in sorted({each.database for each in cases}):
        for left in range(generators):
            seen = [each for each in cases if each.database != database and group[each.generator] != left]
            model, _ = fit_agreed(seen)
            for at, each in enumerate(cases):
                if each.database == database and group[each.generator] == left:
                    chosen[at] = _best(each, [model(rival.row) for rival in each.rivals], model.threshold)
    return chosen


def fit_opinion(cases: Sequence[Asked]) -> tuple[Logistic, list[tuple[float, bool]]]:
    """Fit the confidence where there are answers.

    Returns:
        The model; and of each case whose query runs the confidence by a model that did not see its database,
        and whether it is right.
    """
    known = [each for each in cases if each.opinion is not None]
    out: list[tuple[float, bool]] = []
    for database in sorted({each.database for each in known}):
        model = _opinion([each for each in known if each.database != database])
        out += [(model(each.opinion or []), each.before) for each in known if each.database == database]
    return _opinion(known), out


def lower_bound(share: float, count: int) -> float:
    """The lower end of Wilson's 95% interval of a share."""
    if not count:
        return 0.0
    centre = share + _Z**2 / (2 * count)
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return (centre - spread) / (1 + _Z**2 / count)


def _opinion(cases: Sequence[Asked]) -> Logistic:
    rows = [each.opinion for each in cases if each.opinion is not None]
    weights = fit(rows, [int(each.before) for each in cases if each.opinion is not None], 1.0)
    return Logistic(dict(zip(OPINION, weights, strict=True)), 0.5)


def _fitted(cases: Sequence[Asked]) -> Mapping[str, float]:
    rows = [rival.row for each in cases for rival in each.rivals]
    better = [int(rival.right and not each.before) for each in cases for rival in each.rivals]
    return dict(zip(AGREED, fit(rows, better, STRENGTH), strict=True))


def _left_out(cases: Sequence[Asked]) -> list[list[float]]:
    """Each rival's probability by a model that did not see its database."""
    scores: list[list[float]] = [[] for _ in cases]
    for database in {each.database for each in cases}:
        model = Logistic(_fitted([each for each in cases if each.database != database]), 1.0)
        for at, each in enumerate(cases):
            if each.database == database:
                scores[at] = [model(rival.row) for rival in each.rivals]
    return scores


def _best(case: Asked, scores: Sequence[float], threshold: float) -> Rival | None:
    """The likeliest answer, where it passes the threshold."""
    best = max(range(len(scores)), key=lambda at: scores[at], default=None)
    return case.rivals[best] if best is not None and scores[best] > threshold else None


def _lowest(cases: Sequence[Asked], scores: Sequence[Sequence[float]]) -> tuple[float, dict[str, float]]:
    acts = []
    for case, these in zip(cases, scores, strict=True):
        best = max(range(len(these)), key=lambda at: these[at], default=None)
        if best is not None and case.before != case.rivals[best].right:
            acts.append((these[best], case.question, case.rivals[best].right))
    acts.sort(key=lambda act: -act[0])
    fixed: dict[str, int] = defaultdict(int)
    broken: dict[str, int] = defaultdict(int)
    shares: dict[str, float] = {}
    threshold, kept = 1.0, {"questions": 0.0, "fixed": 0.0, "broken": 0.0, "bound": 0.0}
    total = 0.0
    for at, (score, question, mends) in enumerate(acts):
        (fixed if mends else broken)[question] += 1
        share = fixed[question] / (fixed[question] + broken[question])
        total += share - shares.get(question, 0.0)
        shares[question] = share
        if at + 1 < len(acts) and acts[at + 1][0] > score - _SAME:
            continue  # a threshold lets all that are as likely act
        bound = lower_bound(total / len(shares), len(shares))
        mended, lost = sum(fixed.values()), sum(broken.values())
        if (
            len(shares) >= LEAST_QUESTIONS
            and bound >= LEAST_BOUND
            and mended >= LEAST_SHARE * (mended + lost)
        ):
            threshold = score - _SAME
            kept = {
                "questions": len(shares), "fixed": mended, "broken": lost, "bound": round(bound, 3),
            }  # fmt: skip
    return threshold, kept
