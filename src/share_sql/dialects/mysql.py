"""MySQL and MariaDB, as a server without ANSI_QUOTES reads them."""

from __future__ import annotations

from share_sql.dialects.facts import Dialect

MYSQL = Dialect(
    "mysql",
    "MySQL",
    quote="`",
    name_case="tables",
    before_tables=frozenset({""}),
    system_tables=r"(?:information_schema|mysql|performance_schema|sys)\.|dual\Z",
    nothing="dual",
    aliases_in=frozenset({"group", "having", "order"}),
    all_ctes_checked=True,
    has=frozenset({"LATERAL"}),
    outputs_unique=True,
    comma_parts=True,
    values_table=False,
    nulls_placed=False,
    bare_group_columns=True,
    lenient_types=True,
    dates_as_numbers=True,
    like_ignores_case=True,
    equals_ignores_case=True,
    backslashes=True,
    pipes_or=True,
    pattern_place="REGEXP_INSTR",
    unread="error in your SQL syntax",
    no_function="(?i)(?:function|routine) .{0,200}(?:does not exist|denied)|denied .{0,200}routine",
    roles=True,
    prompt_quote="`",
    prompt_quotes="backticks",
)
