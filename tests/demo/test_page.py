"""The page: whole, self-contained, and nothing in it but text where text was given."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

from share_sql.case import Correction, WeighedFinding
from share_sql.demo.cases import DemoCase
from share_sql.demo.page import render_page
from share_sql.demo.result import DemoItem, DemoResult
from share_sql.demo.stages import StageShown

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> &amp; {{ 7 * 7 }} {% raw %} \" ' </pre>"
VOID = {"meta", "input", "rect", "br"}


class Page(HTMLParser):
    """Elements, attributes and text of a page; fails where tags do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def make(
    text: str = "plain",
    *,
    sql: str = "SELECT 2",
    before: bool = False,
    after: bool = True,
    with_models: bool = False,
) -> DemoResult:
    case = DemoCase(id="x-1", question=text, evidence=text, gold=text, draft=text, error="right")
    correction = Correction(
        id="x-1", sql=sql, verdict="corrected", reason=text, confidence=0.5, draft=text,
        findings=(WeighedFinding(text, text),),
        changes=(f"r: added {text}", f"r: removed {text}", text, text, text),
    )  # fmt: skip
    stages = (StageShown("sam", (text, f"res = df.select({text})")), StageShown("judge", (text,)))
    item = DemoItem(case, correction, before, after, None, 1, stages)
    return DemoResult((item,), Path("out"), ("sam",) if with_models else ())


def test_hostile_text_comes_out_as_text_everywhere() -> None:
    plain, page = Page(render_page(make())), Page(render_page(make(HOSTILE, sql=HOSTILE + "x", after=False)))
    assert page.tags.count("script") == plain.tags.count("script") == 1
    assert "img" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    # Question, evidence, reason, finding (twice), draft, changes (5 + 4), gold, stages (3).
    assert page.text.count("<script>alert(1)</script>") >= 13
    assert "{{ 7 * 7 }}" in page.text


def test_it_loads_nothing() -> None:
    page = Page(render_page(make()))
    loading = {"src", "href", "srcset", "action", "data", "poster", "background"}
    assert not [attribute for attribute in page.attributes if attribute[1] in loading]
    assert "link" not in page.tags
    assert "url(" not in render_page(make())
    assert "@import" not in render_page(make())


def test_its_content_policy_allows_its_own_style_and_script_and_nothing_else() -> None:
    text = render_page(make())
    policy = next(
        value for tag, name, value in Page(text).attributes if name == "content" and "default-src" in value
    )
    assert policy.startswith("default-src 'none'")
    for element in ("style", "script"):
        body = re.search(f"<{element}>(.*?)</{element}>", text, re.DOTALL)
        assert body is not None
        digest = base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_it_tells_counts_outcomes_and_rows() -> None:
    page = Page(render_page(make()))
    text = " ".join(page.text.split())
    assert "Before 0 of 1" in text
    assert "After 1 of 1" in text
    assert "corrected Fixed" in text
    assert "does not run → 1 row" in text


def test_gold_is_shown_only_where_the_end_is_wrong() -> None:
    assert "Gold, for the reader" in render_page(make(after=False))
    assert "Gold, for the reader" not in render_page(make(after=True))


def test_changed_parts_are_marked_on_both_sides() -> None:
    text = render_page(make("SELECT 1", sql="SELECT 2"))
    assert "<del>1</del>" in text
    assert "<ins>2</ins>" in text


def test_it_shows_what_each_stage_made_and_says_who_worked() -> None:
    alone, together = render_page(make("SELECT 1")), render_page(make("SELECT 1", with_models=True))
    for page in (alone, together):
        assert "<dt>sam</dt><dd><code>SELECT 1</code><code>res = df.select(SELECT 1)</code></dd>" in page
    assert "corrected without a model</h1>" in alone
    assert "share models pull" in alone
    assert "corrected with small models</h1>" in together
    assert "share models pull" not in together
