"""What OpenAI's wire format says, in SHARE's words: answers, usage, waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from share_sql.models.base import Answer, Usage


def answer(choice: Any) -> Answer:
    """One answer, with its log-probability where the server sends it."""
    finish = {"stop": "stop", "length": "length", "content_filter": "filter"}.get(
        choice.finish_reason, "unknown"
    )
    logprob = tokens = None
    if choice.logprobs is not None and choice.logprobs.content:
        tokens = len(choice.logprobs.content)
        logprob = sum(token.logprob for token in choice.logprobs.content)
    # Content is None where the model was cut off while it reasoned, or refused.
    text = (choice.message.content if choice.message is not None else None) or ""
    return Answer(text, logprob, tokens, finish)  # type: ignore[arg-type]


def usage(told: Any) -> Usage:
    """The tokens of one call; zero where the server does not tell."""
    if told is None:
        return Usage(requests=1)
    prompt, completion = told.prompt_tokens_details, told.completion_tokens_details
    return Usage(
        told.prompt_tokens or 0,
        told.completion_tokens or 0,
        (prompt.cached_tokens if prompt is not None else None) or 0,
        (completion.reasoning_tokens if completion is not None else None) or 0,
        requests=1,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date); None without one."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
