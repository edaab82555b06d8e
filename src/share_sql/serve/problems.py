"""Every error of the service as a problem document (RFC 9457): what is wrong and what to do, in one line.

No document holds a stack trace, a path of the machine or a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

TYPE = "urn:share:problem:"
"""Begins each problem's `type`; its name follows."""


def problem(
    status: int, name: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A response that tells a problem; it is an ASGI application, as all responses are.

    Args:
        status: the HTTP status.
        name: one stable word or two, such as `too-large`.
        detail: one line: what was wrong, and what to do.
        headers: further ones, such as Retry-After.
        more: further members of the document.
    """
    document = {
        "type": TYPE + name,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return JSONResponse(document, status, dict(headers or {}), "application/problem+json")
