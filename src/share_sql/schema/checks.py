"""The values that a CHECK lets in, where it is a list of texts. Part of `introspect`."""

from __future__ import annotations

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from share_sql.sqlglot_dialects import sqlglot_dialect

_MOST = 1_000
"""Characters of a check that is looked at."""


def listed(check: str, dialect: str) -> tuple[str, tuple[str, ...]] | None:
    """The texts that a check of one column lets in.

    Args:
        check: the condition, with or without CHECK before it, as the database tells it.
        dialect: sqlglot's name of the SQL dialect.

    Returns:
        The column's name, which is VALUE in the check of a PostgreSQL domain, and the texts in the check's
        order; None where it is anything but a list of texts.
    """
    text = check.strip()
    if text[:5].upper() == "CHECK":
        text = text[5:].strip()
    if len(text) > _MOST or "'" not in text:
        return None
    try:
        found = _listed(parse_one(text, dialect=sqlglot_dialect(dialect)))
    except SqlglotError:
        return None
    return (found[0], tuple(dict.fromkeys(found[1]))) if found and found[1] else None


_Found = tuple[str, list[str]]


def _listed(node: exp.Expr | None) -> _Found | None:
    node = _bare(node)
    if isinstance(node, exp.Or):
        one, other = _listed(node.left), _listed(node.right)
        return (one[0], one[1] + other[1]) if one and other and one[0] == other[0] else None
    if not isinstance(node, exp.In | exp.EQ):
        return None
    column = _bare(node.this)
    if not isinstance(column, exp.Column):
        return None
    options = node.expressions if isinstance(node, exp.In) else [node.expression]
    if isinstance(node, exp.EQ) and isinstance(any_of := _bare(node.expression), exp.Any):
        array = _bare(any_of.this)
        options = array.expressions if isinstance(array, exp.Array) else []
    texts = []
    for option in options:
        value = _bare(option)
        if not isinstance(value, exp.Literal) or not value.is_string:
            return None
        texts.append(str(value.this))
    return column.name, texts


def _bare(node: exp.Expr | None) -> exp.Expr | None:
    """Without brackets, casts and character sets."""
    while isinstance(node, exp.Paren | exp.Cast | exp.Introducer | exp.Collate):
        node = node.expression if isinstance(node, exp.Introducer) else node.this
    return node
