"""Small models on the machine's own CPU: no server, no key, no network, no torch.

Each has a process of its own (`engine.py`), which is started on the first request and ends with the model.
The engine is openvino-genai, which reads GGUF files. An adapter is merged into the base weights first
(`gguf_merge.py`): the engine ignores adapters on GGUF weights.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias

from share_sql.errors import ModelRefused, ModelUnavailable, PromptTooLong, SettingsError, ShareError
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.gguf_header import header_value
from share_sql.waits import Waits

_CLOSE_SECONDS = 30.0

_Waiting: TypeAlias = "tuple[asyncio.AbstractEventLoop, asyncio.Future[ModelReply]]"


@dataclass(eq=False)
class _Child:
    """The process, and who waits for which of its answers."""

    process: subprocess.Popen[bytes]
    connection: Connection
    waiting: dict[int, _Waiting] = field(default_factory=dict)


class EmbeddedModel:
    """A model in this process."""

    takes_grammar = True
    """A request's grammar is kept to, token by token."""

    def __init__(
        self, weights: Path, name: str | None = None, prompts: str | None = None, template: str = "chatml"
    ) -> None:
        """Look at the weights; they are loaded on the first request (some seconds).

        Args:
            weights: a GGUF file.
            name: for logs, run.json and the answer cache, so it must tell the weights apart; the file's name
                by default.
            prompts: the prompt set that the weights were trained on; None for none in particular.
            template: their chat template, a name in `bases.CHATS`.

        Raises:
            SettingsError: the file is missing or damaged, or openvino-genai is not installed.
        """
        from importlib.util import find_spec

        if find_spec("openvino_genai") is None:
            raise SettingsError("models in this process need openvino-genai; install it")
        self._weights = weights
        context = header_value(weights, "{arch}.context_length")
        self._context = int(context) if isinstance(context, int) else 2048
        self.name = name or weights.stem
        self.prompts = prompts
        self._template = template
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._slow = Waits()
        self._loaded = False

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The model's answers.

        `samples` is heeded where the temperature is above 0; otherwise there is one answer.

        Raises:
            PromptTooLong: the prompt is longer than the model can take.
            ModelRefused: the grammar cannot be used.
            ModelUnavailable: the engine failed, e.g. for lack of memory.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[ModelReply] = loop.create_future()
        number = next(self._numbers)
        with self._lock:
            child = self._child = self._child or self._start()
            child.waiting[number] = (loop, future)
            self._send(child, number, request)
        try:
            if self._loaded:
                return await future
            with self._slow.told(f"loading {self.name}"):
                reply = await future
            self._loaded = True
            return reply
        except asyncio.CancelledError:
            with self._lock:
                if child.waiting.pop(number, None):
                    self._send(child, number, None)
            raise

    async def close(self) -> None:
        """Give up what is under way and give the memory back; may be called twice."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:
            await asyncio.to_thread(_end, child)

    def __repr__(self) -> str:
        return f"EmbeddedModel({str(self._weights)!r})"

    def _start(self) -> _Child:
        """Start the process and the thread that reads its answers."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "share_sql.models.engine", str(theirs.fileno())]
        command += [str(self._weights), str(self._context), self.name, self._template]
        try:
            # It is given the paths of packages: the caller may have put them there itself.
            process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        except OSError as error:
            ours.close()
            raise ModelUnavailable(f"{self.name}: no process can be started: {error}") from None
        finally:
            theirs.close()
        child = _Child(process, Connection(ours.detach()))
        threading.Thread(target=self._read, args=(child,), name=f"share-{self.name}", daemon=True).start()
        return child

    @staticmethod
    def _send(child: _Child, number: int, request: ModelRequest | None) -> None:
        # Where it has ended, the reader of its answers informs all that wait.
        with contextlib.suppress(OSError, ValueError):
            child.connection.send((number, request))

    def _read(self, child: _Child) -> None:
        """Hand answers over until the process ends; then tell all that wait."""
        while True:
            try:
                number, message = child.connection.recv()
            except (EOFError, OSError):
                break
            with self._lock:
                waiting = child.waiting.pop(number, None)
            if waiting is not None:
                _settle(waiting, message if isinstance(message, ModelReply) else _error(*message))
        with self._lock:
            left, child.waiting = list(child.waiting.values()), {}
            if self._child is child:
                self._child = None  # the next request starts another
        child.process.wait()
        for waiting in left:
            _settle(waiting, ModelUnavailable(f"{self.name}: its process ended ({child.process.returncode})"))


def _error(kind: str, message: str) -> ShareError:
    kinds = {"refused": ModelRefused, "too-long": PromptTooLong}
    return kinds.get(kind, ModelUnavailable)(message)


def _end(child: _Child) -> None:
    """Close the connection, which ends the process; kill it where it does not."""
    try:
        # The reading thread holds the descriptor; to shut it down wakes it, to close it would not.
        with socket.socket(fileno=os.dup(child.connection.fileno())) as sock:
            sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself
    try:
        child.process.wait(_CLOSE_SECONDS)
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()


def _settle(waiting: _Waiting, outcome: ModelReply | ShareError) -> None:
    """Give the reply or the error to whoever waits, in the loop that waits."""
    loop, future = waiting

    def settle() -> None:
        if future.done():
            return  # the asker went away
        if isinstance(outcome, ModelReply):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        return  # the loop is closed, and with it whoever waited
