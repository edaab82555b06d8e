"""DuckDB (duckdb.org/docs/current/sql)."""

from __future__ import annotations

from share_sql.dialects.facts import Dialect

DUCKDB = Dialect(
    "duckdb",
    "DuckDB",
    row_ids=frozenset({"rowid"}),
    row_names=True,
    fields=True,
    before_tables=frozenset({"", "main"}),
    system_tables=r"information_schema\.|pg_catalog\.|duckdb_|pragma_|sqlite_|pg_",
    aliases_in=frozenset({"where", "group", "having", "order"}),
    aliases_before=True,
    implied_lateral=True,
    comma_first=True,
    using_first=True,
    any_members_names=True,
    has=frozenset({"DISTINCT ON", "LATERAL", "QUALIFY"}),
    unread="Parser Error|syntax error|unterminated",
    no_function="Function with name .{0,200}does not exist|No function matches",
    mistyped="Conversion Error|Cannot compare values|explicit cast is required",
    endings=(".duckdb",),
)
