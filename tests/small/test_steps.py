"""The steps between the trainings, as commands on a data folder with one small database."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from share_sql.prompts.library import load_prompts
from small import errors, held_edits, label, pairs
from small.examples import read_rows, write_rows

from .conftest import CASES, data_folder

ROOT = Path(__file__).parents[2]
RIGHT = "```SR\ndf1 = df.where(element = store.city, filter = 'Bonn')\nres = df1.select(store.name)\n```"
WRONG = "```SR\nres = df.select(store.name)\n```"
SQL = "SELECT name\n FROM store"


def run(monkeypatch: pytest.MonkeyPatch, module: Any, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
    monkeypatch.setattr("logging.disable", lambda level: None)
    module.main()


@pytest.fixture
def drafted(tmp_path: Path) -> Path:
    """Drafts of both questions, among them one that cannot be read and one said twice."""
    path = tmp_path / "drafts.jsonl"
    rows = [
        {"source": "spider-train", "id": "1", "drafts": [[RIGHT, -1, 2], ["?", -2, 1], [SQL, -3, 1]]},
        {"source": "spider-train", "id": "2", "drafts": [[WRONG, -1, 1], [WRONG, -2, 1]]},
        {"source": "bird-train", "id": "1", "drafts": [[RIGHT, -1, 1]]},
    ]
    write_rows(path, rows)
    return path


def test_drafts_are_run_and_compared_with_gold(
    learnt: Path, drafted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, cases = learnt / "labelled.jsonl", learnt / "cases.jsonl"
    run(monkeypatch, label, learnt, drafted, out, cases)
    rows = read_rows(out)
    assert [(row["id"], row["right"]) for row in rows] == [("1", True), ("1", False), ("2", False)]
    assert "'Bonn'" in rows[0]["sql"]
    # Wrong drafts come first; each is a case with gold, whose id no other has.
    assert [(row["id"], row["draft"]) for row in read_rows(cases)] == [
        ("1.0", rows[1]["sql"]), ("1.1", rows[0]["sql"]), ("2.0", rows[2]["sql"]),
    ]  # fmt: skip
    assert "3 drafts run, 1 are right; of the 2 likeliest ones 2 run, 1 are right" in capsys.readouterr().out


def test_held_out_drafts_make_no_cases(
    kept_aside: Path, drafted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, label, kept_aside, drafted, kept_aside / "l.jsonl", kept_aside / "c.jsonl")
    assert len(read_rows(kept_aside / "l.jsonl")) == 3
    assert read_rows(kept_aside / "c.jsonl") == []


LABELLED = [
    {"id": "1", "sql": "SELECT name FROM store WHERE city = 'Jena'", "right": False},
    {"id": "1", "sql": "SELECT name, city FROM store WHERE city = 'Bonn'", "right": False},
    {"id": "2", "sql": "SELECT name FROM store ORDER BY size LIMIT 1", "right": False},
    {"id": "2", "sql": "", "right": False},
]


def test_pairs_say_which_change_mends(learnt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(learnt / "labelled.jsonl", LABELLED)
    run(monkeypatch, pairs, learnt / "pairs.json", "--of", learnt, learnt / "labelled.jsonl")
    rows = read_rows(learnt / "pairs.json")
    prompt = load_prompts("brief").render(
        "scorer", question="Which is the largest store?",
        change="orderby ( store.size , { asc => desc } ) .limit ( 1 ) .select ( store.name )",
    )[-1].content  # fmt: skip
    by_prompt = {row["instruction"]: row for row in rows}
    assert by_prompt[prompt]["output"] == "yes", "\n".join(by_prompt)
    back = prompt.replace("{ asc => desc }", "{ desc => asc }")
    assert by_prompt[back]["output"] == "no"
    assert {row["source"] for row in rows} == {"spider-train"}
    assert {row["database"] for row in rows} == {"bike_1"}
    kinds = {row["kind"].partition(":")[0] for row in rows}
    assert {"gold", "along", "draft", "draft to gold", "gold to draft", "draft back"} <= kinds
    worse = [row for row in rows if row["kind"].startswith(("gold:", "gold to")) or " idle:" in row["kind"]]
    assert {row["output"] for row in worse} == {"no"}
    assert all(row["output"] == "yes" for row in rows if row["kind"] == "draft to gold")


def test_the_same_pairs_in_other_prompts(learnt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(learnt / "labelled.jsonl", LABELLED)
    sources = ("--of", learnt, learnt / "labelled.jsonl")
    run(monkeypatch, pairs, learnt / "brief.json", *sources)
    run(monkeypatch, pairs, learnt / "coder.json", *sources, "--prompts", "coder")
    run(monkeypatch, pairs, learnt / "bare.json", *sources, "--prompts", "coder", "--without-rows")
    brief, coder, bare = (read_rows(learnt / f"{name}.json") for name in ("brief", "coder", "bare"))
    same = [[(row["id"], row["kind"], row["output"]) for row in rows] for rows in (brief, coder, bare)]
    assert same[0] == same[1] == same[2]
    # Real errors come before what was spoiled on purpose.
    real = [pairs.is_real(row["kind"]) for row in brief if row["id"] == "2"]
    assert real == sorted(real, reverse=True)
    assert 0 < sum(real) < len(real)
    prompt = next(row["instruction"] for row in coder if row["kind"] == "draft to gold" and row["id"] == "2")
    assert "store.size: such as 40, 70, 55\n" in prompt
    assert "Rows before: 1 column, 1 row: North\nRows after: 1 column, 1 row: South\n" in prompt
    assert not any("such as" in row["instruction"] or "1 row" in row["instruction"] for row in bare)


def test_gold_that_finds_nothing_teaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = data_folder(tmp_path, "bike_1", gold="SELECT name FROM store WHERE city = 'Rome'")
    write_rows(source / "labelled.jsonl", LABELLED)
    for module in (pairs, errors):
        run(monkeypatch, module, source / "out.json", "--of", source, source / "labelled.jsonl")
        assert {row["id"] for row in read_rows(source / "out.json")} == {"2"}


def test_what_is_wrong_is_said_in_words(learnt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(learnt / "labelled.jsonl", [*LABELLED, {"id": "1", "sql": CASES[0]["gold"], "right": True}])
    run(monkeypatch, errors, learnt / "errors.json", "--of", learnt, learnt / "labelled.jsonl")
    rows = read_rows(learnt / "errors.json")
    assert [(row["id"], row["kind"], row["output"]) for row in rows] == [
        ("1", "right draft", "nothing"), ("1", "wrong draft", "value"), ("1", "wrong draft", "output"),
        ("2", "gold", "nothing"), ("2", "wrong draft", "order"),
    ]  # fmt: skip
    assert "Rows: 1 column, 1 row: East\n" in rows[1]["instruction"]


def test_only_held_out_drafts_are_edited(
    kept_aside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(kept_aside / "labelled.jsonl", LABELLED)
    run(
        monkeypatch, held_edits, kept_aside / "edits.jsonl", "--of", kept_aside, kept_aside / "labelled.jsonl"
    )
    rows = read_rows(kept_aside / "edits.jsonl")
    assert {row["draft"] for row in rows} == {"1.0", "1.1", "2.0"}
    assert not any(row["before"] for row in rows)
    mending = {(row["draft"], row["kind"]) for row in rows if row["after"]}
    assert {("1.1", "select-drop"), ("2.0", "order-direction")} <= mending
    assert all(row["forth"] != row["back"] for row in rows)


def test_databases_that_are_learnt_from_give_no_held_edits(
    learnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(learnt / "labelled.jsonl", LABELLED)
    run(monkeypatch, held_edits, learnt / "edits.jsonl", "--of", learnt, learnt / "labelled.jsonl")
    assert read_rows(learnt / "edits.jsonl") == []


def test_trainings_need_nothing_of_share_that_needs_more_than_numpy() -> None:
    """They run where SHARE is not installed: what they import of it must do without its dependencies."""
    found = set()
    for name in (
        "adapter", "answer", "arrays", "batches", "draft", "examples", "fit", "folds", "gpu_run",
        "llama", "loss", "packed", "packed_batches", "report", "scorer", "tensors", "weights",
    ):  # fmt: skip
        tree = ast.parse((ROOT / "small" / f"{name}.py").read_text("utf-8"))
        found |= {
            node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("share_sql")
        }
    assert found
    absent = ("sqlglot", "click", "jinja2", "httpx2", "openvino_genai", "pydantic", "rapidfuzz", "rich")
    lines = [
        "import sys",
        *(f"sys.modules[{name!r}] = None" for name in absent),
        *(f"import {name}" for name in sorted(found)),
        "from share_sql.prompts.library import load_prompts",
        "load_prompts('brief')",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, cwd=ROOT, check=False,
        env={"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
