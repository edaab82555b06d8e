"""Every error of the service as a problem document (RFC 9457): what is wrong and what to do, in one line.

No document holds a stack trace, a path of the machine, a secret or what was sent. PROBLEMS is the table of
SHARE's own errors, `install` the rest: what FastAPI refuses, and what nobody foresaw.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from share_sql import errors

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from share_sql.serve.shapes import CorrectAnswer

TYPE = "urn:share:problem:"
"""Begins each problem's `type`; its name follows."""
MEDIA_TYPE = "application/problem+json"
"""What problem documents are sent as."""
RETRY_SECONDS = 5
"""After how many seconds what may pass is to be asked again (`Retry-After`)."""

log = logging.getLogger("share_sql.serve")


@dataclass(frozen=True)
class Kind:
    """How an error of SHARE's is told over HTTP."""

    status: int
    name: str
    """Follows TYPE; stable."""
    detail: str | None = None
    """What is told in place of the error's message, where that may name a file, a host or a user; the message
    then goes to the log. None: the message is told."""


PROBLEMS: Mapping[type[errors.ShareError], Kind] = {
    errors.DatabaseMissing: Kind(404, "database-missing"),
    errors.DatabaseError: Kind(
        503, "database-unreadable", "the database cannot be read now; ask again, and see the service's log"
    ),
    errors.SchemaError: Kind(
        503, "schema-unusable", "the database has no tables that can be used; see the service's log"
    ),
    errors.QueryRefused: Kind(403, "query-refused"),
    errors.QueryTimeout: Kind(422, "query-timeout"),
    errors.QueryTooLarge: Kind(422, "query-too-large"),
    errors.QueryError: Kind(422, "query-failed"),
    errors.SqlError: Kind(422, "sql-unusable"),
    errors.TrajectoryError: Kind(422, "trajectory-unusable"),
    errors.WorkExceeded: Kind(422, "too-much-work"),
    errors.ModelError: Kind(
        503, "model-lost", "a model did not answer; ask again, and see the service's log"
    ),
    errors.ServiceBusy: Kind(503, "busy"),
    errors.AssistantClosed: Kind(503, "closing", "the service is ending; ask another, or ask again later"),
    errors.UsageError: Kind(400, "usage"),
    errors.ShareError: Kind(500, "failed", "the service could not do it; see its log"),
}
"""The nearest class of an error counts."""

OTHERS: Mapping[str, tuple[int, str]] = {
    "not-json": (400, "the body is no JSON, or nested too deeply"),
    "bad-request": (400, "the request cannot be read"),
    "not-found": (404, "there is no such address"),
    "method-not-allowed": (405, "the address takes other methods: those of `Allow`"),
    "too-large": (413, "the body is larger than the service takes"),
    "media-type-unknown": (415, "the body is of another media type than the address takes"),
    "invalid": (422, "a member of the body is missing, unknown or out of bounds: `errors` says which"),
    "unforeseen": (500, "a fault of SHARE's own; `incident` finds it in the service's log"),
    "internal": (500, "a fault of SHARE's own while a draft was worked on; `correction` has what came of it"),
    "draining": (503, "the service is ending; ask another, or ask again later"),
}
"""Problems that are no error of SHARE's: status and what they mean."""


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
    return JSONResponse(document(status, name, detail, **more), status, dict(headers or {}), MEDIA_TYPE)


def document(status: int, name: str, detail: str, **more: Any) -> dict[str, Any]:
    """The problem's document itself; arguments as `problem`'s."""
    # A lone surrogate, as a broken database's message may hold, cannot be sent.
    detail = detail.encode("utf-8", "replace").decode()
    return {
        "type": TYPE + name,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }


def told(error: Exception, doing: str = "a request") -> dict[str, Any]:
    """The document of any error. What it must not tell, and what nobody foresaw, is logged.

    Args:
        error: what was raised.
        doing: what was being done, for the log: no text of a caller's.
    """
    if not isinstance(error, errors.ShareError):
        incident = uuid.uuid4().hex[:12]
        log.error("%s: incident %s: %s", doing, incident, type(error).__name__, exc_info=error)
        detail = f"a fault of SHARE's own; please report it (the service's log has it under {incident})"
        return document(500, "unforeseen", detail, incident=incident)
    kind = next(PROBLEMS[each] for each in type(error).__mro__ if each in PROBLEMS)
    if kind.detail is not None:
        log.warning("%s: %s", doing, error)
    return document(kind.status, kind.name, kind.detail if kind.detail is not None else str(error))


