"""Mends of the text itself, for drafts that no parser takes as they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits import signs, words
from share_sql.edits.bare_values import unquoted_runs, values_in_names
from share_sql.edits.edit import with_columns
from share_sql.edits.words import closed, open_parentheses, quote_keywords, quote_names
from share_sql.query.examined import Examined
from share_sql.schema.model import Schema
from share_sql.sql.scopes import Bound, Source

_PLAIN = re.compile(r"[A-Za-z_]\w*\Z")


@dataclass(frozen=True)
class TextEdit:
    """One change of the text."""

    kind: str
    """Name of its kind, a row of `edits.table`."""
    message: str
    """One line: what is wrong."""
    sql: str
    """The whole text after the change."""
    values: tuple[str, ...] = ()
    """Texts that it puts in quotes; each must be stored in the column that it is compared with."""


Mender: TypeAlias = Callable[[str, Schema], Iterator[TextEdit]]
"""Gives the ways in which one kind of slip in a text may be mended, best first."""


def _mender(kind: str, message: str, change: Callable[[str, Schema], Iterator[str]]) -> Mender:
    def mend(sql: str, schema: Schema) -> Iterator[TextEdit]:
        for changed in change(sql, schema):
            if changed != sql:
                yield TextEdit(kind, message, changed)

    return mend


def _unquoted_names(sql: str, schema: Schema) -> Iterator[TextEdit]:
    quoted, names = quote_names(sql, schema)
    quoted, words = quote_keywords(quoted, schema)
    if names or words:
        shown = ", ".join(dict.fromkeys([*names, *words]))
        yield TextEdit("unquoted-name", f"{shown} must be quoted", quoted)


def _unclosed_parentheses(sql: str, schema: Schema) -> Iterator[TextEdit]:
    del schema
    missing = open_parentheses(sql)
    what = "a closing parenthesis is" if missing == 1 else f"{missing} closing parentheses are"
    for changed in closed(sql):
        yield TextEdit("unclosed-parenthesis", f"{what} missing", changed)


def _unquoted_values(sql: str, schema: Schema) -> Iterator[TextEdit]:
    del schema
    changed, values = unquoted_runs(sql)
    if values:
        shown = ", ".join(f"'{value}'" for value in values)
        yield TextEdit("unquoted-value", f"{shown} must be in quotes", changed, values)


def _values_in_names(sql: str, schema: Schema) -> Iterator[TextEdit]:
    columns = (column.name.lower() for _, column in schema.columns())
    names = frozenset((*columns, *(table.own.lower() for table in schema.tables)))
    changed, unsure = values_in_names(sql, names)
    if changed != sql:
        yield TextEdit("mismatched-quote", "values stand in quotes of names", changed, unsure)


MENDERS: tuple[Mender, ...] = (
    _mender("typeset-sign", "quotes or signs of typesetting stand for SQL's own", signs.typeset),
    _mender("escaped-sign", "quotes are escaped by backslashes", signs.escaped_quotes),
    _mender("apostrophe", "an apostrophe inside a text must be doubled", signs.escaped_apostrophes),
    _mender("escaped-sign", "signs are escaped as HTML escapes them", signs.entities),
    _mender("escaped-sign", "signs are escaped as Markdown escapes them", signs.markdown),
    _mender("escaped-sign", "line breaks are written as a backslash and a letter", signs.breaks),
    _mender("mismatched-quote", "quotes that open and close a name or a text differ", signs.misquoted),
    _mender("apostrophe", "an apostrophe inside a text must be doubled", signs.apostrophes),
    _mender("unclosed-quote", "a quote is missing", signs.unclosed),
    _mender("foreign-comment", "comments begin with -- in SQL", signs.comments),
    _mender("split-operator", "an operator is torn apart or turned round", signs.operators),
    _mender("glued-word", "a blank is missing after a keyword", words.unglued),
    _mender("misspelt-keyword", "a keyword is misspelt or written twice", words.respelled),
    _unquoted_names,
    _mender("surplus-comma", "a comma is too many", words.commas),
    _unclosed_parentheses,
    _mender("surplus-parenthesis", "a closing parenthesis is too many", words.unopened),
    _unquoted_values,
    _values_in_names,
)
"""In order: what hides the rest from view comes first."""


def as_text(query: Examined, *, names: bool = False) -> exp.Query:
    """Write as strings what is quoted as a name and is no column, where the dialect reads names in double
    quotes so, as SQLite does, and all quoted names are written with double quotes.

    Where such a name is a column of another table and stands where a column does, not a value, that
    reading is nobody's: the name is qualified instead, so that the query fails as it should and is mended
    as any other. A name in backticks or brackets is never text: it is written without quotes where it can be,
    else qualified.

    Args:
        query: the query.
        names: whether names in double quotes are never text either, as in what another dialect's reader gave
            for a draft without double quotes.

    Returns:
        The query's own tree where there is nothing to do, else a copy.
    """
    quoted = {id(bound.node): bound for bound in query.binding.names.values() if _is_quoted(bound)}
    if not quoted or not dialect_of(query.schema.dialect).quoted_text:
        return query.tree
    tree, columns = with_columns(query.tree)
    for own, node in columns:
        bound = quoted.get(id(own))
        if bound is None:
            continue
        if names or bound.status == "unknown":
            _as_name(node, bound)
            continue
        source = next((source.name for source in bound.scope.sources if source.name), None)
        if source is None or _is_value(bound) or not query.schema.tables_with(bound.column):
            node.replace(exp.Literal.string(bound.column))
        else:
            node.set("table", exp.to_identifier(source, quoted=True))
    return tree


def _as_name(node: exp.Column, bound: Bound) -> None:
    """Write a name that nothing has so that it is not taken for text."""
    if _PLAIN.match(bound.column):
        node.set("this", exp.to_identifier(bound.column, quoted=False))
        return
    sources = [source for source in bound.scope.sources if source.name]
    if sources:
        nearest = max(sources, key=lambda source: _nearness(bound.column, source))
        node.set("table", exp.to_identifier(nearest.name, quoted=True))


def _nearness(name: str, source: Source) -> float:
    from rapidfuzz import fuzz

    outputs = [column.lower() for column, _ in source.outputs()]
    return max((fuzz.ratio(name.lower(), column) for column in outputs), default=0.0)


def _is_quoted(bound: Bound) -> bool:
    """Whether a name is in quotes of any kind, and nothing in reach has it."""
    bare = bound.status == "unknown" and not bound.node.table and bound.node.this.args.get("quoted")
    return bound.status == "text" or bool(bare)


def _is_value(bound: Bound) -> bool:
    """Whether a name stands where a constant is compared with something else than a constant."""
    node: exp.Expr = bound.node
    parent = node.parent
    if not isinstance(parent, exp.Predicate):
        return isinstance(parent, exp.Func) and not isinstance(parent, exp.AggFunc)
    others = [other for other in parent.iter_expressions() if other is not node]
    return not all(isinstance(other, exp.Literal) for other in others)
