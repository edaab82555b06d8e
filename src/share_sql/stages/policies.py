"""Policies: when a candidate replaces the draft. A policy is one function."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from share_sql.errors import SqlTooLarge
from share_sql.judgement.agreed import agreed_features, may_act
from share_sql.judgement.agreement import Answers
from share_sql.judgement.features import compared_features, guessed_features, is_loose, scored_features
from share_sql.judgement.logistic import Logistic
from share_sql.query.asked import asks_for_more, asks_twice
from share_sql.query.examined import Examined, Ran
from share_sql.stages.state import Candidate, Choice, Policy, State

SAMPLED: Mapping[str, str] = MappingProxyType({"compile": "lom", "generator": "generator"})
"""By origin, the role whose model may be asked for several samples."""
_BLANKS = re.compile(r"[ \t\r\n\f]+")


def gated(state: State) -> Choice:
    """A candidate replaces the draft only where calibrated evidence is against the one and for the other."""
    runnable = [each for each in rivals(state) if each.query.runs]
    if state.draft is not None and state.draft.query.unfinished:
        return _unfinished(state, state.draft, runnable)
    if state.draft is None or not state.draft.query.runs:
        return _rescue(state, runnable)
    return _best(state, state.draft, runnable) if runnable else _stays(state)


def errors(state: State) -> Choice:
    """Only drafts that do not run are replaced."""
    if state.draft is None or not (state.draft.query.runs or state.draft.query.unfinished):
        return _rescue(state, [each for each in rivals(state) if each.query.runs])
    return _stays(state)


def always(state: State) -> Choice:
    """The paper's: the last candidate wins, whatever it is."""
    candidates = rivals(state)
    if not candidates:
        return Choice(None, "no candidate was made")
    last = candidates[-1]
    return Choice(last, f"the last candidate is taken, from {last.origin}", sureness(state, last))


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        "gated": Policy("gated", "a candidate must earn its place", gated, weighs=True),
        "always": Policy("always", "the paper's: the last candidate wins", always),
        "errors": Policy("errors", "only drafts that do not run are replaced", errors),
    }
)
"""By name; the first is the default."""


def rivals(state: State) -> list[Candidate]:
    """Candidates that differ from the draft and from each other. Of equals the first stays; but one that had
    to be mended to run gives way to one of the same origin that was so written. A guessed change that the
    scorer gave up is none."""
    seen = {normal(state.sql)}
    as_written = {(each.origin, normal(each.sql)) for each in state.candidates if each.ran}
    found = []
    for candidate in state.candidates:
        text = normal(candidate.sql)
        if text in seen or (not candidate.ran and (candidate.origin, text) in as_written):
            continue
        if candidate.origin != "edit" or candidate.score is not None:
            seen.add(text)
            found.append(candidate)
    return found


def normal(sql: str) -> str:
    """A text without what changes nothing at its end, and with single blanks.

    Only the blanks that SQL knows count, and one semicolon: databases refuse others.
    """
    return _BLANKS.sub(" ", sql).strip(" ").removesuffix(";").rstrip(" ")


def scored_row(state: State, candidate: Candidate) -> list[float] | None:
    """Features of a candidate that the scorer weighed, beside the draft or its repair; None for any other."""
    best = state.repaired or state.draft
    score, forth = candidate.score, candidate.forth
    if score is None or forth is None or best is None or not candidate.query.runs:
        return None
    if candidate.origin == "edit":
        return guessed_features(score, forth=forth, drops=candidate.kind == "select-drop")
    return scored_features(best.query, candidate.query, score, forth)


def answers_of(state: State) -> Answers:
    """The drafter's answers, those with the same rows together."""
    own = [(each.query, each.votes) for each in state.candidates if each.origin == "drafter" and each.votes]
    return Answers.of(state.answers, own)


