"""Databases that fail, change or go away while a run goes on: told, counted, and done again by --resume.

Each fault is done to a real file, by the run's progress, so that it comes between two cases or within one.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from share_sql.cli.main import cli
from share_sql.runfolder.final import FINAL_FILES, VARYING_FILES

WRONG = "SELECT COUNT(*) FROM store WHERE city = 'bonn' AND id < {}"
CASES = 40


def run(folder: Path, *more: object, out: str = "out") -> Result:
    path = folder / "cases.jsonl"
    if not path.exists():
        rows = [
            {
                "id": f"c{at}",
                "question": "How many stores are in Bonn?",
                "database": name,
                "draft": WRONG.format(at),
            }
            for at in range(CASES)
            for name in ["shop.sqlite"]
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call = ["run", "--cases", path, "--out", folder / out, "--models", "none", "--concurrency", 2, *more]
    return CliRunner().invoke(cli, [*map(str, call)])


def corrections(folder: Path, out: str = "out") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / out / "corrections.jsonl").read_text().splitlines()]


def about_run(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / "run.json").read_text())
    return found


def same_as_undisturbed(folder: Path) -> None:
    """The resumed run's files are those of a run over the database as it is now."""
    assert run(folder, out="undisturbed").exit_code == 0
    for name in FINAL_FILES:
        if name not in VARYING_FILES:
            assert (folder / "out" / name).read_bytes() == (folder / "undisturbed" / name).read_bytes(), name


