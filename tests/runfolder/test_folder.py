"""The run folder: the reference's files, resuming after a kill, one run at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from share_sql.errors import RunFolderError
from share_sql.runfolder.final import FINAL_FILES, VARYING_FILES
from share_sql.runfolder.folder import JOURNAL, open_run_folder

SETTINGS = {"policy": "gated", "model for sam": "a"}
CASES = [("7", "aa"), ("x", "bb"), ("8", "cc")]


def row(name: str, **changes: Any) -> dict[str, Any]:
    correction = {
        "id": name,
        "sql": f"SELECT {name}",
        "verdict": "kept",
        "reason": "r",
        "confidence": 0.5,
        "usage": {"sam": {"prompt_tokens": 10, "completion_tokens": 2, "requests": 1}},
        "findings": [],
        "changes": [],
        "runs": True,
        "failures": [],
        "errors": [],
        "error": None,
    }
    return {
        "id": name,
        "database": "shop",
        "correction": correction,
        "steps": {"bam": ("", f"```SR\n{name}\n```"), "sam": (f"fill {name}", "filled")},
        "augmented": ["item.id"],
        "generator_prompt": f"write {name}",
        "seconds": {},
        **changes,
    }


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def fill(folder: Path, order: list[int]) -> None:
    with open_run_folder(folder, SETTINGS, CASES, resume=True) as run:
        for position in order:
            run.journal.append(position, row(CASES[position][0]))


def finish(folder: Path) -> None:
    with open_run_folder(folder, SETTINGS, CASES, resume=True) as run:
        run.finish({"settings": SETTINGS})


def test_files_have_the_references_shapes_in_input_order(tmp_path: Path) -> None:
    fill(tmp_path, [2, 0, 1])
    finish(tmp_path)
    assert lines(tmp_path / "original_traj.jsonl") == [
        {"idx": 7, "prompt": "", "response": "```SR\n7\n```"},
        {"idx": "x", "prompt": "", "response": "```SR\nx\n```"},
        {"idx": 8, "prompt": "", "response": "```SR\n8\n```"},
    ]
    assert lines(tmp_path / "intermediate_traj.jsonl")[0] == {
        "idx": 7, "prompt": "fill 7", "response": "filled",
    }  # fmt: skip
    assert lines(tmp_path / "final_traj.jsonl")[0] == {"idx": 7, "prompt": "", "response": None}
    assert lines(tmp_path / "prompts_for_generator.jsonl")[1] == {"idx": "x", "prompt": "write x"}
    final = json.loads((tmp_path / "final_sql.json").read_text(encoding="ascii"))
    assert next(iter(final.items())) == ("7", "SELECT 7\t----- bird -----\tshop")
    augmented = json.loads((tmp_path / "augmented_schema.json").read_text(encoding="ascii"))
    assert augmented == {"7": ["item.id"], "x": ["item.id"], "8": ["item.id"]}
    assert [each["id"] for each in lines(tmp_path / "corrections.jsonl")] == ["7", "x", "8"]
    usage = json.loads((tmp_path / "usage.json").read_text(encoding="ascii"))
    assert usage["stages"]["sam"]["prompt_tokens"] == 30
    assert usage["total"]["requests"] == 3
    run = json.loads((tmp_path / "run.json").read_text(encoding="ascii"))
    assert run["verdicts"] == {"kept": 3}
    assert lines(tmp_path / "timings.jsonl")[1] == {"id": "x", "seconds": {}, "total": 0}
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob(".*.part"))


def test_times_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    for name, seconds in (("slow", {"bam": 1.25, "judge": 2.5}), ("fast", {"bam": 0.1, "judge": 0.2})):
        with open_run_folder(tmp_path / name, SETTINGS, CASES[:2], resume=False) as run:
            run.journal.append(1, row("x", seconds=seconds))
            run.journal.append(0, row("7", seconds={"bam": 1.0}))
            run.finish({})
    assert lines(tmp_path / "slow" / "timings.jsonl") == [
        {"id": "7", "seconds": {"bam": 1.0}, "total": 1.0},
        {"id": "x", "seconds": {"bam": 1.25, "judge": 2.5}, "total": 3.75},
    ]
    differ = {
        name
        for name in FINAL_FILES
        if (tmp_path / "slow" / name).read_bytes() != (tmp_path / "fast" / name).read_bytes()
    }
    assert differ == {"timings.jsonl"}
    assert differ < VARYING_FILES


def test_keyed_files_are_written_as_json_writes_them_with_an_indent(tmp_path: Path) -> None:
    with open_run_folder(tmp_path, SETTINGS, CASES, resume=True) as run:
        for position, columns in enumerate(([], ['item."id"', "größe.a"], ["item.id"])):
            run.journal.append(position, row(CASES[position][0], augmented=columns))
        run.finish({})
    for name in ("augmented_schema.json", "final_sql.json"):
        text = (tmp_path / name).read_text(encoding="ascii")
        assert text == json.dumps(json.loads(text), indent=4) + "\n"


def test_an_id_twice_stays_in_the_corrections_and_does_not_overwrite_the_first(tmp_path: Path) -> None:
    with open_run_folder(tmp_path, SETTINGS, [("7", "aa"), ("7", "bb")], resume=False) as run:
        run.journal.append(0, row("7"))
        run.journal.append(1, row("7", duplicate=True, augmented=["other.id"]))
        run.finish({})
    assert len(lines(tmp_path / "corrections.jsonl")) == 2
    assert len(lines(tmp_path / "original_traj.jsonl")) == 1
    assert json.loads((tmp_path / "augmented_schema.json").read_text(encoding="ascii")) == {"7": ["item.id"]}


def test_an_unfinished_run_makes_no_files(tmp_path: Path) -> None:
    fill(tmp_path, [0])
    with pytest.raises(RunFolderError, match="2 cases are not finished"):
        finish(tmp_path)
    assert not any((tmp_path / name).exists() for name in FINAL_FILES)


def test_a_folder_with_a_run_is_not_overwritten(tmp_path: Path) -> None:
    fill(tmp_path, [0])
    with (
        pytest.raises(RunFolderError, match="holds a run already"),
        open_run_folder(tmp_path, SETTINGS, CASES, resume=False),
    ):
        pass
    other = tmp_path / "reference"
    other.mkdir()
    (other / "final_sql.json").write_text("{}", encoding="utf-8")
    with (
        pytest.raises(RunFolderError, match=r"final_sql\.json"),
        open_run_folder(other, SETTINGS, CASES, resume=False),
    ):
        pass


@pytest.mark.parametrize(
    ("settings", "cases", "reason"),
    [
        ({**SETTINGS, "policy": "always"}, CASES, 'a run with policy "gated", not "always"'),
        ({"policy": "gated"}, CASES, 'a run with model for sam "a", not unset'),
        (SETTINGS, [*CASES[:2], ("8", "dd")], "the case 8 differs"),
        (SETTINGS, CASES[:2], "it has 3 cases, now there are 2"),
    ],
)
def test_another_run_is_not_resumed(
    tmp_path: Path, settings: dict[str, str], cases: list[Any], reason: str
) -> None:
    fill(tmp_path, [0])
    before = (tmp_path / JOURNAL).read_bytes()
    with pytest.raises(RunFolderError) as caught, open_run_folder(tmp_path, settings, cases, resume=True):
        pass
    assert reason in str(caught.value)
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        open_run_folder(tmp_path, SETTINGS, CASES, resume=True),
        pytest.raises(RunFolderError, match="another run is using"),
        open_run_folder(tmp_path, SETTINGS, CASES, resume=True),
    ):
        pass
    finished = False
    with open_run_folder(tmp_path, SETTINGS, CASES, resume=True):
        finished = True
    assert finished


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with (
        pytest.raises(RunFolderError, match="cannot be made"),
        open_run_folder(tmp_path / "file" / "out", SETTINGS, CASES, resume=False),
    ):
        pass


WORKER = """
import sys, time
from pathlib import Path
from share_sql.case import Case
from share_sql.runfolder.folder import open_run_folder
from share_sql.runfolder.record import failed_row

