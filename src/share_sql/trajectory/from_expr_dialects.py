"""How the expressions of each dialect are turned into the language's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from share_sql.trajectory.from_expr import Handler
from share_sql.trajectory.from_expr_others import OTHERS
from share_sql.trajectory.from_expr_sqlite import SQLITE

HANDLERS: Mapping[str, Mapping[type, Handler]] = MappingProxyType({
    "sqlite": SQLITE, "postgres": OTHERS, "mysql": OTHERS, "duckdb": OTHERS,
})  # fmt: skip
"""By dialect."""
