"""How names are written into a query: those of the schema, and those that the query itself gave.

A name of the schema keeps its spelling, so that it is quoted wherever the dialect would read it otherwise. A
name that the query gave a table is written as it was given: in quotes only where it was.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.sql.keywords import KEYWORDS

if TYPE_CHECKING:
    from share_sql.schema.model import Schema
    from share_sql.sql.scopes import Source

_RESERVED = frozenset((
    "ADD", "ALL", "ALTER", "AND", "AS", "BETWEEN", "BY", "CASE", "CHECK", "COLLATE", "COMMIT", "CREATE",
    "DEFAULT", "DELETE", "DISTINCT", "DROP", "ELSE", "ESCAPE", "EXCEPT", "EXISTS", "FOREIGN", "FROM", "GROUP",
    "HAVING", "IN", "INDEX", "INSERT", "INTERSECT", "INTO", "IS", "JOIN", "LIMIT", "NOT", "NULL", "ON", "OR",
    "ORDER", "PRIMARY", "REFERENCES", "SELECT", "SET", "TABLE", "THEN", "TO", "TRANSACTION", "UNION",
    "UNIQUE", "UPDATE", "USING", "VALUES", "WHEN", "WHERE",
))  # fmt: skip
"""Words that are quoted in every dialect."""
_LOWER = re.compile(r"[a-z_][a-z0-9_]*")


def identifier(name: str, dialect: str) -> exp.Identifier:
    """A name of the schema as an identifier, quoted where it must be."""
    facts = dialect_of(dialect)
    plain = name.isidentifier() and (facts.name_case != "folded" or _LOWER.fullmatch(name) is not None)
    return exp.to_identifier(name, quoted=not plain or name.upper() in reserved(dialect))


def called(source: Source, dialect: str) -> exp.Identifier:
    """What the query calls a source, as an identifier."""
    alias = source.node.args.get("alias")
    given = alias.this if alias is not None else source.node.this
    written = dialect_of(dialect).name_case == "folded" and isinstance(given, exp.Identifier)
    if written and given.name == source.name:
        return exp.to_identifier(source.name, quoted=bool(given.args.get("quoted")))
    return identifier(source.name, dialect)


def quoted(name: str) -> exp.Identifier:
    """A name of the schema in quotes."""
    return exp.to_identifier(name, quoted=True)


def table_node(schema: Schema, name: str, alias: str | None = None, *, always: bool = True) -> exp.Table:
    """A table of the schema as an item of FROM.

    Args:
        schema: that has it.
        name: `Table.name`.
        alias: what the query calls it.
        always: whether its name is quoted even where it need not be.
    """
    table = schema.table(name)
    own = table.own if table is not None else name
    inside = table.namespace if table is not None and own != name else None

    def write(part: str) -> exp.Identifier:
        return quoted(part) if always else identifier(part, schema.dialect)

    node = exp.Table(this=write(own), db=write(inside) if inside is not None else None)
    if alias is not None:
        node.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
    return node


def column_node(name: str, of: exp.Identifier | None = None) -> exp.Column:
    """A column of the schema, its name in quotes."""
    return exp.column(quoted(name), table=of)


@cache
def reserved(dialect: str) -> frozenset[str]:
    """The words, in capitals, that are names in quotes alone."""
    return _RESERVED | keywords(dialect)


def keywords(dialect: str) -> frozenset[str]:
    """The words, in capitals, that a dialect takes for no name unless it is quoted."""
    return dialect_of(dialect).reserved or KEYWORDS[dialect]
