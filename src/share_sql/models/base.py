"""The one protocol all models stand behind: messages in; text, usage and log-probabilities out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

MOST_SAMPLES = 32
"""Answers that a model is asked for at most."""


@dataclass(frozen=True)
class Message:
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Usage:
    """Tokens spent."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Part of prompt_tokens served from the server's prefix cache, where the server says so."""
    reasoning_tokens: int = 0
    """Part of completion_tokens spent on hidden reasoning, where the server says so."""
    requests: int = 0
    """Calls that reached a model; answers from the answer cache count 0."""

    @property
    def tokens(self) -> int:
        """Those of the prompt and of the answer."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.requests + other.requests,
        )


@dataclass(frozen=True)
class ModelRequest:
    """What a stage wants to know from a model."""

    role: str
    """Which model: a name in `roles.ROLES`."""
    case_id: str
    """The case it is for; recorded answers are matched by role and case."""
    messages: tuple[Message, ...]
    max_tokens: int = 3000
    """As the reference's inference (share_models.py)."""
    temperature: float = 0.0
    samples: int = 1
    """How many answers."""
    grammar: str | None = None
    """EBNF that the answer must match; models that cannot follow a grammar ignore it."""
    json_schema: str | None = None
    """A JSON schema, as JSON, that the answer may match in place of the grammar; models that can keep their
    answer to neither ignore both."""
    logprobs: bool = False
    """Ask for the answer's log-probability where the model can tell."""
    patience: float = math.inf
    """Seconds after which a server that fails is not asked again: who waits for the answer has no more. A try
    under way may take longer."""


@dataclass(frozen=True)
class Answer:
    """One answer of a model."""

    text: str
    logprob: float | None = None
    """Sum of the tokens' natural log-probabilities; None where unknown."""
    tokens: int | None = None
    """Number of tokens `logprob` is summed over."""
    finish: Literal["stop", "length", "filter", "unknown"] = "stop"


@dataclass(frozen=True)
class ModelReply:
    """All answers to one request."""

    answers: tuple[Answer, ...]
    """At least one, as many as `samples` where the model can."""
    usage: Usage = Usage()
    model: str = ""
    """Name of the model that answered."""
    repeated: bool = False
    """Its run had this answer, and paid for it, before it was resumed: `usage` is its case's, and no more is
    spent."""

    @property
    def text(self) -> str:
        """Text of the first answer."""
        return self.answers[0].text


class Model(Protocol):
    """Anything that answers requests. `ask` may be called many times concurrently."""

    name: str
    """For logs, run.json and the answer cache's key: must change when answers may change."""
    takes_grammar: bool
    """It keeps its answer to a request's grammar or JSON schema."""
    prompts: str | None
    """The prompt set that it was trained on; None for none in particular."""
    samples: int
    """How many answers it is asked for as lom, generator and drafter: a greedy one, the others sampled."""
    calibrated: bool
    """Shipped weights of the judge hold for its scores, or as drafter for its answers."""

    async def ask(self, request: ModelRequest) -> ModelReply:
        """Answer. Raises ModelUnavailable, ModelRefused, AnswerMissing."""
        ...

    async def close(self) -> None:
        """Give connections back. May be called twice."""
        ...


def other_names(model: Model) -> tuple[str, ...]:
    """Names under which a model's server answered in place of the one that was asked for."""
    # A cache stands before the model that knows.
    return getattr(getattr(model, "model", model), "other_names", ())
