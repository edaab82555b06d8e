"""The query as repairs begin with it: slips of typing are mended, and other dialects are read.

Only texts that do not run are changed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from share_sql.case import WeighedFinding
from share_sql.dialects import dialect_of
from share_sql.edits.bare_values import are_stored
from share_sql.edits.edit import Edit
from share_sql.edits.foreign import Translation, translations
from share_sql.edits.text import MENDERS, TextEdit, as_text
from share_sql.errors import SqlError, SqlTooLarge
from share_sql.judgement.logistic import logit
from share_sql.query.examined import Examined, Ran, unrun
from share_sql.requests import Steps
from share_sql.stages.state import State

MAX_MENDED = 30_000
"""Characters of the longest text that slips and other dialects are looked for in: each of some fifty ways to
read it is a parse."""


def readable(state: State, query: Ran) -> Steps[tuple[Examined | None, list[WeighedFinding]]]:
    """The query as repairs begin with it.

    Args:
        state: the case.
        query: as it was written.

    Returns:
        The query itself where it runs, else what its text is after its slips are mended or it is read as
        another dialect's; None where nothing can be parsed. With it what was mended.
    """
    draft: Examined | None = None
    if isinstance(query.unreadable, SqlTooLarge):
        return None, []
    if isinstance(query, Examined):
        tree = as_text(query)
        if tree is query.tree and query.runs:
            return query, []
        # A text that fails as it stands may run as sqlglot writes it.
        draft = yield from examined(state, query.text(tree))
    if query.runs:
        # Written anew it may fail, as it should. No tree: the database reads more than the parser does.
        return draft, []
    rewritten = draft is not None and draft.runs
    if len(query.sql) > MAX_MENDED:
        return draft, []
    mended, found, text = yield from _respelled(state, query.sql, None if rewritten else draft)
    if found and mended is not None and mended.runs:
        return mended, found
    texts: list[tuple[Ran, list[WeighedFinding]]] = [(query, [])]
    if text != query.sql:
        texts.append(((yield from state.examiner.examine(text)), found))
    best = (draft, []) if rewritten else (mended, found if mended is not None else [])
    return (yield from _translated(state, best, texts))


def fault(state: State, edit: Edit | TextEdit | Translation) -> WeighedFinding:
    """What an edit mends, with the log-odds that repairs of its kind mend rather than break."""
    tally = state.plan.weights.repairs.get(edit.kind)
    return WeighedFinding(edit.kind, edit.message, round(logit(tally.precision), 4) if tally else 0.0)


def examined(state: State, sql: str) -> Steps[Examined | None]:
    """A query that was written anew; None where its own text cannot be parsed."""
    query = yield from state.examiner.examine(sql)
    return query if isinstance(query, Examined) else None


def is_unread(query: Ran, dialect: str) -> bool:
    """Whether the database cannot even read a text: the parser takes more than the database does."""
    return query.failure is not None and re.search(dialect_of(dialect).unread, str(query.failure)) is not None


def is_foreign(query: Ran, dialect: str) -> bool:
    """Whether a text fails by more than names that do not bind: another dialect's words may be in it."""
    unknown = re.search(dialect_of(dialect).no_function, str(query.failure))
    return is_unread(query, dialect) or unknown is not None or query.unreadable is not None


def _respelled(
    state: State, sql: str, draft: Examined | None
) -> Steps[tuple[Examined | None, list[WeighedFinding], str]]:
    """Mend a text that does not run, slip by slip; gives the text after the mends too.

    The one slip is looked for first whose mend gives rows. Else slips add up: a text that can be parsed
    changes only where it comes nearer to running. One that cannot may have several slips, so that what a
    slip's first mend gives is taken where none can be parsed yet.
    """
    for mender in MENDERS:
        for edit, after in (yield from _tried(state, mender(sql, state.schema))):
            if after is not None and after.runs and not after.is_abnormal:
                return after, [fault(state, edit)], edit.sql
    found: list[WeighedFinding] = []
    for mender in MENDERS:
        tried = yield from _tried(state, mender(sql, state.schema))
        best = next((each for each in tried if each[1] is not None and each[1].runs), None)
        if best is None:
            parsed = (each for each in tried if each[1] is not None)
            best = next((each for each in parsed if draft is None or _is_nearer(draft, each[1])), None)
        if best is None and draft is None:
            # What is put in quotes must be proved, so it is not taken on trust.
            best = next((each for each in tried if not each[0].values), None)
        if best is None:
            continue
        edit, draft = best
        sql = edit.sql
        if edit.kind not in {each.kind for each in found}:
            found.append(fault(state, edit))
        if draft is not None and draft.runs:
            break
    return draft, found, sql


def _tried(state: State, edits: Iterable[TextEdit]) -> Steps[list[tuple[TextEdit, Examined | None]]]:
    """Enabled changes of a text, each with the query that it gives; None where that cannot be parsed."""
    tried: list[tuple[TextEdit, Examined | None]] = []
    for edit in edits:
        if edit.kind not in state.plan.weights.enabled:
            continue
        if not state.examiner.may_try(edit.sql):
            break
        try:
            parsed = unrun(edit.sql, state.examiner.context)
        except SqlError:
            tried.append((edit, None))
            continue
        after = yield from examined(state, parsed.text(as_text(parsed)))
        if after is None or not edit.values or (yield from are_stored(after, edit.values)):
            tried.append((edit, after))
    return tried


def _translated(
    state: State,
    best: tuple[Examined | None, list[WeighedFinding]],
    texts: Iterable[tuple[Ran, list[WeighedFinding]]],
) -> Steps[tuple[Examined | None, list[WeighedFinding]]]:
    """A text that does not run, read as other dialects: the first reading that runs is taken, or else the one
    with the fewest names that do not bind, where another dialect's words are in it.

    Args:
        state: the case.
        best: what there is without.
        texts: texts to read, each with what was mended in it already.
    """
    draft = best[0]
    faults = None if draft is None else draft.faults
    dialect = state.schema.dialect
    # Where functions are told apart by types too, one that is not there may only lack a cast.
    by_name = dialect_of(dialect).value_types
    for query, found in texts:
        tree = query.tree if isinstance(query, Examined) else None
        # Names alone that do not bind are no sign of another dialect.
        for translation in translations(
            query.sql, state.schema, tree, marked_only=not is_foreign(query, dialect)
        ):
            if translation.kind not in state.plan.weights.enabled:
                continue
            if not state.examiner.may_try(translation.sql):
                break
            try:
                parsed = unrun(translation.sql, state.examiner.context)
            except SqlError:
                continue
            after = yield from examined(state, parsed.text(as_text(parsed, names='"' not in query.sql)))
            if after is None:
                continue
            reached = after, [*found, fault(state, translation)]
            if after.runs:
                return reached
            told = bool(translation.rewritten) and best[0] is draft and (by_name or is_unread(query, dialect))
            if faults is None or after.faults < faults + told:
                best, faults = reached, after.faults
    return best


def _is_nearer(before: Examined, after: Examined | None) -> bool:
    """Whether fewer names stay unbound. Tables count first: an unknown one hides its columns' faults."""
    return after is not None and _unbound(after) < _unbound(before)


def _unbound(query: Examined) -> tuple[bool, int, int]:
    tables = len(query.binding.unknown_sources)
    return is_unread(query, query.schema.dialect), tables, query.faults - tables
