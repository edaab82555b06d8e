"""The scorer: a tiny one of random numbers (tiny_scorer/make.py), and the shipped one where it is there."""

from __future__ import annotations

import math
import shutil
import threading
from pathlib import Path

import pytest

from share_sql.errors import SettingsError
from share_sql.models.load import load_scorer, named_scorer, shipped_adapters
from share_sql.models.scorer import LONGEST, TOKENIZER, WEIGHTS, Scorer, usable_cores

TINY = Path(__file__).parent / "tiny_scorer"
PAIRS = [
    ("how many singers are there", "select count from a"),
    ("how many singers are there", "select name from a"),
    ("age", "select age from b where name"),
    ("", ""),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "scorer"
    folder.mkdir()
    for name in (WEIGHTS, TOKENIZER):
        shutil.copyfile(TINY / name, folder / name)
    return folder


def test_each_pair_gets_a_number() -> None:
    scores = Scorer(TINY).score(PAIRS)
    assert len(scores) == len(PAIRS)
    assert all(math.isfinite(score) for score in scores)
    assert len(set(scores)) == len(PAIRS)
    assert Scorer(TINY).score([]) == []


def test_the_order_of_the_two_texts_counts() -> None:
    scorer = Scorer(TINY)
    assert scorer.score([("a b", "c")]) != scorer.score([("c", "a b")])


def test_a_score_does_not_depend_on_what_else_is_asked() -> None:
    scorer = Scorer(TINY)
    together = scorer.score(PAIRS)
    assert [scorer.score([pair])[0] for pair in PAIRS] == together
    assert scorer.score(PAIRS[::-1])[::-1] == together


def test_threads_get_the_same_scores() -> None:
    scorer = Scorer(TINY)
    found: list[list[float]] = []
    threads = [threading.Thread(target=lambda: found.append(scorer.score(PAIRS))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [scorer.score(PAIRS)] * 6


def test_long_texts_are_cut() -> None:
    scorer = Scorer(TINY)
    fits = "a " * (LONGEST - 8)
    short = scorer.score([("how many", fits)])
    assert scorer.score([("how many", fits + "b " * 500)]) != short, "there was room for some of it"
    assert scorer.score([("how many", "a " * 5000 + "b")]) == scorer.score([("how many", "a " * 6000)])


def test_the_name_tells_the_weights_apart(copy: Path) -> None:
    same = Scorer(copy).name
    assert same == Scorer(TINY).name
    with (copy / WEIGHTS).open("ab") as file:
        file.write(b"\0")
    assert Scorer(copy).name != same


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(SettingsError, match=rf"no {name}.*--scorer none"):
        Scorer(copy)


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER])
def test_a_damaged_file_is_named(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes()[:99])
    with pytest.raises(SettingsError, match=rf"^[^\n]*{name} cannot be loaded[^\n]*$"):
        Scorer(copy).score(PAIRS)


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers"])
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(SettingsError, match=f"package {package}; install it"):
        Scorer(TINY)


def test_cores_are_counted() -> None:
    assert usable_cores() >= 1


def test_the_shipped_scorer_prefers_a_change_that_the_question_asks_for() -> None:
    if not (shipped_adapters() / "scorer" / WEIGHTS).is_file():
        pytest.skip("no scorer comes with the package yet")
    scorer = named_scorer("shipped")
    assert scorer is not None
    assert scorer.name == getattr(load_scorer("embedded"), "name", "")
    question = "What are the names of all singers?"
    taken, added = scorer.score(
        [
            (question, "select(singer.Name { , singer.Age => })"),
            (question, "select(singer.Name { => , singer.Age })"),
        ]
    )
    assert taken > added
