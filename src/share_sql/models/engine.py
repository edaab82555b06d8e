"""The loaded weights of one embedded model, in the process that holds them (`engine_server.py`).

Requests that arrive while others are under way join them at the next token, so that they are computed
together (continuous batching). Prompts about one database begin alike: the first of them is computed alone,
the others go on from it. Answers mostly repeat their prompt, so what followed the last words there is
proposed as what comes next, and the model checks it in one go (prompt lookup).
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from share_sql.errors import ModelRefused, PromptTooLong, SettingsError
from share_sql.models.base import Answer, Message, ModelReply, ModelRequest, Usage
from share_sql.models.bases import LONGEST_ANSWER, Chat
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
_PROMPTS = 1_000
"""Prompts whose blocks are remembered."""
_WORTH_WAITING = 4
"""Blocks that a prompt must have in common with one that is being computed, and with none before, to wait."""


@dataclass(frozen=True)
class Form:
    """What the weights are loaded from once it is made, and adapters that answer from it, one at a time."""

    folder: Path
    """The engine's form of the weights (`engine_form.py`)."""
    adapters: tuple[Path, ...] = ()
    """Their folders; requests name them by their place here."""


@dataclass(frozen=True)
class Running:
    """A request that the engine works on."""

    request: ModelRequest
    handles: tuple[Any, ...]
    """One an answer."""
    prompt_tokens: int
    adapter: int | None = None
    blocks: tuple[int, ...] = ()
    """Of its prompt, each block told by all up to its end."""


class Engine:
    """The loaded weights. Used by one thread only."""

    def __init__(self, weights: Path, context: int, chat: Chat, form: Form | None = None) -> None:
        """Load them. Raises ModelRefused where they cannot be loaded, or adapters do not fit them."""
        import openvino_genai as genai

        self._genai = genai
        self._weights = weights
        self._context = context
        self._chat = chat
        self._adapters: list[Any] = []
        self._adapter: int | None = None
        """The one that answers now."""
        self._begun: dict[int, int | None] = {}
        """By the hash of a prompt's first block: the adapter that it was computed with."""
        self._keeps = True
        """Whether beginnings of prompts are kept."""
        self._computed: set[int] = set()
        """Blocks of prompts that were computed and kept."""
        self._told: dict[tuple[Message, ...], tuple[int, ...]] = {}
        """The blocks of prompts that were looked at, since one that waits is looked at in each step."""
        self._numbers = itertools.count()
        try:
            self._place = self._formed(form) if form is not None else weights
            if form is not None and form.adapters:
                self._adapters = self._read_adapters(form)
            self._load()
        except (RuntimeError, SettingsError) as error:
            why = str(error) if isinstance(error, SettingsError) else one_line(error)
            if form is not None and form.folder.is_dir():
                why += f"; if {form.folder} is damaged, remove it, and it is made anew"
            raise ModelRefused(f"{weights} cannot be loaded: {why}") from None

    def _formed(self, form: Form) -> Path:
        """What to load: the engine's form, or the file where none can be made; adapters cannot do without."""
        from share_sql.models.engine_form import make_form

        try:
            make_form(self._weights, form.folder, adapted=bool(form.adapters))
        except SettingsError as error:
            if form.adapters:
                raise
            print(f"{self._weights.name} is read anew on each start: {error}", file=sys.stderr)
            return self._weights
        return form.folder

    def _read_adapters(self, form: Form) -> list[Any]:
        """The engine's settings for each adapter."""
        from share_sql.models.engine_form import check_adapters
        from share_sql.models.lora import WEIGHTS, read_adapter

        read = [read_adapter(folder) for folder in form.adapters]
        check_adapters(form.folder, read)
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
        if self._adapters:
            every = [adapter for each in self._adapters for adapter in each.get_adapters()]
            properties["adapters"] = genai.AdapterConfig(every)
        self._pipeline = genai.ContinuousBatchingPipeline(str(self._place), scheduler, "CPU", properties)
        self._tokenizer = self._pipeline.get_tokenizer()
        self._adapter = None
        self._computed.clear()

    def takes(self, request: ModelRequest, adapter: int | None) -> bool:
        """Whether a request can join those that run now: the same adapter answers them, and no block of its
        prompt was kept by another."""
        return not self._adapters or (self._adapter == adapter and not self._clashes(request, adapter))

    def turn(self, request: ModelRequest, adapter: int | None) -> None:
        """Make ready for a request, while nothing runs.

        The engine finds kept blocks by their tokens alone, so that one adapter would go on from what another
        computed. Where two have prompts that begin alike, nothing is kept from then on.
        """
        if not self._adapters:
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

    def follows(self, request: ModelRequest, running: Iterable[Running]) -> bool:
        """Whether a request should wait for one that runs: its prompt begins as that one's, which is not
        computed yet. Begun together both would be computed whole."""
        beginning = [each for each in running if not self._is_computed(each)]
        if not beginning or not self._keeps:
            return False
        blocks = self._blocks(request)
        known = _common(blocks, self._computed)
        return any(_common(blocks, set(each.blocks)) - known >= _WORTH_WAITING for each in beginning)

    def _is_computed(self, one: Running) -> bool:
        """Whether a prompt is: its first token is there."""
        handle = one.handles[0]
        if handle.get_status() == self._genai.GenerationStatus.RUNNING and not handle.can_read():
            return False
        self._remember(one)
        return True

    def _remember(self, one: Running) -> None:
        if len(self._computed) >= _BEGINNINGS:
            self._computed.clear()
        self._computed.update(one.blocks)

    def _blocks(self, request: ModelRequest) -> tuple[int, ...]:
        if request.messages not in self._told:
            if len(self._told) >= _PROMPTS:
                self._told.clear()
            row, told, found = self._encoded(request).data[0], 0, []
            for end in range(_KEPT_BLOCK, len(row) + 1, _KEPT_BLOCK):
                told = hash((told, *map(int, row[end - _KEPT_BLOCK : end])))
                found.append(told)
            self._told[request.messages] = tuple(found)
        return self._told[request.messages]

    def start(self, request: ModelRequest) -> Running:
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
        if self._adapters and self._keeps:
            if len(self._begun) >= _BEGINNINGS:
                self._begun.clear()
            self._begun[self._beginning(tokens)] = self._adapter
        try:
            # With prompt lookup the engine gives one answer a request; each has chance of its own.
            handles = []
            for seed in range(samples):
                config.rng_seed = seed
                handles.append(self._pipeline.add_request(next(self._numbers), tokens, config))
            return Running(request, tuple(handles), length, self._adapter, self._blocks(request))
        except RuntimeError as error:
            raise ModelRefused(f"the request cannot be used: {one_line(error)}") from None

    def step(self) -> None:
        """One token more for all that runs."""
        if self._pipeline.has_non_finished_requests():
            self._pipeline.step()

    def reply(self, one: Running, name: str) -> ModelReply | ModelRefused | None:
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
        self._remember(one)  # an answer of one token ends before anyone has looked at it
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


def _common(blocks: Sequence[int], known: Container[int]) -> int:
    """How many blocks of a prompt, from its beginning, are known."""
    return sum(1 for _ in itertools.takewhile(known.__contains__, blocks))


def one_line(error: BaseException) -> str:
    """An error's message, in one line of bounded length."""
    return " ".join(str(error).split())[:300]
