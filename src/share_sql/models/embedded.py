"""Small models on the machine's own CPU: no server, no key, no network, no torch.

All models with the same weights share one process (`engine_server.py`), which is started on the first
request and ends with the last of them; one that gives no sign of life is stopped (`engine_process.py`). The
engine is openvino-genai, which reads GGUF files; its own form of one is kept, from which it loads sooner and
in less memory (`engine_form.py`). A single adapter is merged into the base weights first (`gguf_merge.py`);
several on one base are applied while it computes, one at a time.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

from share_sql.errors import SettingsError
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.engine_process import EngineProcess
from share_sql.models.gguf_header import header_value
from share_sql.models.prices import FREE
from share_sql.waits import Waits


class EmbeddedWeights:
    """Weights in this process, with the process that holds them."""

    def __init__(
        self,
        weights: Path,
        name: str | None = None,
        template: str = "chatml",
        form: Path | None = None,
        adapters: Sequence[Path] = (),
    ) -> None:
        """Look at the weights; they are loaded on the first request (some seconds).

        Args:
            weights: a GGUF file.
            name: for logs; the file's name by default.
            template: their chat template, a name in `bases.CHATS`.
            form: the folder where the engine's form of the weights is kept, or is to be; None to read the
                file each time.
            adapters: folders of LoRA adapters that are to answer from these weights; only with `form`.

        Raises:
            SettingsError: the file is missing or damaged, or openvino-genai is not installed.
        """
        from importlib.util import find_spec

        if find_spec("openvino_genai") is None:
            raise SettingsError("models in this process need openvino-genai; install it")
        self.file = weights
        context = header_value(weights, "{arch}.context_length")
        self.name = name or weights.stem
        more = [str(form), *map(str, adapters)] if form is not None else []
        size = str(context) if isinstance(context, int) else "2048"
        self._arguments = [str(weights), size, self.name, template, *more]
        self._numbers = itertools.count()
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._users: weakref.WeakSet[EmbeddedModel] = weakref.WeakSet()
        """Models that have asked and were not closed since."""
        self._engine: EngineProcess | None = None
        self._end: weakref.finalize[[], EmbeddedWeights] | None = None
        self.slow = Waits()
        self.loaded = False

    def started(self, user: EmbeddedModel) -> tuple[EngineProcess, int]:
        """The engine, and a number for the user's request; another one where it has ended, or where this
        process was forked from its owner."""
        self._check_owner()
        with self._lock:
            self._users.add(user)
            if self._engine is None or self._engine.ended.is_set():
                self._engine = EngineProcess(self.name, self._arguments)
                # Dropped without `close`, or at the end of the program, it takes its process along.
                if self._end is not None:
                    self._end.detach()
                self._end = weakref.finalize(self, self._engine.end)
            return self._engine, next(self._numbers)

    async def close(self, user: EmbeddedModel) -> None:
        """End the process, where no other model uses it; a later request starts another."""
        self._check_owner()
        with self._lock:
            self._users.discard(user)
            if self._users:
                return
            end, self._engine, self._end = self._end, None, None
        if end is not None:
            await asyncio.to_thread(end)

    def _check_owner(self) -> None:
        if self._owner == os.getpid():
            return
        # Forked: the lock may be held by a thread that is not here, and the engine answers to another.
        self._owner, self._lock = os.getpid(), threading.Lock()
        end, self._engine, self._end = self._end, None, None
        self.loaded = False
        if end is not None:
            end()


class EmbeddedModel:
    """A model in this process."""

    takes_grammar = True
    price = FREE
    """A request's grammar is kept to, token by token."""

    def __init__(
        self,
        weights: Path | EmbeddedWeights,
        name: str | None = None,
        prompts: str | None = None,
        template: str = "chatml",
        adapter: int | None = None,
        samples: int = 1,
    ) -> None:
        """Look at the weights; they are loaded on the first request (some seconds).

        Args:
            weights: a GGUF file; or weights that other models answer from too.
            name: for logs, run.json and the answer cache, so it must tell the weights apart; the file's name
                by default.
            prompts: the prompt set that the weights were trained on; None for none in particular.
            template: the chat template of a GGUF file, a name in `bases.CHATS`.
            adapter: which adapter of weights that others use is to answer, by its place; None for none.
            samples: as in `Model`.

        Raises:
            SettingsError: the file is missing or damaged, or openvino-genai is not installed.
        """
        if isinstance(weights, Path):
            weights = EmbeddedWeights(weights, name, template)
        self._weights = weights
        self._adapter = adapter
        self.name = name or weights.name
        self.prompts = prompts
        self.samples = samples
        self.calibrated = prompts is not None  # weights as they are were trained to score nothing

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The model's answers.

        `samples` is heeded where the temperature is above 0; otherwise there is one answer.

        Raises:
            PromptTooLong: the prompt is longer than the model can take.
            ModelRefused: the grammar cannot be used, or the weights or an adapter cannot.
            ModelTimeout: the engine gave no sign of life for too long and was stopped; the next request
                starts another.
            ModelUnavailable: the engine failed, e.g. for lack of memory.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[ModelReply] = loop.create_future()
        weights = self._weights
        engine, number = weights.started(self)
        engine.ask(number, request, (loop, future), self._adapter)
        try:
            if weights.loaded:
                return await future
            with weights.slow.told(f"loading {weights.name}"):
                reply = await future
            weights.loaded = True
            return reply
        except asyncio.CancelledError:
            engine.take_back(number)
            raise

    async def close(self) -> None:
        """Give up what is under way and give the memory back, in some seconds at most, once no other model
        answers from the same weights; may be called twice. A later request starts anew."""
        await self._weights.close(self)

    def __repr__(self) -> str:
        return f"EmbeddedModel({str(self._weights.file)!r})"
