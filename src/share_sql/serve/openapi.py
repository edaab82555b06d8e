"""The OpenAPI document: what FastAPI knows of the routes, and the problems that each may answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from share_sql.serve.bodies import CorrectBody
from share_sql.serve.problems import MEDIA_TYPE
from share_sql.serve.shapes import BatchProblem, CorrectAnswer, LostProblem, Problem, StageEvent

if TYPE_CHECKING:
    from fastapi import FastAPI

_REF = "#/components/schemas/{model}"
_ALWAYS = (400, 401, 403, 404, 408, 413, 414, 415, 421, 422, 429, 500, 503)
"""What any route under /v1 may answer, its guard's refusals included."""
_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["stage", "correction", "problem"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "anyOf": [
                    {"$ref": _REF.format(model=each)}
                    for each in ("StageEvent", "CorrectAnswer", "LostProblem")
                ]
            },
        },
    },
}
"""An event of a stream."""
_LINE = {"anyOf": [{"$ref": _REF.format(model=each)} for each in ("CorrectAnswer", "BatchProblem")]}
"""A line that a batch is answered with."""
_DESCRIPTION = """\
Corrects SQL that a language model drafted, or hands it back untouched.

Databases are named in the service's settings: no request can name a path or a URL. Every error is a problem
document (RFC 9457); its `detail` says what to do."""


def install(app: FastAPI) -> None:
    """Let an application describe itself truly at `/openapi.json`."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way to change the document


def _document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    models: tuple[type[BaseModel], ...] = (
        BatchProblem, CorrectAnswer, CorrectBody, LostProblem, Problem, StageEvent,
    )  # fmt: skip
    _, told = models_json_schema([(each, "serialization") for each in models], ref_template=_REF)
    schemas |= told["$defs"]
    for path, operations in found["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            for status in _ALWAYS if path.startswith("/v1/") else (421, 503):
                operation["responses"][str(status)] = _problem(status, path)
    stream = found["paths"]["/v1/correct/stream"]["post"]["responses"]["200"]["content"]
    stream["text/event-stream"] = {"itemSchema": _EVENT}
    batch = found["paths"]["/v1/batch"]["post"]
    lines = {"application/jsonl": {"schema": {"type": "string"}}}
    batch["responses"]["200"]["content"] = {"application/jsonl": {"itemSchema": _LINE}}
    batch["requestBody"] = {
        "required": True,
        "description": "A case a line, as the body of `/v1/correct`; `id` stands for its line's number where "
        "there is none.",
        "content": lines,
    }
    batch["responses"]["200"]["description"] = "A line a case: a CorrectAnswer, or a BatchProblem."
    found["paths"]["/metrics"]["get"]["responses"]["200"]["content"] = {
        "text/plain": {"schema": {"type": "string"}}
    }
    return found


def _problem(status: int, path: str) -> dict[str, Any]:
    model = "LostProblem" if path == "/v1/correct" and status in (500, 503) else "Problem"
    told: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=model)}}},
    }
    if status in (429, 503):
        about = "After how many seconds to ask again."
        told["headers"] = {"Retry-After": {"description": about, "schema": {"type": "string"}}}
    return told
