"""Any OpenAI-compatible server: vLLM, llama.cpp, Ollama, Azure, OpenAI.

Where an argument is not given, the environment is asked: OPENAI_API_BASE or OPENAI_BASE_URL, OPENAI_API_KEY,
ENGINE_ID (the model), and for Azure AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY, OPENAI_API_VERSION.

Retries happen here, not in the client, so that they are bounded, named in the error, and the same for
every server: 408, 409, 429 and 5xx, time-outs and broken connections are tried again after a growing,
jittered wait, or the wait that Retry-After asks for. What a retry cannot mend is refused at once.

No key and no header's value ever appears in a message or a repr: what a server says is cleaned of them, and
its words on 401 and 403, which may quote a key in part, are left out.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import random
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from share_sql.errors import (
    AnswerEmpty,
    AnswerUnreadable,
    ModelError,
    ModelLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreachable,
    SettingsError,
)
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.wire import answer, retry_after, usage
from share_sql.waits import Waits

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

_log = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
RETRIED = frozenset({408, 409, 429})
"""Statuses below 500 that a retry may mend."""
LONGEST_WAIT = 60.0
"""Seconds; a server that asks for a longer one is taken as unavailable."""

GrammarField = Literal["structured_outputs", "guided_grammar", "grammar"]
TokensField = Literal["max_tokens", "max_completion_tokens"]


@dataclass(frozen=True)
class Endpoint:
    """Where and how to reach a model; everything but secrets shows in its repr."""

    url: str
    model: str
    azure_version: str | None = None
    """Azure's API version; None where the server is not Azure."""


@dataclass(frozen=True)
class _Session:
    """What belongs to one event loop: connections and the bound on concurrent calls."""

    client: AsyncOpenAI
    slots: asyncio.Semaphore


