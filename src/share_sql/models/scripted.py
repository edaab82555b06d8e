"""The fake model for tests: answers from a script, remembers what it was asked. Public on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from share_sql.errors import AnswerMissing
from share_sql.models.base import Answer, ModelReply, ModelRequest, Usage
from share_sql.models.prices import Pricing

Script: TypeAlias = (
    Mapping[str, str | ModelReply | BaseException | Sequence[str | ModelReply | BaseException]]
    | Callable[[ModelRequest], str | ModelReply | BaseException]
)
"""Answers by role, or a function of the request. A role's answer is one for every call, or a sequence of
which each call takes the next. An exception in an answer's place is raised."""


class ScriptedModel:
    """Answers what its script says."""

    def __init__(
        self,
        answers: Script,
        name: str = "scripted",
        delay: float = 0.0,
        *,
        takes_grammar: bool = False,
        prompts: str | None = None,
        samples: int = 1,
        calibrated: bool = True,
        price: Pricing | None = None,
    ) -> None:
        """`delay` is waited before each answer, in seconds, asynchronously; `price` is what its words
        cost; the others as in `Model`."""
        self.name = name
        self.takes_grammar = takes_grammar
        self.prompts = prompts
        self.samples = samples
        self.calibrated = calibrated
        self.price = price
        self.requests: list[ModelRequest] = []
        """Every request so far, in the order they came."""
        self._answers = answers
        self._delay = delay
        self._calls: dict[str, int] = {}

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The script's answer, `request.samples` times over where it is a text.

        Raises AnswerMissing where the script has no answer for the role (or none left), and whatever
        exception the script puts in the answer's place.
        """
        self.requests.append(request)
        answer = self._next(request)
        if self._delay:
            await asyncio.sleep(self._delay)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, ModelReply):
            return answer
        # A word is near enough to a token for a fake.
        usage = Usage(
            sum(len(message.content.split()) for message in request.messages),
            len(answer.split()) * request.samples,
            requests=1,
        )
        return ModelReply((Answer(answer),) * request.samples, usage, self.name)

    async def close(self) -> None:
        """Nothing to give back."""

    def _next(self, request: ModelRequest) -> str | ModelReply | BaseException:
        if callable(self._answers):
            return self._answers(request)
        role = request.role
        if role not in self._answers:
            raise AnswerMissing(f"{self.name}: the script has no answer for role {role}")
        scripted = self._answers[role]
        if isinstance(scripted, str | ModelReply | BaseException):
            return scripted
        call = self._calls.get(role, 0)
        self._calls[role] = call + 1
        if call >= len(scripted):
            raise AnswerMissing(
                f"{self.name}: the script has {len(scripted)} answers for role {role}, all used"
            )
        return scripted[call]
