"""Where a dialect sorts NULL, as far as the query does not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from share_sql.sqlglot_dialects import sqlglot_dialect

if TYPE_CHECKING:
    from sqlglot import exp


def nulls_come_first(key: exp.Expr, dialect: str) -> bool:
    """Whether NULL comes first in the order of a key by the dialect's own rule.

    Args:
        key: a term of ORDER BY.
        dialect: sqlglot's name of the dialect.
    """
    order = sqlglot_dialect(dialect).NULL_ORDERING
    return order == ("nulls_are_large" if key.args.get("desc") else "nulls_are_small")
