"""What is printed: nothing that others wrote steers the terminal, no closed stream ends in a traceback."""

from __future__ import annotations

import ast
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import share_sql.cli
from share_sql.cli.main import cli
from share_sql.display import plain

STEERS = "\x1b]0;mine\x07\x1b[2J\x9b31m\u202eevil\x7f"
SHARE = [sys.executable, "-P", "-c", "from share_sql.cli.main import main; main()"]
DRAFT = "SELECT COUNT(*) FROM store WHERE city = 'bonn'"
GIVEN = ["--question", "How many stores are in Bonn?", "--sql", DRAFT]


def steers(text: str) -> list[str]:
    return [char for char in text if char != "\n" and plain(char) != char]


def test_text_of_others_is_printed_in_one_place() -> None:
    folder = Path(share_sql.cli.__file__).parent
    found = []
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())) if path.name != "terminal.py" else ():
            called = node.func if isinstance(node, ast.Call) else None
            name = f".{called.attr}" if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in {"print", "echo", ".echo", ".secho", ".print", ".write", ".print_exception"}:
                found.append(f"{path.name}:{getattr(node, 'lineno', 0)}: {name}")
    assert found == []


def test_plain_text_is_still_the_same_query() -> None:
    same = "SELECT 'a\u00a0b\u3000c'\r\n\tFROM \"می\u200cخواهم\""
    assert plain(same) == same
    assert plain("a\rb\x1b[1m\u202e\u2028\ud800\x85") == "a�b�[1m����"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A database whose names and values hold escape sequences."""
    path = tmp_path / "hostile.sqlite"
    connection = sqlite3.connect(path)
    name = f'"t{STEERS}"'
    connection.execute(f'CREATE TABLE {name} (id INTEGER PRIMARY KEY, "c{STEERS}" TEXT)')
    connection.execute(f'CREATE TABLE u (x INTEGER REFERENCES "gone{STEERS}" ("y{STEERS}"))')
    connection.execute(f"INSERT INTO {name} VALUES (1, ?)", (f"v{STEERS}",))
    connection.commit()
    connection.close()
    return path


def test_names_and_values_of_a_database_steer_nothing(hostile: Path, tmp_path: Path) -> None:
    sql = f'SELECT "c{STEERS}", nothing FROM "t{STEERS}" WHERE id = \'{STEERS}\''
    tables = tmp_path / "tables.json"
    tables.write_text(json.dumps([{"db_id": "hostile", "table_names_original": [STEERS]}]))
    db = ["--db", str(hostile)]
    asked = [*db, "--question", STEERS, "--sql", sql]
    for call in (
        ["fix", *asked, "-vv"],
        ["fix", *asked, "--tables", str(tables)],
        ["check", *asked],
        ["describe", *db],
        ["values", "lookup", *db, "v"],
        ["trajectory", "show", *db, "--sql", f'SELECT "c{STEERS}" FROM "t{STEERS}"'],
        ["explain", STEERS],
        ["fix", f"--{STEERS}"],
        [STEERS],
        ["fix", "--policy", STEERS],
    ):
        done = CliRunner().invoke(cli, call)
        assert done.output
        assert steers(done.output) == [], call


@pytest.mark.parametrize("logger", ["share_sql.x", "sqlglot", "py.warnings"])
def test_warnings_of_the_log_steer_nothing(logger: str) -> None:
    code = (
        "import logging, sys\nfrom share_sql.cli.main import main\n"
        "import share_sql.cli.models as verb\nimport click\n"
        f"verb.command = click.Command('models', callback=lambda: "
        f"logging.getLogger({logger!r}).warning('%s', {STEERS!r} + '\\nshare: done'))\n"
        "sys.argv = ['share', 'models']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.startswith("share: �]0;mine")
    assert done.stderr.count("\n") == 1, "one warning is one line"
    assert steers(done.stderr) == []


def test_the_table_of_an_evaluation_steers_nothing(shop: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    row = {"id": STEERS, "database": str(shop), "gold": "SELECT 1", "prediction": "SELECT 1"}
    cases.write_text(json.dumps(row | {"difficulty": f"d{STEERS}"}) + "\n")
    done = CliRunner().invoke(cli, ["eval", "--cases", str(cases)])
    assert done.exit_code == 0
    assert "d�]0;mine" in done.stdout
    assert steers(done.output) == []


@pytest.mark.parametrize(
    "long", ["x" * 100_000, "x y " * 25_000, "x\n" * 50_000], ids=["word", "words", "lines"]
)
def test_an_argument_that_is_very_long_is_cut(long: str, tmp_path: Path) -> None:
    for call in (
        ["explain", long],
        [long],
        ["fix", "--db", str(tmp_path), "--question", "q", "--sql", "s", "--policy", long],
        ["run", "--cases", long, "--out", "o"],
        ["data", "stats", long],
        ["values", "build", "--db", long],
    ):
        done = CliRunner().invoke(cli, call)
        assert done.exit_code != 0
        assert done.stderr.startswith("share: ")
        assert done.stderr.count("\n") == 1
        assert len(done.stderr) < 1500, call[0]


@pytest.fixture
def calls(shop: Path, tmp_path: Path) -> dict[str, list[str]]:
    """A call of each verb, which ends with exit code 0."""
    cases, scored = tmp_path / "cases.jsonl", tmp_path / "scored.jsonl"
    row = {"id": "1", "question": "How many stores are in Bonn?", "database": str(shop), "draft": DRAFT}
    cases.write_text("".join(json.dumps(row | {"id": str(number)}) + "\n" for number in range(20)))
    row = {"id": "1", "database": str(shop), "gold": "SELECT 1", "prediction": "SELECT 1", "sql": "SELECT 1"}
    scored.write_text("".join(json.dumps(row | {"id": str(number)}) + "\n" for number in range(20)))
    return {
        "run": ["run", "--cases", str(cases), "--out", str(tmp_path / "out"), "--models", "none"],
        "eval": ["eval", "--cases", str(scored)],
        "fix": ["fix", "--db", str(shop), *GIVEN],
        "check": [
            "check",
            "--db",
            str(shop),
            "--question",
            "How many stores?",
            "--sql",
            "SELECT COUNT(*) FROM store",
        ],
        "trajectory": ["trajectory", "roundtrip", "--cases", str(scored)],
        "json": ["fix", "--db", str(shop), *GIVEN, "--json"],
        "help": ["--help"],
    }


VERBS = ("run", "eval", "fix", "check", "trajectory", "json", "help")


def shell(script: str, call: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which "$@" is the call of share."""
    return subprocess.run(
        ["bash", "-c", script, "bash", *SHARE, *call], capture_output=True, text=True, timeout=60, check=False
    )