def response(told: Mapping[str, Any]) -> JSONResponse:
    """A problem's document as a response; with Retry-After where asking again may help."""
    status = int(told["status"])
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(dict(told), status, headers, MEDIA_TYPE)


def faults(error: Any) -> list[dict[str, Any]]:
    """What pydantic refused, as `errors` of a document: each with its place in the body and a message.

    Args:
        error: the list that `ValidationError.errors()` gives.
    """
    found = []
    for each in error:
        place = [part for part in each["loc"] if part != "body"]
        message = each["msg"].removeprefix("Value error, ")
        if each["type"] == "extra_forbidden":
            place, message = place[:-1], "there is a member that is not known here"  # its name is theirs
        found.append({"place": place, "message": message})
    return found


def invalid(error: Any) -> dict[str, Any]:
    """The document for a body that is not as it should be; `error` as `faults` takes it."""
    found = faults(error)
    first = found[0]
    where = ".".join(map(str, first["place"])) or "the body"
    return document(422, "invalid", f"{where}: {first['message']}", errors=found)


def lost(answer: CorrectAnswer) -> dict[str, Any] | None:
    """The document for a draft that was not worked on as it should have been, with what came of it.

    Returns:
        None where all is well; else that a model or the database did not answer, or that SHARE itself failed.
    """
    came = {
        "draft": answer.draft,
        "failures": [each.model_dump() for each in answer.failures],
        "correction": answer.model_dump(),
    }
    if any(each.cause == "internal" for each in answer.errors):
        return document(500, "internal", f"{answer.error}", **came)
    if not answer.lost:
        return None
    if any(each.cause == "database" for each in answer.errors):
        unreadable = PROBLEMS[errors.DatabaseError]
        return document(unreadable.status, unreadable.name, unreadable.detail or "", **came)
    model = PROBLEMS[errors.ModelError]
    detail = (
        f"{answer.error}; see that the model's server runs, and ask again: `correction` has what came of the "
        "draft without it"
    )
    return document(model.status, model.name, detail, **came)


def other(name: str, detail: str | None = None) -> dict[str, Any]:
    """The document of one of OTHERS."""
    status, meaning = OTHERS[name]
    return document(status, name, detail or meaning)


class Unforeseen:
    """An ASGI application around another: what that one did not foresee becomes a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; an exception is logged and told. After the answer's beginning it only ends the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            if _unread(error):
                return
            said = told(error, f"{scope['method']} {route_of(scope)}")
            if not started:
                await response(said)(scope, receive, send)


def _unread(error: Exception) -> bool:
    """Whether an error only says that nobody reads a stream any more: so FastAPI's streams of events end
    where the client hangs up between two events."""
    from anyio import BrokenResourceError

    return isinstance(error, ExceptionGroup) and error.split(BrokenResourceError)[1] is None


def route_of(scope: Scope) -> str:
    """The request's route as it is declared, never as it was sent; `other` where none fits."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else "other"


def install(app: FastAPI) -> None:
    """Let an application tell every error as a problem."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    async def of_share(request: Request, error: Exception) -> Response:
        return response(told(error, f"{request.method} {route_of(request.scope)}"))

    async def of_body(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        if any(each["type"] == "json_invalid" for each in found):
            return response(other("not-json"))
        return response(invalid(found))

    async def of_http(request: Request, error: HTTPException) -> Response:
        names = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
        if error.status_code == HTTPStatus.BAD_REQUEST and request.method == "POST":
            # The one that FastAPI raises where a body is JSON to no parser: too deep, numbers too long.
            return response(other("not-json"))
        name = names.get(error.status_code, "bad-request")
        said = response(other(name))
        # Files are read only; the router knows the methods of its own routes.
        allowed = {"Allow": "GET, HEAD"} if name == "method-not-allowed" else {}
        said.headers.update({**allowed, **(error.headers or {})})
        return said

    app.add_exception_handler(errors.ShareError, of_share)
    app.add_exception_handler(RequestValidationError, of_body)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, of_http)  # type: ignore[arg-type]
