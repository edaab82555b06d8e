"""What a server does not take of a request, learnt from its refusals, so that one flag serves any chat model.

Servers differ in the fields they take: a reasoning model takes no temperature and no log-probabilities, some
servers give one answer a call, others know no `response_format`. Each refusal costs one call; afterwards the
field is left out of every call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_REFUSED = frozenset({400, 403, 404, 422, 501})
"""Statuses with which servers refuse a field; a missing key, model or address refuses again without it."""
_FIELDS: Mapping[str, re.Pattern[str]] = {
    "temperature": re.compile("temperature", re.IGNORECASE),
    "logprobs": re.compile("log_?prob", re.IGNORECASE),
    "n": re.compile(r"(?<!\w)(['\"`]?)n\1(?!\w)", re.ASCII),
    "response_format": re.compile("response_format|json_?schema|structured|grammar|guided", re.IGNORECASE),
    "max_tokens": re.compile("max_completion_tokens"),
}
"""By field, what a refusal of it speaks of."""
_RENAMED = {"max_tokens": "max_completion_tokens"}
_BOUNDS = ("max_tokens", "max_completion_tokens")
ROOM = 16_000
"""Tokens beyond a request's own for a model that reasons before it answers."""


class Concessions:
    """What one server was found not to take. All may change at any time: many calls are under way."""

    def __init__(self) -> None:
        self._left_out: set[str] = set()
        self._room = 0

    def shaped(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A call's body without what the server refuses."""
        shaped = {}
        for name, value in body.items():
            if name in self._left_out and name not in _RENAMED:
                continue
            if name in _BOUNDS:
                value += self._room
            shaped[_RENAMED[name] if name in self._left_out else name] = value
        return shaped

    def learnt(self, status: int, message: str, sent: Mapping[str, Any]) -> str:
        """Remember what a refusal is about.

        Args:
            status: the HTTP status.
            message: the server's words.
            sent: the body that was refused.

        Returns:
            The field that is left out from now on; empty where none of those sent can be blamed.
        """
        if status not in _REFUSED:
            return ""
        blamed = [name for name, words in _FIELDS.items() if name in sent and words.search(message)]
        if not blamed and status not in (403, 404) and "response_format" in sent:
            blamed = ["response_format"]  # servers that do not know it say so in many ways
        if not blamed:
            return ""
        self._left_out.add(blamed[0])
        return blamed[0]

    def gives_room(self, sent: Mapping[str, Any]) -> bool:
        """Remember that the model reasons first, so that its answer needs room; False where it had it."""
        if any(sent.get(name, 0) > ROOM for name in _BOUNDS):
            return False
        self._room = ROOM
        return True
