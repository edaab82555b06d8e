"""A server that answers from a list, and the model that speaks to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx2

from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.endpoint import EndpointModel

Ask = Callable[..., ModelRequest]
KEY = "sk-very-secret-key"
URL = "http://models.test/v1"


def choice(text: str | None = "hi", finish: str = "stop", **more: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}, **more}


def completion(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "served", "usage": usage}
    return {**body, "choices": list(choices) or [choice()], **more}


class Server:
    """Answers from a list, the last one again and again; keeps what it was sent.

    With `crowd`, nobody is answered before that many requests are under way at once.
    """

    def __init__(self, *answers: Any, crowd: int = 1) -> None:
        self.crowd = crowd
        self.gathered = asyncio.Event()
        self.answers = list(answers) or [completion()]
        self.sent: list[httpx2.Request] = []
        self.busy = self.most_busy = 0

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        if self.busy >= self.crowd:
            self.gathered.set()
        await asyncio.wait_for(self.gathered.wait(), 30)
        await asyncio.sleep(0.01 if self.crowd > 1 else 0)  # time for one too many to come in
        self.busy -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return answer
        return httpx2.Response(200, json=answer)

    def body(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.sent[number].content)
        return found


def model(server: Server, **settings: Any) -> EndpointModel:
    settings = {"model": "sam", "base_url": URL, "api_key": KEY, "first_wait": 0.0, **settings}
    return EndpointModel(transport=httpx2.MockTransport(server), **settings)


def ask(model: EndpointModel, request: ModelRequest) -> ModelReply:
    async def once() -> ModelReply:
        try:
            return await model.ask(request)
        finally:
            await model.close()

    return asyncio.run(once())


def failure(
    status: int, message: str = "no", headers: dict[str, str] | None = None, **more: Any
) -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"message": message, **more}}, headers=headers)
