"""PostgreSQL (postgresql.org/docs/current/sql.html)."""

from __future__ import annotations

from share_sql.dialects.facts import Dialect

POSTGRES = Dialect(
    "postgres",
    "PostgreSQL",
    name_case="folded",
    row_ids=frozenset({"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"}),
    row_names=True,
    before_tables=frozenset({""}),
    system_tables=r"information_schema\.|pg_catalog\.|pg_",
    aliases_in=frozenset({"group", "order"}),
    aliases_whole=True,
    all_ctes_checked=True,
    has=frozenset({"DISTINCT ON", "LATERAL"}),
    outputs_unique=True,
    comma_parts=True,
    whole_division=True,
    long_sums=False,
    no_function="(?:function|operator|procedure) .{0,200}does not exist",
    mistyped="invalid input (?:syntax|value)|operator does not exist",
    roles=True,
)
