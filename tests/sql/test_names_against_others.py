"""Generated queries: the resolver finds fault exactly where DuckDB and PostgreSQL do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from tests.servers.database import ServerDatabase, connection
from tests.sql.test_names_against_sqlite import DDL, NO_CONDITION, SCHEMA, query

from share_sql.schema.model import Schema
from share_sql.sql.names import resolve

Refusal = Callable[[str], str | None]
"""A database's message; None where it takes the query."""
_TABLES = "; ".join(
    f"CREATE TABLE {name} ({', '.join(f'{c} text' for c in cols)})" for name, cols in DDL.items()
)


@pytest.fixture(scope="module")
def duckdb_refusal() -> Iterator[Refusal]:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as opened:
        opened.execute(_TABLES)

        def refusal(sql: str) -> str | None:
            try:
                opened.execute(f"EXPLAIN {sql}").fetchall()
            except duckdb.Error as error:
                return str(error)
            return None

        yield refusal


@pytest.fixture(scope="module")
def postgres_refusal(postgres_database: ServerDatabase) -> Iterator[Refusal]:
    postgres_database.run(_TABLES)
    with connection(postgres_database.owner) as opened:

        def refusal(sql: str) -> str | None:
            import psycopg

            try:
                opened.execute(f"EXPLAIN {sql}")
            except psycopg.Error as error:
                return str(error)
            return None

        yield refusal


def check(sql: str, dialect: str, refusal: Refusal, ours: str) -> None:
    """Faults are found where the database finds one of names, and nowhere else."""
    sql = re.sub(r"\b1\b", "'1'", sql.replace(NO_CONDITION, "ON TRUE"))
    found = resolve(sql, Schema("g", SCHEMA.tables, dialect=dialect))
    faults = [*found.unknown_tables, *found.unknown_columns, *found.ambiguous]
    message = refusal(sql)
    if message is None:
        assert not faults, (sql, faults)
    elif re.search(ours, message):
        assert faults, (message, sql)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=query(2))
def test_faults_are_duckdbs_faults(sql: str, duckdb_refusal: Refusal) -> None:
    ours = (
        r"Referenced column .* not found|Ambiguous reference|Table with name .* does not exist"
        r"|Referenced table .* not found|does not have a column named|Column .* does not exist on"
    )
    check(sql, "duckdb", duckdb_refusal, ours)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=query(2))
def test_faults_are_postgres_faults(sql: str, postgres_refusal: Refusal) -> None:
    ours = (
        r"^column .* does not exist|^column reference .* is ambiguous|^relation .* does not exist"
        r"|^missing FROM-clause entry|^invalid reference to FROM-clause entry"
        r"|specified in USING clause does not exist|^common column name .* appears more than once"
    )
    check(sql, "postgres", postgres_refusal, ours)
