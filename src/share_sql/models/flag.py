"""One chat model for all roles, from the text of one flag.

    openai:MODEL    a model of OpenAI's, or of the server that OPENAI_BASE_URL names
    URL#MODEL       a model of any OpenAI-compatible server, as in http://localhost:8000/v1#qwen2.5-coder

The key is read from the environment: OPENAI_API_KEY; for a URL first SHARE_API_KEY. A server of one's own may
need none.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from share_sql.errors import SettingsError
from share_sql.models.address import OPENAI_URL

if TYPE_CHECKING:
    from share_sql.models.endpoint import EndpointModel

CHAT_ROLES = ("sam", "lom", "generator", "scorer")
"""What a chat model does. bam and mask stay symbolic, which is exact."""
SAMPLES = 4
"""Answers of lom and of the generator: the greedy one and three that are sampled."""
_OPENAI = "openai:"
_OPENAI_KEY = "OPENAI_API_KEY"
_OWN_KEY = "SHARE_API_KEY"


def chat_model(spec: str) -> EndpointModel | None:
    """The chat model that `spec` names; None where it is neither `openai:MODEL` nor `URL#MODEL`.

    Raises SettingsError where the model, a usable URL or OpenAI's key is missing. What is secret in a URL is
    not shown.
    """
    if spec.startswith(_OPENAI):
        url = os.environ.get("OPENAI_API_BASE") or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        return _model(url, spec.removeprefix(_OPENAI), _OPENAI_KEY, "openai:gpt-4o")
    if not spec.lower().startswith(("http://", "https://")):
        return None
    url, _, model = spec.partition("#")
    if _holds_secrets(url):
        raise SettingsError(
            "a URL in --models may hold no user, password or query, which others could read on the command "
            f"line; set {_OWN_KEY}, or give base_url in a models file"
        )
    key_name = _OWN_KEY if os.environ.get(_OWN_KEY, "").strip() else _OPENAI_KEY
    return _model(url, model, key_name, "http://localhost:8000/v1#qwen2.5-coder")


def _holds_secrets(url: str) -> bool:
    try:
        return "@" in urlsplit(url).netloc or "?" in url
    except ValueError:
        return True  # no host can be read; it is not shown either


def _model(url: str, model: str, key_name: str, example: str) -> EndpointModel:
    from share_sql.models.endpoint import EndpointModel

    if not model.strip():
        raise SettingsError(f"--models names a server and no model; give one, as in {example}")
    if url.startswith(OPENAI_URL.removesuffix("/v1")) and not os.environ.get(key_name, "").strip():
        raise SettingsError(f"OpenAI needs a key: set {key_name}, or give a server of yours as URL#MODEL")
    return EndpointModel(model, url, api_key_env=key_name, adapts=True, samples=SAMPLES)
