"""Requests to ask with, and an environment without keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from share_sql.models.base import Message, ModelRequest

VARIABLES = (
    "OPENAI_API_BASE",
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "ENGINE_ID",
    "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_API_KEY",
    "OPENAI_API_VERSION",
)


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def request_of() -> Callable[..., ModelRequest]:
    def make(text: str = "hello", role: str = "sam", case_id: str = "1", **more: object) -> ModelRequest:
        return ModelRequest(role, case_id, (Message("user", text),), **more)  # type: ignore[arg-type]

    return make
