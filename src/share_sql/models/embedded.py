"""Small models on the machine's own CPU, in this process: no server, no key, no network, no torch.

The engine is openvino-genai, which reads GGUF files. One thread drives it: requests that arrive while others
are under way join them at the next token, so that they are computed together (continuous batching). Answers
mostly repeat their prompt, so what followed the last words there is proposed as what comes next, and the
model checks it in one go (prompt lookup): the same answers in fewer steps. An adapter is merged into the base
weights first (`gguf_merge.py`): the engine ignores adapters on GGUF weights.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from share_sql.errors import ModelRefused, ModelUnavailable, SettingsError, ShareError
from share_sql.models.base import Answer, Message, ModelReply, ModelRequest, Usage
from share_sql.models.gguf_header import header_value

_CACHE_GIGABYTES = 1
"""Bound on the memory for keys and values; SmolLM2-135M takes 23 KB a token."""
_LEAST_ROOM = 16
"""Tokens that must be left for an answer; a prompt that leaves less is refused."""
_LONGEST_ANSWER = 768
"""Tokens; the longest gold trajectories of Spider and BIRD take about 400. A small model that repeats itself
would go on to the request's own bound, and keep the others waiting."""
_CLOSE_SECONDS = 30.0
_PROPOSED = 5
"""Tokens proposed from the prompt at a time; 8 or 12 cost as much as they save."""
_LOOKED_UP = 3
"""Longest run of tokens that is looked up in the prompt."""
_PRECISION = "f16"
"""Of keys and values; the engine's own choice of 8 bits is no faster here and moves the answers more."""


@dataclass(frozen=True)
class _Job:
    """A request, and where its answer goes."""

    request: ModelRequest
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[ModelReply]


@dataclass(frozen=True)
class _Running:
    """A job that the engine works on."""

    job: _Job
    handles: tuple[Any, ...]
    """One an answer."""
    prompt_tokens: int


