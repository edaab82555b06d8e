"""What SHARE knows of each SQL dialect that a database may have: one module a dialect, asked everywhere else.

What sqlglot knows (how a dialect is read and written, where it sorts NULL) is asked of sqlglot; here is what
it does not know: which names bind, what a comparison means, what a database refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from share_sql.dialects.duckdb import DUCKDB
from share_sql.dialects.facts import Dialect as Dialect
from share_sql.dialects.mysql import MYSQL
from share_sql.dialects.postgres import POSTGRES
from share_sql.dialects.sqlite import SQLITE
from share_sql.errors import UsageError

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {dialect.name: dialect for dialect in (SQLITE, POSTGRES, MYSQL, DUCKDB)}
)
"""By sqlglot's name: the dialects of databases that SHARE can ask."""

PLAIN = SQLITE
"""The dialect that goes without saying: that of a file whose name says nothing else."""


def dialect_of(name: str) -> Dialect:
    """The facts of a dialect.

    Raises:
        UsageError: it is none of those that SHARE can ask; the message names them.
    """
    try:
        return DIALECTS[name]
    except KeyError:
        raise UsageError(f"there is no SQL dialect {name!r}; give one of {', '.join(DIALECTS)}") from None
