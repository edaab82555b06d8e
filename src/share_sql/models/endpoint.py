"""Any OpenAI-compatible server: vLLM, llama.cpp, Ollama, Azure, OpenAI.

Where an argument is not given, the environment is asked: OPENAI_API_BASE or OPENAI_BASE_URL, OPENAI_API_KEY,
ENGINE_ID (the model), and for Azure AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY, OPENAI_API_VERSION.

Retries are bounded, named in the error, and the same for every server: 408, 409, 429 and 5xx, time-outs,
broken connections and answers that are none are tried again after a growing, jittered wait, or the wait that
Retry-After asks for. What a retry cannot mend is refused at once. `timeout` bounds each try as a whole,
`deadline` all tries and waits of an ask, a request's `patience` the beginning of its last try; the body of an
answer is bounded too (`post.py`). How many calls a server is asked at once follows what it takes (`flow.py`).

No key, no header's value and nothing else that is secret (`secrets.py`) appears in a message, a log line, a
repr or an answer: what a server says is covered, and its words on 401 and 403, which may quote a key in part,
are left out.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import os
import random
import time
import weakref
from collections.abc import Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from share_sql.errors import (
    AnswerEmpty,
    AnswerUnreadable,
    ModelError,
    ModelTimeout,
    SettingsError,
)
from share_sql.models.address import Address, address
from share_sql.models.base import ModelReply, ModelRequest, Usage
from share_sql.models.concessions import Concessions
from share_sql.models.flow import Flow, Flows, Place, StillRefused
from share_sql.models.post import LONGEST_BODY, BodyTooLong, Poster, Response
from share_sql.models.prices import ListPrice, Pricing
from share_sql.models.refusals import (
    LONGEST_SAID,
    LONGEST_WAIT,
    MENDS,
    OTHER_MEND,
    Again,
    Server,
    refusal,
)
from share_sql.models.secrets import PLACEHOLDER, Secrets, checked_headers, checked_key
from share_sql.models.wire import Misshapen, completion, error_of, parsed, whole
from share_sql.waits import Waits

if TYPE_CHECKING:
    import httpx2

_log = logging.getLogger(__name__)

GrammarField = Literal["structured_outputs", "guided_grammar", "grammar"]
TokensField = Literal["max_tokens", "max_completion_tokens"]

MOST_AT_ONCE = 256
"""Calls to one server that are in flight at most, where nothing else is said: what vLLM batches on a GPU."""


@dataclass
class _Account:
    """What one ask has left and has spent."""

    seconds: float
    """Left for tries and waits; the wait for its turn does not count, but while the server refuses."""
    usage: Usage = field(default_factory=Usage)


class EndpointModel:
    """A model behind an HTTP server."""

    def __init__(
        self,
        model: str | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        api_key_env: str | None = None,
        headers: Mapping[str, str] | None = None,
        azure_endpoint: str | None = None,
        azure_api_version: str | None = None,
        temperature: float | None = None,
        send_temperature: bool = True,
        tokens_field: TokensField | None = None,
        grammar_field: GrammarField | None = None,
        adapts: bool = False,
        prompts: str | None = None,
        max_tokens: int | None = None,
        extra_body: Mapping[str, Any] | None = None,
        samples: int = 1,
        calibrated: bool = False,
        timeout: float = 120.0,
        deadline: float = 600.0,
        retries: int = 5,
        first_wait: float = 0.5,
        concurrency: int = MOST_AT_ONCE,
        price: Pricing | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Gather the settings; nothing is sent.

        api_key_env: the variable that holds the key, where `api_key` is not given; named in messages.
        base_url: may hold a user and a password, which are sent in the key's place (HTTP's Basic), and a
        query, which is sent with each request; all three are as secret as a key.
        temperature: used in place of each request's. send_temperature: False for models that take none.
        tokens_field: what the server calls the bound on tokens; by default `max_completion_tokens` at
        OpenAI and Azure, `max_tokens` elsewhere. grammar_field: how to hand over a request's grammar
        (vLLM: structured_outputs, older vLLM: guided_grammar, llama.cpp: grammar); None leaves it out.
        adapts: what the server refuses is left out or named otherwise, and remembered (`concessions.py`); a
        request's JSON schema is sent as `response_format` where there is no grammar_field.
        prompts: as in `Model`. max_tokens: no answer may be longer, whatever a request allows.
        extra_body: more fields for each call. samples, calibrated: as in `Model`.
        timeout: seconds for one try, from the connection to the last byte. deadline: seconds for all tries
        and waits of an ask. first_wait: seconds before the first retry.
        concurrency: calls in flight at most; how many there are follows what the server takes.
        price: what its tokens cost; None for the list price, where its server is a known provider's.
        transport: for tests.

        Raises SettingsError where model, key or Azure's version is known from nowhere, and where a setting
        cannot be sent.
        """
        self._where = where = address(model, base_url, azure_endpoint, azure_api_version)
        azure = where.azure_version is not None
        key_name = api_key_env or ("AZURE_OPENAI_API_KEY" if azure else "OPENAI_API_KEY")
        key = api_key or os.environ.get(key_name) or ""
        key = checked_key(key, key_name if not api_key or api_key_env else "api_key")
        if not key:
            if where.official:
                raise SettingsError(
                    f"{where.url} needs a key: set {key_name}, or base_url for a server of yours"
                )
            key = PLACEHOLDER
        self._headers = _all_headers(where, key, checked_headers(headers or {}))
        pairs = [(where.user, where.password)] if where.user or where.password else []
        self._secrets = Secrets((key, *where.secrets), headers, pairs, where.query_values)
        self._temperature = temperature
        self._send_temperature = send_temperature
        self._tokens_field = tokens_field or ("max_completion_tokens" if where.official else "max_tokens")
        self._grammar_field = grammar_field
        self.takes_grammar = grammar_field is not None or adapts
        self._concessions = Concessions() if adapts else None
        self.samples = samples
        self.calibrated = calibrated
        self.prompts = prompts
        self._max_tokens = max_tokens
        self._extra = _sendable(extra_body or {})
        self._timeout = _seconds("timeout", timeout)
        self._deadline = _seconds("deadline", deadline)
        self._retries = retries
        self._first_wait = _seconds("first_wait", first_wait, least=0.0)
        self._concurrency = concurrency
        self._flows = Flows(concurrency)
        self._transport = transport
        self._posters: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Poster]
        self._posters = weakref.WeakKeyDictionary()
        self.server = self._secrets.cover_sure(where.url)
        """Where it is asked; models at one server are mostly down together."""
        self.name = self._make_name()
        self.price: Pricing = price or ListPrice(where.model, where.url)
        self._told_of = Server(self.server, where.model, key_name, self._secrets)
        self._slow = Waits()
        self._other_names: set[str] = set()

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The server's answers to a request.

        Further calls fetch what is missing of `samples`, where sampling makes them differ. Raises
        ModelUnavailable (or what it was more exactly), AnswerUnreadable or AnswerEmpty after the retries,
        ModelRefused at once where a retry cannot help. Usage counts all tries that the server told of, in the
        reply and in the error's `spent`.
        """
        account = _Account(self._deadline)
        try:
            reply = await self._call(request, request.samples, account)
            # A temperature of 0 gives the same answer again: more calls would only cost.
            while len(reply.answers) < request.samples and self._temperature_of(request) > 0:
                more = await self._call(request, 1, account)
                reply = replace(reply, answers=reply.answers + more.answers)
        except ModelError as error:
            error.spent = asdict(account.usage)
            raise
        return replace(reply, usage=account.usage)

    def join(self, other: EndpointModel) -> None:
        """Count calls together with another model at the same server; before anything is asked. The smaller
        `concurrency` of the two holds for both."""
        self._flows = other._flows
        self._flows.lower(self._concurrency)

    @property
    def other_names(self) -> tuple[str, ...]:
        """Names under which the server answered, other than the one that was asked for."""
        return tuple(sorted(self._other_names))

    async def close(self) -> None:
        """Close this event loop's connections; may be called twice."""
        poster = self._posters.pop(asyncio.get_running_loop(), None)
        if poster is not None:
            await poster.close()

    def __repr__(self) -> str:
        return f"EndpointModel(model={self._where.model!r}, base_url={self.server!r})"

    # -- one call ------------------------------------------------------------------------------------

    async def _call(self, request: ModelRequest, samples: int, account: _Account) -> ModelReply:
        body = self._body(request, samples)
        poster, flow = self._poster(), self._flows.here()
        tries = 0
        while True:
            try:
                return await self._in_turn(flow, poster, body, request, account)
            except StillRefused as held:
                late = self._deadline < request.patience
                raise self._given_up(held.why, tries, late) from None
            except Again as again:
                tries += 1
                wait = min(self._first_wait * 2 ** min(tries - 1, 60), LONGEST_WAIT)
                # Jitter, so that calls refused together do not come back together.
                wait = again.wait or wait * (0.5 + random.random())  # noqa: S311
                late = wait >= account.seconds
                hurried = self._deadline - account.seconds + wait > request.patience
                if tries > self._retries or (again.wait or 0) > LONGEST_WAIT or late or hurried:
                    raise self._given_up(again, tries, late) from None
                _log.debug("%s: %s; asked again in %.1f s", self.name, again, wait)
                if again.holds_all:
                    continue  # it waits with all others, behind them
                with self._slow.told(f"{self.name}: {again}; asked again"):
                    await asyncio.sleep(wait)
                account.seconds -= wait

    async def _in_turn(
        self, flow: Flow, poster: Poster, body: dict[str, Any], request: ModelRequest, account: _Account
    ) -> ModelReply:
        """One try, when it is its turn."""
        patience = min(account.seconds, request.patience - (self._deadline - account.seconds))
        refused = f"{self.name}: {flow.refuses}; asked again" if flow.refuses else ""
        async with AsyncExitStack() as stack:
            with self._slow.told(refused) if refused else nullcontext():
                place = await stack.enter_async_context(flow.place(patience))
            account.seconds -= place.held
            started = time.monotonic()
            try:
                with self._slow.told(f"waiting for {self.name}"):
                    reply = await self._try(poster, body, account)
                place.became = "answered"
                return reply
            except Again as again:
                self._note(flow, place, again)
                raise
            finally:
                account.seconds -= time.monotonic() - started

    def _note(self, flow: Flow, place: Place, again: Again) -> None:
        """Tell the flow what became of a call that failed."""
        if again.holds_all:
            wait = flow.refused(place, again, self._first_wait)
            _log.info("%s: %s; it is not asked for %.1f s", self.name, again, wait)
        elif again.busy:
            place.became = "busy"
        elif again.kind in (AnswerEmpty, AnswerUnreadable):
            place.became = "ended"
        else:
            place.became = "failed"

    async def _try(self, poster: Poster, body: dict[str, Any], account: _Account) -> ModelReply:
        if self._concessions is not None:
            body = self._concessions.shaped(body)
        content = json.dumps(body).encode()
        try:
            response = await poster.post(content, min(self._timeout, account.seconds), self._timeout)
        except BodyTooLong:
            raise AnswerUnreadable(
                f"{self.name}: {self.server} sent more than {LONGEST_BODY >> 20} MB for one answer; "
                "check base_url and what stands between here and the model"
            ) from None
        if not 200 <= response.status < 300:
            if self._conceded(response, body):
                return await self._try(poster, body, account)
            refused = refusal(self._told_of, self.name, response.status, response.headers, response.body)
            raise refused from None
        try:
            found = completion(response.body)
        except Misshapen as error:
            raise self._unreadable(response, error, account) from None
        account.usage += found.usage
        if not any(each.text.strip() for each in found.answers):
            if found.answers[0].finish == "length":
                if self._concessions is not None and self._concessions.gives_room(body):
                    return await self._try(poster, body, account)
                raise AnswerEmpty(
                    f"{self.name}: cut off at its longest length before it answered (a model that reasons "
                    "first?); use another model, or extra_body to have it reason less"
                )
            if found.answers[0].finish == "filter":
                raise AnswerEmpty(f"{self.name}: the server's content filter held the answer back")
            raise Again("an answer without text", kind=AnswerEmpty)
        answers = tuple(replace(each, text=self._secrets.cover_sure(each.text)) for each in found.answers)
        return ModelReply(answers, found.usage, self._named(found.model))

    def _conceded(self, response: Response, body: Mapping[str, Any]) -> bool:
        """Whether a refusal told what the server does not take, so that it is worth asking without it."""
        if self._concessions is None:
            return False
        _, message, _ = error_of(parsed(response.body))
        left_out = self._concessions.learnt(response.status, message, body)
        if left_out:
            _log.info("%s refuses %s; it is asked without", self.name, left_out)
        return bool(left_out)

    def _unreadable(self, response: Response, error: Misshapen, account: _Account) -> Exception:
        kind = response.headers.get("content-type", "application/json").partition(";")[0].strip()
        if not error.is_json and not kind.endswith("json"):
            return AnswerUnreadable(
                f"{self.name}: {self.server} did not answer in JSON; check base_url (it mostly ends in /v1)"
            )
        account.usage += error.usage
        said = self._secrets.cover(error.said)[:LONGEST_SAID]
        reason = f"{error} ({said})" if said else str(error)
        if not error.is_json:
            reason = f"an answer that cannot be read ({error})"
        return Again(reason, kind=AnswerUnreadable)

    def _named(self, told: str) -> str:
        """The model's name as the server gives it. One that is not the asked one's is told, once: a server
        may put another model in its place."""
        name = self._secrets.cover(told)[:200] or self._where.model
        if name != self._where.model and name not in self._other_names and len(self._other_names) < 100:
            self._other_names.add(name)
            _log.info("%s answers as %s", self.name, name)
        return name

    def _given_up(self, again: Again, tries: int, late: bool) -> ModelError:
        """The error after the last try."""
        counted = "one try" if tries == 1 else f"{tries} tries" if tries else "waiting for its first try"
        asks = ""
        if (again.wait or 0) > LONGEST_WAIT:
            asks = f", asks to wait {again.wait:.0f} s"
        elif late and tries <= self._retries:
            asks = f", and its {self._deadline:g} s (`deadline`) are over"
            if again.kind is ModelTimeout:
                return ModelTimeout(
                    f"{self.name}: no answer after {counted}: {again}{asks}; "
                    "check that the server is not overloaded, or set a longer `deadline` in the models file"
                )
        mend = MENDS.get(again.kind, OTHER_MEND)
        return again.kind(f"{self.name}: no answer after {counted}: {again}{asks}; {mend}")

    def _body(self, request: ModelRequest, samples: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._where.model,
            "messages": [
                {"role": message.role, "content": whole(message.content)} for message in request.messages
            ],
            self._tokens_field: min(request.max_tokens, self._max_tokens or request.max_tokens),
        }
        if self._send_temperature:
            body["temperature"] = self._temperature_of(request)
        if samples > 1:
            body["n"] = samples
        if request.logprobs:
            body["logprobs"] = True
        body |= self._extra
        if request.grammar is not None and self._grammar_field is not None:
            structured = self._grammar_field == "structured_outputs"
            body[self._grammar_field] = {"grammar": request.grammar} if structured else request.grammar
        elif request.json_schema is not None and self._concessions is not None:
            schema = {"name": request.role, "strict": True, "schema": json.loads(request.json_schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def _temperature_of(self, request: ModelRequest) -> float:
        return request.temperature if self._temperature is None else self._temperature

    # -- set-up --------------------------------------------------------------------------------------

    def _make_name(self) -> str:
        settings = [self._temperature, self._send_temperature, self._grammar_field, self._extra]
        name = f"{self._where.model}@{self.server}"
        if self._max_tokens is not None:
            settings.append(self._max_tokens)
        if settings == [None, True, None, {}]:
            return name
        text = json.dumps(settings, sort_keys=True, default=str)
        return f"{name}#{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def _poster(self) -> Poster:
        """Connections of the running event loop: they may not be shared between two."""
        loop = asyncio.get_running_loop()
        poster = self._posters.get(loop)
        if poster is None:
            poster = Poster(self._where, self._headers, self._secrets, self._transport)
            self._posters[loop] = poster
        return poster


def _all_headers(where: Address, key: str, given: Mapping[str, str]) -> dict[str, str]:
    """What is sent with each request; a header that is given wins."""
    credentials = {"api-key": key} if where.azure_version is not None else {"Authorization": f"Bearer {key}"}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": "share-sql",
        **credentials,
    }
    if where.official and where.azure_version is None:
        # OpenAI's own variables, for keys that belong to several.
        for name, variable in (
            ("OpenAI-Organization", "OPENAI_ORG_ID"),
            ("OpenAI-Project", "OPENAI_PROJECT_ID"),
        ):
            value = os.environ.get(variable)
            if value:
                headers[name] = checked_key(value, variable)
    names = {name.lower() for name in given}
    return {name: value for name, value in headers.items() if name.lower() not in names} | dict(given)


def _seconds(name: str, value: float, least: float = 1e-3) -> float:
    if not (math.isfinite(value) and value >= least):
        raise SettingsError(f"{name} is {value:g} seconds; give a number of seconds above 0")
    return float(value)


def _sendable(extra: Mapping[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(dict(extra), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise SettingsError("extra_body holds what JSON cannot, e.g. a date; use texts and numbers") from None
    return dict(extra)
