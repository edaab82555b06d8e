"""Functions of MySQL and MariaDB that do more than read.

A read-only transaction stops none of them; privileges stop some. What a server knows of itself is refused by
name; a stored function, where it does not say that it only reads; a loaded one (UDF), always.
"""

from __future__ import annotations

from collections.abc import Iterable

from share_sql.database.called import called, words

REFUSED = words(
    """
    get_lock is_free_lock is_used_lock load_file master_gtid_wait master_pos_wait release_all_locks
    release_lock source_pos_wait wait_for_executed_gtid_set wait_until_sql_thread_after_gtids
    service_get_read_locks service_get_write_locks service_release_locks
    asynchronous_connection_failover_add_managed asynchronous_connection_failover_add_source
    asynchronous_connection_failover_delete_managed asynchronous_connection_failover_delete_source
    group_replication_set_as_primary group_replication_switch_to_multi_primary_mode
    group_replication_switch_to_single_primary_mode wsrep_sync_wait_upto_gtid sys_eval sys_exec
    sys_get sys_set spider_direct_sql spider_bg_direct_sql spider_copy_tables
    """
)
"""They read files, hold locks, wait for other servers or change their roles; the last two lines are of
libraries that are often loaded."""

_QUERY = """
SELECT routine_name FROM information_schema.routines
WHERE routine_type = 'FUNCTION' AND routine_name IN ({names})
  AND (sql_data_access = 'MODIFIES SQL DATA' OR sql_data_access = 'CONTAINS SQL' AND is_deterministic = 'NO')
"""
_LOADED = "SELECT name FROM mysql.func WHERE name IN ({names})"


def question(sql: str, loaded: bool) -> str:
    """SQL that gives the functions which a query's text names and which may write; empty where it names none.

    Args:
        sql: the query's text.
        loaded: whether the role may read which functions are loaded.
    """
    names = called(sql)
    if not names:
        return ""
    # Hexadecimal: no quoting, no escapes, whatever the server's SQL mode is.
    listed = ",".join(f"CONVERT(x'{name.encode().hex()}' USING utf8mb4)" for name in sorted(names))
    query = _QUERY.format(names=listed)
    return query if not loaded else query + " UNION " + _LOADED.format(names=listed)


def refused(sql: str, writing: Iterable[str]) -> str | None:
    """The first name in the text that must not be called; None where there is none."""
    return min(frozenset(writing) | (words(sql) & REFUSED), default=None)