@pytest.fixture
def amid(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Have something done once, after 10 cases."""
    from share_sql.runfolder.journal import Journal

    add = Journal.add
    pending: list[Callable[[], None]] = []

    def added(self: Journal, position: int, line: Any) -> None:
        add(self, position, line)
        if len(self) >= 10 and pending:
            pending.pop()()

    monkeypatch.setattr(Journal, "add", added)
    yield pending.append
    assert not pending, "the fault never came"


def add_store(shop: Path, city: str = "Bonn") -> None:
    with closing(sqlite3.connect(shop)) as connection, connection:
        connection.execute("INSERT INTO store (name, city) VALUES ('New', ?)", (city,))


# -- faults that stay ------------------------------------------------------------------------------------


def deleted(shop: Path) -> None:
    shop.unlink()


def emptied(shop: Path) -> None:
    os.truncate(shop, 0)


def cut_in_half(shop: Path) -> None:
    os.truncate(shop, shop.stat().st_size // 2 + 100)


def no_database_any_more(shop: Path) -> None:
    shop.write_bytes(b"no database " * 1000)


def a_folder_in_its_place(shop: Path) -> None:
    shop.unlink()
    shop.mkdir()


@pytest.mark.parametrize(
    "fault", [deleted, emptied, cut_in_half, no_database_any_more, a_folder_in_its_place]
)
def test_what_a_lost_database_costs_is_told_and_done_again(
    shop: Path, amid: Callable[[Callable[[], None]], None], fault: Callable[[Path], None]
) -> None:
    whole = shop.with_name("whole")
    whole.write_bytes(shop.read_bytes())
    amid(lambda: fault(shop))
    result = run(shop.parent, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert list(told["causes"]) == ["database"]
    assert 1 <= told["causes"]["database"] <= CASES - 10
    assert "cases could not be worked on" in result.stderr
    assert "Traceback" not in result.stderr
    assert (about_run(shop.parent)["causes"], about_run(shop.parent)["failed"]) == (
        told["causes"],
        told["failed"],
    )
    found = corrections(shop.parent)
    lost = [row["id"] for row in found if row["error"]]
    assert lost == [each["id"] for each in told["failed"]]
    for row in found:
        assert bool(row["error"]) == any(each["cause"] == "database" for each in row["errors"]), row
        assert row["error"] or row["verdict"] == "corrected", row

    # It is back, as it was to the byte; yet it is another file, which is told.
    if shop.is_dir():
        shop.rmdir()
    whole.replace(shop)
    again = run(shop.parent, "--resume")
    assert again.exit_code == 0, again.stderr
    assert "cases are done again: the database shop.sqlite has changed since" in again.stderr
    assert {row["verdict"] for row in corrections(shop.parent)} == {"corrected"}
    same_as_undisturbed(shop.parent)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_database_that_may_not_be_read_is_told(
    shop: Path, amid: Callable[[Callable[[], None]], None]
) -> None:
    amid(lambda: shop.chmod(0))
    result = run(shop.parent, "--json")
    assert result.exit_code == 1
    assert list(json.loads(result.stdout)["causes"]) == ["database"]
    shop.chmod(0o600)
    assert run(shop.parent, "--resume").exit_code == 0
    same_as_undisturbed(shop.parent)


# -- faults that pass ------------------------------------------------------------------------------------


def test_a_database_moved_for_a_moment_costs_nothing(
    shop: Path, amid: Callable[[Callable[[], None]], None]
) -> None:
    def moved() -> None:
        shop.rename(shop.with_name("elsewhere"))
        threading.Timer(0.15, lambda: shop.with_name("elsewhere").rename(shop)).start()

    amid(moved)
    settle(shop.parent, run(shop.parent))
    same_as_undisturbed(shop.parent)


def test_a_database_locked_for_four_seconds_costs_nothing(
    shop: Path, amid: Callable[[Callable[[], None]], None]
) -> None:
    def locked() -> None:
        connection = sqlite3.connect(shop, check_same_thread=False, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")

        def let_go() -> None:
            connection.execute("ROLLBACK")
            connection.close()

        threading.Timer(4.0, let_go).start()

    amid(locked)
    settle(shop.parent, run(shop.parent))
    same_as_undisturbed(shop.parent)


def settle(folder: Path, result: Result) -> None:
    """What such a fault cost, if anything, is told; and one --resume gets it back."""
    assert "Traceback" not in result.stderr
    lost = [row for row in corrections(folder) if row["verdict"] != "corrected"]
    assert all(row["error"] for row in lost), "nothing is lost without a word"
    assert (result.exit_code == 0) == (not lost and not about_run(folder)["changed"])
    if result.exit_code:
        assert run(folder, "--resume").exit_code == 0
    assert {row["verdict"] for row in corrections(folder)} == {"corrected"}


# -- changes ---------------------------------------------------------------------------------------------


def replaced(shop: Path) -> None:
    other = shop.with_name("other")
    other.write_bytes(shop.read_bytes())
    add_store(other)
    other.replace(shop)


@pytest.mark.parametrize("change", [add_store, replaced])
def test_a_change_while_the_run_goes_on_is_told_and_what_came_before_is_done_again(
    shop: Path, amid: Callable[[Callable[[], None]], None], change: Callable[[Path], None]
) -> None:
    amid(lambda: change(shop))
    result = run(shop.parent, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert 9 <= told["changed"]["shop.sqlite"] < CASES
    assert "the database shop.sqlite changed while the run went on" in result.stderr
    before = about_run(shop.parent)["databases"]["shop.sqlite"]

    again = run(shop.parent, "--resume", "--json")
    assert again.exit_code == 0, again.stderr
    assert "cases are done again: the database shop.sqlite has changed since" in again.stderr
    assert json.loads(again.stdout)["changed"] == {}
    assert about_run(shop.parent)["databases"] == {"shop.sqlite": before}
    same_as_undisturbed(shop.parent)


def test_a_change_after_the_run_is_noticed_by_resume_alone(shop: Path) -> None:
    assert run(shop.parent).exit_code == 0
    before = about_run(shop.parent)["databases"]
    unchanged = run(shop.parent, "--resume")
    assert (unchanged.exit_code, unchanged.stderr) == (0, "")
    assert about_run(shop.parent)["resumed"] == CASES
    with closing(sqlite3.connect(shop)) as connection, connection:
        connection.execute("UPDATE store SET city = 'BONN' WHERE city = 'Bonn'")
    result = run(shop.parent, "--resume")
    assert result.exit_code == 0
    assert (
        result.stderr == f"share: {CASES} cases are done again: the database shop.sqlite has changed since\n"
    )
    assert "'BONN'" in corrections(shop.parent)[0]["sql"]
    assert about_run(shop.parent)["resumed"] == 0
    assert about_run(shop.parent)["databases"] != before
    same_as_undisturbed(shop.parent)
    assert run(shop.parent, "--resume").stderr == "", "done again once"


def test_what_is_done_stays_where_its_database_is_gone(shop: Path) -> None:
    assert run(shop.parent).exit_code == 0
    before = (shop.parent / "out" / "corrections.jsonl").read_bytes()
    shop.rename(shop.with_name("elsewhere"))
    result = run(shop.parent, "--resume")
    assert result.exit_code == 0
    assert (
        f"share: {CASES} cases stay as they are: the database shop.sqlite cannot be looked at now"
        in result.stderr
    )
    assert "there is no file" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert (shop.parent / "out" / "corrections.jsonl").read_bytes() == before


def test_a_write_within_a_case_costs_nothing_without_a_word(shop: Path) -> None:
    # Another program writes all the time.
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            add_store(shop, "Ulm")
            time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        result = run(shop.parent)
    finally:
        stop.set()
        writer.join()
    settle_at_last(shop.parent, result)


def settle_at_last(folder: Path, result: Result) -> None:
    assert "Traceback" not in result.stderr
    assert all(row["error"] for row in corrections(folder) if row["verdict"] != "corrected")
    assert run(folder, "--resume").exit_code == 0
    same_as_undisturbed(folder)
