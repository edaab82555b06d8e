"""The one place that writes to the terminal: text that was not written here cannot steer it."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click

from share_sql.display import plain

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

LONGEST_WORD = 200
"""Characters of a word, or of an argument of the call, that a line about an error repeats."""
LONGEST_LINE = 4000
"""Characters of a line about an error."""

_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")


@dataclass
class Output:
    """What became of standard output in one call."""

    lost: OSError | None = None
    """Why it could not be written; None while all went well."""


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print text for people, on standard output or standard error.

    Args:
        text: anything; what would steer a terminal is taken out.
        err: to standard error. What cannot be written there is lost: nothing may fail for want of it.
        nl: end the line.

    Raises:
        OSError: standard output cannot be written, outside a call of `share`. In one, the call goes on
            without it, and ends with an exit code that says so.
    """
    _write(plain(text), err=err, nl=nl)


def complain(message: str, *, given: Sequence[str] = ()) -> None:
    """Print one line on standard error, behind the program's name.

    Args:
        message: the line; breaks in it become spaces, what is very long in it is cut in its middle.
        given: arguments of the call, which the message may repeat whole.
    """
    for argument in given:
        if len(argument) > LONGEST_WORD:
            message = message.replace(argument, _cut(argument, LONGEST_WORD))
    line = " ".join(message.splitlines())
    line = _cut(_LONG_WORD.sub(lambda found: _cut(found[0], LONGEST_WORD), line), LONGEST_LINE)
    say(f"share: {line}", err=True)


def print_json(value: Any) -> None:
    """Print one JSON value, indented on a terminal. Escapes all but printable ASCII, so that any stream can
    take it."""
    text = json.dumps(value, indent=1 if sys.stdout.isatty() else None)
    _write(text.replace("\x7f", "\\u007f"), err=False, nl=True)


def draw(thing: RenderableType, *, soft_wrap: bool = False) -> None:
    """Print what rich draws, on standard output: its styles, and its text as `say` prints it."""
    from rich.console import Console

    console = Console()
    with console.capture() as drawn:
        console.print(_Plain(thing), soft_wrap=soft_wrap)
    _write(drawn.get(), err=False, nl=False)


@dataclass(frozen=True)
class _Plain:
    """What rich draws, with plain text."""

    thing: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment

        for part in console.render(self.thing, options):
            yield Segment(plain(part.text), part.style, part.control)


def _cut(text: str, longest: int) -> str:
    """A text without its middle, where it is longer than that: both ends tell what it is."""
    if len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def _write(text: str, *, err: bool, nl: bool) -> None:
    try:
        click.echo(text, err=err, nl=nl)
    except OSError as error:
        _give_up(sys.stderr if err else sys.stdout)
        if err:
            return
        context = click.get_current_context(silent=True)
        output = context.find_object(Output) if context is not None else None
        if output is None:
            raise
        output.lost = error


def finish(output: Output) -> None:
    """Write out what both streams still hold, so that the interpreter's own end finds nothing to fail on."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            _give_up(stream)
            if stream is sys.stdout:
                output.lost = output.lost or error


def _give_up(stream: TextIO) -> None:
    """Send the rest of a stream that cannot be written nowhere."""
    with suppress(OSError, ValueError):  # ValueError: no file is behind it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


def open_streams() -> None:
    """Open the null device in place of each standard stream that the caller closed.

    Else the next file that is opened, a journal or a database, would get the stream's number, and with it
    what a process that is started writes there.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


@contextmanager
def interruptible(hint: str = "", *, last: Callable[[], None] | None = None) -> Iterator[None]:
    """End the process at once on Ctrl-C, with exit code 130, on SIGTERM, 143, and on SIGHUP, 129: its
    terminal is gone.

    An orderly end waits for models to close and for stages to stop. Nothing needs that wait: what is finished
    is on the disk, and database processes end with this one.

    Args:
        hint: what to do next, after "stopped".
        last: is done before, bounded in time; a second signal does not wait for it.
    """

    def stopped(number: int, _: object) -> None:
        # On a terminal the line may hold a progress bar, which hides the cursor.
        clear = "\r\x1b[K\x1b[?25h" if os.isatty(2) else ""
        # The stream may be in the middle of another line; its file takes this one all the same.
        with suppress(OSError):
            os.write(2, f"{clear}share: stopped{hint}\n".encode())
        for each in ours:
            signal.signal(each, signal.SIG_DFL)
        try:
            if last is not None:
                last()
        finally:
            os._exit(128 + number)

    # A caller who had a signal ignored, or handles it, goes on so; and only the main thread may ask.
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    if (hangup := getattr(signal, "SIGHUP", None)) is not None:  # Windows has none
        usual[hangup] = signal.SIG_DFL
    if threading.current_thread() is not threading.main_thread():
        usual = {}
    ours = {number: before for number, before in usual.items() if signal.getsignal(number) == before}
    for number in ours:
        signal.signal(number, stopped)
    try:
        yield
    finally:
        for number, before in ours.items():
            signal.signal(number, before)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr, fed with (done, total); None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
