"""`share`: the command line. Verbs load when they are used; every error ends here, in one line."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import click

from share_sql import __version__, waits
from share_sql.cli.common import verbose_option
from share_sql.cli.terminal import Output, complain, finish, open_streams, say
from share_sql.errors import ShareError

VERBS: Mapping[str, str] = {
    "fix": "Correct one draft.",
    "check": "Say what is wrong or risky in one draft; change nothing.",
    "run": "Correct many drafts into a run folder; can be resumed.",
    "eval": "Score SQL against gold.",
    "trajectory": "Show, read, compile and round-trip action trajectories.",
    "describe": "Describe a database's columns from its data.",
    "values": "Build the index of stored values.",
    "db": "Copy a SQLite database into another kind.",
    "prompts": "List, show and import prompt sets.",
    "data": "Make training data out of labelled SQL.",
    "train": "Train BAM, SAM or LOM with LLaMA-Factory.",
    "models": "Fetch and list the weights of small models that run here.",
    "calibrate": "Fit the judge's weights to labelled cases.",
    "explain": "Say what a kind of repair, guess or finding is.",
    "doctor": "Say what is wrong with the installation, the settings or a database's role.",
    "serve": "Serve corrections over HTTP, with a page to look at.",
    "mcp": "Serve corrections to agents, as tools of the Model Context Protocol.",
    "demo": "Correct the drafts of a made-up shop, and show what happened.",
}
"""Each verb's line in `share --help`. The verb's code is `command` in `share_sql.cli.<verb>`."""

DEBUG = "SHARE_DEBUG"
"""Set to 1 in the environment: unexpected errors show their traceback."""
OFF = frozenset({"", "0", "false", "no", "off"})


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and that ends every error in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        if cmd_name not in VERBS:
            return None
        from importlib import import_module

        command = import_module(f"share_sql.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run, and end the process with an exit code: 0, 1 (the work failed) or 2 (the call is wrong)."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)  # type: ignore[call-overload]
        _log_to_stderr()
        output = Output()
        code = self._ended(output, *args, **extra)
        finish(output)
        if output.lost is not None:
            code = code or 1
            # Where the reader of a pipe went away, it has what it wanted.
            if not isinstance(output.lost, BrokenPipeError):
                complain(f"standard output cannot be written: {output.lost.strerror}")
        finish(output)
        sys.exit(code)

    def _ended(self, output: Output, *args: Any, **extra: Any) -> int:
        """Run; tell an error; the exit code."""
        given = args[0] if args else extra.get("args")
        given = sys.argv[1:] if given is None else list(given)
        try:
            outcome = super().main(*args, standalone_mode=False, obj=output, **extra)  # type: ignore[call-overload]
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except ShareError as error:
            complain(str(error), given=given)
            return error.exit_code
        except click.ClickException as error:
            where = getattr(error, "ctx", None)
            hint = f" (see `{where.command_path} --help`)" if where else ""
            complain(f"{error.format_message()}{hint}", given=given)
            return error.exit_code
        except (KeyboardInterrupt, click.Abort):
            complain("stopped")
            return 130
        except BrokenPipeError as error:
            output.lost = error
            return 1
        except OSError as error:
            if traceback.extract_tb(error.__traceback__)[-1].filename == click.utils.__file__:
                output.lost = error  # click's own text, such as --help, could not be written
                return 1
            if error.errno == errno.ENOENT and _homeless():
                complain("the working folder is gone; go to one that is there")
                return 2
            return _unexpected(error, str(error), given)
        except Exception as error:
            return _unexpected(error, f"unexpected {type(error).__name__}: {error}", given)
        return outcome if isinstance(outcome, int) else 0


def _homeless() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _debugs() -> bool:
    return os.environ.get(DEBUG, "").strip().lower() not in OFF


def _unexpected(error: Exception, message: str, given: Sequence[str]) -> int:
    if _debugs():
        say("".join(traceback.format_exception(error)), err=True, nl=False)
    else:
        complain(f"{message} ({DEBUG}=1 shows where)", given=given)
    return 1


class _StderrHandler(logging.Handler):
    """The package's log as lines on stderr, with tracebacks only where they are asked for.

    Which lines, the loggers' levels say: warnings; on a terminal also what is waited for; with -v each stage.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        complain(record.getMessage())
        if record.exc_info and _debugs():
            say("".join(traceback.format_exception(*record.exc_info)), err=True, nl=False)


def _log_to_stderr() -> None:
    logger = logging.getLogger("share_sql")
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        logger.addHandler(_StderrHandler())
        logger.propagate = False
    logger.setLevel(logging.WARNING)
    # Unset, it follows the package's level, which -v lowers.
    waits.log.setLevel(logging.INFO if sys.stderr.isatty() else logging.NOTSET)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A model may answer with characters that a terminal, or UTF-8 itself, cannot write.
            stream.reconfigure(errors="backslashreplace")


EXAMPLES = """\b
Examples:
  share demo
  share fix --db shop.sqlite --question "How many orders?" --sql "SELECT count(id) FROM order"
  share run --cases drafts.jsonl --out out/first --models none
"""


@click.group(
    "share", cls=LazyGroup, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="share", message="%(prog)s %(version)s")
@verbose_option
def cli() -> None:
    """Correct SQL that a language model drafted, or leave it untouched.

    SHARE reads a draft as a trajectory of actions, repairs it with small models and against the
    database, and hands back SQL that it has checked. Exit codes: 0 done, 1 the work failed, a model did
    not answer or the SQL handed back does not run, 2 the call is wrong.
    """


def main() -> NoReturn:
    """Entry point of `share`."""
    open_streams()
    # What libraries log and warn of may quote a query or a file, and nobody else takes it.
    logging.lastResort = _StderrHandler(logging.WARNING)
    logging.captureWarnings(True)
    cli.main(prog_name="share")
    raise AssertionError("the group's main always ends the process")
