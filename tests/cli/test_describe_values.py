"""`share describe` and `share values`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from share_sql.cli.main import cli
from share_sql.schema.meanings import read_column_meanings


def share(*args: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, args)))


def test_describe_writes_meanings_that_load_again(shop: Path) -> None:
    out = shop.parent / "meaning.json"
    result = share("describe", "--db", shop, "--name", "mine", "--out", out)
    assert result.exit_code == 0, result.stderr
    assert "6 columns of mine" in result.stdout
    assert len(read_column_meanings(out)["mine"]) == 6
    printed = json.loads(share("describe", "--db", shop, "--json").stdout)
    assert "Bonn" in printed["shop|store|city"]
    assert "store.city: " in share("describe", "--db", shop).stdout


def test_describe_names_a_missing_database(tmp_path: Path) -> None:
    result = share("describe", "--db", tmp_path / "none.sqlite")
    assert result.exit_code == 1
    assert "none.sqlite" in result.stderr


def test_values_are_built_and_found(shop: Path) -> None:
    built = json.loads(share("values", "build", "--db", shop, "--json").stdout)
    assert built["values"] == 5
    assert built["columns"] == 2
    found = json.loads(share("values", "lookup", "--db", shop, "bonn", "--json").stdout)
    assert found["matches"][0]["value"] == "Bonn"
    assert "store.city  Bonn" in share("values", "lookup", "--db", shop, "BONN").stdout
    assert share("values", "build", "--db", shop).stdout.startswith("5 values of 2 columns")
