"""The analyst's whole path over the page, on the demo's shop."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.serve.page.conftest import PENDING, Opened, correct, pick

SENT_BACK = "How many units were on the lines that customers sent back?"
ENTERPRISE = "How many enterprise customers have a credit limit above 15,000 euros?"


def test_a_draft_is_corrected_and_told_in_full(opened: Opened, shop: str) -> None:
    page = opened(shop)
    pick(page, PENDING)
    expect(page.locator("#draft")).to_have_value(re.compile("^SELECT DISTINCT company_name"))
    page.click("#correct")
    # The stages, in their order, with what they made.
    expect(page.locator("#verdict h2")).to_have_text("There is a correction")
    names = page.locator(".strip li > span:first-child").all_text_contents()
    assert names[0] == "read"
    assert names[-1] == "judge"
    assert page.locator(".strip li.done").count() >= 4
    expect(page.locator(".stages")).to_contain_text("df1 = df.from(orders)")
    expect(page.locator(".stages .candidate").last).to_contain_text("INNER JOIN customers")
    # Draft and correction: each side is its text, with what differs marked.
    before, after = page.locator("#compare .panel.before pre"), page.locator("#compare .panel.after pre")
    assert before.text_content() == page.locator("#draft").input_value()
    expect(after.locator("ins").first).to_contain_text("customers")
    # What was seen: in the list, and at its place.
    expect(page.locator(".seen-list")).to_contain_text("there is no column company_name")
    assert before.locator("mark.seen").first.text_content() == "company_name"
    before.locator("mark.seen").first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("there is no column company_name")
    expect(page.locator(".seen-list .lit")).to_have_count(2)
    # The rows.
    expect(page.locator("#rows .tag")).to_have_text("the draft does not run")
    expect(page.locator("#rows .failed-run")).to_contain_text("no such column")
    assert page.locator("#rows tbody tr").count() == 30
    # The trajectory.
    expect(page.locator("#trajectory .m-removed code")).to_have_text("from(orders)")
    changed = page.locator("#trajectory .steps .m-changed code")
    assert changed.all_text_contents() == [
        "select_distinct(orders.company_name)",
        "select_distinct(customers.company_name)",
    ]
    expect(page.locator("#verdict .sure")).to_contain_text(re.compile(r"\d+%"))
    expect(page.locator("#live")).to_contain_text("corrected:")


def test_rows_that_differ_are_told(opened: Opened, shop: str) -> None:
    page = opened(shop)
    correct(page, SENT_BACK)
    expect(page.locator("#rows .tag")).to_have_text("rows differ")
    assert page.locator("#rows tr.alone").count() == 2
    assert page.locator("#compare mark.l-warning").count() >= 1


def test_a_kept_draft_stands_alone(opened: Opened, shop: str) -> None:
    page = opened(shop)
    correct(page, "How many stores are still open?")
    expect(page.locator("#verdict h2")).to_have_text("Your draft stands")
    assert page.locator("#compare .panel").count() == 1
    expect(page.locator("#compare")).to_contain_text("Nothing speaks against the draft")
    assert page.locator("#accept").count() == 0


def test_without_a_question_the_confidence_is_unknown(opened: Opened, shop: str) -> None:
    page = opened(shop)
    page.wait_for_selector("#tables details")
    page.fill("#draft", "SELECT count(*) FROM stores")
    correct(page)
    expect(page.locator("#verdict .sure")).to_contain_text("unknown")
    assert page.locator("#verdict .sure.unknown").count() == 1


def test_accept_keep_and_copy(opened: Opened, shop: str) -> None:
    page = opened(shop, permissions=["clipboard-read", "clipboard-write"])
    correct(page, ENTERPRISE)
    draft = page.locator("#draft").input_value()
    corrected = page.locator("#compare .panel.after pre").text_content()
    page.click("#accept")
    expect(page.locator("#draft")).to_have_value(corrected or "")
    expect(page.locator(".decided")).to_contain_text("Accepted")
    page.click("#keep")
    expect(page.locator("#draft")).to_have_value(draft)
    page.get_by_role("button", name="Copy SQL").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == corrected


def test_an_edited_trajectory_is_corrected_again(opened: Opened, shop: str) -> None:
    page = opened(shop)
    correct(page, ENTERPRISE)
    page.click("#edit-steps > summary")
    steps = page.locator("#steps").input_value()
    page.fill("#steps", steps.replace("> 15000", "> 20000"))
    page.get_by_role("button", name="Compile to SQL").click()
    expect(page.locator("#edit-steps pre")).to_contain_text("20000")
    page.get_by_role("button", name="Correct again from here").click()
    expect(page.locator("#compare .panel.before")).to_contain_text("20000")
    expect(page.locator("#draft")).to_have_value(re.compile("20000"))
    page.click("#edit-steps > summary")
    page.fill("#steps", "res = nothing that is one")
    page.get_by_role("button", name="Compile to SQL").click()
    expect(page.locator("#edit-steps .bad")).to_be_visible()


def test_edited_sql_is_corrected_again(opened: Opened, shop: str) -> None:
    page = opened(shop)
    correct(page, ENTERPRISE)
    page.click("#edit-sql")
    expect(page.locator("#draft")).to_be_focused()
    page.fill("#draft", page.locator("#draft").input_value().replace("15000", "1"))
    correct(page)
    expect(page.locator("#compare .panel.before")).to_contain_text("credit_limit > 1")


def test_a_check_changes_nothing_and_offers_what_mends(opened: Opened, shop: str) -> None:
    page = opened(shop)
    pick(page, PENDING)
    draft = page.locator("#draft").input_value()
    page.click("#check")
    expect(page.locator("#checked h2")).to_have_text("It does not run")
    assert page.locator("#checked mark.l-error").count() >= 1
    expect(page.locator("#draft")).to_have_value(draft)
    page.get_by_role("button", name="Use as the draft").click()
    expect(page.locator("#draft")).to_have_value(re.compile("JOIN customers"))


def test_prose_around_a_draft_is_no_reason_for_it_to_fail(opened: Opened, shop: str) -> None:
    page = opened(shop)
    pick(page, "How many stores are still open?")
    page.fill(
        "#draft",
        "Here it is 🙂:\n```sql\nSELECT count(*) FROM stores WHERE closed_in IS NULL\n```\nGood luck.",
    )
    correct(page)
    assert page.locator("#compare mark.seen").first.text_content() == "closed_in"
    expect(page.locator("#rows .failed-run")).to_contain_text("closed_in")


def test_the_schema_can_be_looked_through(opened: Opened, shop: str) -> None:
    page = opened(shop)
    expect(page.locator("#schema-count")).to_have_text("8 tables")
    page.fill("#schema-filter", "credit")
    expect(page.locator("#tables .column")).to_have_text(["credit_limit"])
    page.fill("#schema-filter", "")
    page.click("#tables summary:has-text('orders')")
    expect(page.locator("#tables details[open]")).to_contain_text("→ customers.customer_id")


def test_what_was_typed_outlives_a_reload(opened: Opened, shop: str) -> None:
    page = opened(shop)
    page.fill("#question", "What is typed?")
    page.fill("#draft", "SELECT 'typed'")
    page.reload()
    expect(page.locator("#question")).to_have_value("What is typed?")
    expect(page.locator("#draft")).to_have_value("SELECT 'typed'")
    expect(page.locator("#draft-paint .s-text")).to_have_text("'typed'")
