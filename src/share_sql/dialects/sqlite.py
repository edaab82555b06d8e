"""SQLite (sqlite.org/lang.html)."""

from __future__ import annotations

from share_sql.dialects.facts import Dialect

_SQLITE_WORDS = frozenset((
    "ADD", "ALL", "ALTER", "AND", "AS", "AUTOINCREMENT", "BETWEEN", "CASE", "CHECK", "COLLATE", "COMMIT",
    "CONSTRAINT", "CREATE", "DEFAULT", "DEFERRABLE", "DELETE", "DISTINCT", "DROP", "ELSE", "ESCAPE", "EXCEPT",
    "EXISTS", "FOREIGN", "FROM", "GROUP", "HAVING", "IN", "INDEX", "INSERT", "INTERSECT", "INTO", "IS",
    "ISNULL", "JOIN", "LIMIT", "NOT", "NOTHING", "NOTNULL", "NULL", "ON", "OR", "ORDER", "PRIMARY",
    "REFERENCES", "RETURNING", "SELECT", "SET", "TABLE", "THEN", "TO", "TRANSACTION", "UNION", "UNIQUE",
    "UPDATE", "USING", "VALUES", "WHEN", "WHERE",
))  # fmt: skip
"""Keywords that cannot be names unless quoted (sqlite.org/lang_keywords.html; tokenize.c falls back to a name
for the others)."""

SQLITE = Dialect(
    "sqlite",
    "SQLite",
    quoted_text=True,
    reserved=_SQLITE_WORDS,
    row_ids=frozenset({"_rowid_", "oid", "rowid"}),
    row_id_is_key=True,
    before_tables=frozenset({"", "main", "temp"}),
    namespaces=False,
    system_tables=r"(?:sqlite_|pragma_|information_schema\.|pg_catalog\.)|dbstat\Z",
    in_table=True,
    aliases_in=frozenset({"where", "group", "having", "order"}),
    outer_keys=False,
    on_sees_all=True,
    ctes_where_read=True,
    ctes_in_order=False,
    any_members_names=True,
    joins_need_on=False,
    derived_named=False,
    outputs_named=False,
    members_bracketed=False,
    bare_group_columns=True,
    bare_extremes=True,
    lenient_types=True,
    value_types=True,
    loose_casts=True,
    dates_as_numbers=True,
    like_ignores_case=True,
    whole_division=True,
    operators_as_language=True,
    real="REAL",
    whole="INTEGER",
    unread="syntax error|unrecognized token|incomplete input",
    no_function="no such function",
    endings=(".sqlite", ".db", ".sqlite3"),
    suite="*.sqlite*",
    prompt_quote="`",
    prompt_quotes="backticks",
    prompt_language="SQL",
)
