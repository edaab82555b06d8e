"""Output columns that nobody asked for, and columns pasted together that are asked for one by one."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable

from sqlglot import exp

from share_sql.edits.edit import Edit
from share_sql.query.asked import select_features
from share_sql.query.examined import BoundQuery
from share_sql.stages.stage import Request, Response


def concatenations(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """`first || ' ' || last` where the evidence or the question names the columns one by one."""
    yield from ()
    tree = draft.tree
    if not isinstance(tree, exp.Select):
        return []
    edits = []
    for at, item in enumerate(tree.expressions):
        value = item.this if isinstance(item, exp.Alias) else item
        columns = _concatenated(value)
        if len(columns) < 2 or tree.args.get("distinct") is not None:
            continue
        listed = _lists(draft.evidence, columns)
        kind = "concatenation-listed" if listed else "concatenation"
        names = ", ".join(column.name for column in columns)
        new = tree.copy()
        new.set(
            "expressions",
            [*new.expressions[:at], *(column.copy() for column in columns), *new.expressions[at + 1 :]],
        )
        why = "the evidence lists" if listed else "it pastes together"
        edits.append(Edit(kind, f"{why} {names}; they are selected as columns of their own", new))
    return edits


def _concatenated(value: exp.Expr) -> list[exp.Column]:
    """The columns of a pure concatenation of columns and blanks or commas; empty for anything else."""
    if not isinstance(value, exp.DPipe | exp.Concat | exp.ConcatWs):
        return []
    parts = list(value.flatten()) if isinstance(value, exp.DPipe) else list(value.expressions)
    columns = []
    for part in parts:
        if isinstance(part, exp.Column):
            columns.append(part)
        elif not (isinstance(part, exp.Literal) and re.fullmatch(r"[\s,]*", str(part.this))):
            return []
    return columns


def _lists(evidence: str, columns: list[exp.Column]) -> bool:
    """Whether the evidence names all these columns."""
    lower = evidence.lower()
    return all(column.name.lower() in lower for column in columns)


def unasked(draft: BoundQuery) -> Generator[Request, Response, Iterable[Edit]]:
    """Drop the output column that the question asks for least, where that is near certain.

    The kind's weights (`unasked-column`) hold the model and the probability below which it acts.
    """
    yield from ()
    tree = draft.tree
    if not isinstance(tree, exp.Select) or len(tree.expressions) < 2 or draft.weights is None:
        return []
    if any(item.find(exp.Star) and not item.find(exp.AggFunc) for item in tree.expressions):
        return []
    rows = select_features(tree, draft.question, draft.evidence)
    scores = [draft.weights.asked(row) for row in rows]
    worst = min(range(len(scores)), key=lambda at: scores[at])
    if scores[worst] >= draft.weights.asked_threshold:
        return []
    item = tree.expressions[worst]
    value = item.this if isinstance(item, exp.Alias) else item
    new = tree.copy()
    new.set("expressions", [kept for at, kept in enumerate(new.expressions) if at != worst])
    inline_alias(new, item, value)
    shown = value.sql(dialect="sqlite")
    return [Edit("unasked-column", f"the question does not ask for {shown}; it is no longer selected", new)]


def inline_alias(tree: exp.Select, item: exp.Expr, value: exp.Expr) -> None:
    """Where the dropped column's alias is used in GROUP BY, HAVING or ORDER BY, put its value there."""
    if not isinstance(item, exp.Alias):
        return
    for key in ("group", "having", "order"):
        clause = tree.args.get(key)
        if clause is None:
            continue
        for column in list(clause.find_all(exp.Column)):
            if not column.table and column.name.lower() == item.alias.lower():
                column.replace(value.copy())
