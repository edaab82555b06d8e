"""What a model was asked and what it answered, in a form that can be kept: for the answer cache, and for a
run's ledger of calls."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from share_sql.models.base import ModelReply, ModelRequest

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
