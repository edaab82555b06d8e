"""`share run` under faults of its own files and its input: one line, an exit code, and --resume goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from share_sql.case import StepNote
from share_sql.cli.main import cli
from share_sql.runfolder.final import FINAL_FILES, VARYING_FILES
from share_sql.runfolder.folder import JOURNAL

WRONG = "SELECT COUNT(*) FROM store WHERE city = 'bonn' AND id < {}"
CALL = [sys.executable, "-c", "from share_sql.cli.main import main; main()"]


def write_cases(folder: Path, count: int) -> Path:
    rows = [
        {"id": f"c{at}", "question": "Q", "database": str(folder / "shop.sqlite"), "draft": WRONG.format(at)}
        for at in range(count)
    ]
    path = folder / "cases.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*args: object) -> Result:
    models = () if "--models" in args else ("--models", "none")
    return CliRunner().invoke(cli, ["run", *map(str, args), *models])


def corrections(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "corrections.jsonl").read_text().splitlines()]


def assert_same(out: Path, other: Path) -> None:
    for name in FINAL_FILES:
        if name not in VARYING_FILES:
            assert (out / name).read_bytes() == (other / name).read_bytes(), name


# -- disks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kilobytes", [40, 400, 700])
def test_a_full_disk_is_one_line_and_the_run_goes_on_with_room(shop: Path, kilobytes: int) -> None:
    """Within the first lines, within later ones, and within the final files."""
    folder = shop.parent
    apart = ["unshare", "-Urm", "bash", "-ec"]
    (folder / "small").mkdir()
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs small"
    if shutil.which("unshare") is None or subprocess.run([*apart, mount], cwd=folder).returncode:
        pytest.skip("no right to mount a file system of one's own")
    cases = write_cases(folder, 200)
    share = f"{sys.executable} -c '{CALL[2]}' run --cases {cases} --out small/out --models none"
    steps = [
        mount,
        f"{share} > first.out 2> first.err || echo $? > first.code",
        "mount -o remount,size=20m small",
        f"{share} --resume > second.out 2> second.err",
        "cp -r small/out out",
    ]
    ended = subprocess.run([*apart, "\n".join(steps)], cwd=folder)
    told = (folder / "first.err").read_text()
    assert told.startswith("share: small/out")
    assert told.endswith("cannot be written (No space left on device); mend that and go on with --resume\n")
    assert told.count("\n") == 1
    assert (folder / "first.code").read_text() == "2\n"
    assert ended.returncode == 0, (folder / "second.err").read_text()
    assert run("--cases", cases, "--out", folder / "whole").exit_code == 0
    assert_same(folder / "out", folder / "whole")


def test_a_file_that_may_not_grow_is_one_line(shop: Path) -> None:
    cases, out = write_cases(shop.parent, 60), shop.parent / "out"
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, -1)); {CALL[2]}"
    call = [
        sys.executable,
        "-c",
        limited,
        "run",
        "--cases",
        str(cases),
        "--out",
        str(out),
        "--models",
        "none",
    ]
    ended = subprocess.run(call, capture_output=True, text=True)
    assert ended.returncode == 2
    why = "cannot be written (File too large); mend that and go on with --resume"
    assert ended.stderr == f"share: {out / JOURNAL} {why}\n"
    assert run("--cases", cases, "--out", out, "--resume").exit_code == 0
    assert run("--cases", cases, "--out", shop.parent / "whole").exit_code == 0
    assert_same(out, shop.parent / "whole")


@pytest.mark.parametrize("full", ["XDG_CACHE_HOME", "TMPDIR", "both"])
def test_a_full_disk_for_the_cache_or_temporary_files_costs_no_correction(shop: Path, full: str) -> None:
    folder = shop.parent
    apart = ["unshare", "-Urm", "bash", "-ec"]
    (folder / "small").mkdir()
    mount = "mount -t tmpfs -o size=40k tmpfs small"
    if shutil.which("unshare") is None or subprocess.run([*apart, mount], cwd=folder).returncode:
        pytest.skip("no right to mount a file system of one's own")
    with closing(sqlite3.connect(shop)) as connection:
        connection.execute("CREATE TABLE town (name TEXT)")
        names = ((f"town {at:05} {'by the sea ' * 5}",) for at in range(40_000))
        connection.executemany("INSERT INTO town VALUES (?)", names)
        connection.commit()
    cases = write_cases(folder, 4)
    away = ("XDG_CACHE_HOME", "TMPDIR", "SQLITE_TMPDIR") if full == "both" else (full, f"SQLITE_{full}")
    places = dict.fromkeys(("XDG_CACHE_HOME", "TMPDIR", "SQLITE_TMPDIR"), f"{folder}/room")
    places |= dict.fromkeys(away, f"{folder}/small")
    (folder / "room").mkdir()
    setting = " ".join(f"{name}={place}" for name, place in places.items())
    share = f"{sys.executable} -c '{CALL[2]}' run --cases {cases} --out out --models none"
    call = f"{mount}\nhead -c 100k /dev/zero > small/full 2> head.err || true\n{setting} {share}"
    ended = subprocess.run([*apart, call], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "the value index is kept in memory" in ended.stderr
    assert {row["verdict"] for row in corrections(folder / "out")} == {"corrected"}
    assert all("'Bonn'" in row["sql"] for row in corrections(folder / "out"))


@pytest.mark.parametrize("streams", ["2>/dev/full", "2>&-", ">&-", "0<&-", "<&- >&- 2>&-", "2>/dev/full >&-"])
def test_streams_that_take_nothing_cost_no_case(shop: Path, streams: str) -> None:
    """What is told there is lost, the warning about the line that is no case included."""
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    folder = shop.parent
    cases = write_cases(folder, 3)
    cases.write_text(cases.read_text() + '{"id": "half"\n')
    share = f"{sys.executable} -c '{CALL[2]}' run --cases {cases} --out out --models none"
    ended = subprocess.run(["bash", "-c", f"{share} {streams}"], cwd=folder, capture_output=True, text=True)
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 0
    assert [row["verdict"] for row in corrections(folder / "out")] == ["corrected"] * 3 + ["kept"]
    assert "share:" not in "".join(path.read_text() for path in (folder / "out").iterdir() if path.is_file())


# -- folders -----------------------------------------------------------------------------------------------


def when_begun(out: Path, do: Any) -> threading.Thread:
    """Do something once the journal holds a few cases."""

    def wait() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if (out / JOURNAL).exists() and (out / JOURNAL).read_bytes().count(b"\n") > 5:
                do()
                return
            time.sleep(0.001)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_run_folder_that_is_deleted_meanwhile_is_one_line(shop: Path) -> None:
    cases, out = write_cases(shop.parent, 300), shop.parent / "out"
    watcher = when_begun(out, lambda: out.rename(shop.parent / "elsewhere"))
    result = run("--cases", cases, "--out", out)
    watcher.join()
    assert result.exit_code == 2
    assert "was deleted or moved while it was written" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not out.exists()
    (shop.parent / "elsewhere").rename(out)
    assert run("--cases", cases, "--out", out, "--resume").exit_code == 0


def test_a_line_damaged_while_the_run_goes_on_is_not_used(shop: Path) -> None:
    cases, out = write_cases(shop.parent, 300), shop.parent / "out"

    def damage() -> None:
        with (out / JOURNAL).open("r+b") as file:
            at = file.read().index(b"'Bonn'")
            file.seek(at + 1)
            file.write(b"C")

    watcher = when_begun(out, damage)
    result = run("--cases", cases, "--out", out)
    watcher.join()
    assert result.exit_code == 2
    assert "was damaged after it was written; go on with --resume" in result.stderr
    assert not any((out / name).exists() for name in FINAL_FILES)
    again = run("--cases", cases, "--out", out, "--resume")
    assert again.exit_code == 0
    assert "1 damaged line is passed over; what it held is done again" in again.stderr
    found = json.loads((out / "run.json").read_text())
    assert (found["damaged"], found["resumed"]) == (1, 299)
    assert "Conn" not in (out / "corrections.jsonl").read_text()


def test_a_folder_in_a_files_place_is_one_line(shop: Path) -> None:
    cases = write_cases(shop.parent, 2)
    for name in ("run.lock", JOURNAL, ".corrections.jsonl.part", "corrections.jsonl"):
        out = shop.parent / f"out-{name}"
        (out / name / "in it").mkdir(parents=True)
        result = run("--cases", cases, "--out", out, "--resume")
        assert result.exit_code == 2
        assert "Is a directory" in result.stderr
        assert len(result.stderr.splitlines()) == 1
        shutil.rmtree(out / name)
        assert run("--cases", cases, "--out", out, "--resume").exit_code == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
@pytest.mark.usefixtures("interruptible")
def test_a_run_that_is_stopped_says_how_it_goes_on(shop: Path, number: int, code: int) -> None:
    cases, out = write_cases(shop.parent, 2000), shop.parent / "out"
    call = [*CALL, "run", "--cases", str(cases), "--out", str(out), "--models", "none"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        when_begun(out, lambda: process.send_signal(number)).join()
        said, complaint = process.communicate(timeout=60)
    assert (process.returncode, said) == (code, "")
    assert complaint == "share: stopped; go on with --resume\n"
    assert 5 < (out / JOURNAL).read_bytes().count(b"\n") < 2000


# -- cases -------------------------------------------------------------------------------------------------


def test_names_that_no_database_has_cost_no_other_case(shop: Path) -> None:
    folder = shop.parent
    (folder / "dbs" / "shop").mkdir(parents=True)
    os.mkfifo(folder / "fifo")
    names = {
        "long": "a" * 300, "deep": "/".join(["b" * 200] * 50), "NUL": "a\0b", "surrogate": "a\ud800b",
        "home": "~", "another's home": "~root/shop", "port": "postgres://h:geheim@x:99999999/db",
        "SQLite's port": "sqlite://h:x/db", "through a file": f"{shop}/x", "folder": str(folder), "empty": "",
        "space": " ", "dots": "..", "1 MB": "c" * 1_000_000, "lines": "a\nb\r\n", "escaped NUL": "sqlite:///%00",
        "escaped surrogate": "sqlite:///%ff\ud800", "no file": "/dev/zero", "pipe": str(folder / "fifo"),
        "no URL": "http://[::1", "escapes": "\x1b[31m",
    }  # fmt: skip
    cases = folder / "cases.jsonl"
    rows = [
        {"id": name, "question": "Q", "database": where, "draft": WRONG.format(9)}
        for name, where in {"first": str(shop), **names, "last": str(shop)}.items()
    ]
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for number, more in enumerate(((), ("--databases", folder / "dbs"))):
        out = folder / f"out-{number}"
        result = run("--cases", cases, "--out", out, *more)
        assert result.exit_code == 1
        assert "Traceback" not in result.stderr
        assert "\x1b" not in result.stderr
        assert max(map(len, result.stderr.splitlines())) < 1200
        assert "geheim" not in result.stderr + (out / "corrections.jsonl").read_text()
        first, *bad, last = corrections(out)
        assert first["verdict"] == last["verdict"] == "corrected"
        found = json.loads((out / "run.json").read_text())
        assert found["causes"] == {"database": len(names)}
        for row in bad:
            assert (row["verdict"], row["sql"], row["runs"]) == ("kept", WRONG.format(9), None)
            assert 10 < len(row["error"]) < 25_000
            assert "internal error" not in row["error"]
    for verb in (["eval", "--metrics", "ex"], ["trajectory", "roundtrip"]):
        asked = [{**row, "gold": "SELECT 1", "prediction": "SELECT 1", "sql": "SELECT 1"} for row in rows]
        cases.write_text("".join(json.dumps(row) + "\n" for row in asked if row["database"]))
        for more in ([], ["--databases", str(folder / "dbs")]):
            result = CliRunner().invoke(cli, [*verb, "--cases", str(cases), "--json", *more])
            assert result.exit_code == 0, result.output[:2000]
            assert len(json.loads(result.stdout)["cases"]) == len(rows) - 1


def test_lines_that_hold_no_case_cost_no_other(shop: Path) -> None:
    good = {"id": "first", "question": "Q", "database": str(shop), "draft": WRONG.format(9)}
    bad: list[bytes] = [
        b'{"a":' * 100_000,
        b"[" * 1_000_000,
        b"\x00" * 50,
        b'{"id": "\xff"}',
        b'{"id": 1' + b"0" * 5000,
    ]
    values = (None, 1, 1.5, float("nan"), float("inf"), [], {}, True, "\ud800", "x" * 1_000_000)
    strange = [
        {**good, "id": f"{field} {at}", field: value} for field in good for at, value in enumerate(values)
    ]
    blank = [b"", b" \t", b"\r"]
    texts = [json.dumps(row).encode() for row in (good, *strange, {**good, "id": "last"})]
    cases = shop.parent / "cases.jsonl"
    lines = [texts[0], *bad, *blank, *texts[1:-1], b"\xef\xbb\xbf" + texts[-1] + b"\r"]
    cases.write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines) + b"\n")
    out = shop.parent / "out"
    result = run("--cases", cases, "--out", out)
    assert "Traceback" not in result.stderr
    assert max(map(len, result.stderr.splitlines())) < 1200
    found = corrections(out)
    assert len(found) == len(lines) - len(blank)
    assert found[0]["verdict"] == found[-1]["verdict"] == "corrected"
    assert all(row["reason"] and "internal error" not in row["reason"] for row in found)
    assert json.loads((out / "run.json").read_text())["causes"].keys() <= {"input", "database", "work"}


def test_what_only_the_input_is_to_blame_for_is_counted_and_ends_with_0(shop: Path) -> None:
    cases = write_cases(shop.parent, 3)
    cases.write_bytes(cases.read_bytes() + b'{"id": "half"\n{}\n')
    result = run("--cases", cases, "--out", shop.parent / "out")
    assert result.exit_code == 0
    assert "; 2 failed (2 input)." in result.stdout


def test_too_much_work_is_counted_and_not_done_again(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from share_sql.runfolder import record

    state_row = record.state_row
    done: list[str] = []

    def limited(state: Any, prompts: Any) -> dict[str, Any]:
        done.append(state.case.id)
        notes = {
            "c1": [StepNote("bam", "went on", error="too much work", cause="work")],
            "c2": [
                StepNote("bam", "went on", error="too much work", cause="work"),
                StepNote("repair", "went on", error="locked", cause="database"),
            ],
            "c3": [StepNote("sam", "went on", error="no join path")],
        }.get(state.case.id, [])
        object.__setattr__(state.correction, "steps", tuple(notes))
        return state_row(state, prompts)

    monkeypatch.setattr(record, "state_row", limited)
    cases, out = write_cases(shop.parent, 5), shop.parent / "out"
    result = run("--cases", cases, "--out", out)
    assert result.exit_code == 1, "the database that was locked"
    assert "; 2 failed (1 database, 1 work)." in result.stdout
    assert "1 of 5 cases could not be worked on (c1): too much work\n" in result.stderr
    assert "1 of 5 cases could not be worked on (c2): locked; --resume does that again\n" in result.stderr
    found = {row["id"]: (row["error"], row["errors"]) for row in corrections(out)}
    assert found["c0"] == (None, [])
    work = {"stage": "bam", "cause": "work", "message": "too much work"}
    assert found["c1"] == ("too much work", [work])
    assert found["c2"] == ("locked", [work, {"stage": "repair", "cause": "database", "message": "locked"}])
    assert found["c3"] == (None, [{"stage": "sam", "cause": None, "message": "no join path"}])
    done.clear()
    monkeypatch.setattr(record, "state_row", lambda *args: done.append(args[0].case.id) or state_row(*args))
    again = run("--cases", cases, "--out", out, "--resume")
    assert (again.exit_code, done) == (0, ["c2"])
    assert "; 1 failed (1 work)." in again.stdout
