"""Markup in a question, in names, in cells and in model-like text is shown as text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from share_sql.case import Case
from share_sql.serve.access import Guard
from share_sql.serve.app import create_app
from share_sql.serve.guard import guarded
from tests.serve.conftest import serving
from tests.serve.page.conftest import END_SCRIPT, MARKUP, Opened, correct, sqlite_desk

RIGHT_TO_LEFT = "كم عدد العملاء؟"
SCRIPT = f"""
CREATE TABLE "{MARKUP}" ("{END_SCRIPT}" TEXT, n INTEGER, wide TEXT);
INSERT INTO "{MARKUP}" VALUES
    ('{MARKUP}', 1, '{"wide " * 80}'), (NULL, 2, ''), ('{END_SCRIPT}', 3, '{RIGHT_TO_LEFT}');
"""
DRAFT = (
    f'SELECT "{END_SCRIPT}", n, wide FROM "{MARKUP}" WHERE "{END_SCRIPT}" <> \'{MARKUP.upper()}\' OR n = 2'
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database whose every name and cell is markup."""
    folder = tmp_path_factory.mktemp("hostile")
    example = Case("1", MARKUP, "own", DRAFT, evidence=END_SCRIPT)
    with (
        sqlite_desk(folder, "own", SCRIPT, (example,)) as desk,
        serving(guarded(create_app(desk), Guard())) as url,
    ):
        yield url


def test_markup_is_text_wherever_it_stands(opened: Opened, hostile: str) -> None:
    page = opened(hostile)
    expect(page.locator(".starts")).to_contain_text(MARKUP)
    page.click("#tables summary")
    expect(page.locator("#tables")).to_contain_text(MARKUP)
    expect(page.locator("#tables .column").first).to_have_text(END_SCRIPT)
    correct(page, MARKUP)
    assert page.locator("#compare .panel.before pre").text_content() == DRAFT
    expect(page.locator("#rows th").first).to_have_text(END_SCRIPT)
    expect(page.locator("#rows td").first).to_have_text(MARKUP)
    expect(page.locator("#rows .null").first).to_have_text("NULL")
    expect(page.locator("#rows")).to_contain_text(RIGHT_TO_LEFT)
    page.click("#check")
    page.wait_for_selector("#checked")
    # Nothing of it became an element.
    assert page.locator("img:not(.brand img)").count() == 0
    assert page.locator("script").count() == 2


def test_markup_in_an_error_is_text(opened: Opened, hostile: str) -> None:
    page = opened(hostile)
    page.wait_for_selector("#tables details")
    page.fill("#draft", f'SELECT "{MARKUP}x" FROM "{MARKUP}" t WHERE t.[{MARKUP}] = 1')
    correct(page)
    expect(page.locator("#verdict")).to_contain_text(MARKUP)
    assert page.locator("img:not(.brand img)").count() == 0
    page.fill("#question", f"{RIGHT_TO_LEFT} {END_SCRIPT}")
    page.click("#edit-steps > summary")
    page.fill("#steps", f"res = df.{MARKUP}")
    page.get_by_role("button", name="Compile to SQL").click()
    expect(page.locator("#edit-steps .bad")).to_be_visible()