def agreed_row(state: State, candidate: Candidate, second: Ran | None) -> list[float] | None:
    """Features of an answer of the drafter that may replace the draft or its repair; None where it may
    not.

    Args:
        state: the case.
        candidate: the answer.
        second: the second drafter's answer; without one none of the drafter's replaces anything.
    """
    best = state.repaired or state.draft
    if candidate.origin != "drafter" or best is None or second is None:
        return None
    current, other = best.query, candidate.query
    if not isinstance(current, Examined) or not isinstance(other, Examined):
        return None
    answers, weights = answers_of(state), state.plan.weights
    confidences = weights.alone(current, best.mended), weights.alone(other, candidate.own_repairs)
    # An answer that had to be mended to run named what is not there: on that it is no witness.
    if not candidate.ran or _drops(state, best, candidate):
        return None
    if not may_act(answers, second, current, other, confidences):
        return None
    return agreed_features(answers, other)


def _rescue(state: State, runnable: list[Candidate]) -> Choice:
    """The draft does not run: its repair, unless a rewrite is better, or the best of the rewrites."""
    draft = state.draft
    because = f" ({draft.query.failure})" if draft is not None and draft.query.failure is not None else ""
    runnable = [each for each in runnable if _leads(state, each)]
    if not runnable:
        return Choice(None, "the draft does not run and no candidate does" + because + _unread(state))
    if draft is not None and any(each.origin == "repair" for each in runnable):
        choice = _best(state, draft, runnable)
        return Choice(
            choice.candidate, f"the draft does not run{because}; {choice.reason}", choice.confidence
        )
    answers = answers_of(state)
    most = max(answers.share(each.query) for each in runnable)
    runnable = [each for each in runnable if answers.share(each.query) == most]
    best = runnable[0]
    for other in runnable[1:]:
        if _odds(state, best, other) > _odds(state, other, best):
            best = other
    return Choice(best, f"the draft does not run{because}; {_what(best)}", sureness(state, best))


def _unfinished(state: State, draft: Candidate, runnable: list[Candidate]) -> Choice:
    """The draft was stopped at a bound, so that its rows are not known: only a repair, which proves a fault
    in its text, may replace it."""
    because = f"the draft was not run to its end ({draft.query.failure}), which says nothing against it"
    choice = _best(state, draft, [each for each in runnable if each.origin == "repair"])
    return Choice(choice.candidate, f"{because}; {choice.reason}", choice.confidence)


def _best(state: State, draft: Candidate, runnable: list[Candidate]) -> Choice:
    """Repairs have proved themselves edit by edit; any other candidate must beat the draft or its repair."""
    weights = state.plan.weights
    repaired = next((each for each in runnable if each.origin == "repair"), None)
    current = repaired or draft
    best, best_odds, best_lead = None, 0.0, 0.0
    model: Logistic
    agrees = answers_of(state).share(current.query) > 0
    for other in runnable:
        if other is current or _drops(state, current, other) or _loosens(current, other):
            continue
        row = scored_row(state, other) if state.plan.calibrated else None
        if other.origin == "drafter":
            acts = state.plan.answers_act and weights.agreed
            agreed = agreed_row(state, other, state.second) if acts else None
            model, odds = weights.agreed, weights.agreed(agreed) if agreed is not None else 0.0
        elif agrees:
            continue  # a query whose rows an answer gives that is independent of it is wrong 6 times in 100
        elif row is not None:
            model = weights.guessed if other.origin == "edit" else weights.scored
            odds = model(row)
        elif state.plan.weighs_scores and other.origin == "compile":
            continue  # not worth asking about
        elif not state.plan.weighs_scores and (speaks_against(other) or not _leads(state, other)):
            continue
        else:
            model, odds = weights.compared, _odds(state, current, other)
        if odds - model.threshold > best_lead:
            best, best_odds, best_lead = other, odds, odds - model.threshold
    if best is not None:
        gone = [each.message for each in current.query.findings if each.kind not in best.query.kinds]
        reason = _agreeing(state, best) or _what(best)
        reason += f"; it removes: {'; '.join(gone)}" if gone else ""
        return Choice(best, reason, min(best_odds, sureness(state, best)))
    if repaired is None:
        return _stays(state)
    return Choice(repaired, _what(repaired), sureness(state, repaired))


