"""What the scorer reads: a question, and how a candidate's trajectory differs from the draft's.

A small model judges a difference better than two long texts that are nearly alike, so both are written as
one, with what changes in braces: `select ( singer.Name { , singer.Age => } )`. Beside it a prompt set may ask
for the columns concerned, with examples of what they store, and for the first rows of both queries.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence

from share_sql.prompts.brief import brief_meaning, tables
from share_sql.prompts.render import schema_blocks
from share_sql.query.examined import Examined, Ran
from share_sql.schema.model import ColumnName, Schema
from share_sql.trajectory.nodes import Trajectory
from share_sql.trajectory.write import write

_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|[\w.]+|[<>=!]+|\S")
_KEYWORD = re.compile(r"\b(?:element|filter|by|value) = ")
_STEP = re.compile(r"(\w+) = (\w+)\.(.*)", re.DOTALL)
_NAME = re.compile(r"(?<!\w)[A-Za-z_]\w*\.[A-Za-z_]\w*")
_LEAST_ALIKE = 0.4
"""Below this share of common tokens the two are written one after the other: that is no change any more."""
_MOST_MEANINGS = 4
_LONGEST_MEANING = 60
_SHOWN_ROWS = 3
_LONGEST_CELL = 30
_MOST_CELLS = 8
"""Of a row; wider results are cut, and their number of columns says so."""
MOST_CONCERNED = 8
"""Columns that are told of a change."""
_LOOKED_AT = 1_000
EXAMPLES = 3
"""Stored values that are told of a column."""

Stored = Mapping[ColumnName, Sequence[object]]
"""Examples of what columns store."""


def scorer_variables(
    asked: tuple[str, str], draft: Ran, candidate: Ran, schema: Schema, stored: Stored | None = None
) -> dict[str, str]:
    """All variables of the scorer's prompt; a prompt set uses those that it declares.

    Args:
        asked: question and evidence.
        draft: the query that is to be changed. Its rows are told where it was run.
        candidate: what it becomes.
        schema: for meanings.
        stored: examples of what columns store; those of columns that are not concerned are left alone.
    """
    marked, moved = _marked(query_text(draft), query_text(candidate))
    return {
        "question": question_text(*asked),
        "change": _with_meanings(marked, moved, schema),
        "marked": marked,
        "changed_columns": column_text(concerned(draft, candidate), schema, stored or {}),
        "rows_before": rows_text(draft),
        "rows_after": rows_text(candidate),
    }


def errors_variables(
    asked: tuple[str, str], draft: Ran, schema: Schema, stored: Stored | None = None
) -> dict[str, str]:
    """All variables of the prompt that asks what is wrong with a draft. Arguments as `scorer_variables`."""
    return {
        "schema": schema_blocks(schema),
        "tables": tables(schema),
        "question": question_text(*asked),
        "query": query_text(draft),
        "concerned": column_text(concerned(draft), schema, stored or {}),
        "rows": rows_text(draft),
    }


def concerned(*queries: Ran) -> tuple[ColumnName, ...]:
    """The columns that queries read: first those that not all of them do, at most MOST_CONCERNED.

    Texts that cannot be parsed count for nothing.
    """
    read = [query.binding.columns for query in queries if isinstance(query, Examined)]
    every: set[ColumnName] = set().union(*read)
    common = set.intersection(*map(set, read)) if read else set()
    return tuple(sorted(every, key=lambda name: (name in common, name.table, name.column))[:MOST_CONCERNED])


def column_text(names: Collection[ColumnName], schema: Schema, stored: Stored) -> str:
    """A line a column: `singer.Country: where they were born, such as France, Ghana`."""
    lines = []
    for name in names:
        column = schema.column(name.table, name.column)
        meaning = _short(brief_meaning(column.meaning)) if column and column.meaning else ""
        told = ", ".join(_cell(value) for value in stored.get(name, ())[:EXAMPLES])
        such = f"such as {told}" if told else ""
        said = ", ".join(part for part in (meaning, such) if part)
        lines.append(f"{name}: {said}" if said else str(name))
    return "\n".join(lines)


def examples_sql(name: ColumnName, schema: Schema) -> str:
    """SQL that gives examples of what a column stores, for `Stored`: the first ones that are no NULL, out of
    the first _LOOKED_AT rows, so that a long table costs no more than a short one."""
    from sqlglot import exp

    from share_sql.query.named import column_node, table_node

    column = column_node(name.column)
    table = table_node(schema, name.table)
    first = exp.select(column).from_(table).limit(_LOOKED_AT).subquery("first_rows")
    chosen = exp.select(column.copy()).distinct().from_(first).where(column.copy().is_(exp.null()).not_())
    return chosen.limit(EXAMPLES).sql(dialect=schema.dialect)


def rows_text(query: Ran) -> str:
    """How much a query gives, and its first rows: `2 columns, 13 rows: Joe, 52; Ann, 31; Bea, 40`.

    `it fails` where it does not run; empty where it was not run.
    """
    if query.failure is not None:
        return "it fails"
    if query.rows is None:
        return ""
    rows = query.rows
    outcome = query.outcome
    width = len(rows[0]) if rows else len(getattr(outcome, "columns", ()))
    more = " or more" if getattr(outcome, "truncated", False) else ""
    counted = f"{width} column{'s' * (width != 1)}, {len(rows)}{more} row{'s' * (len(rows) != 1)}"
    shown = "; ".join(", ".join(_cell(value) for value in row[:_MOST_CELLS]) for row in rows[:_SHOWN_ROWS])
    return f"{counted}: {shown}" if shown else counted


def _cell(value: object) -> str:
    """A value as the scorer reads it, on one line."""
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.6g}"
    # Only the head is looked at: a stored text may be as long as it likes.
    text = " ".join(str(value)[: 4 * _LONGEST_CELL].split())
    return text if len(text) <= _LONGEST_CELL else text[:_LONGEST_CELL] + "…"


def _short(meaning: str) -> str:
    return meaning if len(meaning) <= _LONGEST_MEANING else meaning[:_LONGEST_MEANING].rsplit(" ", 1)[0]


def question_text(question: str, evidence: str) -> str:
    """The first of the scorer's two texts."""
    return f"{question} | {evidence}" if evidence.strip() else question


