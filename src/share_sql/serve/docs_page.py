"""The OpenAPI document as a page at `/docs`: plain HTML, no script, nothing asked of other hosts."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>SHARE over HTTP</title><link rel="stylesheet" href="/docs/docs.css"></head>
<body><main>
<h1>SHARE over HTTP</h1>
{about}
<p>The same for machines: <a href="/openapi.json">openapi.json</a>. The page: <a href="/">/</a>.</p>
<h2>Routes</h2>
{routes}
<h2 id="shapes">Shapes</h2>
{shapes}
</main></body></html>
"""


def install(app: FastAPI) -> None:
    """Let an application show its own document."""

    async def shown(request: Request) -> Response:
        return HTMLResponse(page(app.openapi()))

    app.add_route("/docs", shown, methods=["GET"], include_in_schema=False)


def page(document: Mapping[str, Any]) -> str:
    """An OpenAPI document as HTML."""
    about = "".join(
        f"<p>{escape(each)}</p>" for each in document["info"].get("description", "").split("\n\n")
    )
    routes = "".join(
        _route(path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    shapes = "".join(_shape(name, shape) for name, shape in sorted(document["components"]["schemas"].items()))
    return _PAGE.format(about=about, routes=routes, shapes=shapes)


def _route(path: str, method: str, operation: Mapping[str, Any]) -> str:
    taken = operation.get("requestBody", {}).get("content", {})
    given = operation["responses"].get("200", {}).get("content", {})
    problems = ", ".join(status for status in operation["responses"] if status != "200")
    rows = [("takes", _content(taken)), ("answers", _content(given)), ("problems", escape(problems))]
    told = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows if text)
    paragraphs = (operation.get("description") or operation.get("summary", "")).split("\n\n")
    about = "".join(f"<p>{escape(each)}</p>" for each in paragraphs)
    return f"<section><h3><code>{method.upper()} {escape(path)}</code></h3>{about}<dl>{told}</dl></section>\n"


def _content(content: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{_type(each.get('schema', {}))} <small>{escape(kind)}</small>" for kind, each in content.items()
    )


def _shape(name: str, shape: Mapping[str, Any]) -> str:
    needed = shape.get("required", ())
    rows = "".join(
        f"<tr><th scope=row><code>{escape(each)}</code></th><td>{_type(of)}</td>"
        f"<td>{'' if each in needed else escape(_default(of))}</td><td>{'; '.join(_bounds(of))}</td>"
        f"<td>{escape(of.get('description', ''))}</td></tr>"
        for each, of in shape.get("properties", {}).items()
    )
    head = "".join(f"<th scope=col>{each}</th>" for each in ("member", "type", "default", "bounds", "what"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    about = escape(shape.get("description", ""))
    return (
        f'<section id="{escape(name)}"><h3><code>{escape(name)}</code></h3><p>{about}</p>{table}</section>\n'
    )


def _default(of: Mapping[str, Any]) -> str:
    return json.dumps(of["default"]) if "default" in of else "left out"


def _bounds(of: Mapping[str, Any]) -> Iterator[str]:
    words = {
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
        "minimum": "at least {}",
        "maximum": "at most {}",
        "exclusiveMinimum": "above {}",
    }
    for each in (of, *of.get("anyOf", ())):
        yield from (text.format(each[name]) for name, text in words.items() if name in each)


def _type(of: Mapping[str, Any]) -> str:
    """A schema in a word or two, with links to the shapes."""
    if "$ref" in of:
        name = escape(of["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in of:
            return " or ".join(_type(each) for each in of[several])
    if "enum" in of:
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in of["enum"])
    if of.get("type") == "array":
        held = of.get("items") or {"anyOf": of.get("prefixItems", [])}
        return f"list of {_type(held)}" if held else "list"
    if of.get("type") == "object":
        held = of.get("additionalProperties")
        return f"{_type(held)} by name" if isinstance(held, dict) else "object"
    return escape(str(of.get("type", "any")))