cases = [(str(at), "x" * 4000) for at in range(300)]
with open_run_folder(Path(sys.argv[1]), {"policy": "gated"}, cases, resume=True) as run:
    print("open", flush=True)
    for at in sorted(run.pending, key=lambda at: at * 37 % 300):
        run.journal.append(at, failed_row(Case(str(at), "Q", "db", f"SELECT {at}" * 100), f"problem {at}"))
        time.sleep(0.0005)
    run.finish({})
"""


def work(folder: Path, kill_after: int | None) -> int:
    """Run the worker; kill -9 once its journal holds so many bytes."""
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    if kill_after is not None:
        journal = folder / JOURNAL
        while process.poll() is None and journal.stat().st_size < kill_after:
            pass
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
    process.stdout.close()
    return process.wait()


def test_killed_at_any_moment_it_resumes_to_the_same_files(tmp_path: Path) -> None:
    assert work(tmp_path / "whole", None) == 0
    total = (tmp_path / "whole" / JOURNAL).stat().st_size
    killed = 0
    for share in (0.82, 0.9, 0.97):
        killed += work(tmp_path / "cut", int(total * share)) == -signal.SIGKILL
    assert killed, "no kill came in time"
    assert work(tmp_path / "cut", None) == 0
    names = [name for name in FINAL_FILES if name not in VARYING_FILES]
    for name in names:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    positions = [each["at"] for each in lines(tmp_path / "cut" / JOURNAL)[1:]]
    assert sorted(positions) == list(range(300)), "nothing lost, nothing twice"
