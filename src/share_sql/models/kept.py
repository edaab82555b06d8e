"""What a model was asked and what it answered, in a form that can be kept: for the answer cache, and for a
run's ledger of calls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from share_sql.models.base import Answer, ModelReply, ModelRequest
from share_sql.models.wire import whole

_FORMAT = 1
"""Part of each key: a change of what is kept starts afresh."""


def request_key(name: str, request: ModelRequest) -> str:
    """SHA-256 of all that determines an answer: the model's name and what is asked, without the case."""
    parts: tuple[object, ...] = (
        _FORMAT,
        name,
        [(message.role, message.content) for message in request.messages],
        request.max_tokens,
        request.temperature,
        request.samples,
        request.grammar,
        request.logprobs,
    )
    if request.json_schema is not None:
        parts = (*parts, request.json_schema)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def kept_reply(reply: ModelReply) -> dict[str, Any]:
    """A reply without its usage, as JSON."""
    return {"answers": [asdict(answer) for answer in reply.answers], "model": reply.model}


def reply_of(told: Mapping[str, Any]) -> ModelReply | None:
    """The reply that was kept; None where it is not what is kept here: the file may be anyone's."""
    try:
        answers = tuple(_answer(**each) for each in told["answers"])
        model = told["model"]
    except (ValueError, KeyError, TypeError):
        return None
    return ModelReply(answers, model=whole(model)) if answers and isinstance(model, str) else None


def _answer(text: object, logprob: object, tokens: object, finish: Any) -> Answer:
    """An answer of the right types. Raises ValueError."""
    if not isinstance(text, str) or finish not in ("stop", "length", "filter", "unknown"):
        raise ValueError("not an answer")
    if logprob is not None and (not isinstance(logprob, float | int) or not -1e9 <= logprob <= 1):
        raise ValueError("not a log-probability")
    if tokens is not None and (not isinstance(tokens, int) or tokens < 0):
        raise ValueError("not a number of tokens")
    return Answer(whole(text), None if logprob is None else float(logprob), tokens, finish)
