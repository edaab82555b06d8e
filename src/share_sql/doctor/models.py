"""Weights of small models, and the servers that models are asked at."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from share_sql.doctor.check import Check
from share_sql.errors import ShareError

if TYPE_CHECKING:
    from share_sql.models.base import Model

GROUP = "models"
SECONDS = 5.0
"""What a server may take to accept a connection."""


def check_weights() -> Iterator[Check]:
    """Yield a check for each base whose weights can be pulled; those that are here are read whole."""
    from share_sql.models.bases import BASES, DEFAULT_BASE
    from share_sql.models.weights_file import is_whole, weights_path

    for base in BASES.values():
        if base.weights is None:
            continue
        path = weights_path(base.weights)
        pull = f"share models pull {base.name}"
        if not path.is_file():
            if base.name == DEFAULT_BASE:
                yield Check(GROUP, base.name, "warning", "not pulled: no small model works here", pull)
            else:
                yield Check(GROUP, base.name, "ok", f"not pulled; fetched by: {pull}")
        elif is_whole(base.weights):
            yield Check(GROUP, base.name, "ok", str(path))
        else:
            yield Check(GROUP, base.name, "failed", f"{path} is damaged", f"delete it, then {pull}")


def check_models(load: Callable[[], Mapping[str, Model]]) -> Iterator[Check]:
    """Yield the checks of the models that a call would ask.

    Args:
        load: gives them by role; what it raises is told.
    """
    try:
        models = load()
    except ShareError as error:
        yield Check(GROUP, "models", "failed", str(error), "mend the settings, or give --models")
        return
    yield Check(GROUP, "models", "ok", ", ".join(models) or "none")
    servers: dict[str, list[str]] = {}
    for role, model in models.items():
        # A cache stands before the model that knows its server.
        if server := getattr(getattr(model, "model", model), "server", ""):
            servers.setdefault(server, []).append(role)
    for server, roles in servers.items():
        yield _reached(server, roles)
    asyncio.run(_close(models))


def _reached(server: str, roles: list[str]) -> Check:
    """Whether somebody listens where models are asked; nothing is sent, and no key is tried."""
    parts = urlsplit(server)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name = f"server of {', '.join(roles)}"
    try:
        socket.create_connection((parts.hostname or "", port), SECONDS).close()
    except OSError as error:
        told = f"{server} cannot be reached: {error.strerror or error}"
        return Check(GROUP, name, "failed", told, "start the server, or mend base_url")
    return Check(GROUP, name, "ok", f"{server} listens")


async def _close(models: Mapping[str, Model]) -> None:
    for model in {id(model): model for model in models.values()}.values():
        await model.close()
