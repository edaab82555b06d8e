"""SQL of other dialects, written for the database: sqlglot reads it, and what its writer lacks is added."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlglot import exp

from share_sql.edits.foreign import to_duckdb, to_mysql, to_postgres, to_sqlite
from share_sql.edits.foreign.marks import TITLES, members_in_parentheses, quoted_for, readers
from share_sql.edits.foreign.named import NAMES
from share_sql.edits.foreign.nodes import Reading, Rule
from share_sql.edits.foreign.target import PLAIN, Target
from share_sql.errors import SqlError
from share_sql.schema.model import Schema
from share_sql.sql.text import parse_select
from share_sql.sql.written import write_sql

TARGETS: Mapping[str, Target] = MappingProxyType({
    "sqlite": to_sqlite.TARGET,
    "postgres": to_postgres.TARGET,
    "mysql": to_mysql.TARGET,
    "duckdb": to_duckdb.TARGET,
})  # fmt: skip
"""By the database's dialect: the rules that write it."""
LONG = 6_000
"""Characters of a text beyond which only the dialects are tried that marks speak for, where types count."""
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
    own: bool = False
    """Whether it was read as the database's own dialect."""

    @property
    def kind(self) -> str:
        """Its kind of repair, a row of `edits.table`."""
        if self.own and self.rewritten == (NAMES,):
            return "name-case"
        return "unknown-function" if self.calls_only else "other-dialect"

    @property
    def message(self) -> str:
        """One line: what is wrong."""
        if self.kind == "name-case":
            return "names are spelled as the database has them"
        shown = ", ".join(self.rewritten[:_SHOWN]) + (", …" if len(self.rewritten) > _SHOWN else "")
        if self.calls_only:
            return f"the database has no {shown}; written with functions that it has"
        source = "" if self.own else f" of {TITLES[self.reader]}"
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
    target = TARGETS.get(schema.dialect)
    if target is None:
        return
    text = members_in_parentheses(sql)
    seen: set[str] = {sql}
    has_null_order = "NULLS" in sql.upper()
    # Each reading of a long text costs much where the rules look at types; marks tell enough.
    marked_only = marked_only or (target.names_calls and len(sql) > LONG)
    for reader, way in _attempts(readers(text, schema, marked_only=marked_only), target, schema.dialect):
        try:
            if reader == schema.dialect and tree is not None and text == sql:
                read = tree.copy()
            else:
                read = parse_select(quoted_for(text, reader, schema), reader)
        except SqlError:
            continue
        found = _translated(read, Reading(reader, schema, way), target, text, has_null_order)
        if found is not None and found.sql not in seen:
            seen.add(found.sql)
            yield found


def _attempts(names: Mapping[str, int], target: Target, own: str) -> list[tuple[str, str]]:
    """Each reader with each way to write what it reads.

    A text of the database's own dialect is first only spelled as it should be. All else that is done to it
    comes last, where marks do not speak for it first: it may be a more lenient dialect's text.
    """
    found: list[tuple[str, str]] = []
    for name in names:
        if name != own or PLAIN not in target.ways:
            found += [(name, way) for way in target.ways if way != PLAIN]
            continue
        found.append((own, PLAIN))
        if names[own]:
            found += [(own, way) for way in target.ways if way != PLAIN]
    return list(
        dict.fromkeys([*found, *((own, way) for way in target.ways if way != PLAIN and own in names)])
    )


def _translated(
    tree: exp.Query, reading: Reading, target: Target, text: str, has_null_order: bool
) -> Translation | None:
    if any(select.args.get("into") for select in tree.find_all(exp.Select)):
        return None  # it makes a table
    words: dict[str, None] = {}
    clauses = target.clauses
    if target.null_order is not None and not has_null_order:
        clauses = (target.null_order, *clauses)
    for clause in clauses:
        tree, word = clause(tree, reading)
        if word:
            words[word] = None
    calls = not words
    plain = reading.way == PLAIN
    for node in list(tree.dfs())[::-1]:
        for rule in _rules(node, target, plain):
            new = rule(node, reading)
            if new is not None:
                if word := _plain_word(node) if target.names_calls else _word(node):
                    words[word] = None
                calls = calls and isinstance(node, exp.Func) and not isinstance(node, exp.Cast | exp.Extract)
                if node is tree:
                    return None
                node.replace(new)
                break
    for clause in () if plain else target.last:
        tree, word = clause(tree, reading)
        if word:
            words[word] = None
            calls = False
    try:
        written = write_sql(tree, reading.schema.dialect, strict=True)
    except SqlError:
        return None
    if target.names_calls:
        lost = _lost_calls(text, written)
        if calls and lost:
            words = {}
        words = {**dict.fromkeys(lost), **words}
    own = reading.reader == reading.schema.dialect
    return Translation(written, reading.reader, tuple(words), bool(words) and calls and own, own)


def _lost_calls(text: str, written: str) -> list[str]:
    """Names of calls in a text that what was written for it does not have."""
    kept = {name.upper() for name in _CALL.findall(written)}
    return [name for found in _CALL.findall(_STRING.sub("''", text)) if (name := found.upper()) not in kept]


_CALL = re.compile(r"\b([A-Za-z]\w*)\s*\(")
_STRING = re.compile(r"'[^']*'")


def _rules(node: exp.Expr, target: Target, plain: bool) -> tuple[Rule, ...]:
    if type(node) is exp.Anonymous:
        rule = target.by_name.get(str(node.this).upper())
        return (rule,) if rule is not None else ()
    return (target.plain_by_node if plain else target.by_node).get(type(node), ())


def _plain_word(node: exp.Expr) -> str:
    """What is rewritten, where the calls that the database lacks are named by themselves."""
    if isinstance(node, exp.Like | exp.ILike | exp.Glob | exp.RegexpLike | exp.RegexpILike):
        return "patterns"
    if isinstance(node, exp.Add | exp.Sub) and node.find(exp.Interval):
        return "INTERVAL"
    if isinstance(node, exp.Div | exp.Mod):
        return "division"
    if isinstance(node, exp.Cast):
        return "a cast"
    return "" if isinstance(node, _CALLS) and not isinstance(node, _KINDS) else "types"


_CALLS = (exp.Func, exp.Filter)
_KINDS = (exp.Sum, exp.Avg, exp.Case, exp.Coalesce, exp.If, exp.And, exp.Or, exp.Max, exp.Min)


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
