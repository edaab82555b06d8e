"""What OpenAI's wire format says, in SHARE's words; each field is checked, for a server may send anything."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from share_sql.models.base import Answer, Usage

LONGEST_TEXT = 500_000
"""Characters of one answer; 3,000 tokens, the default bound of a request, take about 12,000."""
_MOST_TOKENS = 10**9
"""More in one call is no number of tokens."""
_LONGEST_WAIT_TOLD = 10.0**9
"""Seconds; a longer wait is told as this."""
_LARGEST_LOGPROB = 0.001
"""A log-probability is at most 0; servers round."""
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Completion:
    """One call's answers."""

    answers: tuple[Answer, ...]
    usage: Usage
    model: str
    """As the server names it; empty where it does not."""


class Misshapen(Exception):
    """A body that is no completion.

    Its message is the reason; `said` the server's own words, where it has any; `is_json` whether it is JSON
    at all; `usage` what the call cost.
    """

    def __init__(
        self, message: str, said: str = "", *, is_json: bool = True, usage: Usage | None = None
    ) -> None:
        super().__init__(message)
        self.said = said
        self.is_json = is_json
        self.usage = usage or Usage(requests=1)


def completion(body: bytes) -> Completion:
    """The answers in the body of a response with status 200. Raises Misshapen."""
    try:
        told = json.loads(body)
    except RecursionError:
        raise Misshapen("JSON that is nested too deeply") from None
    except ValueError as error:
        raise Misshapen(f"not JSON: {error}" if body.strip() else "an empty body", is_json=False) from None
    if not isinstance(told, dict):
        raise Misshapen(f"JSON that is {_kind(told)} in place of an object")
    spent = usage(told.get("usage"))
    choices = told.get("choices")
    if not isinstance(choices, list) or not choices:
        _, said, _ = error_of(told)
        raise Misshapen("an answer without choices", said, usage=spent)
    try:
        answers = tuple(map(answer, choices))
    except Misshapen as error:
        raise Misshapen(str(error), usage=spent) from None
    model = told.get("model")
    return Completion(answers, spent, whole(model) if isinstance(model, str) else "")


def answer(choice: object) -> Answer:
    """One answer, with its log-probability where the server sends it. Raises Misshapen."""
    if not isinstance(choice, dict):
        raise Misshapen(f"a choice that is {_kind(choice)}")
    message = choice.get("message")
    if message is not None and not isinstance(message, dict):
        raise Misshapen(f"a message that is {_kind(message)}")
    text = _text((message or {}).get("content"))
    if len(text) > LONGEST_TEXT:
        raise Misshapen(f"a content of {len(text):,} characters")
    ended = choice.get("finish_reason")
    finish = {"stop": "stop", "length": "length", "content_filter": "filter"}.get(
        ended if isinstance(ended, str) else "", "unknown"
    )
    logprob, tokens = _logprob(choice.get("logprobs"))
    return Answer(whole(text), logprob, tokens, finish)  # type: ignore[arg-type]


def _text(content: object) -> str:
    """A message's text: a text, none, or a list of OpenAI's content parts, of which the texts count."""
    if content is None:
        return ""  # cut off while it reasoned, or refused
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        texts = [part.get("text") for part in content if part.get("type", "text") in ("text", "output_text")]
        told = [text for text in texts if isinstance(text, str)]
        if len(told) == len(texts):
            return "".join(told)
    raise Misshapen(f"a content that is {_kind(content)} in place of text")


def _logprob(told: object) -> tuple[float | None, int | None]:
    """The sum of the tokens' log-probabilities and their number; None each where they cannot be used."""
    listed = told.get("content") if isinstance(told, dict) else None
    if not isinstance(listed, list) or not listed:
        return None, None
    total = 0.0
    for token in listed:
        value = token.get("logprob") if isinstance(token, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None, None
        if not -_MOST_TOKENS <= value <= _LARGEST_LOGPROB:  # NaN too
            return None, None
        total += value
    return total, len(listed)


def usage(told: object) -> Usage:
    """The tokens of one call; zero for what the server does not tell, or not as a number of tokens."""
    if not isinstance(told, dict):
        return Usage(requests=1)
    prompt, completion = told.get("prompt_tokens_details"), told.get("completion_tokens_details")
    return Usage(
        _count(told.get("prompt_tokens")),
        _count(told.get("completion_tokens")),
        _count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else 0,
        _count(completion.get("reasoning_tokens")) if isinstance(completion, dict) else 0,
        requests=1,
    )


def _count(told: object) -> int:
    if isinstance(told, bool) or not isinstance(told, int | float):
        return 0
    if not 0 <= told <= _MOST_TOKENS or told != int(told):
        return 0
    return int(told)


def error_of(told: object) -> tuple[object, str, str]:
    """What an error's body says: the part that describes it, its message and its code; empty without them.

    OpenAI: {"error": {"message", "code"}}. Others: {"error": "message"}, {"message"}, {"detail": "message"}.
    """
    if not isinstance(told, dict):
        return None, "", ""
    error = told.get("error", told)
    if isinstance(error, str):
        return error, error, ""
    if not isinstance(error, dict):
        return None, "", ""
    message = next((error[key] for key in ("message", "detail") if isinstance(error.get(key), str)), "")
    code = error.get("code")
    return error, message, code if isinstance(code, str) else ""


def parsed(body: bytes) -> object:
    """An error's body as JSON; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date); None without one that
    can be read. A date counts from the server's own `Date`, where there is one: this clock may be wrong."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - _said_at(headers)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(0.0, seconds), _LONGEST_WAIT_TOLD)


def _said_at(headers: Mapping[str, str]) -> datetime:
    try:
        return parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return datetime.now(UTC)


def whole(text: str) -> str:
    """A text without lone surrogates, which no UTF-8 can carry on; U+FFFD stands in their place."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _kind(value: object) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "a number"
