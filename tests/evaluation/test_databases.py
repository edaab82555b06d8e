"""Evaluation on databases that are no SQLite files: DuckDB in process, and real servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.servers.database import ServerDatabase

from share_sql.benchmarks.files import BenchmarkFiles, load
from share_sql.database.open import open_database
from share_sql.errors import UsageError
from share_sql.evaluation.benchmark_cases import read_benchmark
from share_sql.evaluation.cases import CaseResult, EvalCase, Options
from share_sql.evaluation.inputs import read_eval_cases
from share_sql.evaluation.runner import evaluate
from share_sql.evaluation.summary import as_json, in_words, results_by_database
from share_sql.evaluation.tables import tables

duckdb = pytest.importorskip("duckdb")

EVERYTHING = ("ex", "strict", "soft-f1", "ves", "r-ves")
SCRIPT = (
    "CREATE TABLE item (id integer PRIMARY KEY, name varchar(40), price decimal(10,2), sold date)",
    "INSERT INTO item VALUES (1, 'pen', 1.50, '2020-01-31'), (2, 'ink', 7.00, NULL), "
    "(3, NULL, 2.25, '2021-06-01')",
)


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "dbs" / "shop.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        for statement in SCRIPT:
            connection.execute(statement)
    return str(path)


def case(where: str, gold: str, prediction: str | None, **more: Any) -> EvalCase:
    return EvalCase(id="1", database=where, gold=gold, prediction=prediction, **more)


def one(where: str, gold: str, prediction: str, metrics: tuple[str, ...] = ("ex", "strict")) -> CaseResult:
    return evaluate([case(where, gold, prediction)], metrics).results[0]


def agrees(where: str) -> None:
    """What holds on each kind of database."""
    alike = "SELECT name, price, sold FROM item"
    found = one(where, alike, "SELECT name, price, sold FROM item ORDER BY id DESC", EVERYTHING)
    assert (found.error, found.gold_error) == (None, None)
    assert (found.scores["ex"], found.scores["strict"], found.scores["r-ves"] != 0) == (True, True, True)
    assert found.scores["soft-f1"] is not None
    for gold, prediction, right in (
        ("SELECT price FROM item WHERE id = 1", "SELECT 1.5", True),
        ("SELECT count(*) FROM item", "SELECT 3.0", True),
        ("SELECT sum(price) FROM item", "SELECT 10.75", True),
        ("SELECT sold FROM item WHERE id = 1", "SELECT '2020-01-31'", True),
        ("SELECT sold FROM item WHERE id = 1", "SELECT '2020-01-31 00:00:00'", False),
        ("SELECT name FROM item WHERE id = 3", "SELECT ''", False),
        ("SELECT name FROM item WHERE id = 1", "SELECT nothing FROM item", False),
        ("SELECT name FROM item", "DELETE FROM item", False),
    ):
        assert one(where, gold, prediction).scores == {"ex": right, "strict": right}, (gold, prediction)
    failed = one(where, "SELECT gone FROM item", alike)
    assert failed.gold_error is not None
    assert failed.scores["ex"] is False


def test_the_metrics_on_duckdb(shop: str) -> None:
    agrees(shop)


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_the_metrics_on_a_server(kind: str, request: pytest.FixtureRequest) -> None:
    server: ServerDatabase = request.getfixturevalue(f"{kind}_database")
    server.run("DROP TABLE IF EXISTS item")
    for statement in SCRIPT:
        server.run(statement)
    agrees(server.reader)


def test_exact_match_reads_the_columns_of_any_database(shop: str) -> None:
    one_side = "SELECT name FROM item WHERE price > 2"
    found = evaluate([case(shop, one_side, "SELECT T1.name FROM item AS T1 WHERE T1.price > 3")], ("em",))
    assert found.results[0].scores == {"em": True}
    found = evaluate([case(shop, one_side, "SELECT id FROM item WHERE price > 2")], ("em",))
    assert found.results[0].scores == {"em": False}


@pytest.mark.parametrize("where", ["shop.duckdb", "postgresql://u:hidden@h/shop", "mysql://u:hidden@h/shop"])
def test_a_test_suite_is_of_files_that_have_one(where: str) -> None:
    with pytest.raises(
        UsageError, match=r"test-suite compares on every SQLite file .* leave it out"
    ) as caught:
        evaluate([case(where, "SELECT 1", "SELECT 1")], ("ex", "test-suite"))
    assert "hidden" not in str(caught.value)


def test_results_are_kept_under_the_state_of_a_duckdb_file(shop: str, tmp_path: Path) -> None:
    opened: list[str] = []

    def watched(where: str) -> Any:
        opened.append(where)
        return open_database(where)

    def score(cache: Path = tmp_path / "cache") -> object:
        cases = [case(shop, "SELECT max(id) FROM item", "SELECT 3")]
        return evaluate(cases, ("ex",), cache=cache, open_database=watched).results[0].scores["ex"]

    assert score() is True
    opened.clear()
    assert score() is True
    assert opened == []
    with duckdb.connect(shop) as connection:
        connection.execute("INSERT INTO item VALUES (4, 'cap', 1, NULL)")
    assert score() is False


def test_results_are_kept_under_the_state_of_a_server(mysql_database: ServerDatabase, tmp_path: Path) -> None:
    mysql_database.run("CREATE TABLE counted (n integer)")
    mysql_database.run("INSERT INTO counted VALUES (1)")
    asked: list[str] = []

    class Watched:
        def __init__(self, where: str) -> None:
            self.inner = open_database(where)
            self.dialect, self.parallel = self.inner.dialect, self.inner.parallel

        def query(self, sql: str, limits: Any = None) -> Any:
            asked.append(sql)
            return self.inner.query(sql, limits)

        def fingerprint(self) -> str:
            return self.inner.fingerprint()

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            self.inner.close()

    def score() -> object:
        cases = [case(mysql_database.reader, "SELECT count(*) FROM counted", "SELECT 1")]
        found = evaluate(cases, ("ex",), cache=tmp_path, open_database=Watched)  # type: ignore[arg-type]
        assert found.warnings == ()
        return found.results[0].scores["ex"]

    assert score() is True
    assert sorted(asked) == ["SELECT 1", "SELECT count(*) FROM counted"]
    asked.clear()
    assert score() is True
    assert asked == [], "the cache has the verdict"
    mysql_database.run("INSERT INTO counted VALUES (2)")
    # When a table was written is told in whole seconds; that there is another one shows at once.
    mysql_database.run("CREATE TABLE another (n integer)")
    assert score() is False
    password = mysql_database.reader.split("://")[1].split("@")[0].split(":")[1]
    assert f":{password}@".encode() not in b"".join(each.read_bytes() for each in tmp_path.iterdir())


def test_a_server_that_is_not_there_is_tried_once(tmp_path: Path) -> None:
    tried: list[str] = []

    def watched(where: str) -> Any:
        tried.append(where)
        return open_database(where)

    where = "postgresql://u:hidden@127.0.0.1:1/shop"
    cases = [case(where, f"SELECT {at}", f"SELECT {at}") for at in range(20)]
    found = evaluate(cases, ("ex",), Options(), cache=tmp_path, open_database=watched)
    assert len(tried) <= 3, "once to look for verdicts, once to score"
    assert all(result.scores == {"ex": False} for result in found.results)
    assert all(result.gold_error for result in found.results)
    assert "hidden" not in json.dumps(as_json(found))


def test_reports_tell_what_the_databases_speak(shop: str, tmp_path: Path) -> None:
    found = evaluate([case(shop, "SELECT 1", "SELECT 1")])
    assert as_json(found)["dialects"] == {"shop": "duckdb"}
    assert in_words(found) == "DuckDB"
    assert next(iter(tables(found))) == "databases of DuckDB"
    assert list(results_by_database(found.results)) == ["shop"]


def test_databases_of_cases_by_url_and_by_name(shop: str, tmp_path: Path) -> None:
    rows = [
        {"id": at, "database": name, "gold": "SELECT 1"} for at, name in enumerate(("shop", "mysql://h/x"))
    ]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    places = [case.database for case in read_eval_cases(tmp_path / "cases.jsonl", Path(shop).parent).cases]
    assert places == [shop, "mysql://h/x"]
    by_url = read_eval_cases(tmp_path / "cases.jsonl", "postgresql://h/all?options={name}").cases
    assert [(case.database, case.database_name) for case in by_url] == [
        ("postgresql://h/all?options=shop", "shop"),
        ("mysql://h/x", "x"),
    ]


def test_a_benchmark_on_duckdb_files(shop: str, tmp_path: Path) -> None:
    questions = [
        {"question_id": 1, "db_id": "shop", "question": "Q", "SQL": "SELECT name FROM item"},
        {"question_id": 2, "db_id": "gone", "question": "Q", "SQL": "SELECT name FROM item"},
    ]
    (tmp_path / "questions.json").write_text(json.dumps(questions))
    (tmp_path / "drafts.json").write_text(json.dumps({"1": "SELECT name FROM item", "2": "SELECT 1"}))
    template = f"duckdb:///{Path(shop).parent}/{{name}}.duckdb"
    for places in (Path(shop).parent, template):
        loaded = load(BenchmarkFiles("bird", tmp_path / "questions.json", places))
        inputs = read_benchmark(loaded, predictions=tmp_path / "drafts.json", only_present=True)
        found = evaluate(inputs.cases)
        assert [(result.case.id, result.scores["ex"]) for result in found.results] == [("1", True)]
        assert as_json(found)["dialects"] == {"shop": "duckdb"}
        everything = read_benchmark(loaded, predictions=tmp_path / "drafts.json")
        assert [result.scores["ex"] for result in evaluate(everything.cases).results] == [True, False]
