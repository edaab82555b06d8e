"""What a notebook shows of a correction and of a check: texts from outside stand in it as text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from share_sql.case import Correction, Inspection, ModelFailure, QueryWarning, WeighedFinding
from share_sql.check import Checked, Observation
from share_sql.display import LONGEST, MOST_ITEMS, plain

TAGS = {"div", "strong", "pre", "del", "ins", "ul", "li", "code"}
"""All that the code writes."""
HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(
        (
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            '"><svg/onload=alert(1)>',
            "' style='position:fixed",
            "</pre></div><iframe src=//evil.example>",
            "<!-- ",
            "]]><![CDATA[<b>",
            "&lt;b&gt;&#60;b&#62;",
            "\x00<\x00b>",
            "\u202egpj.exe\u2066",
            "\ud800",
            "\n\nSELECT 1",
            "javascript:alert(1)",
            "url(http://evil.example/x)",
        )
    ),
)


class Seen(HTMLParser):
    """What is in a piece of HTML: its tags, their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.styles: set[str] = set()
        self.text = ""
        self.open: list[str] = []
        self.others: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.styles |= {value or "" for _, value in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment  # type: ignore[assignment]


def correction(text: str, more: str) -> Correction:
    return Correction(
        id=text,
        sql=more,
        verdict="corrected",
        reason=text,
        confidence=None,
        draft=text,
        findings=(WeighedFinding(text, more),),
        changes=(text, f"res: added {more}", f"df1: changed {text} to {more}"),
        inspection=Inspection(warnings=(QueryWarning(more, text),)),
        failures=(ModelFailure(text, "refused", more),),
        runs=False,
    )


def checked(text: str, more: str) -> Checked:
    seen = tuple(Observation(text, more, severity) for severity in ("error", "warning", "info"))
    return Checked(text, False, more, seen, suggestion=more, incomplete=text)


@given(HOSTILE, HOSTILE)
@pytest.mark.parametrize("make", [correction, checked])
def test_nothing_but_the_codes_own_tags(make: type[Correction], text: str, more: str) -> None:
    html = make(text, more)._repr_html_()
    seen, usual = Seen(html), Seen(make("a", "b")._repr_html_())
    assert set(seen.tags) <= TAGS
    assert seen.attributes <= {"style"}
    assert seen.styles <= usual.styles
    assert not seen.open
    assert not seen.others
    assert plain(text) in seen.text
    assert plain(more) in seen.text
    assert html.isprintable() or plain(html) == html
    html.encode()


def test_nothing_is_loaded_and_nothing_runs() -> None:
    for shown in (correction("a", "b"), checked("a", "b")):
        html = shown._repr_html_()
        assert not any(word in html for word in ("script", "http", "url(", "src", "href", "@", "<style"))


def test_what_differs_is_marked() -> None:
    html = correction("SELECT a FROM t", "SELECT b FROM t")._repr_html_()
    assert ">a</del>" in html
    assert ">b</ins>" in html
    assert "does not run" in html
    assert "confidence unknown" in html


def test_a_kept_draft_is_shown_once() -> None:
    kept = Correction("1", "SELECT 1 AS one", "kept", "nothing speaks against it", 0.9, "SELECT 1 AS one")
    html = kept._repr_html_()
    assert html.count("SELECT 1 AS one") == 1
    assert "confidence 0.90" in html
    assert not any(word in html for word in ("Findings", "Warnings", "Models", "Changes", "does not run"))


def test_space_in_sql_stays() -> None:
    sql = "\n\nSELECT 1,\r\n\t2 "
    assert sql in Seen(Correction("1", sql, "kept", "", None, sql)._repr_html_()).text


def test_what_is_very_long_is_counted() -> None:
    draft = "x" * (LONGEST + 1_000_000)
    many = tuple(WeighedFinding("kind", "seen") for _ in range(MOST_ITEMS + 7))
    lines = tuple(f"res: added limit({at})" for at in range(MOST_ITEMS + 9))
    html = Correction("1", draft, "kept", draft, None, draft, many, changes=lines)._repr_html_()
    assert len(html) < 100_000
    assert html.count("1,000,000 characters more") == 2
    assert "… 7 more" in html
    assert "… 9 more" in html


@pytest.mark.parametrize(
    ("checked", "said"),
    [
        (Checked("SELECT 1", True, None, ()), "runs, nothing found"),
        (Checked("SELECT 1", True, None, (Observation("kind", "m", "warning"),)), "runs, with findings"),
        (Checked("SELEC", False, "no", (Observation("fails", "no", "error"),)), "does not run"),
        (Checked("", False, "gone", (), unusable="gone"), "could not be checked"),
    ],
)
def test_a_check_says_what_came_of_it(checked: Checked, said: str) -> None:
    assert f"<strong>{said}</strong>" in checked._repr_html_()
    assert printed(checked).startswith(said)


def test_in_a_terminal_nothing_steers_it() -> None:
    text = printed(correction("\x1b[2J", "SELECT 1"))
    assert text.startswith("corrected (confidence unknown): \N{REPLACEMENT CHARACTER}[2J\n  ")
    assert text.endswith("\nSELECT 1")


def printed(shown: Correction | Checked) -> str:
    """As IPython prints it in a terminal."""

    class Printer:
        text_ = ""

        def text(self, text: str) -> None:
            self.text_ += text

    printer = Printer()
    shown._repr_pretty_(printer, False)
    return printer.text_
