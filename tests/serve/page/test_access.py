"""Keyboard only, narrow screens, light and dark, and what axe-core finds."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.serve.page.conftest import PENDING, Opened, correct, pick

NARROW = {"width": 360, "height": 740}
WIDE = {"width": 1280, "height": 900}
LOOKS = {
    "light": {"color_scheme": "light", "viewport": WIDE},
    "dark": {"color_scheme": "dark", "viewport": WIDE},
    "narrow": {"color_scheme": "light", "viewport": NARROW},
}


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:120]}: {node['failureSummary'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"][:3]
    ]


def fits(page: Page) -> bool:
    """Whether the page as a whole does not scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("look", LOOKS)
def test_every_main_state_is_accessible_and_fits(opened: Opened, shop: str, look: str) -> None:
    page = opened(shop, **LOOKS[look])
    page.wait_for_selector("#tables details", state="attached")
    if look == "narrow":
        page.click("#schema-fold > summary")
    page.locator("#tables summary").first.click()
    assert serious(page) == []
    assert fits(page)
    correct(page, PENDING)
    page.click("#edit-steps > summary")
    assert serious(page) == []
    assert fits(page)
    page.focus("#compare mark.seen")
    assert fits(page)
    page.click("#check")
    page.wait_for_selector("#checked")
    assert serious(page) == []
    assert fits(page)


def test_a_problem_is_accessible(opened: Opened, shop: str) -> None:
    page = opened(shop, color_scheme="dark")
    pick(page, PENDING)
    page.route("**/v1/correct/stream", lambda route: route.abort())
    page.click("#correct")
    expect(page.get_by_role("alert")).to_be_visible()
    assert serious(page) == []


def test_long_sql_and_wide_rows_stay_within_a_narrow_page(opened: Opened, shop: str) -> None:
    page = opened(shop, viewport=NARROW)
    pick(page, PENDING)
    columns = ", ".join(f"{i} AS a_very_long_name_of_a_column_{i}" for i in range(40))
    page.fill(
        "#draft", f"SELECT '{'x' * 300}' AS x, {columns} FROM orders WHERE status = 'pending' LIMIT 150"
    )
    correct(page)
    assert fits(page)
    scrolled = page.locator("#rows .scroll").first
    assert scrolled.evaluate("node => node.scrollWidth > node.clientWidth")


def test_the_keyboard_alone_does_it_all(opened: Opened, shop: str) -> None:
    page = opened(shop)
    page.wait_for_selector("#tables details")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#draft")).to_be_focused()
    page.keyboard.type("SELECT count(*) FROM customers WHERE segment = 'Enterprise'")
    page.keyboard.press("Shift+Tab")  # evidence
    page.keyboard.press("Shift+Tab")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type("How many enterprise customers are there?")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#rows figure")

    def reach(selector: str) -> None:
        for _ in range(60):
            if page.evaluate("(selector) => document.activeElement?.matches(selector)", selector):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", "the focus is seen"
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached by Tab")

    reach("#accept")
    page.keyboard.press("Enter")
    expect(page.locator("#draft")).to_have_value(
        "SELECT count(*) FROM customers WHERE segment = 'enterprise'"
    )
    reach("#compare mark.seen")
    expect(page.get_by_role("tooltip")).to_contain_text("holds no 'Enterprise'")
    reach("#rows .scroll")
    reach("#edit-steps > summary")
    page.keyboard.press("Enter")
    reach("#steps")


def test_the_switch_overrules_the_system(opened: Opened, shop: str) -> None:
    page = opened(shop, color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    expect(page.locator("#theme")).to_have_accessible_name("Use the light theme")


def test_landmarks_and_names(opened: Opened, shop: str) -> None:
    page = opened(shop)
    for role in ("banner", "main", "navigation", "complementary"):
        expect(page.get_by_role(role)).to_have_count(1)  # type: ignore[arg-type]
    for name in ("Database", "Example"):
        expect(page.get_by_role("combobox", name=name)).to_be_visible()
    for name in ("Question", "Draft"):
        expect(page.get_by_role("textbox", name=name, exact=True)).to_be_visible()