def finished(tmp_path: Path) -> bool:
    lines = (tmp_path / "out" / "corrections.jsonl").read_text().splitlines()
    return len(lines) == 20 and (tmp_path / "out" / "run.json").exists()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_as_the_null_device(
    verb: str, closed: str, calls: dict[str, list[str]], tmp_path: Path
) -> None:
    done = shell(f'"$@" {closed}', calls[verb])
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert ">&-" not in closed.split() or done.stdout == ""
    if verb == "run":
        assert finished(tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_a_full_device_is_told_once_and_loses_no_work(
    verb: str, calls: dict[str, list[str]], tmp_path: Path
) -> None:
    done = shell('"$@" >/dev/full', calls[verb])
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("share: ")]
    assert told == ["share: standard output cannot be written: No space left on device"]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if verb == "run":
        assert finished(tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_a_full_device_for_errors_changes_nothing(
    verb: str, calls: dict[str, list[str]], tmp_path: Path
) -> None:
    done = shell('"$@" 2>/dev/full', ["-v", *calls[verb]])  # -v: with lines of the log from all stages
    assert done.returncode == 0
    assert done.stdout != ""
    if verb == "run":
        assert finished(tmp_path)
    assert shell('"$@" 2>/dev/full', ["--nonsense", *calls[verb]]).returncode == 2


@pytest.mark.parametrize("verb", VERBS)
def test_a_reader_that_goes_away_loses_no_work(
    verb: str, calls: dict[str, list[str]], tmp_path: Path
) -> None:
    done = shell('"$@" | (exec <&-; sleep 0); exit ${PIPESTATUS[0]}', calls[verb])
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    if verb == "run":
        assert finished(tmp_path)
    if verb == "fix":
        assert "corrected: " in done.stderr, "the verdict is told all the same"


SLOW = "SELECT COUNT(*) FROM " + ", ".join(f"store AS s{number}" for number in range(24))
"""A query without an end."""


@pytest.fixture
def slow_calls(shop: Path, tmp_path: Path) -> dict[str, list[str]]:
    """Calls that work on a query without an end."""
    cases = tmp_path / "slow.jsonl"
    row = {
        "question": "Q",
        "database": str(shop),
        "gold": SLOW,
        "prediction": "SELECT 1",
        "draft": "SELECT 1",
    }
    rows = [row | {"id": str(number), "sql": f"{SLOW} WHERE {number} < 9"} for number in range(8)]
    cases.write_text("".join(json.dumps(each) + "\n" for each in rows))
    gold = tmp_path / "gold.jsonl"
    quick = [
        row | {"id": f"q{number}", "gold": "SELECT name, city FROM store ORDER BY id"} for number in range(40)
    ]
    gold.write_text("".join(json.dumps(each) + "\n" for each in [*quick, *rows]))
    view = tmp_path / "view.sqlite"
    connection = sqlite3.connect(view)
    connection.execute("CREATE TABLE t (a TEXT)")
    connection.execute(
        "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000)"
        " SELECT hex(randomblob(30)) FROM c"
    )
    connection.commit()
    connection.close()
    return {
        "eval": ["eval", "--cases", str(cases), "--no-cache"],
        "calibrate": ["calibrate", "--gold", str(gold), "--out", str(tmp_path / "weights.json")],
        "trajectory": ["trajectory", "roundtrip", "--cases", str(cases)],
        "data": ["data", "teacher", str(tmp_path / "data"), "--cases", str(cases)],
        "describe": ["describe", "--db", str(view)],
        "values": ["values", "build", "--db", str(view)],
    }


def workers_of(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(each) for each in task.read_text().split()]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="/proc tells which processes there are")
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("verb", ["eval", "calibrate", "trajectory", "data", "describe", "values"])
def test_a_stopped_verb_ends_at_once_with_its_processes(
    verb: str, number: int, code: int, slow_calls: dict[str, list[str]]
) -> None:
    process = subprocess.Popen(
        [*SHARE, *slow_calls[verb]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    workers: list[int] = []
    while not workers and process.poll() is None:
        workers = workers_of(process.pid)
        time.sleep(0.01)
    assert workers, "it works in processes of its own"
    # They start where the verb can be stopped. It is soon, so that the quickest verb has not ended.
    time.sleep(0.05)
    before = time.monotonic()
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert time.monotonic() - before < 5, "the query alone has longer"
    assert process.returncode == code
    assert told.startswith("share: stopped")
    assert told.count("\n") == 1
    end = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(map(alive, workers))


def test_a_relative_path_in_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    for call in (
        ["fix", "--db", "x.sqlite", *GIVEN],
        ["check", "--db", "x.sqlite", *GIVEN],
        ["describe", "--db", "x.sqlite"],
        ["values", "build", "--db", "x.sqlite"],
        ["trajectory", "show", "--db", "x.sqlite", "--sql", "SELECT 1"],
    ):
        gone.mkdir()
        script = f'cd "{gone}"; rmdir "{gone}"; "$@"'
        done = shell(script, call)
        assert done.returncode == 1, done.stderr
        assert "the working folder is gone; go to one that is there" in done.stderr
        assert "internal error" not in done.stderr
        assert "unexpected" not in done.stderr
        assert "SHARE_DEBUG" not in done.stderr


@pytest.mark.parametrize("port", ["99999", "x", "-1"])
def test_a_port_that_is_none_is_named(port: str, shop: Path, tmp_path: Path) -> None:
    models = tmp_path / "models.toml"
    models.write_text(f'[models.sam]\nbase_url = "http://h:{port}/v1"\nmodel = "m"\n')
    done = CliRunner().invoke(cli, ["fix", "--db", str(shop), *GIVEN, "--models", str(models)])
    assert done.exit_code == 2
    assert "its host or port cannot be read; check it" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("value", "shown"), [("0", False), ("false", False), ("", False), ("1", True)])
def test_tracebacks_are_shown_where_they_are_asked_for(
    value: str, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARE_DEBUG", value)
    monkeypatch.delattr("share_sql.cli.models.command")
    done = CliRunner().invoke(cli, ["models"])
    assert done.exit_code == 1
    assert ("Traceback" in done.stderr) is shown
