"""Functions of DuckDB that do more than read the database: which names in a query's text are refused."""

from __future__ import annotations

from collections.abc import Iterable

from share_sql.database.called import called, words

READING = words(
    """
    collations database_list database_size duckdb_columns duckdb_constraints duckdb_databases
    duckdb_dependencies duckdb_indexes duckdb_keywords duckdb_memory duckdb_schemas duckdb_sequences
    duckdb_settings duckdb_tables duckdb_types duckdb_views duckdb_functions functions
    generate_series icu_calendar_names json_each json_tree pg_timezone_names pragma_collations
    pragma_database_size pragma_show pragma_storage_info pragma_table_info pragma_version
    query_table range repeat repeat_row show show_databases show_tables show_tables_expanded
    storage_info summary table_info test_all_types test_vector_types unnest version
    """
)
"""Functions in FROM that show this database or compute rows; every other one that DuckDB brings is refused:
they read files, take addresses of memory, change the instance's settings, or run SQL out of a text."""

WRITING = frozenset(["nextval", "setval", "write_log"])
"""Functions of values that leave something behind."""


def refused(sql: str, in_from: Iterable[str]) -> str | None:
    """The first name in the text that must not be called; None where there is none.

    Args:
        sql: the query's text.
        in_from: the names of the functions that DuckDB and its extensions bring for FROM and PRAGMA.
    """
    names = {name.lower() for name in called(sql)}
    return min((names & (frozenset(in_from) | WRITING)) - READING, default=None)
