"""The process that holds one embedded model: started by `embedded.py`, asked through a socket, killable.

openvino-genai keeps Python's lock while it computes, so in the caller's process each of its steps would hold
up all else: queries, other models, the event loop. Requests that arrive while others are under way join them
at the next token, so that they are computed together (continuous batching). Answers mostly repeat their
prompt, so what followed the last words there is proposed as what comes next, and the model checks it in one
go (prompt lookup).
"""

from __future__ import annotations

import itertools
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, TypeAlias

from share_sql.errors import ModelRefused, ModelUnavailable, PromptTooLong, SettingsError, ShareError
from share_sql.models.base import Answer, ModelReply, ModelRequest, Usage
from share_sql.models.bases import CHATS, LONGEST_ANSWER, Chat
from share_sql.models.wire import whole

_CACHE_GIGABYTES = 1
"""Bound on the memory for keys and values; SmolLM2-135M takes 23 KB a token."""
_LEAST_ROOM = 16
"""Tokens that must be left for an answer; a prompt that leaves less is refused."""
_PROPOSED = 5
"""Tokens proposed from the prompt at a time; 8 or 12 cost as much as they save."""
_LOOKED_UP = 3
"""Longest run of tokens that is looked up in the prompt."""
_PRECISION = "f16"
"""Of keys and values; the engine's own choice of 8 bits is no faster here and moves the answers more."""

_KEPT_BLOCK = 32
"""Tokens of a block that the engine keeps and finds again, by all tokens up to its end."""
_BEGINNINGS = 200_000
"""Beginnings of prompts that are remembered; the engine's own memory holds a few thousand blocks."""

Asked: TypeAlias = "tuple[int, ModelRequest | None, int | None]"
"""A request with its number, and which adapter is to answer it; None in the request's place takes the
number's request back."""
Failed: TypeAlias = "tuple[Literal['refused', 'too-long', 'unavailable'], str]"
"""What went wrong with a request."""
Sign: TypeAlias = Literal["loading", "working"]
"""A sign of life: what it does now."""
Sent: TypeAlias = "tuple[int, ModelReply | Failed] | tuple[None, Sign]"
"""The answer to a number's request, or what went wrong; or a sign of life."""
_SIGN_SECONDS = 0.5
"""Between signs of life, at least."""


_Later: TypeAlias = "tuple[int, ModelRequest, int | None]"


@dataclass(frozen=True)
class Shared:
    """Adapters that answer from one base, one at a time."""

    folder: Path
    """The engine's form of the base (`shared_base.py`)."""
    adapters: tuple[Path, ...]
    """Their folders; requests name them by their place here."""


@dataclass(frozen=True)
class _Running:
    """A request that the engine works on."""

    request: ModelRequest
    handles: tuple[Any, ...]
    """One an answer."""
    prompt_tokens: int
    adapter: int | None = None


