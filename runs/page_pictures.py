"""The pictures of the page in docs/images: light, dark and narrow, of the demo's shop, without a model.

    python runs/page_pictures.py [--out docs/images]

It needs Debian's chromium (or `--browser FILE`) and the extra `test`. Letters look as the machine's fonts do.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from tests.serve.conftest import serving

from share_sql import Assistant, Catalog
from share_sql.serve.access import Guard
from share_sql.serve.app import create_app
from share_sql.serve.demo import demo_shop
from share_sql.serve.desk import Desk
from share_sql.serve.guard import guarded

PENDING = "Which companies have an order that is still pending? Give each company once."
SENT_BACK = "How many units were on the lines that customers sent back?"
ENTERPRISE = "How many enterprise customers have a credit limit above 15,000 euros?"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--out", type=Path, default=Path("docs/images"), help="folder of the pictures")
    asked.add_argument("--browser", default=shutil.which("chromium"), help="a Chromium")
    flags = asked.parse_args()
    if flags.browser is None:
        print("there is no chromium; install it, or name one with --browser", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as cache:
        catalog = Catalog(cache=Path(cache))
        with demo_shop(catalog) as examples:
            assistant = Assistant(catalog=catalog, inspect=True, conventions="benchmark")
            desk = Desk(
                catalog=catalog,
                names=catalog.names,
                assistant=assistant,
                checker=assistant,
                examples=examples,
            )
            with serving(guarded(create_app(desk), Guard())) as url, sync_playwright() as play:
                browser = play.chromium.launch(executable_path=flags.browser, args=["--no-sandbox"])
                light(opened(browser, url, "light", 1280, 1000), flags.out / "page-light.png")
                dark(opened(browser, url, "dark", 1280, 1000), flags.out / "page-dark.png")
                narrow(opened(browser, url, "light", 360, 1000), flags.out / "page-narrow.png")
                browser.close()
    return 0


def opened(browser: Browser, url: str, scheme: str, width: int, height: int) -> Page:
    """The page, ready to be used."""
    page = browser.new_page(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": height},
        device_scale_factor=2,
        reduced_motion="reduce",
    )
    page.goto(f"{url}/")
    page.wait_for_selector("#tables details", state="attached")
    return page


def corrected(page: Page, question: str) -> None:
    """An example, corrected."""
    page.select_option("#example", label=question)
    page.focus("#correct")
    page.keyboard.press("Enter")
    page.wait_for_selector("#rows figure")
    page.evaluate("document.activeElement.blur()")


def light(page: Page, file: Path) -> None:
    """From the form to the rows."""
    page.click("#tables summary:has-text('Order Lines')")
    corrected(page, SENT_BACK)
    shoot(page, file, "body", "#rows")


def dark(page: Page, file: Path) -> None:
    """From the verdict to the trajectory, with what is told of a place in the draft."""
    corrected(page, PENDING)
    page.hover("#compare mark.seen")
    shoot(page, file, "#verdict", "#trajectory")


def narrow(page: Page, file: Path) -> None:
    """A telephone's width."""
    corrected(page, ENTERPRISE)
    shoot(page, file, "body", "#compare .pair")


def shoot(page: Page, file: Path, first: str, last: str) -> None:
    """Take the picture from one part of the page to another, with some space around."""
    box = """(selector) => {
        const box = document.querySelector(selector).getBoundingClientRect();
        return {left: box.left, top: box.top + scrollY, right: box.right, bottom: box.bottom + scrollY};
    }"""
    begin, end = page.evaluate(box, first), page.evaluate(box, last)
    left, top = max(begin["left"] - 20, 0), max(begin["top"] - 20, 0)
    right = begin["right"] + (20 if left else 0)
    area = {"x": left, "y": top, "width": right - left, "height": end["bottom"] + 20 - top}
    page.screenshot(path=file, full_page=True, clip=area)  # type: ignore[arg-type]
    # A palette takes a third of the bytes; flat colours and grey letters lose nothing that is seen.
    with Image.open(file) as picture:
        small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(file, optimize=True)
    print(f"{file}: {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    raise SystemExit(main())
