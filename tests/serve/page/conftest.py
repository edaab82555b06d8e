"""Debian's Chromium on the page of a real, guarded server; whatever a page must never do fails its test."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from share_sql import Assistant, Catalog
from share_sql.case import Case
from share_sql.serve.access import Guard
from share_sql.serve.app import create_app
from share_sql.serve.desk import Desk
from share_sql.serve.guard import guarded
from tests.serve.conftest import serving, shop_desk

Opened = Callable[..., Page]
PENDING = "Which companies have an order that is still pending? Give each company once."
TOKEN = "a-token-of-the-tests-own"
MARKUP = "<img src=x onerror=alert(1)>"
END_SCRIPT = "</script><script>alert(2)</script>"


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser, for these tests alone: while it is there, no event loop can run in this thread. With
    SHARE_BROWSER=required there must be one."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("SHARE_BROWSER") == "required":
            pytest.fail("there is no chromium, and SHARE_BROWSER=required")
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")
    expect.set_options(timeout=30_000)  # a busy machine is no fault of the page's
    with sync_playwright() as play, closing(play.chromium.launch(executable_path=path, args=_FLAGS)) as found:
        yield found


# As root there is no sandbox; a small /dev/shm, as in containers, is not used.
_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
_WATCH = """document.addEventListener("securitypolicyviolation",
    (event) => console.error(`violation of ${event.violatedDirective}: ${event.blockedURI}`))"""


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Opened]:
    """Opens a URL in a new tab. At the test's end: no dialog, no script error, nothing that the content
    policy forbids, and no request elsewhere."""
    faults: list[str] = []
    contexts = []

    def open_at(url: str, **options: Any) -> Page:
        context = chromium.new_context(reduced_motion="reduce", **options)
        contexts.append(context)
        context.set_default_timeout(30_000)
        context.add_init_script(_WATCH)
        page = context.new_page()

        def asked(request: Request) -> None:
            if not request.url.startswith((f"{url}/", "data:")):
                faults.append(f"asked for {request.url}")

        def dialog(shown: Any) -> None:
            faults.append(f"dialog: {shown.message}")
            shown.dismiss()

        page.on("request", asked)
        page.on("dialog", dialog)
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        # What the server answered is the tests' matter, and told in the console too.
        page.on(
            "console",
            lambda told: (
                faults.append(f"console: {told.text}")
                if told.type in ("error", "warning")
                and "net::" not in told.text
                and "status of" not in told.text
                else None
            ),
        )
        page.goto(f"{url}/")
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo's shop behind the guard, corrected without a model."""
    with (
        shop_desk(tmp_path_factory.mktemp("cache")) as desk,
        serving(guarded(create_app(desk), Guard())) as url,
    ):
        yield url


@contextmanager
def sqlite_desk(folder: Path, name: str, script: str, examples: tuple[Case, ...] = ()) -> Iterator[Desk]:
    """A desk over a database of its own."""
    file = folder / "own.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)
    catalog = Catalog(cache=folder)
    catalog.add(name, file)
    assistant = Assistant(catalog=catalog, inspect=True)
    desk = Desk(
        catalog=catalog, names=catalog.names, assistant=assistant, checker=assistant, examples=examples
    )
    with closing(desk):
        yield desk


def pick(page: Page, question: str) -> None:
    """Choose one of the demo's examples."""
    page.wait_for_selector("#tables details", state="attached")
    page.select_option("#example", label=question)


def correct(page: Page, question: str | None = None) -> None:
    """Choose an example if one is named, press Correct, and wait for all that comes of it."""
    if question is not None:
        pick(page, question)
    page.click("#correct")
    page.wait_for_selector("#verdict")
    page.wait_for_selector("#rows figure")