class Engine:
    """The loaded weights. Used by one thread only."""

    def __init__(self, weights: Path, context: int, chat: Chat, shared: Shared | None = None) -> None:
        """Load them. Raises ModelRefused where they cannot be loaded, or adapters do not fit them."""
        import openvino_genai as genai

        self._genai = genai
        self._weights = weights
        self._context = context
        self._chat = chat
        self._shared = shared
        self._adapters: list[Any] = []
        self._adapter: int | None = None
        """The one that answers now."""
        self._begun: dict[int, int | None] = {}
        """By the hash of a prompt's first block: the adapter that it was computed with."""
        self._keeps = True
        """Whether beginnings of prompts are kept."""
        self._numbers = itertools.count()
        try:
            if shared is not None:
                self._adapters = self._read_adapters(shared)
            self._load()
        except (RuntimeError, SettingsError) as error:
            why = str(error) if isinstance(error, SettingsError) else _one_line(error)
            raise ModelRefused(f"{weights} cannot be loaded: {why}") from None

    def _read_adapters(self, shared: Shared) -> list[Any]:
        """The engine's settings for each adapter."""
        from share_sql.models.lora import WEIGHTS, read_adapter
        from share_sql.models.shared_base import check_adapters, make_shared

        make_shared(self._weights, shared.folder)
        read = [read_adapter(folder) for folder in shared.adapters]
        check_adapters(shared.folder, read)
        return [
            self._genai.AdapterConfig(self._genai.Adapter(str(each.folder / WEIGHTS)), each.scale)
            for each in read
        ]

    def _load(self) -> None:
        genai = self._genai
        scheduler = genai.SchedulerConfig()
        scheduler.cache_size = _CACHE_GIGABYTES
        scheduler.enable_prefix_caching = self._keeps
        properties = {"KV_CACHE_PRECISION": _PRECISION, "prompt_lookup": True}
        place = self._weights
        if self._shared is not None:
            place = self._shared.folder
            every = [adapter for each in self._adapters for adapter in each.get_adapters()]
            properties["adapters"] = genai.AdapterConfig(every)
        self._pipeline = genai.ContinuousBatchingPipeline(str(place), scheduler, "CPU", properties)
        self._tokenizer = self._pipeline.get_tokenizer()
        self._adapter = None

    def takes(self, request: ModelRequest, adapter: int | None) -> bool:
        """Whether a request can join those that run now: the same adapter answers them, and no block of its
        prompt was kept by another."""
        return self._shared is None or (self._adapter == adapter and not self._clashes(request, adapter))

    def turn(self, request: ModelRequest, adapter: int | None) -> None:
        """Make ready for a request, while nothing runs.

        The engine finds kept blocks by their tokens alone, so that one adapter would go on from what another
        computed. Where two have prompts that begin alike, nothing is kept from then on.
        """
        if self._shared is None:
            return
        if self._clashes(request, adapter):
            self._keeps = False
            self._begun.clear()
            self._load()
        if self._adapter != adapter:
            # Requests that join take the adapter of the last call to `generate`, which takes it for all.
            config = self._genai.GenerationConfig(max_new_tokens=1, apply_chat_template=False)
            config.num_assistant_tokens, config.max_ngram_size = _PROPOSED, _LOOKED_UP
            config.adapters = self._adapters[adapter] if adapter is not None else self._genai.AdapterConfig()
            # No prompt begins with the end of an answer, so that what is kept of this one is in no one's way.
            end = self._tokenizer.decode([self._tokenizer.get_eos_token_id()], skip_special_tokens=False)
            tokens = self._tokenizer.encode(end, add_special_tokens=False).input_ids
            while self._pipeline.has_non_finished_requests():
                self._pipeline.step()  # what was cancelled ends in a step
            self._pipeline.generate([tokens], [config])
            self._adapter = adapter

    def _clashes(self, request: ModelRequest, adapter: int | None) -> bool:
        return self._keeps and self._begun.get(self._beginning(self._encoded(request)), adapter) != adapter

    def _encoded(self, request: ModelRequest) -> Any:
        return self._tokenizer.encode(whole(self._chat(request.messages)), add_special_tokens=False).input_ids

    def _beginning(self, tokens: Any) -> int:
        return hash(tuple(int(token) for token in tokens.data[0][:_KEPT_BLOCK]))

    def start(self, request: ModelRequest) -> _Running:
        """Hand a request to the scheduler."""
        tokens = self._encoded(request)
        length = int(tokens.shape[-1])
        room = self._context - length
        if room < _LEAST_ROOM:
            raise PromptTooLong(
                f"the prompt has {length:,} tokens; this model takes {self._context:,} with its answer. "
                "Use a larger model, or a schema with fewer columns"
            )
        config = self._genai.GenerationConfig(
            max_new_tokens=min(request.max_tokens, room, LONGEST_ANSWER), apply_chat_template=False
        )
        config.set_eos_token_id(self._tokenizer.get_eos_token_id())
        config.num_assistant_tokens = _PROPOSED
        config.max_ngram_size = _LOOKED_UP
        samples = 1
        if request.temperature > 0:
            config.do_sample = True
            config.temperature = request.temperature
            samples = request.samples
        if request.logprobs:
            config.logprobs = 1
        if request.grammar is not None:
            config.structured_output_config = self._genai.StructuredOutputConfig(grammar=request.grammar)
        if self._shared is not None and self._keeps:
            if len(self._begun) >= _BEGINNINGS:
                self._begun.clear()
            self._begun[self._beginning(tokens)] = self._adapter
        try:
            # With prompt lookup the engine gives one answer a request; each has chance of its own.
            handles = []
            for seed in range(samples):
                config.rng_seed = seed
                handles.append(self._pipeline.add_request(next(self._numbers), tokens, config))
            return _Running(request, tuple(handles), length, self._adapter)
        except RuntimeError as error:
            raise ModelRefused(f"the request cannot be used: {_one_line(error)}") from None

    def step(self) -> None:
        """One token more for all that runs."""
        if self._pipeline.has_non_finished_requests():
            self._pipeline.step()

    def reply(self, one: _Running, name: str) -> ModelReply | ModelRefused | None:
        """The answers to a request; None while it runs."""
        known = self._genai.GenerationStatus
        statuses = {handle.get_status() for handle in one.handles}
        if known.RUNNING in statuses:
            return None
        if statuses != {known.FINISHED}:
            return ModelRefused(
                f"{name} had no memory left for a prompt of {one.prompt_tokens:,} tokens; "
                "run fewer cases at once"
            )
        reasons = {
            self._genai.GenerationFinishReason.STOP: "stop",
            self._genai.GenerationFinishReason.LENGTH: "length",
        }
        answers = []
        completion = 0
        for output in (output for handle in one.handles for output in handle.read_all()):
            ids = list(output.generated_ids)
            completion += len(ids)
            wants_logprobs = one.request.logprobs
            answers.append(
                Answer(
                    self._tokenizer.decode(ids),
                    float(sum(output.generated_log_probs)) if wants_logprobs else None,
                    len(ids) if wants_logprobs else None,
                    reasons.get(output.finish_reason, "unknown"),  # type: ignore[arg-type]
                )
            )
        if not answers:
            return ModelRefused(f"{name} gave no answer")
        return ModelReply(tuple(answers), Usage(one.prompt_tokens, completion, requests=1), name)


