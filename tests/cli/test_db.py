"""`share db copy`, and the verbs that take a database on a copy."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from share_sql.cli.main import cli


def share(*args: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, args)))


def test_a_copy_answers_as_the_file_does(shop: Path) -> None:
    copy = shop.parent / "shop.duckdb"
    result = share("db", "copy", shop, copy)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"6 rows of 2 tables copied into {copy}\n"
    assert "Bonn" in json.loads(share("describe", "--db", copy, "--json").stdout)["shop|store|city"]
    assert json.loads(share("values", "build", "--db", copy, "--json").stdout)["values"] == 5
    found = json.loads(share("values", "lookup", "--db", f"duckdb:///{copy}", "bonn", "--json").stdout)
    assert found["matches"][0]["value"] == "Bonn"


def test_what_is_there_is_replaced_only_where_asked(shop: Path) -> None:
    copy = shop.parent / "shop.duckdb"
    share("db", "copy", shop, copy)
    refused = share("db", "copy", shop, copy)
    assert refused.exit_code == 2
    assert "--replace" in refused.stderr
    again = share("db", "copy", shop, copy, "--replace", "--json")
    assert json.loads(again.stdout) == {"to": str(copy), "tables": {"store": 3, "sale": 3}, "notes": []}


def test_errors_show_no_password(shop: Path) -> None:
    for url in ("postgresql://ada:hunter2@127.0.0.1:1/x", "mysql://ada:hunter2@127.0.0.1:1/x"):
        result = share("db", "copy", shop, url)
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert "hunter2" not in result.output
    for url in ("oracle://ada:hunter2@h/x", "postgresql://ada:hunter2@h/x"):
        assert "hunter2" not in share("db", "copy", url, shop.parent / "x.duckdb").output
