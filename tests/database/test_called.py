"""Names in a query's text that may be functions: none that a database would call is missed."""

from __future__ import annotations

import pytest

from share_sql.database.called import called, dotted


@pytest.mark.parametrize(
    "sql",
    [
        "f(1)",
        "SELECT f (1)",
        "SELECT F(1)",
        "SELECT f\n\t(1)",
        'SELECT "f"(1)',
        "SELECT `f` (1)",
        "SELECT a.f(1)",
        'SELECT "a" . "f" (1)',
        "SELECT f/**/(1)",
        "SELECT f -- x\n(1)",
        "SELECT f # x\n(1)",
        "SELECT /*!50000 f*/(1)",
        "SELECT '\"', \"f\"(1), '\"'",
        "SELECT 'it''s' || f(1)",
        "SELECT $$ $$, f(1)",
        "SELECT (f(1))",
        "SELECT 1+f(1)",
        'SELECT 1 AS "a b", f(2)',
    ],
)
def test_a_call_is_seen(sql: str) -> None:
    assert "f" in called(sql)


@pytest.mark.parametrize("sql", ["SELECT f", "SELECT f, (1)", "SELECT f.a", "SELECT 'f' + 1", "SELECT g(f)"])
def test_what_is_no_call_is_none(sql: str) -> None:
    assert "f" not in called(sql)


def test_a_name_with_odd_signs_is_seen() -> None:
    assert "odd (name" in called('SELECT "odd (name"()')


def test_only_ascii_is_folded_beside_what_is_written() -> None:
    assert {"Äf_X", "Äf_x", "äf_x"} <= called("SELECT Äf_X(1)")


@pytest.mark.parametrize("sql", ["SELECT t.f", "SELECT (t).f", 'SELECT t . "f"', "SELECT (ROW(1)).f FROM t"])
def test_a_name_behind_a_dot_is_seen(sql: str) -> None:
    assert "f" in dotted(sql)
