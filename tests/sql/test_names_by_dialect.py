"""Names bind by each dialect's rules: case, namespaces, aliases, lateral sources, variables, fields."""

from __future__ import annotations

import pytest

from share_sql.schema.model import Column, ColumnName, Schema, Table
from share_sql.sql.names import resolve


def table(name: str, *columns: str, namespace: str | None = None) -> Table:
    return Table(name, tuple(Column(column) for column in columns), namespace=namespace)


TABLES = (
    table("users", "id", "CustomerID", "tags", "s"),
    table("orders", "id", "user_id"),
    table("Mixed", "x"),
    table("sales.orders", "id", "total", namespace="sales"),
)


def faults(sql: str, dialect: str) -> list[str]:
    found = resolve(sql, Schema("shop", TABLES, dialect=dialect))
    names = [*found.unknown_columns, *found.ambiguous]
    return [*found.unknown_tables, *(f"{name.status} {name.column}" for name in names)]


@pytest.mark.parametrize(
    ("dialect", "sql", "wanted"),
    [
        ("postgres", "SELECT CustomerID FROM users", ["unknown CustomerID"]),
        ("postgres", 'SELECT "CustomerID", ID FROM USERS', []),
        ("postgres", 'SELECT "ID" FROM users', ["unknown ID"]),
        ("postgres", 'SELECT u.id FROM users AS U', []),
        ("postgres", 'SELECT u.id FROM users AS "U"', ["unknown-source id"]),
        ("postgres", "SELECT x FROM Mixed", ["Mixed"]),
        ("postgres", 'SELECT X FROM "Mixed"', []),
        ("postgres", 'SELECT id AS Total FROM users ORDER BY total', []),
        ("postgres", 'SELECT id AS "Total" FROM users ORDER BY total', ["unknown total"]),
        ("postgres", "SELECT id AS n FROM users WHERE n > 1", ["unknown n"]),
        ("postgres", "SELECT id AS n FROM users GROUP BY n HAVING n > 1", ["unknown n"]),
        ("postgres", "SELECT id AS n FROM users ORDER BY n + 1", ["unknown n"]),
        ("mysql", "SELECT id AS n FROM users GROUP BY n HAVING n > 1 ORDER BY n + 1", []),
        ("mysql", "SELECT id AS n FROM users WHERE n > 1", ["unknown n"]),
        ("mysql", "SELECT customerid FROM users", []),
        ("mysql", "SELECT id FROM Users", ["Users"]),
        ("mysql", "SELECT U.id FROM users AS u", ["unknown-source id"]),
        ("mysql", "SELECT id FROM shop.users", []),
        ("mysql", "SELECT id FROM users WHERE id IN (SELECT 1 FROM information_schema.tables)", []),
        ("duckdb", "SELECT customerid, U.ID FROM Users AS u", []),
        ("duckdb", "SELECT id + 1 AS a, a * 2 AS b FROM users WHERE b > 1 GROUP BY ALL", []),
        ("duckdb", "SELECT a * 2 AS b, id AS a FROM users", ["unknown a"]),
        ("postgres", "SELECT total FROM sales.orders", []),
        ("postgres", "SELECT total FROM orders", ["unknown total"]),
        ("postgres", "SELECT sales.orders.total, orders.id FROM sales.orders", []),
        ("postgres", "SELECT total FROM nowhere.orders", ["nowhere.orders"]),
        ("postgres", 'SELECT total FROM "sales.orders"', ["sales.orders"]),
        ("duckdb", "SELECT total FROM shop.sales.orders", []),
        ("postgres", "SELECT relname FROM pg_class JOIN pg_catalog.pg_tables ON true", []),
        ("postgres", "SELECT rowid FROM users", ["unknown rowid"]),
        ("postgres", "SELECT ctid FROM users", []),
        ("postgres", "SELECT users FROM users", []),
        ("mysql", "SELECT users FROM users", ["unknown users"]),
        ("postgres", "SELECT u.id FROM users u, LATERAL (SELECT u.id AS k FROM orders) x WHERE x.k = 1", []),
        ("postgres", "SELECT u.id FROM users u, (SELECT u.id AS k FROM orders) x", ["unknown-source id"]),
        ("duckdb", "SELECT u.id FROM users u, (SELECT u.id AS k FROM orders) x", []),
        ("postgres", "SELECT t.tag, t.nope FROM users u, UNNEST(u.tags) AS t(tag)", ["unknown nope"]),
        ("postgres", "SELECT 1 FROM UNNEST(u.tags) AS t(tag), users u", ["unknown-source tags"]),
        ("postgres", "SELECT 1 FROM users a JOIN orders b ON a.id = c.id JOIN orders c ON true",
         ["unknown-source id"]),
        ("postgres", "SELECT 1 FROM users a, orders b JOIN orders c ON a.id = c.id", ["unknown-source id"]),
        ("duckdb", "SELECT list_transform(tags, lambda y: y || id) FROM users", []),
        ("duckdb", "SELECT [y + z FOR y IN tags IF y > id] FROM users", ["unknown z"]),
        ("duckdb", "SELECT s.a.b, users.s.a FROM users", []),
        ("duckdb", "SELECT nope.a FROM users", ["unknown-source a"]),
        ("duckdb", "SELECT * EXCLUDE (id, nope) FROM users", ["unknown nope"]),
        ("duckdb", "SELECT id FROM users QUALIFY row_number() OVER (ORDER BY nope) = 1", ["unknown nope"]),
        ("postgres", "WITH a AS (SELECT * FROM b), b AS (SELECT 1 AS id) SELECT * FROM a", ["b"]),
        ("postgres", "WITH a AS (SELECT nope FROM users) SELECT 1", ["unknown nope"]),
        ("duckdb", "WITH a AS (SELECT nope FROM users) SELECT 1", []),
        ("sqlite", "WITH a AS (SELECT * FROM b), b AS (SELECT 1 AS id) SELECT * FROM a", []),
        ("postgres", "SELECT users.id FROM users, orders ORDER BY id", []),
        ("duckdb", "FROM users SELECT id, nope", ["unknown nope"]),
    ],
)  # fmt: skip
def test_faults(dialect: str, sql: str, wanted: list[str]) -> None:
    assert faults(sql, dialect) == wanted


def test_a_reference_binds_to_the_table_of_its_namespace() -> None:
    found = resolve(
        "SELECT o.total, p.user_id FROM sales.orders o, orders p", Schema("s", TABLES, dialect="postgres")
    )
    assert found.tables == ("sales.orders", "orders")
    assert found.columns == {ColumnName("sales.orders", "total"), ColumnName("orders", "user_id")}


def test_a_field_is_a_column_read_further() -> None:
    found = resolve("SELECT u.s.a.b FROM users u", Schema("s", TABLES, dialect="duckdb"))
    (name,) = found.names.values()
    assert (name.column, name.path, name.origin) == ("s", ("a", "b"), ColumnName("users", "s"))


def test_the_results_names_are_folded() -> None:
    found = resolve(
        'SELECT id AS Total, "CustomerID" AS "C", COUNT(*) FROM users',
        Schema("s", TABLES, dialect="postgres"),
    )
    assert [name for name, _ in found.outputs] == ["total", "C", "count"]