def _agreeing(state: State, candidate: Candidate) -> str:
    """How many answers speak for one of the drafter; empty for any other candidate."""
    if candidate.origin != "drafter":
        return ""
    answers = answers_of(state)
    agree = round(answers.share(candidate.query) * answers.count)
    mended = f" ({candidate.note})" if candidate.note else ""
    return f"{agree} of {answers.count} answers by a model that did not see the draft agree on it{mended}"


def may_win(state: State, current: Candidate, other: Candidate) -> bool:
    """Whether a candidate with other rows would win against a current query that runs, without a scorer."""
    if not other.query.runs or other.query.rows == current.query.rows:
        return False
    wins = _odds(state, current, other) > state.plan.weights.compared.threshold
    return wins and _leads(state, other) and not _drops(state, current, other)


def speaks_against(candidate: Candidate) -> bool:
    """Whether the scorer finds the way back to the current query no worse than the change to a candidate."""
    return candidate.forth is not None and (candidate.score is None or candidate.score <= 0)


def _leads(state: State, candidate: Candidate) -> bool:
    """Whether a candidate is the one that most of its model's samples agree on; true without samples."""
    if state.plan.samples.get(SAMPLED.get(candidate.origin, ""), 1) == 1:
        return True
    # Stages add samples so that of equals the likeliest comes last.
    own = [each for each in state.candidates if each.origin == candidate.origin and each.query.runs]
    most = max((each.votes for each in own), default=0)
    return candidate is next((each for each in reversed(own) if each.votes == most), None)


def _drops(state: State, current: Candidate, other: Candidate) -> bool:
    """Whether a candidate selects fewer columns than a query that runs, where they may be asked for."""
    before, after = current.query, other.query
    if not isinstance(before, Examined) or not isinstance(after, Examined) or not before.runs:
        return False
    if _outputs(after) >= _outputs(before):
        return False
    question = state.case.question
    return not state.plan.drops or asks_for_more(question) or asks_twice(question)


def _loosens(current: Candidate, other: Candidate) -> bool:
    """Whether a candidate has a column whose value is left to chance, and the current query has none."""
    before, after = current.query, other.query
    if not isinstance(before, Examined) or not isinstance(after, Examined):
        return False
    return is_loose(after) and not is_loose(before)


def _outputs(query: Examined) -> int:
    """How many different columns a query selects: a model in doubt selects one twice."""
    return len({each.unalias() for each in query.tree.selects})


def _odds(state: State, draft: Candidate, other: Candidate) -> float:
    """Calibrated probability that `other` is right and `draft` wrong."""
    if not isinstance(draft.query, Examined) or not isinstance(other.query, Examined):
        return 0.0
    return state.plan.weights.compared(compared_features(draft.query, other.query))


def sureness(state: State, candidate: Candidate) -> float:
    """Probability that a candidate answers the question, 0 to 1."""
    return state.plan.weights.confidence(candidate.query, candidate.mended, answers_of(state))


def _what(candidate: Candidate) -> str:
    return candidate.note or f"the candidate from {candidate.origin} is better supported"


def _stays(state: State) -> Choice:
    seen = "; ".join(finding.message for finding in state.draft.query.findings) if state.draft else ""
    if seen:
        return Choice(None, f"{seen}; but no candidate is better supported{_unread(state)}")
    tried = "nothing speaks for another query" if rivals(state) else "nothing speaks against the draft"
    return Choice(None, tried + _unread(state))


def _unread(state: State) -> str:
    """That a draft was too large to be looked into."""
    why = state.draft.query.unreadable if state.draft is not None else None
    return f"; {why}" if isinstance(why, SqlTooLarge) else ""
