"""Functions of PostgreSQL that do more than read, asked of the server's own catalog.

A read-only transaction stops neither `pg_terminate_backend` nor `pg_read_file`: there only the role does. A
function that does more than compute from the database's content must be declared VOLATILE, so those are
refused, whoever made them, except the few below that harm nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from share_sql.database.called import called, dotted, words

HARMLESS = words(
    """
    bernoulli clock_timestamp current_query currval gen_random_uuid lastval normal_rand
    pg_column_size pg_database_size pg_indexes_size pg_is_in_recovery pg_relation_size pg_sleep
    pg_sleep_for pg_sleep_until pg_table_size pg_total_relation_size random random_normal setseed
    system system_rows system_time timeofday uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4
    uuidv4 uuidv7
    """
)
"""Volatile because they differ from call to call, or wait. They end with the query's deadline."""

RUN_TEXT = words(
    """
    connectby crosstab crosstab2 crosstab3 crosstab4 crosstabn xpath_table xslt_process
    """
)
"""Declared stable or immutable, and yet they run SQL out of a text, in which this file sees no names."""

OUTSIDE = words(
    """
    pg_authid pg_file_settings pg_hba_file_rules pg_ident_file_mappings pg_shadow pg_user_mapping
    pg_user_mappings pg_subscription
    """
)
"""System tables and views of a superuser: the server's own files, and passwords."""

_QUERY = """
SELECT DISTINCT p.proname::text FROM pg_catalog.pg_proc AS p
WHERE p.provolatile = 'v' AND p.proname = ANY ({called}::pg_catalog.name[])
   OR p.provolatile = 'v' AND p.proname = ANY ({dotted}::pg_catalog.name[]) AND p.pronargs > 0
      AND (SELECT t.typtype IN ('c', 'p') FROM pg_catalog.pg_type AS t WHERE t.oid = p.proargtypes[0])
"""


def question(sql: str) -> str:
    """SQL that gives the volatile functions which a query's text names; empty where it names none."""
    before, behind = called(sql), dotted(sql)
    if not before and not behind:
        return ""
    return _QUERY.format(called=_array(before), dotted=_array(behind))


def refused(sql: str, volatile: Iterable[str]) -> str | None:
    """The first name in the text that must not be called or read; None where there is none.

    Args:
        sql: the query's text.
        volatile: what `question` gave.
    """
    found = (frozenset(volatile) - HARMLESS) | (words(sql) & (RUN_TEXT | OUTSIDE))
    return min(found, default=None)


def hides_names(sql: str) -> bool:
    """Whether a name may be written in escapes (`U&"\\0070g_sleep"`), so that no name can be read."""
    folded = sql.lower()
    return 'u&"' in folded


def _array(names: frozenset[str]) -> str:
    """An array as a literal: each name in the quotes of arrays, the whole in those of texts."""
    quoted = ",".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in sorted(names))
    text = "{" + quoted + "}"
    # E'' reads backslashes alike under every setting of standard_conforming_strings.
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
