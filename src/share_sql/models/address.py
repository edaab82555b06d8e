"""Where a model is asked: a server's URL taken apart, with what is secret in it kept aside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from share_sql.errors import SettingsError

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Address:
    """Where a model is asked; what is secret of it does not show in its repr."""

    url: str
    """The base URL without user, password, query and fragment."""
    model: str
    azure_version: str | None = None
    """Azure's API version; None where the server is not Azure."""
    user: str = field(default="", repr=False)
    """The user that the URL names."""
    password: str = field(default="", repr=False)
    """Its password."""
    as_written: str = field(default="", repr=False)
    """User and password as the URL has them."""
    query: str = field(default="", repr=False)
    """The URL's query, sent with each request."""

    @property
    def official(self) -> bool:
        """Whether it is OpenAI or Azure, which know the newer names and want a key."""
        return self.azure_version is not None or self.url.startswith("https://api.openai.com")

    @property
    def chat(self) -> str:
        """The URL of the chat route, without the query."""
        url = self.url.rstrip("/")
        if self.azure_version is None:
            return f"{url}/chat/completions"
        if "/deployments" not in url:
            url += f"/openai/deployments/{quote(self.model, safe='')}"
        return f"{url}/chat/completions?{urlencode({'api-version': self.azure_version})}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is secret in the URL as it is written."""
        return tuple(filter(None, (self.query, self.as_written, self.as_written.partition(":")[2])))

    @property
    def query_values(self) -> tuple[tuple[str, str], ...]:
        """Names and values in the query, as they are meant and as they are written."""
        written = (each.partition("=") for each in self.query.split("&"))
        return (*parse_qsl(self.query), *((name, value) for name, _, value in written if value))


def address(
    model: str | None, base_url: str | None, azure_endpoint: str | None, azure_version: str | None
) -> Address:
    """The address that arguments name, or else the environment (see `endpoint.py`).

    Raises:
        SettingsError: there is no model, no usable URL or no version. The message shows no part of a URL,
            which may hold a password.
    """
    env: Mapping[str, str] = os.environ
    model = (model or env.get("ENGINE_ID") or "").strip()
    if not model:
        raise SettingsError("no model is named: give `model`, or set ENGINE_ID")
    url = base_url or ("" if azure_endpoint else env.get("OPENAI_API_BASE") or env.get("OPENAI_BASE_URL"))
    azure = azure_endpoint or ("" if url else env.get("AZURE_OPENAI_ENDPOINT"))
    name = "azure_endpoint" if azure else "base_url"
    found = _taken_apart((azure or url or OPENAI_URL).strip(), model, name)
    if not azure:
        return found
    version = azure_version or env.get("OPENAI_API_VERSION")
    if not version:
        raise SettingsError("Azure needs an API version: give `azure_api_version`, or set OPENAI_API_VERSION")
    return replace(found, azure_version=version.strip())


def _taken_apart(url: str, model: str, name: str) -> Address:
    """The address that a URL names; `name` is the setting's, for messages."""
    import httpx2

    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"a {name} starts with http:// or https://, as in http://localhost:8000/v1")
    if any(ord(each) <= 32 or ord(each) == 127 for each in url):
        raise SettingsError(f"the {name} holds a space or a control character; take it out")
    try:
        parts = urlsplit(url)
        _ = parts.port
        clean = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        whole = httpx2.URL(clean).host
    except (ValueError, httpx2.InvalidURL):
        whole = ""
    if not whole:
        raise SettingsError(f"the {name} is no URL: its host or port cannot be read; check it")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Address(clean, model, None, user, password, parts.netloc.rpartition("@")[0], parts.query)