class Server:
    """Takes requests from a connection and answers them; one a process."""

    def __init__(
        self,
        connection: Connection,
        weights: Path,
        context: int,
        name: str,
        chat: Chat,
        shared: Shared | None = None,
    ) -> None:
        self.connection = connection
        self.weights = weights
        self.context = context
        self.name = name
        self.chat = chat
        self.shared = shared
        self.engine: Engine | None = None
        self.running: dict[int, _Running] = {}
        self.later: deque[_Later] = deque()
        """What waits for what runs, which another adapter answers; the oldest's adapter is next."""
        self.alone: deque[_Later] = deque()
        """What ran when the engine broke: tried once more, one by one."""
        self._told = 0.0
        """When it last gave a sign of life."""

    def serve(self) -> None:
        """Work until the other side closes the connection."""
        try:
            while True:
                for number, request, adapter in self._next():
                    self._take(number, request, adapter)
                if self.engine is not None and self.running:
                    self._step(self.engine)
        except (EOFError, ConnectionError):
            return  # whoever asked has gone

    def _take(self, number: int, request: ModelRequest | None, adapter: int | None) -> None:
        if request is None:
            self.later = deque(each for each in self.later if each[0] != number)
            for handle in self.running.pop(number).handles if number in self.running else ():
                handle.cancel()
            return
        try:
            if self.engine is None:
                self._sign("loading")
                self.engine = Engine(self.weights, self.context, self.chat, self.shared)
                self._sign("working")
            if not self.running:
                self.engine.turn(request, adapter)
            elif not self.engine.takes(request, adapter):
                self.later.append((number, request, adapter))
                return
            self.running[number] = self.engine.start(request)
            self._sign()
        except ShareError as error:
            self._tell(number, error)
        except (EOFError, ConnectionError):
            raise
        except Exception as error:
            self._tell(number, ModelUnavailable(f"{self.name}: the engine failed: {_one_line(error)}"))

    def _step(self, engine: Engine) -> None:
        try:
            engine.step()
            self._sign()
            for number, one in list(self.running.items()):
                reply = engine.reply(one, self.name)
                if reply is not None:
                    del self.running[number]
                    self._tell(number, reply)
        except Exception as error:
            # Whatever broke it, the engine is not trusted again; the next request loads another. A
            # request that breaks it alone is at fault itself: mostly its grammar, which is read late.
            if isinstance(error, EOFError | ConnectionError):
                raise
            broken, self.running, self.engine = self.running, {}, None
            if len(broken) > 1:
                self.alone.extend((number, one.request, one.adapter) for number, one in broken.items())
            else:
                for number, one in broken.items():
                    self._tell(number, self._failure(one.request, error))

    def _failure(self, request: ModelRequest, error: Exception) -> ShareError:
        """The error for a request that broke the engine."""
        if request.grammar is not None:
            return ModelRefused(f"{self.name}: the request's grammar cannot be used: {_one_line(error)}")
        return ModelUnavailable(f"{self.name}: the engine failed: {_one_line(error)}")

    def _next(self) -> Iterator[Asked]:
        """What to start now: one of `alone` at a time, else what waited for its adapter, else what has come,
        waited for if need be."""
        if self.alone:
            if not self.running:
                yield self.alone.popleft()
            return
        if not self.running:
            if self.later:
                waited, self.later = self.later, deque()
                yield from waited
            else:
                yield self.connection.recv()
        while self.connection.poll():
            number, request, adapter = self.connection.recv()
            if request is not None and self.later:
                # Else those who wait would be overtaken for ever.
                self.later.append((number, request, adapter))
            else:
                yield number, request, adapter

    def _sign(self, what: Sign | None = None) -> None:
        """Give a sign of life: at once where `what` is done changes, else now and then."""
        now = time.monotonic()
        if what is not None or now - self._told >= _SIGN_SECONDS:
            self._told = now
            self.connection.send((None, what or "working"))

    def _tell(self, number: int, outcome: ModelReply | ShareError) -> None:
        message: Sent
        if isinstance(outcome, ModelReply):
            message = (number, outcome)
        else:
            kind = "refused" if isinstance(outcome, ModelRefused) else "unavailable"
            kind = "too-long" if isinstance(outcome, PromptTooLong) else kind
            message = (number, (kind, str(outcome)))  # type: ignore[assignment]
        self.connection.send(message)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def main() -> None:
    """Serve on a socket: its number, then weights, context, name and chat template are the arguments; for
    adapters on one base also the folder of its engine's form, and theirs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller decides what an interruption means
    socket, weights, context, name, template, *more = sys.argv[1:]
    shared = Shared(Path(more[0]), tuple(map(Path, more[1:]))) if more else None
    chat = CHATS[template]
    Server(Connection(int(socket)), Path(weights), int(context), name, chat, shared).serve()


if __name__ == "__main__":
    main()
