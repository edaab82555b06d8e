"""Names and texts as a dialect's SQL writes them, whatever is in them."""

from __future__ import annotations

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.schema.model import Table


def quoted_name(name: str, dialect: str) -> str:
    """A name in the dialect's own quotes."""
    sign = dialect_of(dialect).quote
    return sign + name.replace(sign, sign * 2) + sign


def quoted_table(table: Table, dialect: str) -> str:
    """A table's name, with its namespace before it where the name alone does not find it."""
    own = quoted_name(table.own, dialect)
    if table.namespace is None or table.own == table.name:
        return own
    return f"{quoted_name(table.namespace, dialect)}.{own}"


def quoted_text(text: str, dialect: str) -> str:
    """A text as a constant."""
    return exp.Literal.string(text).sql(dialect)