def query_text(query: Ran) -> str:
    """A query's trajectory on one line, without the names of steps that only pass rows on.

    The SQL itself where it cannot be written as one.
    """
    trajectory = query.trajectory if isinstance(query, Examined) else None
    if isinstance(trajectory, Trajectory):
        return shortened(write(trajectory, "extended"))
    return " ".join(query.sql.split())


def shortened(trajectory: str) -> str:
    """A trajectory's text as `query_text` gives it."""
    lines = [_KEYWORD.sub("", line.strip()) for line in trajectory.splitlines() if line.strip()]
    parts = []
    previous = "df"
    for at, line in enumerate(lines):
        match = _STEP.fullmatch(line)
        if match is None:
            parts.append(line)
            previous = ""
            continue
        name, source, actions = match.groups()
        text = actions if source in (previous, "df") else f"{source}.{actions}"
        later = [other for other in lines[at + 1 :] if re.search(rf"\b{name}\b", other)]
        follows = len(later) == 1 and at + 1 < len(lines) and later[0] is lines[at + 1]
        chained = follows and lines[at + 1].count(name) == 1 and f"= {name}." in lines[at + 1]
        parts.append(text if chained or name == "res" else f"{text} as {name} ;")
        previous = name if chained else ""
    return " ".join(parts)


def change_text(draft: str, candidate: str, schema: Schema) -> str:
    """The second of the scorer's two texts: the change, and the meanings of columns that it touches.

    Args:
        draft: its `query_text`.
        candidate: its `query_text`.
        schema: for the meanings.
    """
    return _with_meanings(*_marked(draft, candidate), schema)


def _with_meanings(marked: str, moved: str, schema: Schema) -> str:
    return marked + "".join(f" | {meaning}" for meaning in _meanings(moved, schema))


def _marked(draft: str, candidate: str) -> tuple[str, str]:
    """Both queries as one, with what changes in braces; and what changes, for the names in it."""
    old, new = _TOKEN.findall(draft), _TOKEN.findall(candidate)
    matcher = _matcher(old, new)
    if matcher.ratio() < _LEAST_ALIKE:
        return f"{{ {draft} => {candidate} }}", f"{draft} {candidate}"
    parts, moved = [], []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            parts.append(" ".join(old[a:b]))
        else:
            parts.append(" ".join(["{", *old[a:b], "=>", *new[c:d], "}"]))
            moved += [*old[a:b], *new[c:d]]
    return " ".join(parts), " ".join(moved)


def alike(draft: str, candidate: str) -> bool:
    """Whether two queries, as `query_text` gives them, have enough in common to call it a change."""
    return _matcher(_TOKEN.findall(draft), _TOKEN.findall(candidate)).ratio() >= _LEAST_ALIKE


def _matcher(old: list[str], new: list[str]) -> difflib.SequenceMatcher[str]:
    return difflib.SequenceMatcher(None, old, new, autojunk=False)


def _meanings(changed: str, schema: Schema) -> list[str]:
    found: dict[str, str] = {}
    for name in _NAME.findall(changed):
        table, _, column = name.partition(".")
        known = schema.column(table, column)
        if known is not None and known.meaning and len(found) < _MOST_MEANINGS:
            found[name] = f"{name}: {_short(brief_meaning(known.meaning))}"
    return list(found.values())
