"""Where databases lie that are known by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from share_sql.benchmarks.files import BenchmarkFiles, load
from share_sql.benchmarks.places import check_places, database_path, place_of, read_places
from share_sql.errors import BenchmarkError


@pytest.mark.parametrize(
    ("text", "name", "where"),
    [
        ("postgresql://u@h/{name}", "shop", "postgresql://u@h/shop"),
        ("mysql://u@h:1/x_{name}?a=b", "shop", "mysql://u@h:1/x_shop?a=b"),
        ("postgresql://u@h/all?options=-csearch_path%3D{name}", "shop", None),
        ("postgresql://u@h/all", "shop", "postgresql://u@h/all"),
        ("postgresql://u@h/{name}", "a/b?c@d", "postgresql://u@h/a%2Fb%3Fc%40d"),
        ("duckdb:///dbs/{name}.duckdb", "shop", "duckdb:///dbs/shop.duckdb"),
    ],
)
def test_a_url_has_a_place_for_the_name(text: str, name: str, where: str | None) -> None:
    assert place_of(read_places(text), name) == (where or text.replace("{name}", name))


def test_a_folder_has_a_file_each_with_or_without_a_folder_of_its_own(tmp_path: Path) -> None:
    assert read_places(str(tmp_path)) == tmp_path
    assert place_of(tmp_path, "shop") == tmp_path / "shop" / "shop.sqlite"
    (tmp_path / "shop.duckdb").touch()
    assert place_of(tmp_path, "shop") == tmp_path / "shop.duckdb"
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.db").touch()
    assert database_path(tmp_path, "shop") == tmp_path / "shop" / "shop.db"


def test_a_function_says_where_names_lie() -> None:
    known = {"shop": "mysql://h/shop"}
    assert place_of(known.get, "shop") == "mysql://h/shop"
    assert place_of(known.get, "bank") == Path("bank")


def test_a_wrong_brace_is_named_without_the_password(tmp_path: Path) -> None:
    check_places("postgresql://u:pw@h/{name}")
    with pytest.raises(BenchmarkError, match=r"place of a database's name in a URL is \{name\}") as caught:
        check_places("postgresql://u:hidden@h/{db}")
    assert "hidden" not in str(caught.value)
    with pytest.raises(BenchmarkError, match="there is no folder"):
        check_places(tmp_path / "gone")


def test_questions_of_another_dialect_load_with_their_drafts(tmp_path: Path) -> None:
    questions = [
        {"question_id": 7, "db_id": "shop", "question": "Q", "SQL": "SELECT `a` FROM `t`", "evidence": "E"},
        {"question_id": 9, "db_id": "bank", "question": "Q", "SQL": "SELECT 1"},
    ]
    (tmp_path / "mini_dev_mysql.json").write_text(json.dumps(questions))
    (tmp_path / "gpt.json").write_text(
        json.dumps({"9": "SELECT 9", "7": "SELECT `a`\t----- bird -----\tshop"})
    )
    bench = load(
        BenchmarkFiles(
            "bird", tmp_path / "mini_dev_mysql.json", "mysql://h/{name}", drafts=tmp_path / "gpt.json"
        )
    )
    assert [(each.case.id, each.gold, each.case.draft) for each in bench.cases] == [
        ("7", "SELECT `a` FROM `t`", "SELECT `a`"),
        ("9", "SELECT 1", "SELECT 9"),
    ]
    assert {name: database.where for name, database in bench.databases.items()} == {
        "shop": "mysql://h/shop",
        "bank": "mysql://h/bank",
    }


def test_questions_that_ship_with_bird_load(shared_data: Path) -> None:
    for dialect in ("mysql", "postgresql"):
        folder = shared_data / "bird" / f"mini_dev_drafts_{dialect}"
        if not folder.is_dir():
            pytest.skip("no mini-dev drafts")
        for drafts in folder.glob("*.json"):
            questions = shared_data / "bird" / f"mini_dev_{dialect}.json"
            bench = load(BenchmarkFiles("bird", questions, "postgresql://h/{name}", drafts=drafts))
            assert len(bench.cases) == 100
            assert all(each.gold and each.case.draft and not each.problem for each in bench.cases), drafts
            assert sorted(bench.databases) == ["student_club", "superhero"]
