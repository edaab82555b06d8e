"""The OpenAPI document, and the page made of it: nothing of other hosts, no script."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx2

from share_sql.serve.docs_page import page


class Links(HTMLParser):
    """What a page loads or leads to, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src"):
                self.links.add(value or "")
            if name == "id":
                self.ids.add(value or "")


def test_the_page_asks_no_other_host_and_runs_nothing(client: httpx2.Client) -> None:
    answer = client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    found = Links()
    found.feed(answer.text)
    assert not found.tags & {"script", "style", "iframe", "img"}
    assert not {each for each in found.attributes if each.startswith("on") or each == "style"}
    anchors = {link for link in found.links if link.startswith("#")}
    assert {link[1:] for link in anchors} <= found.ids
    for link in found.links - anchors:
        assert link.startswith("/")
        assert client.get(link).status_code == 200
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in answer.text


def test_text_of_the_document_is_no_markup() -> None:
    mark = "<script>alert(1)</script>"
    document = {
        "info": {"description": mark},
        "paths": {f"/{mark}": {"get": {"description": mark, "responses": {"200": {"content": {mark: {}}}}}}},
        "components": {"schemas": {mark: {"description": mark, "properties": {mark: {"default": mark}}}}},
    }
    assert "<script" not in page(document)


def test_each_operation_tells_its_problems(client: httpx2.Client) -> None:
    document = client.get("/openapi.json").json()
    text = client.get("/openapi.json").text
    assert "HTTPValidationError" not in text
    for reference in set(re.findall(r'"#/components/schemas/([^"]+)"', text)):
        assert reference in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            told = operation["responses"]
            assert "200" in told
            for status in {"404", "422", "500", "503"} if path.startswith("/v1/") else {"503"}:
                assert set(told[status]["content"]) == {"application/problem+json"}
