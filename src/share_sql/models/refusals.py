"""What a server's refusal means: another try, or the end, and what mends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from share_sql.errors import (
    AnswerEmpty,
    AnswerUnreadable,
    ModelError,
    ModelLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnavailable,
    ModelUnreachable,
    PromptTooLong,
)
from share_sql.models.secrets import Secrets
from share_sql.models.wire import error_of, parsed, retry_after

RETRIED = frozenset({408, 409, 429})
"""Statuses below 500 that a retry may mend."""
BUSY = frozenset({429, 503, 529})
"""Statuses that say there is too much to do."""
LONGEST_WAIT = 60.0
"""Seconds; a server that asks for a longer one is taken as unavailable."""
LONGEST_SAID = 300
"""Characters of a server's words that are shown."""

MENDS: Mapping[type[ModelError], str] = {
    ModelUnreachable: "check that the server runs, and base_url",
    ModelLimited: "ask less at once (--concurrency, or `concurrency` in the models file), or later",
    ModelTimeout: "check that the server is not overloaded, or set a longer `timeout` in the models file",
    AnswerUnreadable: "check base_url and what stands between here and the model",
    AnswerEmpty: "check the model",
}
"""What to do about each kind that is left after the retries."""
OTHER_MEND = "check that the server runs and is not overloaded"
_TOO_LONG = re.compile(
    r"maximum context length|exceeds? the (?:available )?context|prompt is too long", re.IGNORECASE
)
"""How vLLM, llama.cpp and others say it; OpenAI and Azure have a code for it."""
_ANSWER_TOO_LONG = re.compile(r"too large|greater than", re.IGNORECASE)
"""How vLLM says, of `max_tokens`, that a request asks for a longer answer than the model can take."""


class Again(Exception):
    """A failure that another try may mend.

    `wait` is the seconds the server asked for, `kind` the error that is raised once tries are used up, `busy`
    whether the server says that it has too much to do.
    """

    def __init__(
        self,
        message: str,
        wait: float | None = None,
        kind: type[ModelError] = ModelUnavailable,
        *,
        busy: bool = False,
    ) -> None:
        super().__init__(message)
        self.wait = wait
        self.kind = kind
        self.busy = busy

    @property
    def holds_all(self) -> bool:
        """Whether it is meant for all who ask: the server works, and wants less, or later, not in hours."""
        return (self.wait or 0.0) <= LONGEST_WAIT and (self.kind is ModelLimited or self.wait is not None)


@dataclass(frozen=True)
class Server:
    """What messages say of a server."""

    where: str
    """Its URL without secrets."""
    model: str
    key_name: str
    """The variable that holds the key."""
    secrets: Secrets


def refusal(server: Server, name: str, status: int, headers: Mapping[str, str], body: bytes) -> Exception:
    """What a status below 200 or above 299 means: Again, PromptTooLong or ModelRefused.

    Args:
        server: who refused.
        name: the model's name, which begins the message.
        status: the HTTP status.
        headers: the response's; Retry-After and Location are read.
        body: its body; what it says is quoted only where it is JSON.
    """
    error, message, code = error_of(parsed(body))
    said = server.secrets.cover(message)[:LONGEST_SAID] if error is not None else ""
    why = f" ({said})" if said else ""
    if (status in RETRIED or status >= 500) and code != "insufficient_quota":
        kind = {408: ModelTimeout, 429: ModelLimited, 504: ModelTimeout}.get(status, ModelUnavailable)
        return Again(f"status {status}{why}", retry_after(headers), kind, busy=status in BUSY)
    where, model = server.where, server.model
    if 300 <= status < 400:
        target = _target(server, headers.get("location", ""))
        return ModelRefused(
            f"{name}: {where} sends on to {target}, which is not followed; "
            "set base_url to the address that answers"
        )
    mend = {
        401: f"{where} does not accept the key; set the right one in {server.key_name}",
        403: f"{where} does not let the key in {server.key_name} use model {model}; use another key or model",
        404: f"{where} knows no model {model}, or is no such address{why}; check model and base_url",
        429: f"the key's quota at {where} is used up; raise it or use another key",
    }.get(status, f"{where} refused the request with status {status}{why}")
    if status == 400 and _ANSWER_TOO_LONG.search(message.partition("max_tokens")[2]):
        mend += "; set max_tokens for it in the models file"
    elif code == "context_length_exceeded" or (status in (400, 413) and _TOO_LONG.search(message)):
        return PromptTooLong(
            f"{name}: the prompt is longer than {model} takes at {where}{why}; use a model that takes "
            "more, or a schema with fewer columns"
        )
    elif status == 400 and "max_completion_tokens" in said:
        mend += '; set tokens_field = "max_completion_tokens"'
    elif status == 400 and "temperature" in said:
        mend += "; set send_temperature = false"
    return ModelRefused(f"{name}: {mend}")


def _target(server: Server, location: str) -> str:
    """Scheme and host of a redirect's target; its path and query may hold anything."""
    try:
        parts = urlsplit(urljoin(server.where, location[:2000]))
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        host = port = ""
    if not location or not host:
        return "an address that it does not name"
    return server.secrets.cover(f"{parts.scheme}://{host}{port}")[:200]