class EmbeddedModel:
    """A model in this process."""

    takes_grammar = True
    """A request's grammar is kept to, token by token."""

    def __init__(self, weights: Path, name: str | None = None, prompts: str | None = None) -> None:
        """Look at the weights; they are loaded on the first request (some seconds).

        Args:
            weights: a GGUF file.
            name: for logs, run.json and the answer cache, so it must tell the weights apart; the file's name
                by default.
            prompts: the prompt set that the weights were trained on; None for none in particular.

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
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The model's answers.

        `samples` is heeded where the temperature is above 0; otherwise there is one answer.

        Raises:
            ModelRefused: the prompt is longer than the model can take, or the grammar cannot be used.
            ModelUnavailable: the engine failed, e.g. for lack of memory.
        """
        loop = asyncio.get_running_loop()
        job = _Job(request, loop, loop.create_future())
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"share-{self.name}", daemon=True)
                self._thread.start()
            self._inbox.put(job)
        return await job.future

    async def close(self) -> None:
        """Finish what is under way and give the memory back; may be called twice."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._inbox.put(None)
        if thread is not None:
            await asyncio.to_thread(thread.join, _CLOSE_SECONDS)

    def __repr__(self) -> str:
        return f"EmbeddedModel({str(self._weights)!r})"

    # -- the engine's thread -------------------------------------------------------------------------

    def _work(self) -> None:
        """Take requests and drive the engine until there is nothing left and `None` has come."""
        engine: _Engine | None = None
        running: list[_Running] = []
        alone: deque[_Job] = deque()  # what ran when the engine broke: tried once more, one by one
        ending = False
        while running or alone or not ending:
            for job in self._next(running, alone):
                if job is None:
                    ending = True
                    continue
                try:
                    engine = engine or _Engine(self._weights, self._context)
                    running.append(engine.start(job))
                except ShareError as error:
                    _settle(job, error)
                except Exception as error:
                    _settle(job, ModelUnavailable(f"{self.name}: the engine failed: {_one_line(error)}"))
            if engine is None or not running:
                continue
            try:
                engine.step()
                running = [one for one in running if not self._finished(engine, one)]
            except Exception as error:
                # Whatever broke it, the engine is not trusted again; the next request loads another. A
                # request that breaks it alone is at fault itself: mostly its grammar, which is read late.
                if len(running) > 1:
                    alone.extend(one.job for one in running)
                else:
                    _settle(running[0].job, self._failure(running[0].job.request, error))
                engine, running = None, []

    def _failure(self, request: ModelRequest, error: Exception) -> ShareError:
        """What a request is told that broke the engine."""
        if request.grammar is not None:
            return ModelRefused(f"{self.name}: the request's grammar cannot be used: {_one_line(error)}")
        return ModelUnavailable(f"{self.name}: the engine failed: {_one_line(error)}")

    def _next(self, running: list[_Running], alone: deque[_Job]) -> Iterable[_Job | None]:
        """What to start now: one of `alone` at a time, else what is in the inbox, waited for if need be."""
        if alone:
            if not running:
                yield alone.popleft()
            return
        if not running:
            yield self._inbox.get()
        while True:
            try:
                yield self._inbox.get_nowait()
            except queue.Empty:
                return

    def _finished(self, engine: _Engine, one: _Running) -> bool:
        """Hand a finished answer over; tells whether the job is done with."""
        if one.job.future.cancelled():
            for handle in one.handles:
                handle.cancel()
            return True
        reply = engine.reply(one, self.name)
        if reply is None:
            return False
        _settle(one.job, reply)
        return True


class _Engine:
    """The loaded weights. Used by one thread only."""

    def __init__(self, weights: Path, context: int) -> None:
        import openvino_genai as genai

        scheduler = genai.SchedulerConfig()
        scheduler.cache_size = _CACHE_GIGABYTES
        scheduler.enable_prefix_caching = True
        properties = {"KV_CACHE_PRECISION": _PRECISION, "prompt_lookup": True}
        self._genai = genai
        self._context = context
        self._numbers = itertools.count()
        try:
            self._pipeline = genai.ContinuousBatchingPipeline(str(weights), scheduler, "CPU", properties)
        except RuntimeError as error:
            raise ModelRefused(f"{weights} cannot be loaded: {_one_line(error)}") from None
        self._tokenizer = self._pipeline.get_tokenizer()

    def start(self, job: _Job) -> _Running:
        """Hand a request to the scheduler."""
        request = job.request
        tokens = self._tokenizer.encode(chatml(request.messages), add_special_tokens=False).input_ids
        length = int(tokens.shape[-1])
        room = self._context - length
        if room < _LEAST_ROOM:
            raise ModelRefused(
                f"the prompt has {length:,} tokens; this model takes {self._context:,} with its answer. "
                "Use a larger model, or a schema with fewer columns"
            )
        config = self._genai.GenerationConfig(
            max_new_tokens=min(request.max_tokens, room, _LONGEST_ANSWER), apply_chat_template=False
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
        try:
            # With prompt lookup the engine gives one answer a request; each has chance of its own.
            handles = []
            for seed in range(samples):
                config.rng_seed = seed
                handles.append(self._pipeline.add_request(next(self._numbers), tokens, config))
            return _Running(job, tuple(handles), length)
        except RuntimeError as error:
            raise ModelRefused(f"the request cannot be used: {_one_line(error)}") from None

    def step(self) -> None:
        """One token more for all that runs."""
        if self._pipeline.has_non_finished_requests():
            self._pipeline.step()

    def reply(self, one: _Running, name: str) -> ModelReply | ModelRefused | None:
        """The answers to a job; None while it runs."""
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
            told = one.job.request.logprobs
            answers.append(
                Answer(
                    self._tokenizer.decode(ids),
                    float(sum(output.generated_log_probs)) if told else None,
                    len(ids) if told else None,
                    reasons.get(output.finish_reason, "unknown"),  # type: ignore[arg-type]
                )
            )
        if not answers:
            return ModelRefused(f"{name} gave no answer")
        return ModelReply(tuple(answers), Usage(one.prompt_tokens, completion, requests=1), name)


def chatml(messages: Iterable[Message]) -> str:
    """Messages as SmolLM2 and LLaMA-Factory's template `chatml` write them, up to where the answer begins.

    Marks of the format in a content are taken apart: a question or a stored value must not end its message.
    """
    parts = [
        f"<|im_start|>{message.role}\n{message.content.replace('<|', '< |')}<|im_end|>\n"
        for message in messages
    ]
    return "".join(parts) + "<|im_start|>assistant\n"


def _settle(job: _Job, outcome: ModelReply | ShareError) -> None:
    """Give a job its reply or error, in the loop that waits for it."""

    def settle() -> None:
        if job.future.done():
            return  # the asker went away
        if isinstance(outcome, ModelReply):
            job.future.set_result(outcome)
        else:
            job.future.set_exception(outcome)

    try:
        job.loop.call_soon_threadsafe(settle)
    except RuntimeError:
        return  # the loop is closed, and with it whoever waited


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
