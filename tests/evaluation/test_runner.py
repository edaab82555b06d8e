"""Evaluation over real databases: bad input, bounds, the cache."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from share_sql.database.child import Child, Program
from share_sql.database.sqlite import SqliteDatabase
from share_sql.errors import UsageError
from share_sql.evaluation.cases import EvalCase, Options
from share_sql.evaluation.figures import against_drafts, line
from share_sql.evaluation.runner import evaluate, split
from share_sql.evaluation.summary import as_json, by_difficulty

EVERYTHING = ("ex", "strict", "soft-f1", "ves", "r-ves")


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "odd" / "odd.sqlite"
    file.parent.mkdir()
    with sqlite3.connect(file) as connection:
        connection.executescript(
            """
            CREATE TABLE t (a INTEGER, b TEXT, c BLOB);
            INSERT INTO t VALUES (1, 'x', x'00ff'), (2, NULL, NULL), (2, CAST(x'4dfc' AS TEXT), x'');
            """
        )
    connection.close()
    return str(file)


def case(path: str, gold: str, prediction: str | None, **more: object) -> EvalCase:
    return EvalCase(id="1", database=path, gold=gold, prediction=prediction, **more)  # type: ignore[arg-type]


def scores(path: str, gold: str, prediction: str | None, **options: object) -> dict[str, object]:
    found = evaluate([case(path, gold, prediction)], ("ex", "strict", "soft-f1"), Options(**options))  # type: ignore[arg-type]
    return dict(found.results[0].scores)


def test_a_query_against_itself(path: str) -> None:
    found = evaluate([case(path, "SELECT * FROM t", "SELECT * FROM t")], EVERYTHING)
    assert found.results[0].scores["ex"] is True
    assert found.results[0].scores["soft-f1"] == 1.0
    assert isinstance(found.results[0].scores["ves"], float)
    assert 0.3 < float(found.results[0].scores["ves"] or 0) < 3
    assert found.results[0].scores["r-ves"] in {pow(step, 0.5) for step in (1.25, 1, 0.75, 0.5, 0.25)}


def test_duplicates_and_distinct(path: str) -> None:
    assert scores(path, "SELECT a FROM t", "SELECT DISTINCT a FROM t") == {
        "ex": True,
        "strict": False,
        "soft-f1": 1.0,
    }
    spider = scores(path, "SELECT a FROM t", "SELECT DISTINCT a FROM t", benchmark="spider")
    assert (spider["ex"], spider["strict"]) == (True, False)
    kept = scores(path, "SELECT a FROM t", "SELECT DISTINCT a FROM t", benchmark="spider", keep_distinct=True)
    assert kept["ex"] is False


def test_blobs_and_text_that_is_not_utf8(path: str) -> None:
    assert scores(path, "SELECT b, c FROM t", "SELECT b, c FROM t ORDER BY a") == {
        "ex": True,
        "strict": True,
        "soft-f1": 1.0,
    }


def test_repeated_column_names(path: str) -> None:
    assert scores(path, "SELECT a, a FROM t", "SELECT a AS x, a AS x FROM t")["ex"] is True


@pytest.mark.parametrize(
    "prediction", ["", "   ", "I cannot answer that.", "SELECT nothing FROM t", "DROP TABLE t"]
)
def test_predictions_that_do_not_run_are_wrong_and_say_why(path: str, prediction: str) -> None:
    found = evaluate([case(path, "SELECT a FROM t", prediction)], EVERYTHING).results[0]
    assert not any(found.scores.values())
    assert found.error
    assert found.gold_error is None
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (3,)
    connection.close()


@pytest.mark.parametrize("benchmark", ["bird", "spider"])
def test_gold_that_does_not_run_is_counted_apart(path: str, benchmark: str) -> None:
    cases = [
        case(path, "SELECT nothing FROM t", "SELECT nothing FROM t"),
        case(path, "SELECT a FROM t", "SELECT a FROM t"),
        case(path, "SELECT a FROM t WHERE a > 9", "SELECT b FROM t WHERE a > 8"),
    ]
    found = evaluate(cases, ("ex",), Options(benchmark=benchmark))  # type: ignore[arg-type]
    assert [result.scores["ex"] for result in found.results] == [False, True, True]
    assert found.results[0].gold_error
    assert [result.gold_empty for result in found.results] == [False, False, True]
    total = line(found.results, ("ex",))
    assert (total.cases, total.scored) == (3, 2)
    assert total.scores["ex"] == pytest.approx(200 / 3)
    assert total.scores_of_scored["ex"] == 100


def test_missing_predictions_and_databases(path: str, tmp_path: Path) -> None:
    cases = [
        case(path, "SELECT a FROM t", None, draft="SELECT a FROM t", difficulty="simple"),
        case(str(tmp_path / "none.sqlite"), "SELECT 1", "SELECT 1"),
    ]
    found = evaluate(cases, EVERYTHING)
    assert found.missing == ("1",)
    assert "none.sqlite" in (found.results[1].gold_error or "")
    assert not any(found.results[1].scores.values())
    moved = against_drafts(found.results, "ex")
    assert moved is not None
    assert (moved.cases, moved.broken) == (1, 1)
    assert list(by_difficulty(found)) == ["simple"]
    assert as_json(found)["missing"] == ["1"]


def test_a_million_rows(path: str) -> None:
    many = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT {} FROM n"
    )
    found = scores(path, many.format("i"), many.format("i + 0"))
    assert found == {"ex": True, "strict": True, "soft-f1": 1.0}


@pytest.mark.parametrize("benchmark", ["bird", "spider"])
def test_endless_queries_are_stopped(path: str, benchmark: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    found = evaluate(
        [case(path, "SELECT 1", endless), case(path, endless, "SELECT 1")],
        ("ex",),
        Options(benchmark=benchmark, seconds=0.2),  # type: ignore[arg-type]
    )
    assert [result.scores["ex"] for result in found.results] == [False, False]
    assert "stopped" in (found.results[0].error or "")
    assert "stopped" in (found.results[1].gold_error or "")


def test_the_cache_answers_and_notices_change(path: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cases = [case(path, "SELECT max(a) FROM t", "SELECT 2"), case(path, "SELECT 1", "SELECT nope")]
    opened: list[str] = []

    def watched(name: str):  # type: ignore[no-untyped-def]
        opened.append(name)
        return SqliteDatabase(name)

    first = evaluate(cases, ("ex", "soft-f1"), cache=cache, open_database=watched)
    assert opened
    opened.clear()
    again = evaluate(cases, ("ex", "soft-f1"), cache=cache, open_database=watched)
    assert again == first
    assert not opened
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO t VALUES (3, 'z', NULL)")
    connection.close()
    changed = evaluate(cases, ("ex", "soft-f1"), cache=cache, open_database=watched)
    assert opened
    assert changed.results[0].scores == {"ex": False, "soft-f1": 0.0}


def test_processes_serve_one_batch_after_another(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Child] = []

    class Counted(Child):
        def __init__(self, program: Program) -> None:
            super().__init__(program)
            started.append(self)

    monkeypatch.setattr("share_sql.database.child.Child", Counted)
    other = tmp_path / "other.sqlite"
    other.write_bytes(Path(path).read_bytes())
    cases = [
        case(name, f"SELECT {at}", f"SELECT {at % 150}") for name in (path, str(other)) for at in range(300)
    ]
    found = evaluate(cases, ("ex",), workers=2)
    assert sum(result.scores["ex"] is True for result in found.results) == 300
    assert 1 <= len(started) <= 2
    assert not any(child.alive for child in started), "they end with the evaluation"


def test_cached_verdicts_keep_their_places_among_new_cases(path: str, tmp_path: Path) -> None:
    cases = [case(path, f"SELECT {at}", f"SELECT {at % 3}") for at in range(6)]
    evaluate(cases[1::2], ("ex",), cache=tmp_path)
    told: list[int] = []
    found = evaluate(cases, ("ex",), cache=tmp_path, progress=told.append)
    assert [result.scores["ex"] for result in found.results] == [True, True, True, False, False, False]
    assert [result.case for result in found.results] == cases
    assert told == [3, 6]


def test_a_broken_cache_is_a_warning(path: str, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "evaluation-results-1.sqlite").write_text("no database at all, certainly not one of SQLite")
    found = evaluate([case(path, "SELECT 1", "SELECT 1")], ("ex",), cache=folder)
    assert found.results[0].scores == {"ex": True}
    assert any("going without" in warning for warning in found.warnings)


def test_a_database_that_changes_while_it_is_read(path: str) -> None:
    class Changing:
        def __init__(self, name: str) -> None:
            self.inner = SqliteDatabase(name)

        def query(self, *arguments: object) -> object:
            with sqlite3.connect(path) as connection:
                connection.execute("INSERT INTO t VALUES (9, '', NULL)")
            connection.close()
            return self.inner.query(*arguments)  # type: ignore[arg-type]

        def __enter__(self) -> Changing:
            return self

        def __exit__(self, *_: object) -> None:
            self.inner.close()

    found = evaluate([case(path, "SELECT 1", "SELECT 1")], ("ex",), open_database=Changing)  # type: ignore[arg-type]
    assert any("changed while it was read" in warning for warning in found.warnings)


def test_a_suite_of_databases(path: str) -> None:
    with sqlite3.connect(Path(path).with_name("second.sqlite")) as connection:
        connection.executescript("CREATE TABLE t (a, b, c); INSERT INTO t VALUES (7, 'q', NULL)")
    connection.close()
    found = evaluate(
        [case(path, "SELECT max(a) FROM t", "SELECT 2")], ("ex", "test-suite"), Options(benchmark="spider")
    )
    assert found.results[0].scores == {"ex": True, "test-suite": False}


def test_values_plugged(path: str) -> None:
    pair = ("SELECT b FROM t WHERE a = 1 AND b = 'x'", "SELECT b FROM t WHERE a = 5 AND b = 'y'")
    assert scores(path, *pair, benchmark="spider")["ex"] is False
    assert scores(path, *pair, benchmark="spider", plug_values=True)["ex"] is True


def test_exact_match_and_hardness(path: str) -> None:
    cases = [
        case(path, "SELECT a FROM t", "SELECT a FROM t"),
        case(path, "SELECT a FROM t", "SELECT b FROM t"),
        case(path, "SELECT a FROM t WHERE a IN (1, 2)", "SELECT a FROM t"),
    ]
    found = evaluate(cases, ("em",), Options(benchmark="spider"))
    assert [result.scores["em"] for result in found.results] == [True, False, None]
    assert [result.case.difficulty for result in found.results] == ["easy", "easy", ""]


def test_unknown_metric(path: str) -> None:
    with pytest.raises(UsageError, match="choose among ex, strict"):
        evaluate([], ("accuracy",))


def test_split_takes_sets_apart(path: str) -> None:
    found = evaluate([case(path, "SELECT 1", f"SELECT {n}") for n in (1, 2, 1)], ("ex",))
    assert [len(part.results) for part in split(found, [1, 0, 2])] == [1, 0, 2]
