"""SQL of other dialects, written for the database: sqlglot reads it, and what its writer lacks is added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from share_sql.edits.foreign import functions, patterns, periods, texts
from share_sql.edits.foreign.lifted import lifted
from share_sql.edits.foreign.marks import TITLES, members_in_parentheses, quoted_for, readers
from share_sql.edits.foreign.nodes import Reading, Rule
from share_sql.edits.foreign.queries import CLAUSES, null_order
from share_sql.errors import SqlError
from share_sql.schema.model import Schema
from share_sql.sql.text import parse_select
from share_sql.sql.written import write_sql

_WRITTEN = frozenset({"sqlite"})
"""Databases whose dialect the rules of this package write."""
_SHOWN = 4


@dataclass(frozen=True)
class Translation:
    """A text of another dialect, written for the database."""

    sql: str
    """The whole text."""
    reader: str
    """sqlglot's name of the dialect that it was read as."""
    rewritten: tuple[str, ...]
    """What was written otherwise, each once; empty where sqlglot's writer alone changed something."""
    calls_only: bool
    """Whether it was the database's own dialect but for names of functions."""

    @property
    def kind(self) -> str:
        """Its kind of repair, a row of `edits.table`."""
        return "unknown-function" if self.calls_only else "other-dialect"

    @property
    def message(self) -> str:
        """One line: what is wrong."""
        shown = ", ".join(self.rewritten[:_SHOWN]) + (", …" if len(self.rewritten) > _SHOWN else "")
        if self.calls_only:
            return f"the database has no {shown}; written with functions that it has"
        source = "" if self.reader == "sqlite" else f" of {TITLES[self.reader]}"
        return f"{shown or 'the notation'}{source}: written as the database has it"


def translations(
    sql: str, schema: Schema, tree: exp.Query | None = None, *, marked_only: bool = False
) -> Iterator[Translation]:
    """What a text that does not run may mean, read as each dialect, the likeliest first.

    Args:
        sql: one statement, stripped of prose.
        schema: the database's schema; its dialect is the one to write.
        tree: the text as the database's own dialect reads it, where it can be.
        marked_only: whether other dialects are tried only where something marks the text as theirs.

    Yields:
        Each text once. The first that runs is meant to be taken.
    """
    if schema.dialect not in _WRITTEN:
        return
    text = members_in_parentheses(sql)
    seen: set[str] = {sql}
    for reader in readers(text, marked_only=marked_only):
        try:
            if reader == schema.dialect and tree is not None and text == sql:
                read = tree.copy()
            else:
                read = parse_select(quoted_for(text, reader, schema), reader)
        except SqlError:
            continue
        translation = _translated(read, Reading(reader, schema), has_null_order="NULLS" in sql.upper())
        if translation is not None and translation.sql not in seen:
            seen.add(translation.sql)
            yield translation


def _translated(tree: exp.Query, reading: Reading, has_null_order: bool) -> Translation | None:
    if any(select.args.get("into") for select in tree.find_all(exp.Select)):
        return None  # it makes a table
    words: dict[str, None] = {}
    clauses = CLAUSES if has_null_order else (null_order, *CLAUSES)
    for clause in (*clauses, lifted):
        tree, word = clause(tree, reading)
        if word:
            words[word] = None
    calls = not words
    _bare_dates(tree)
    for node in list(tree.dfs())[::-1]:
        for rule in _rules(node):
            new = rule(node, reading)
            if new is not None:
                words[_word(node)] = None
                calls = calls and isinstance(node, exp.Func) and not isinstance(node, exp.Cast | exp.Extract)
                if node is tree:
                    return None
                node.replace(new)
                break
    try:
        written = write_sql(tree, reading.schema.dialect, strict=True)
    except SqlError:
        return None
    return Translation(
        written, reading.reader, tuple(words), bool(words) and calls and reading.reader == "sqlite"
    )


_FAMILIES = (periods.RULES, texts.RULES, functions.RULES, patterns.RULES)
_BY_NODE: Mapping[type[exp.Expr], tuple[Rule, ...]] = {
    kind: tuple(family[kind] for family in _FAMILIES if kind in family)
    for kind in {kind for family in _FAMILIES for kind in family}
}
_BY_NAME: Mapping[str, Rule] = {**periods.NAMES, **texts.NAMES, **functions.NAMES}


def _bare_dates(tree: exp.Query) -> None:
    """Take out the conversions that sqlglot's readers put round a date that is taken apart."""
    for node in list(tree.find_all(*_WRAPPERS)):
        if isinstance(node.parent, _TAKES_DATES) and node.this is not None and not node.args.get("format"):
            node.replace(node.this.copy())


_WRAPPERS = (exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TimeStrToTime)
_TAKES_DATES = (
    exp.Year, exp.Month, exp.Day, exp.Week, exp.Quarter, exp.DayOfMonth, exp.DayOfWeek, exp.DayOfWeekIso,
    exp.DayOfYear, exp.WeekOfYear, exp.Hour, exp.Minute, exp.Second, exp.LastDay, exp.TimeToStr, exp.DateDiff,
    exp.Dayname, exp.Monthname, exp.DateAdd, exp.DateSub,
)  # fmt: skip


def _rules(node: exp.Expr) -> tuple[Rule, ...]:
    if type(node) is exp.Anonymous:
        rule = _BY_NAME.get(str(node.this).upper())
        return (rule,) if rule is not None else ()
    return _BY_NODE.get(type(node), ())


def _word(node: exp.Expr) -> str:
    """What a node is called in SQL."""
    if isinstance(node, exp.Anonymous | exp.CombinedAggFunc):
        return str(node.this).upper()
    if isinstance(node, exp.Add | exp.Sub):
        return "INTERVAL" if node.find(exp.Interval) else "+ and - of dates and texts"
    if isinstance(node, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE):
        return "INTERVAL" if node.find(exp.Interval) else "ANY and ALL"
    name = node.sql_name() if isinstance(node, exp.Func) else node.key.upper()
    return _NAMES.get(name, name)


_NAMES: Mapping[str, str] = {
    "TIME_TO_STR": "a format of dates", "TS_OR_DS_TO_DATE": "DATE", "TIMESTAMP_TRUNC": "DATE_TRUNC",
    "CAST": "a cast", "TRYCAST": "a cast", "REGEXP_I_LIKE": "REGEXP_LIKE", "NATIONAL": "N'…'",
    "IN": "IN UNNEST", "COUNT": "COUNT(DISTINCT a, b)", "STR_TO_TIME": "STR_TO_DATE",
    "SIMILARTO": "SIMILAR TO",
    "ATTIMEZONE": "AT TIME ZONE",
}  # fmt: skip
