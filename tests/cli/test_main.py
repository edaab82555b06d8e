"""The command line's frame: lazy verbs, help with examples, errors in one line, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from share_sql.cli.main import VERBS, cli
from share_sql.errors import CaseError, QueryTimeout
from share_sql.stages.policies import POLICIES

READY = list(VERBS)


def share(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-c", "from share_sql.cli.main import main; main()", *args]
    return subprocess.run(
        call, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom share_sql.cli.main import cli\n"
        "try: cli.main(['--help'], prog_name='share')\nexcept SystemExit as end: assert end.code == 0\n"
        "heavy = {'sqlglot', 'httpx2', 'pydantic', 'rich', 'jinja2', 'rapidfuzz', 'asyncio', 'sqlite3'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    for verb in VERBS:
        assert verb in done.stdout


@pytest.mark.parametrize("verb", READY)
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    result = CliRunner().invoke(cli, [verb, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"share {verb}" in result.output


def leaves() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for verb in READY:
        if verb == "eval":  # its subcommands have an example in the verb's own help
            continue
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None
        if isinstance(command, click.Group):
            found += [(verb, name) for name in command.commands]
        else:
            found.append((verb,))
    return found


@pytest.mark.parametrize("path", leaves(), ids=" ".join)
def test_every_command_has_an_example_and_json(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert "--json" in result.output


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["nothing"], "No such command 'nothing'. (see `share --help`)"),
        (["fix", "--db", "x"], "Missing option '--question'. (see `share fix --help`)"),
        (["fix", "--bd", "x"], "No such option"),
        (["run", "--out", "o"], "Give exactly one of --cases, --benchmark and --data-config."),
        (["run", "--cases", "none.jsonl", "--out", "o"], "there is no file none.jsonl; expected cases"),
        (["prompts", "show", "critic"], "has no prompt for critic"),
        (["prompts", "show", "lom", "--set", "nowhere"], "there is no prompt set 'nowhere'"),
    ],
)
def test_a_wrong_call_ends_with_2_and_one_line(args: list[str], reason: str) -> None:
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert result.stderr.startswith("share: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """A verb `prompts` that raises what the list holds."""
    raising: list[BaseException] = []

    @click.command("prompts")
    def command() -> None:
        raise raising[0]

    monkeypatch.setattr("share_sql.cli.prompts.command", command)
    return raising


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (CaseError("line 3: no id"), 2, "share: line 3: no id\n"),
        (QueryTimeout("stopped\nafter 3 s"), 1, "share: stopped after 3 s\n"),
        (KeyError("x"), 1, "share: unexpected KeyError: 'x' (SHARE_DEBUG=1 shows where)\n"),
        (
            PermissionError(13, "Permission denied", "f"),
            1,
            "Permission denied: 'f' (SHARE_DEBUG=1 shows where)\n",
        ),
        (RecursionError("deep"), 1, "unexpected RecursionError: deep"),
        (KeyboardInterrupt(), 130, "share: stopped\n"),
        (click.Abort(), 130, "share: stopped\n"),
    ],
)
def test_every_error_ends_in_one_line(
    verb: list[BaseException], error: BaseException, code: int, line: str
) -> None:
    verb.append(error)
    result = CliRunner().invoke(cli, ["prompts"])
    assert result.exit_code == code
    assert line in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback_of_the_unexpected(
    verb: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARE_DEBUG", "1")
    verb.append(KeyError("x"))
    result = CliRunner().invoke(cli, ["prompts"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


def test_a_closed_pipe_is_quiet() -> None:
    code = "from share_sql.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "prompts", "show", "lom"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert complaint == b""


def test_the_version_is_printed() -> None:
    done = share("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("share ")


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_with_130(tmp_path: Path) -> None:
    fifo = tmp_path / "cases.jsonl"
    os.mkfifo(fifo)  # reading it blocks, so that the interrupt finds the verb at work
    call = [sys.executable, "-c", "from share_sql.cli.main import main; main()", "run"]
    process = subprocess.Popen(
        [*call, "--cases", str(fifo), "--out", str(tmp_path / "out")], stderr=subprocess.PIPE, text=True
    )
    writer = None
    while writer is None and process.poll() is None:
        try:
            writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)  # fails until the verb has opened it
        except OSError:
            time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=30)
    if writer is not None:
        os.close(writer)
    assert process.returncode == 130
    assert complaint.strip() == "share: stopped"


def test_the_policies_to_choose_from_are_those_that_there_are() -> None:
    for verb in ("fix", "run"):
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None
        (option,) = (each for each in command.params if each.name == "policy")
        assert isinstance(option.type, click.Choice)
        assert tuple(option.type.choices) == tuple(POLICIES)
        assert option.default == next(iter(POLICIES))
