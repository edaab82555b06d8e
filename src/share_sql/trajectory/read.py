"""Read a trajectory: from what a model wrote to typed nodes.

Tolerant by design: fences may be missing, wrong or unclosed, prose may surround the trajectory, names
may be unquoted, quotes and brackets may be unbalanced. What cannot be understood stays in the tree as a
Raw or RawAction node with its text. Nothing in the text is ever executed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from share_sql.errors import TrajectoryUnreadable
from share_sql.schema.model import ColumnName
from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import END, tokenize
from share_sql.trajectory.names import known_names
from share_sql.trajectory.reading.cursor import MOST_ENTERED, Context, TooDeep, Unreadable
from share_sql.trajectory.reading.frames import FrameParser
from share_sql.trajectory.statements import Statement, mend_quotes, statements_of

MAX_TEXT = 100_000
"""Longer answers are refused unread; the longest real ones have some thousand characters."""


@dataclass(frozen=True)
class Reading:
    """A trajectory and how it was found."""

    trajectory: n.Trajectory
    fence: str | None
    """The word after the opening fence (`SR`, `sql`, empty), None where there was no fence."""
    notes: tuple[str, ...]
    """What was mended or left out, a line each."""


def read(text: str, columns: Iterable[ColumnName] | None = None) -> Reading:
    """Read a trajectory out of a model's answer, or a bare one.

    Args:
        text: what the model wrote.
        columns: all columns of the schema, where known; they tell where unquoted names with spaces,
            brackets or operators end. Without them this is judged by the look of it.

    Returns:
        The trajectory with what was noted on the way. Parts that could not be read are raw nodes.

    Raises:
        TrajectoryUnreadable: there is no trajectory in the text, it is longer than MAX_TEXT characters,
            or it is nested too deeply.
    """
    if len(text) > MAX_TEXT:
        raise TrajectoryUnreadable(
            f"the answer is {len(text):,} characters long; at most {MAX_TEXT:,} are read"
        )
    fence, statements, notes = statements_of(text)
    if not statements:
        raise TrajectoryUnreadable(f"the answer holds no trajectory step (`name = df…`): {_excerpt(text)}")
    known = known_names(frozenset(columns)) if columns is not None else None
    context = Context(set(), known, notes, MOST_ENTERED + len(text))
    steps = []
    try:
        for statement in statements:
            context.steps.add(statement.name.lower())
            steps.append(n.Step(statement.name, _value(statement, context)))
    except TooDeep as error:
        raise TrajectoryUnreadable(
            f"the trajectory is nested too deeply to be read, in step {statement.name}"
        ) from error
    trajectory = n.Trajectory(tuple(steps))
    if trajectory.is_too_deep():
        raise TrajectoryUnreadable("the trajectory is nested too deeply to be read")
    return Reading(trajectory, fence, tuple(context.notes))


def _excerpt(text: str) -> str:
    line = " ".join(text[:200].split())
    return repr(line[:60]) if line else "it is empty"


def _value(statement: Statement, context: Context) -> n.Expr:
    """Read a step's value; where quotes are unbalanced, once more with them mended."""
    notes = len(context.notes)
    value, raws = _attempt(statement.text, context)
    if raws and ("'" in statement.text or '"' in statement.text):
        first = context.notes[notes:]
        del context.notes[notes:]
        mended = mend_quotes(statement.text)
        if mended != statement.text:
            other, left = _attempt(mended, context)
            if left < raws:
                context.notes.append(f"quotes mended in step {statement.name}")
                return other
            del context.notes[notes:]
        context.notes.extend(first)
    if raws:
        context.notes.append(f"{raws} part(s) of step {statement.name} could not be read")
    return value


def _attempt(text: str, context: Context) -> tuple[n.Expr, int]:
    """Read one value; also how many raw nodes are in it."""
    parser = FrameParser(tokenize(text), context)
    try:
        value = parser.item()
        while parser.next_is(")", "]"):
            # One bracket too many; a chain may go on behind it.
            parser.at += 1
            context.notes.append("a closing bracket too many was left out")
            if parser.next_is(".") and parser.is_method(parser.at + 1):
                value = parser.method_of(value)
        parser.accept(";")
        if parser.kinds[parser.at] == END:
            return value, parser.raws
    except Unreadable:
        pass  # kept as raw text below
    return n.Raw(" ".join(text.split())), 1
