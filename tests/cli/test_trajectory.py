"""`share trajectory`: fixed shapes that scripts rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from share_sql.cli.main import cli


def trajectory(*args: object) -> Result:
    return CliRunner().invoke(cli, ["trajectory", *map(str, args)])


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


JOIN = "SELECT s.name FROM store AS s JOIN sale AS x ON x.store_id = s.id WHERE x.amount > 6"


def test_show_prints_both_dialects_and_the_mask(shop: Path) -> None:
    shown = trajectory("show", "--db", shop, "--sql", JOIN, "--dialect", "paper").stdout
    assert "sale.amount" in shown
    assert "join" not in shown
    # The extended dialect keeps the joins that keys cannot give back.
    assert "left" in trajectory("show", "--db", shop, "--sql", JOIN.replace("JOIN", "LEFT JOIN")).stdout
    masked = trajectory(
        "show", "--db", shop, "--sql", JOIN, "--dialect", "paper", "--masked", "--json"
    ).stdout
    assert "[MASK]" in json.loads(masked)["trajectory"]
    assert "amount" not in masked


@pytest.mark.parametrize("sql", ["", "hello", "SELECT FROM WHERE"])
def test_show_names_what_is_no_sql(shop: Path, sql: str) -> None:
    result = trajectory("show", "--db", shop, "--sql", sql)
    assert result.exit_code == 1
    assert result.stderr.startswith("share: the ")


def test_roundtrip_gives_sql_or_an_error_for_each_case(shop: Path) -> None:
    rows = [
        {"id": "a", "database": "shop.sqlite", "sql": JOIN},
        {"id": 2, "database": str(shop), "sql": "SELECT nothing FROM"},
        {"id": "c", "database": "none.sqlite", "sql": JOIN},
        {"id": "d", "database": str(shop)},
        {"id": "a", "database": str(shop), "sql": JOIN},
    ]
    result = trajectory("roundtrip", "--cases", write(shop.parent / "cases.jsonl", rows), "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["total"], found["failed"]) == (5, 4)
    first, unreadable, missing, without, twice = found["cases"]
    assert first["id"] == "a"
    assert first["error"] is None
    assert "JOIN" in first["sql"].upper()
    assert (unreadable["id"], unreadable["sql"]) == ("2", None)
    assert unreadable["error"]
    assert "none.sqlite" in missing["error"]
    assert "'sql' is missing" in without["error"]
    assert "taken already" in twice["error"]


def test_roundtrip_compares_the_rows_of_both(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"id": "same", "database": str(shop), "sql": JOIN},
        {"id": "sorted", "database": str(shop), "sql": "SELECT name FROM store ORDER BY name DESC"},
        {"id": "fails", "database": str(shop), "sql": "SELECT nothing FROM store"},
    ]
    cases = write(shop.parent / "cases.jsonl", rows)
    result = trajectory("roundtrip", "--cases", cases, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["differ"] == 0
    same, ordered, fails = found["cases"]
    assert (same["rows"], ordered["rows"]) == ("same", "same")
    assert fails["error"] is None or fails["sql"] is None
    assert fails["rows"] is None or fails["rows"].startswith("not compared: the SQL does not run")

    # A way back that loses a condition, or the order, is told.
    monkeypatch.setattr(
        "share_sql.trajectory.to_sql.to_sql", lambda *_, **__: "SELECT name FROM store WHERE id < 3"
    )
    result = trajectory("roundtrip", "--cases", cases, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["differ"], found["failed"]) == (2, 2)
    same, ordered, _ = found["cases"]
    assert same["rows"] == ordered["rows"] == "differ"
    assert same["error"] == "the SQL that comes back gives other rows: it lacks ('East',)"
    assert "2 rows, not 3" in ordered["error"]
    monkeypatch.setattr("share_sql.trajectory.to_sql.to_sql", lambda *_, **__: "SELECT name FROM store")
    assert "does not sort its rows" in trajectory("roundtrip", "--cases", cases).stdout


def test_compile_takes_answers_and_bare_trajectories(shop: Path) -> None:
    rows = [
        {
            "id": "answer",
            "database": "shop.sqlite",
            "trajectory": "Sure:\n```SR\nres = df.select(store.name)\n```",
        },
        {
            "id": "bare",
            "database": "shop.sqlite",
            "trajectory": "res = df.where(store.id, 1).select(store.name)",
        },
        {"id": "none", "database": "shop.sqlite", "trajectory": "I cannot."},
    ]
    result = trajectory("compile", "--cases", write(shop.parent / "cases.jsonl", rows), "--json")
    answer, bare, none = json.loads(result.stdout)["cases"]
    assert answer["error"] is None
    assert "name" in answer["sql"]
    assert bare["error"] is None
    assert "WHERE" in bare["sql"].upper()
    assert none["sql"] is None
    assert "no trajectory" in none["error"]
    assert "none: error:" in trajectory("compile", "--cases", shop.parent / "cases.jsonl").stdout


def test_where_all_fail_the_exit_code_is_1(shop: Path) -> None:
    cases = write(shop.parent / "cases.jsonl", [{"id": "a", "database": "none.sqlite", "sql": JOIN}])
    assert trajectory("roundtrip", "--cases", cases, "--json").exit_code == 1


def test_read_counts_what_can_be_read(tmp_path: Path) -> None:
    answers = [
        "```SR\nres = df.select(store.name)\n```",
        "```SR\nres = df.frobnicate(store.name).select(store.name)\n```",
        "I cannot.",
        None,
    ]
    path = write(tmp_path / "answers.jsonl", [{"idx": at, "text": text} for at, text in enumerate(answers)])
    result = trajectory("read", "--file", path, "--field", "text", "--json")
    counts = json.loads(result.stdout)
    assert counts == {"total": 4, "typed": 1, "raw": 1, "failed": 2, "masked": counts["masked"]}
    assert 1 <= counts["masked"] <= 2
    assert "failed 2" in trajectory("read", "--file", path, "--field", "text").stdout
    listed = trajectory("read", "--file", path, "--field", "text", "--problems").stdout
    assert "line 2: " in listed
    wrong = trajectory("read", "--file", path)
    assert wrong.exit_code == 2
    assert "has no field 'response'; name another by --field" in wrong.stderr


DEEP = (
    "res = " + "df.where(element = store.id, filter = 'in', value = " * 60 + "df.select(store.id)" + ")" * 60
)


def test_a_bad_line_of_answers_is_that_line_s_failure(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    rows = [{"response": "res = df.count()"}, {"response": 5}, {"response": [[]]}, {"other": ""}, 5, []]
    rows += [{"response": "res = df" + ".a" * 400_000}, {"response": "a = " * 20_000}, {"response": DEEP}]
    write(path, rows)
    with path.open("a") as file:
        file.write("[" * 100_000 + "\n" + '{"response": "res')
    done = trajectory("read", "--file", path, "--problems", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["total"], found["failed"], found["masked"]) == (11, 9, 2)
    assert [each["line"] for each in found["problems"]] == [2, 3, 4, 5, 6, 7, 8, 10, 11]
    path.write_text("[" * 100_000)
    done = trajectory("read", "--file", path)
    assert done.exit_code == 2
    assert "line 1 is not JSON" in done.stderr


@pytest.mark.parametrize("verb", ["roundtrip", "compile"])
def test_large_and_deep_texts_are_each_their_case_s_error(shop: Path, verb: str) -> None:
    texts = ["SELECT " + "(SELECT " * 5_000 + "1" + ")" * 5_000, "WITH a " * 15_000, "SELECT 1 + " * 90_000]
    texts += ["res = df" + ".a" * 400_000, "res = df.select(" + "abs(" * 10_000, "res = df.select('" * 5_000]
    good = {"roundtrip": JOIN, "compile": "res = df.select(store.name)"}[verb]
    rows = [
        {"id": str(at), "database": str(shop), "sql": text, "trajectory": text}
        for at, text in enumerate([*texts, good])
    ]
    done = trajectory(verb, "--cases", write(shop.parent / "cases.jsonl", rows), "--json")
    found = json.loads(done.stdout)["cases"]
    assert found[-1]["error"] is None
    assert all(each["error"] and len(each["error"]) < 300 for each in found[:-1])
    assert not any("internal error" in each["error"] for each in found[:-1])
