"""Mends of the text itself, for drafts that no parser takes as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from share_sql.edits.edit import with_columns
from share_sql.query.examined import Examined
from share_sql.schema.model import Schema
from share_sql.sql.scopes import Bound

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]")
# SQLite's keywords that cannot be names unless quoted (sqlite.org/lang_keywords.html; tokenize.c falls
# back to a name for the others).
_KEYWORDS = frozenset((
    "ADD", "ALL", "ALTER", "AND", "AS", "AUTOINCREMENT", "BETWEEN", "CASE", "CHECK", "COLLATE", "COMMIT",
    "CONSTRAINT", "CREATE", "DEFAULT", "DEFERRABLE", "DELETE", "DISTINCT", "DROP", "ELSE", "ESCAPE", "EXCEPT",
    "EXISTS", "FOREIGN", "FROM", "GROUP", "HAVING", "IN", "INDEX", "INSERT", "INTERSECT", "INTO", "IS",
    "ISNULL", "JOIN", "LIMIT", "NOT", "NOTHING", "NOTNULL", "NULL", "ON", "OR", "ORDER", "PRIMARY",
    "REFERENCES", "RETURNING", "SELECT", "SET", "TABLE", "THEN", "TO", "TRANSACTION", "UNION", "UNIQUE",
    "UPDATE", "USING", "VALUES", "WHEN", "WHERE",
))  # fmt: skip
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


def text_edits(sql: str, schema: Schema) -> Iterator[TextEdit]:
    """Changes that may make a text readable: names quoted that need it, parentheses closed.

    Args:
        sql: the draft, stripped of prose.
        schema: whose names to look for.
    """
    quoted, names = _quote_names(sql, schema)
    quoted, words = _quote_keywords(quoted, schema)
    names += words
    if names:
        shown = ", ".join(names)
        yield TextEdit("unquoted-name", f"{shown} must be quoted", quoted)
    missing = _open_parentheses(quoted)
    if 0 < missing <= 3:
        what = "a closing parenthesis is" if missing == 1 else f"{missing} closing parentheses are"
        yield TextEdit("unclosed-parenthesis", f"{what} missing at the end", quoted + ")" * missing)


def _quote_names(sql: str, schema: Schema) -> tuple[str, list[str]]:
    """Quote each of the schema's names that is no plain identifier, where it stands unquoted."""
    odd = {table.name for table in schema.tables} | {column.name for _, column in schema.columns()}
    names = sorted((name for name in odd if not _PLAIN.match(name)), key=len, reverse=True)
    return _quoted(sql, names, r"(?<![\w.])(?P<lead>(?:\w+\.)?)", r"(?!\w)")


def _quote_keywords(sql: str, schema: Schema) -> tuple[str, list[str]]:
    """Quote tables and columns called as a keyword is (`order`), where only a name can stand."""
    tables = [table.name for table in schema.tables if table.name.upper() in _KEYWORDS]
    columns = [column.name for _, column in schema.columns() if column.name.upper() in _KEYWORDS]
    sql, named = _quoted(sql, tables, r"\b(?P<lead>(?:FROM|JOIN)\s+)", r"\b(?!\s*\()")
    sql, more = _quoted(sql, columns, r"\b(?P<lead>\w+\.)", r"\b(?!\s*\()")
    return sql, list(dict.fromkeys([*named, *more]))


def _quoted(sql: str, names: list[str], before: str, after: str) -> tuple[str, list[str]]:
    """Quote names where they stand between two patterns, and say which were found."""
    if not names:
        return sql, []
    spelled = {name.lower(): name for name in names}
    pattern = rf"{_QUOTED.pattern}|{before}(?P<name>{'|'.join(map(re.escape, names))}){after}"
    found: dict[str, None] = {}

    def quote(match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        name = spelled[match["name"].lower()]
        found[name] = None
        doubled = name.replace('"', '""')
        return f'{match["lead"]}"{doubled}"'

    return re.sub(pattern, quote, sql, flags=re.IGNORECASE), list(found)


def _open_parentheses(sql: str) -> int:
    """How many parentheses stay open; negative where one closes that was never opened."""
    bare = _QUOTED.sub("", sql)
    depth = 0
    for char in bare:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return -1
    return depth


def as_text(query: Examined) -> exp.Query:
    """Write as strings what is quoted as a name and is no column: SQLite reads names in double quotes so, and
    all quoted names are written with double quotes.

    Where such a name is a column of another table and stands where a column does, not a value, SQLite's
    reading is nobody's: the name is qualified instead, so that the query fails as it should and is mended
    as any other.

    Returns:
        The query's own tree where there is nothing to do, else a copy.
    """
    quoted = {id(bound.node): bound for bound in query.binding.names.values() if _is_quoted(bound)}
    if not quoted:
        return query.tree
    tree, columns = with_columns(query.tree)
    for own, node in columns:
        bound = quoted.get(id(own))
        if bound is None:
            continue
        source = next((source.name for source in bound.scope.sources if source.name), None)
        if source is None or _is_value(bound) or not query.schema.tables_with(bound.column):
            node.replace(exp.Literal.string(bound.column))
        else:
            node.set("table", exp.to_identifier(source, quoted=True))
    return tree


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
