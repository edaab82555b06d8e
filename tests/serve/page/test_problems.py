"""What the page does where something fails. Nothing that was typed is lost."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from share_sql.errors import ModelUnreachable
from share_sql.models.base import ModelRequest
from share_sql.models.scripted import ScriptedModel
from share_sql.serve.access import Guard
from share_sql.serve.app import create_app
from share_sql.serve.guard import guarded
from share_sql.serve.problems import problem
from tests.serve.conftest import serving, shop_desk
from tests.serve.page.conftest import PENDING, TOKEN, Opened, correct, pick

STREAM = "/v1/correct/stream"
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"


def kept(page: Page) -> None:
    """The draft is where it was typed."""
    expect(page.locator("#draft")).to_have_value(re.compile("^SELECT DISTINCT company_name"))


def test_a_killed_server_is_told_and_a_new_one_is_asked(opened: Opened, tmp_path: Path) -> None:
    with shop_desk(tmp_path) as desk, serving(guarded(create_app(desk), Guard())) as url:
        page = opened(url)
        pick(page, PENDING)
    page.click("#correct")
    expect(page.get_by_role("alert")).to_contain_text("No answer")
    kept(page)
    port = int(url.rpartition(":")[2])
    with shop_desk(tmp_path) as desk, serving(guarded(create_app(desk), Guard()), port):
        page.get_by_role("button", name="Try again").click()
        page.wait_for_selector("#verdict")
        assert page.get_by_role("alert").count() == 0
        page.wait_for_selector("#rows figure")


def test_a_token_is_asked_for_and_kept_in_memory_alone(opened: Opened, tmp_path: Path) -> None:
    with shop_desk(tmp_path) as desk, serving(guarded(create_app(desk), Guard(token=TOKEN))) as url:
        page = opened(url)
        expect(page.get_by_label("Token")).to_be_focused()
        page.get_by_label("Token").fill("a-token-that-is-wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("That is not the token")
        expect(page.get_by_label("Token")).to_have_value("")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Use it").click()
        correct(page, PENDING)
        stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert TOKEN not in stored
        page.reload()
        expect(page.get_by_label("Token")).to_be_visible()
        kept(page)


class Faulty:
    """An application whose corrections fail in one way; the fault itself is what is tried."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.fault = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != STREAM or not self.fault:
            await self.app(scope, receive, send)
            return
        if self.fault == "limited":
            answer = problem(
                429, "too-many", "there are more requests than are let in", headers={"Retry-After": "2"}
            )
            await answer(scope, receive, send)
            return

        async def cut(message: Any) -> None:
            if b"event: stage" in message.get("body", b"") and b'"mask"' in message["body"]:
                await asyncio.sleep(1)  # what the browser has not read by then goes with the connection
                raise ConnectionResetError("cut off for the test")
            await send(message)

        await self.app(scope, receive, cut)


def test_too_many_requests_are_counted_down(opened: Opened, tmp_path: Path) -> None:
    with shop_desk(tmp_path) as desk:
        faulty = Faulty(create_app(desk))
        with serving(guarded(faulty, Guard())) as url:
            page = opened(url)
            pick(page, PENDING)
            faulty.fault = "limited"
            page.click("#correct")
            expect(page.get_by_role("alert")).to_contain_text("Too many requests")
            again = page.get_by_role("alert").get_by_role("button")
            expect(again).to_be_disabled()
            expect(again).to_have_text(re.compile("Try again in . second"))
            faulty.fault = ""
            expect(again).to_be_enabled()
            kept(page)
            again.click()
            page.wait_for_selector("#rows figure")


def test_a_stream_that_breaks_leaves_what_came(opened: Opened, tmp_path: Path) -> None:
    with shop_desk(tmp_path) as desk:
        faulty = Faulty(create_app(desk))
        with serving(guarded(faulty, Guard())) as url:
            page = opened(url)
            pick(page, PENDING)
            faulty.fault = "cut"
            page.click("#correct")
            expect(page.get_by_role("alert")).to_contain_text("The connection broke after the stage bam")
            expect(page.locator(".stages")).to_contain_text("df1 = df.from(orders)")
            kept(page)
            faulty.fault = ""
            page.get_by_role("button", name="Try again").click()
            page.wait_for_selector("#rows figure")


def test_a_lost_model_is_told_with_the_correction_as_far_as_it_came(opened: Opened, tmp_path: Path) -> None:
    down = True

    def answer(request: ModelRequest) -> str | BaseException:
        return ModelUnreachable("nobody listens at the model's address") if down else "no trajectory"

    with (
        shop_desk(tmp_path, models={"sam": ScriptedModel(answer)}) as desk,
        serving(guarded(create_app(desk), Guard())) as url,
    ):
        page = opened(url)
        pick(page, PENDING)
        page.click("#correct")
        expect(page.get_by_role("alert")).to_contain_text("Not available now")
        expect(page.locator("#verdict")).to_contain_text("sam gave nothing (unreachable)")
        expect(page.locator("#compare .panel.after")).to_contain_text("JOIN customers")
        page.wait_for_selector("#rows figure")
        kept(page)
        down = False
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#verdict")).to_contain_text("sam gave nothing (unusable)")
        assert page.get_by_role("alert").count() == 0
        page.wait_for_selector("#rows figure")


def test_cancelling_stops_the_work(opened: Opened, tmp_path: Path) -> None:
    with shop_desk(tmp_path) as desk, serving(guarded(create_app(desk), Guard())) as url:
        page = opened(url)
        page.wait_for_selector("#tables details")
        page.fill("#draft", ENDLESS)
        page.click("#correct")
        expect(page.locator(".strip .running")).to_be_visible()
        page.click("#cancel")
        expect(page.locator("#live")).to_have_text("Cancelled")
        expect(page.locator("#stages")).to_contain_text("cancelled")
        expect(page.locator("#draft")).to_have_value(ENDLESS)
        expect(page.locator("#correct")).to_be_focused()
        deadline = time.monotonic() + 10
        while desk.under_way and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not desk.under_way


def test_an_empty_draft_is_pointed_at(opened: Opened, shop: str) -> None:
    page = opened(shop)
    page.wait_for_selector("#tables details")
    page.click("#correct")
    expect(page.locator("#draft")).to_be_focused()
    assert page.locator("#verdict").count() == 0
