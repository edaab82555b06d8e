"""Small models on the machine's own CPU: no server, no key, no network, no torch.

Each has a process of its own (`engine.py`), which is started on the first request and ends with the model;
one that gives no sign of life is stopped (`engine_process.py`). The engine is openvino-genai, which reads
GGUF files. An adapter is merged into the base weights first (`gguf_merge.py`): the engine ignores adapters on
GGUF weights.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import weakref
from pathlib import Path

from share_sql.errors import SettingsError
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.engine_process import EngineProcess
from share_sql.models.gguf_header import header_value
from share_sql.waits import Waits


class EmbeddedModel:
    """A model in this process."""

    takes_grammar = True
    """A request's grammar is kept to, token by token."""
    samples = 1

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
        self.calibrated = prompts is not None  # weights as they are were trained to score nothing
        self._template = template
        self._numbers = itertools.count()
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._engine: EngineProcess | None = None
        self._end: weakref.finalize[[], EmbeddedModel] | None = None
        self._slow = Waits()
        self._loaded = False

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The model's answers.

        `samples` is heeded where the temperature is above 0; otherwise there is one answer.

        Raises:
            PromptTooLong: the prompt is longer than the model can take.
            ModelRefused: the grammar cannot be used.
            ModelTimeout: the engine gave no sign of life for too long and was stopped; the next request
                starts another.
            ModelUnavailable: the engine failed, e.g. for lack of memory.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[ModelReply] = loop.create_future()
        number = next(self._numbers)
        engine = self._started()
        engine.ask(number, request, (loop, future))
        try:
            if self._loaded:
                return await future
            with self._slow.told(f"loading {self.name}"):
                reply = await future
            self._loaded = True
            return reply
        except asyncio.CancelledError:
            engine.take_back(number)
            raise

    async def close(self) -> None:
        """Give up what is under way and give the memory back, in some seconds at most; may be called twice.
        A later request starts anew."""
        self._check_owner()
        with self._lock:
            end, self._engine, self._end = self._end, None, None
        if end is not None:
            await asyncio.to_thread(end)

    def __repr__(self) -> str:
        return f"EmbeddedModel({str(self._weights)!r})"

    def _started(self) -> EngineProcess:
        """The engine; another one where it has ended, or where this process was forked from its owner."""
        self._check_owner()
        with self._lock:
            if self._engine is None or self._engine.ended.is_set():
                arguments = [str(self._weights), str(self._context), self.name, self._template]
                self._engine = EngineProcess(self.name, arguments)
                # Dropped without `close`, or at the end of the program, it takes its process along.
                if self._end is not None:
                    self._end.detach()
                self._end = weakref.finalize(self, self._engine.end)
            return self._engine

    def _check_owner(self) -> None:
        if self._owner == os.getpid():
            return
        # Forked: the lock may be held by a thread that is not here, and the engine answers to another.
        self._owner, self._lock = os.getpid(), threading.Lock()
        end, self._engine, self._end = self._end, None, None
        self._loaded = False
        if end is not None:
            end()
