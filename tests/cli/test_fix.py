"""`share fix`: SQL on standard output, the why on standard error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from share_sql.cli.main import cli

WRONG = "SELECT COUNT(*) FROM store WHERE city = 'bonn'"


def fix(db: object, sql: str, *more: str, typed: str | None = None) -> Result:
    call = ["fix", "--db", str(db), "--question", "How many stores are in Bonn?", "--sql", sql, *more]
    return CliRunner().invoke(cli, call, input=typed)


def test_a_wrong_literal_is_corrected(shop: Path) -> None:
    result = fix(shop, WRONG)
    assert result.exit_code == 0
    assert "city = 'Bonn'" in result.stdout
    assert result.stderr.startswith("corrected: ")


def test_a_right_draft_is_handed_back(shop: Path) -> None:
    draft = "SELECT COUNT(*) FROM store WHERE city = 'Bonn'"
    result = fix(shop, draft)
    assert result.stdout == draft + "\n"
    assert result.stderr.startswith("kept: ")


def test_json_holds_all_there_is_to_know(shop: Path) -> None:
    found = json.loads(fix(shop, WRONG, "--json").stdout)
    assert found["verdict"] == "corrected"
    assert "Bonn" in found["reason"]
    assert 0 <= found["confidence"] <= 1
    assert found["error"] is None
    assert {"sql", "usage", "findings", "changes", "steps"} <= found.keys()


def test_the_draft_may_come_from_standard_input(shop: Path) -> None:
    assert "'Bonn'" in fix(shop, "-", typed=f"Sure! Here it is:\n```sql\n{WRONG}\n```\n").stdout


def test_a_database_that_is_not_there_is_named_and_the_draft_kept(tmp_path: Path) -> None:
    missing = tmp_path / "none.sqlite"
    result = fix(missing, "SELECT 1")
    assert result.exit_code == 1
    assert result.stdout == "SELECT 1\n"
    assert "none.sqlite" in result.stderr
    found = json.loads(fix(missing, "SELECT 1", "--json").stdout)
    assert (found["verdict"], found["sql"]) == ("kept", "SELECT 1")
    assert "none.sqlite" in found["error"]


@pytest.mark.parametrize("draft", ["", "I do not know.", "DROP TABLE store", "SELECT 1; DROP TABLE store"])
def test_what_is_no_select_is_handed_back_with_a_reason(shop: Path, draft: str) -> None:
    before = shop.read_bytes()
    found = json.loads(fix(shop, draft, "--json").stdout)
    assert found["sql"] == draft
    assert found["verdict"] in ("kept", "abstained")
    assert found["reason"]
    assert shop.read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--models", "gpt"], "'gpt' names no models"),
        (["--models", "none.toml"], "there is no models file none.toml"),
        (["--prompts", "nowhere"], "there is no prompt set 'nowhere'"),
        (["--policy", "never"], "Invalid value for '--policy'"),
        (["--tables", "none.json"], "no tables file at none.json"),
    ],
)
def test_wrong_flags_end_with_2(shop: Path, flags: list[str], reason: str) -> None:
    result = fix(shop, "SELECT 1", *flags)
    assert result.exit_code == 2
    assert reason in result.stderr


def test_control_characters_do_not_reach_the_terminal(shop: Path) -> None:
    assert "\x1b" not in fix(shop, "SELECT '\x1b[2J' FROM store").stdout


def test_a_kind_that_is_off_does_not_act(shop: Path) -> None:
    assert fix(shop, WRONG, "--without", "literal-case").stdout == WRONG + "\n"
    assert fix(shop, WRONG, "--only", "join-key,unknown-column").stdout == WRONG + "\n"
    assert "'Bonn'" in fix(shop, WRONG, "--only", "literal-case").stdout
    assert fix(shop, WRONG, "--min-confidence", "1").stdout == WRONG + "\n"
    refused = fix(shop, WRONG, "--without", "literal-cas")
    assert refused.exit_code == 2
    assert "did you mean literal-case" in refused.stderr


def test_conventions_of_benchmarks_are_followed_where_asked(shop: Path) -> None:
    pasted = "SELECT name || ' ' || city FROM store"
    more = ("--evidence", "place refers to name, city")
    assert fix(shop, pasted, *more).stdout == pasted + "\n"
    assert fix(shop, pasted, *more, "--conventions", "benchmark").stdout == "SELECT name, city FROM store\n"


def test_json_carries_places_warnings_and_what_a_replay_compares(shop: Path) -> None:
    draft = "SELECT name FROM store WHERE city = 'bonn' ORDER BY city LIMIT 1"
    found = json.loads(fix(shop, draft, "--json").stdout)
    fault = next(each for each in found["findings"] if each["kind"] == "literal-case")
    assert draft[slice(*fault["place"])] == "'bonn'"
    assert fault["weight"] > 0
    right = found["sql"]
    assert right == draft.replace("bonn", "Bonn"), "the draft's layout stays"
    again = json.loads(fix(shop, right, "--json").stdout)
    assert [each["kind"] for each in again["warnings"]] == ["limit-tie"]
    assert right[slice(*again["warnings"][0]["place"])] == "1"
    assert again["fingerprint"] == found["fingerprint"] != ""
    assert found["rows_before"] != found["rows_after"] == again["rows_before"] == again["rows_after"]
    assert "warning: limit-tie: LIMIT 1 cuts a tie" in fix(shop, right).stderr


def test_the_hash_of_rows_tells_a_failure_from_an_empty_result(shop: Path) -> None:
    failed = json.loads(fix(shop, "SELECT zzz FROM qqq", "--json").stdout)
    empty = json.loads(fix(shop, "SELECT name FROM store WHERE id = 99", "--json").stdout)
    assert failed["rows_before"] is None
    assert empty["rows_before"] is not None