class EndpointModel:
    """A model behind an HTTP server."""

    prompts: str | None = None

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
        extra_body: Mapping[str, Any] | None = None,
        timeout: float = 120.0,
        retries: int = 5,
        first_wait: float = 0.5,
        concurrency: int = 16,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Gather the settings; nothing is sent.

        api_key_env: the variable that holds the key, where `api_key` is not given; named in messages.
        temperature: used in place of each request's. send_temperature: False for models that take none.
        tokens_field: what the server calls the bound on tokens; by default `max_completion_tokens` at
        OpenAI and Azure, `max_tokens` elsewhere. grammar_field: how to hand over a request's grammar
        (vLLM: structured_outputs, older vLLM: guided_grammar, llama.cpp: grammar); None leaves it out.
        extra_body: more fields for each call. timeout, first_wait: seconds. transport: for tests.

        Raises SettingsError where model, key or Azure's version is known from nowhere.
        """
        self._where = _endpoint(model, base_url, azure_endpoint, azure_api_version)
        azure = self._where.azure_version is not None
        official = azure or self._where.url.startswith("https://api.openai.com")
        self._key_name = api_key_env or ("AZURE_OPENAI_API_KEY" if azure else "OPENAI_API_KEY")
        key = api_key or os.environ.get(self._key_name)
        if not key:
            if official:
                raise SettingsError(
                    f"{self._where.url} needs a key: set {self._key_name}, or base_url for a server of yours"
                )
            key = "none"  # servers of one's own mostly ask for none; the client insists on one
        self._key = key
        self._headers = dict(headers or {})
        self._temperature = temperature
        self._send_temperature = send_temperature
        self._tokens_field = tokens_field or ("max_completion_tokens" if official else "max_tokens")
        self._grammar_field = grammar_field
        self.takes_grammar = grammar_field is not None
        self._extra = dict(extra_body or {})
        self._timeout = timeout
        self._retries = retries
        self._first_wait = first_wait
        self._concurrency = concurrency
        self._transport = transport
        self._sessions: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Session]
        self._sessions = weakref.WeakKeyDictionary()
        self.name = self._make_name()
        self.server = self._shown()
        """Where it is asked; models at one server are mostly down together."""
        self._slow = Waits()

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The server's answers to a request.

        Further calls fetch what is missing of `samples`, where sampling makes them differ. Raises
        ModelUnavailable (or what it was more exactly), AnswerUnreadable or AnswerEmpty after the retries,
        ModelRefused at once where a retry cannot help.
        """
        reply = await self._call(request, request.samples)
        # A temperature of 0 gives the same answer again: more calls would only cost.
        while len(reply.answers) < request.samples and self._temperature_of(request) > 0:
            more = await self._call(request, 1)
            reply = ModelReply(reply.answers + more.answers, reply.usage + more.usage, reply.model)
        return reply

    async def close(self) -> None:
        """Close this event loop's connections; may be called twice."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.client.close()

    def __repr__(self) -> str:
        return f"EndpointModel(model={self._where.model!r}, base_url={self._shown()!r})"

    # -- one call ------------------------------------------------------------------------------------

    async def _call(self, request: ModelRequest, samples: int) -> ModelReply:
        body = self._body(request, samples)
        session = self._session()
        attempt = 0
        while True:
            try:
                async with session.slots:
                    with self._slow.told(f"waiting for {self.name}"):
                        return await self._send(session.client, body)
            except _Again as again:
                attempt += 1
                if attempt > self._retries or (again.wait or 0) > LONGEST_WAIT:
                    tries = "one try" if attempt == 1 else f"{attempt} tries"
                    mend = _MENDS.get(again.kind, "check that the server runs and is not overloaded")
                    asks = f", asks to wait {again.wait:.0f} s" if (again.wait or 0) > LONGEST_WAIT else ""
                    raise again.kind(f"{self.name}: no answer after {tries}: {again}{asks}; {mend}") from None
                wait = min(self._first_wait * 2 ** (attempt - 1), LONGEST_WAIT)
                # Jitter, so that calls refused together do not come back together.
                wait = again.wait or wait * (0.5 + random.random())  # noqa: S311
                _log.debug("%s: %s; asked again in %.1f s", self.name, again, wait)
                with self._slow.told(f"{self.name}: {again}; asked again"):
                    await asyncio.sleep(wait)

    async def _send(self, client: AsyncOpenAI, body: dict[str, Any]) -> ModelReply:
        import openai

        try:
            completion = await client.chat.completions.create(**body)
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except openai.APITimeoutError:
            raise _Again(f"nothing within {self._timeout:g} s", kind=ModelTimeout) from None
        except openai.APIConnectionError as error:
            raise _Again(
                f"no connection to {self._shown()} ({self._clean(error.__cause__ or error)})",
                kind=ModelUnreachable,
            ) from None
        except (openai.OpenAIError, ValueError) as error:
            raise _Again(
                f"an answer that cannot be read ({self._clean(error)})", kind=AnswerUnreadable
            ) from None
        if isinstance(completion, str) or not hasattr(completion, "choices"):
            raise AnswerUnreadable(
                f"{self.name}: {self._shown()} did not answer in JSON; check base_url (it mostly ends in /v1)"
            )
        if not isinstance(completion.choices, list) or not completion.choices:
            said = self._clean(getattr(completion, "error", None) or "")
            raise _Again(f"an answer without choices{said and f' ({said})'}", kind=AnswerUnreadable)
        try:
            answers = tuple(answer(choice) for choice in completion.choices)
            spent = usage(completion.usage)
            silent = not any(each.text.strip() for each in answers)
        except (AttributeError, TypeError, KeyError):
            # The client checks no types: a choice may be anything.
            raise _Again("an answer whose choices are none", kind=AnswerUnreadable) from None
        if silent:
            if answers[0].finish == "length":
                raise AnswerEmpty(
                    f"{self.name}: cut off at its longest length before it answered (a model that reasons "
                    "first?); use another model, or extra_body to have it reason less"
                )
            if answers[0].finish == "filter":
                raise AnswerEmpty(f"{self.name}: the server's content filter held the answer back")
            raise _Again("an answer without text", kind=AnswerEmpty)
        return ModelReply(answers, spent, completion.model or self._where.model)

    def _body(self, request: ModelRequest, samples: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._where.model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            self._tokens_field: request.max_tokens,
        }
        if self._send_temperature:
            body["temperature"] = self._temperature_of(request)
        if samples > 1:
            body["n"] = samples
        if request.logprobs:
            body["logprobs"] = True
        extra = dict(self._extra)
        if request.grammar is not None and self._grammar_field is not None:
            structured = self._grammar_field == "structured_outputs"
            extra[self._grammar_field] = {"grammar": request.grammar} if structured else request.grammar
        if extra:
            body["extra_body"] = extra
        return body

    def _temperature_of(self, request: ModelRequest) -> float:
        return request.temperature if self._temperature is None else self._temperature

    # -- failures ------------------------------------------------------------------------------------

    def _refusal(self, error: Any) -> Exception:
        """What a status below 200 or above 299 means: another try, or the end."""
        status = error.status_code
        # The client's own words only repeat the status.
        told = error.body.get("message") if isinstance(error.body, dict) else None
        said = self._clean(told or error.message.removeprefix(f"Error code: {status}").removeprefix(" - "))
        why = f" ({said})" if said else ""
        if (status in RETRIED or status >= 500) and error.code != "insufficient_quota":
            kind = {408: ModelTimeout, 429: ModelLimited, 504: ModelTimeout}.get(status, ModelUnavailable)
            return _Again(f"status {status}{why}", retry_after(error.response.headers), kind)
        where, model = self._shown(), self._where.model
        mend = {
            401: f"{where} does not accept the key; set the right one in {self._key_name}",
            403: f"{where} does not let the key in {self._key_name} use model {model}; "
            "use another key or model",
            404: f"{where} knows no model {model}, or is no such address{why}; check model and base_url",
            429: f"the key's quota at {where} is used up; raise it or use another key",
        }.get(status, f"{where} refused the request with status {status}{why}")
        if status == 400 and "max_completion_tokens" in said:
            mend += '; set tokens_field = "max_completion_tokens"'
        elif status == 400 and "temperature" in said:
            mend += "; set send_temperature = false"
        return ModelRefused(f"{self.name}: {mend}")

    def _clean(self, said: object) -> str:
        """A server's words in one short line, without key and headers."""
        text = " ".join(str(said).split())
        for secret in (self._key, *self._headers.values()):
            if len(secret) >= 6:
                text = text.replace(secret, "***")
        return text[:300]

    def _shown(self) -> str:
        """The base URL without user name, password and query."""
        from urllib.parse import urlsplit

        parts = urlsplit(self._where.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    # -- set-up --------------------------------------------------------------------------------------

    def _make_name(self) -> str:
        settings = (self._temperature, self._send_temperature, self._grammar_field, self._extra)
        name = f"{self._where.model}@{self._shown()}"
        if settings == (None, True, None, {}):
            return name
        text = json.dumps(settings, sort_keys=True, default=str)
        return f"{name}#{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def _session(self) -> _Session:
        """Client and bound of the running event loop: neither may be shared between two."""
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = _Session(self._client(), asyncio.Semaphore(self._concurrency))
            self._sessions[loop] = session
        return session

    def _client(self) -> AsyncOpenAI:
        import httpx2
        import openai

        common: dict[str, Any] = {
            "api_key": self._key,
            "timeout": self._timeout,
            "max_retries": 0,
            "default_headers": self._headers,
        }
        if self._transport is not None:
            common["http_client"] = httpx2.AsyncClient(transport=self._transport)
        if self._where.azure_version is not None:
            return openai.AsyncAzureOpenAI(
                azure_endpoint=self._where.url, api_version=self._where.azure_version, **common
            )
        return openai.AsyncOpenAI(base_url=self._where.url, **common)


class _Again(Exception):
    """A failure that another try may mend; `wait` is the seconds the server asked for, `kind` the error that
    is raised once tries are used up."""

    def __init__(
        self, message: str, wait: float | None = None, kind: type[ModelError] = ModelUnavailable
    ) -> None:
        super().__init__(message)
        self.wait = wait
        self.kind = kind


_MENDS: Mapping[type[ModelError], str] = {
    ModelUnreachable: "check that the server runs, and base_url",
    ModelLimited: "ask less at once (--concurrency, or `concurrency` in the models file), or later",
    ModelTimeout: "check that the server is not overloaded, or set a longer `timeout` in the models file",
    AnswerUnreadable: "check base_url and what stands between here and the model",
    AnswerEmpty: "check the model",
}


def _endpoint(
    model: str | None, base_url: str | None, azure_endpoint: str | None, azure_version: str | None
) -> Endpoint:
    env = os.environ
    model = model or env.get("ENGINE_ID")
    if not model:
        raise SettingsError("no model is named: give `model`, or set ENGINE_ID")
    url = base_url or ("" if azure_endpoint else env.get("OPENAI_API_BASE") or env.get("OPENAI_BASE_URL"))
    azure = azure_endpoint or ("" if url else env.get("AZURE_OPENAI_ENDPOINT"))
    url = azure or url or OPENAI_URL
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"a base_url starts with http:// or https://, not {url.partition(':')[0][:20]!r}")
    if not azure:
        return Endpoint(url, model)
    version = azure_version or env.get("OPENAI_API_VERSION")
    if not version:
        raise SettingsError("Azure needs an API version: give `azure_api_version`, or set OPENAI_API_VERSION")
    return Endpoint(url, model, version)
