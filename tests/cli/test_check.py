"""`share check`: evidence about one draft, and nothing changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from share_sql.assistant import STAGES
from share_sql.cli.main import cli
from share_sql.stages.state import State

WRAPPED = "Sure, 'bonn' it is:\n```sql\nSELECT COUNT(*)\nFROM store WHERE city = 'bonn';\n```\nDone."


def check(db: object, sql: str, *more: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["check", "--db", str(db), "--sql", sql, *more], input=typed)


def seen(db: object, sql: str, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(check(db, sql, *more, "--json").stdout)
    return found


def test_nothing_to_say_about_a_right_draft(shop: Path) -> None:
    result = check(shop, "SELECT COUNT(*) FROM store WHERE city = 'Bonn'", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["runs"], found["error"], found["findings"]) == (True, None, [])
    assert (found["columns"], found["row_count"], found["suggestion"]) == (["COUNT(*)"], 1, None)


def test_a_proved_fault_is_an_error_with_its_place_and_a_suggestion(shop: Path) -> None:
    result = check(shop, WRAPPED, "--question", "How many stores are in Bonn?", "--json")
    assert result.exit_code == 3
    found = json.loads(result.stdout)
    fault = found["findings"][0]
    assert (fault["kind"], fault["severity"]) == ("literal-case", "error")
    assert WRAPPED[fault["start"] : fault["end"]] == "'bonn'"
    assert fault["start"] > WRAPPED.index("WHERE")
    change = fault["suggestion"]
    mended = WRAPPED[: change["start"]] + change["text"] + WRAPPED[change["end"] :]
    assert mended == WRAPPED.replace("= 'bonn'", "= 'Bonn'")
    assert "'Bonn'" in found["suggestion"]
    assert found["wrong"] > 0.5


def test_several_faults_each_have_a_place(shop: Path) -> None:
    draft = "select nam from store where city = 'bonn'"
    found = {each["kind"]: each for each in seen(shop, draft)["findings"] if each["severity"] == "error"}
    parts = {kind: draft[each["start"] : each["end"]] for kind, each in found.items() if each["end"]}
    assert parts == {"unknown-column": "nam", "literal-case": "'bonn'"}
    assert found["unknown-column"]["suggestion"]["text"] == "name"


def test_a_risk_is_a_warning(shop: Path) -> None:
    result = check(shop, "SELECT name FROM store LIMIT 1")
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert lines[0] == "SELECT name FROM store LIMIT 1"
    assert lines[1] == " " * 29 + "^ limit-unordered"
    assert lines[2].startswith("warning: limit-unordered: LIMIT 1 without ORDER BY")
    assert lines[-1] == "runs: 1 rows of name"


def test_what_right_queries_have_too_is_only_told(shop: Path) -> None:
    draft = "SELECT amount FROM sale JOIN store ON sale.store_id = store.id"
    result = check(shop, draft, "--json")
    assert result.exit_code == 0
    assert [(each["kind"], each["severity"]) for each in json.loads(result.stdout)["findings"]] == [
        ("idle-table", "info")
    ]


@pytest.mark.parametrize(
    "draft", ["SELECT FROM", "SELECT zzz FROM qqq", "I do not know.", "", "DROP TABLE store"]
)
def test_what_does_not_run_is_an_error(shop: Path, draft: str) -> None:
    before = shop.read_bytes()
    result = check(shop, draft, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 3
    assert found["runs"] is False
    assert found["error"]
    assert (found["columns"], found["row_count"], found["rows_hash"]) == ([], None, None)
    assert {each["severity"] for each in found["findings"]} == {"error"}
    assert check(shop, draft).stdout.splitlines()[-1] == "does not run"
    assert shop.read_bytes() == before


def test_a_database_that_is_not_there_ends_with_1(tmp_path: Path) -> None:
    result = check(tmp_path / "none.sqlite", "SELECT 1")
    assert result.exit_code == 1
    assert "none.sqlite" in result.stderr
    assert result.stdout == ""
    assert seen(tmp_path / "none.sqlite", "SELECT 1")["runs"] is False


def test_a_wrong_call_ends_with_2(shop: Path) -> None:
    assert CliRunner().invoke(cli, ["check", "--db", str(shop)]).exit_code == 2
    assert check(shop, "SELECT 1", "--models", "nosuch").exit_code == 2
    assert check(shop, "SELECT 1", "--policy", "gated").exit_code == 2


def test_models_without_a_drafter_are_refused(shop: Path, tmp_path: Path) -> None:
    models = tmp_path / "models.toml"
    models.write_text('[models.sam]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n')
    done = check(shop, "SELECT 1", "--models", str(models))
    assert done.exit_code == 2
    assert "has no drafter" in done.stderr


def test_the_draft_may_come_from_standard_input_and_long_lines_keep_their_marks(shop: Path) -> None:
    draft = (
        "SELECT name FROM store WHERE " + " OR ".join(["city = 'Bonn'"] * 9) + " OR city = 'Wels' ORDER BY 1"
    )
    lines = check(shop, "-", typed=draft).stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if line.endswith("^ literal-unstored"))
    mark = lines[at]
    assert lines[at - 1][mark.index("^") : mark.rindex("^") + 1] == "'Wels'"


def test_a_verdict_can_be_replayed(shop: Path) -> None:
    one, other = (seen(shop, f"SELECT name FROM store ORDER BY {key}") for key in ("name", "name DESC"))
    unsorted = [
        seen(shop, f"SELECT name FROM (SELECT name FROM store ORDER BY {key})") for key in ("1", "1 DESC")
    ]
    assert one["fingerprint"] == other["fingerprint"] != ""
    assert one["rows_hash"] != other["rows_hash"]
    assert unsorted[0]["rows_hash"] == unsorted[1]["rows_hash"]


def test_what_could_not_be_looked_at_is_told(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def repair(state: State) -> State:
        raise MemoryError

    stages = tuple(repair if each.__name__ == "repair" else each for each in STAGES)
    monkeypatch.setattr("share_sql.assistant.STAGES", stages)
    result = check(shop, "SELECT name FROM store")
    assert result.exit_code == 1
    assert "not all could be looked at: there is not enough memory" in result.stderr
    result = check(shop, "SELECT nothing_like_it FROM store", "--json")
    assert result.exit_code == 3
    assert "not enough memory" in json.loads(result.stdout)["incomplete"]


def test_a_draft_of_many_lines_is_shown_at_once(shop: Path) -> None:
    draft = "SELECT name\n" * 2 + "\n" * 300_000
    done = CliRunner().invoke(cli, ["check", "--db", str(shop), "--sql", "-"], input=draft)
    assert done.exit_code == 3
    assert done.stdout.count("\n") > 300_000
