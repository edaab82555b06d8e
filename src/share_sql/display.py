"""Pieces of what a notebook shows: HTML in which every text from outside stands as text.

Drafts, messages and values come from models and databases. Here alone they become HTML: each is escaped,
and what is invisible in it is made visible. There is no script, no style sheet and no address in it, so that
nothing is loaded. Colours are laid over the notebook's own, light or dark, and say nothing that `del` and
`ins` do not say too, for viewers that drop styles.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from share_sql.sql.marks import Mark

LONGEST = 20_000
"""Characters of one text that are shown; the rest is counted."""
MOST_ITEMS = 100
"""Entries of one list that are shown; the rest is counted."""

_KEPT = frozenset("\n\t\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
"""Not printable to Python, and yet part of texts: the joiners are letters' forms in Persian and Hindi."""

_LINE = "1px solid rgba(128,128,128,.4)"
_FRAME = f"border:{_LINE};border-radius:6px;padding:.6em .9em;max-width:72em;text-align:left"
_SIDES = "display:flex;flex-wrap:wrap;gap:.8em"
_SIDE = "flex:1 1 20em;min-width:0;margin:.5em 0"
_CODE = (
    "margin:0;padding:.5em .7em;background:rgba(128,128,128,.12);border-radius:4px;"
    "white-space:pre-wrap;overflow-wrap:anywhere;color:inherit"
)
_MARKS = {
    "del": "background:rgba(220,50,40,.25);color:inherit;text-decoration:none",
    "ins": "background:rgba(30,150,70,.28);color:inherit;text-decoration:none",
}


def plain(text: str) -> str:
    """Text that cannot steer a terminal, whoever wrote it: a database, a model, a file, an argument.

    Control characters, direction marks and other invisible characters become replacement characters. Line
    breaks (CR LF too), tabs and spaces of all widths stay: a query must still be the same query.
    """
    if text.replace("\n", "").isprintable():
        return text
    return "\r\n".join(
        "".join(char if _harmless(char) else "\N{REPLACEMENT CHARACTER}" for char in part)
        for part in text.split("\r\n")
    )


def _harmless(char: str) -> bool:
    return char.isprintable() or char in _KEPT or unicodedata.category(char) == "Zs"


def sure(confidence: float | None) -> str:
    """A confidence in words."""
    return f"confidence {'unknown' if confidence is None else f'{confidence:.2f}'}"


def frame(head: str, facts: Iterable[str], *parts: str) -> str:
    """All of one thing that is shown.

    Args:
        head: text, the first and boldest.
        facts: texts beside it.
        parts: HTML, as the functions below give it; empty ones are left out.
    """
    beside = "".join(f" · {_text(fact)}" for fact in facts)
    return f'<div style="{_FRAME}"><div><strong>{_text(head)}</strong>{beside}</div>{"".join(parts)}</div>'


def paragraph(text: str) -> str:
    """A paragraph, as HTML; nothing for an empty text."""
    return f'<div style="margin:.4em 0;overflow-wrap:anywhere">{_text(text)}</div>' if text else ""


def sides(*titled: tuple[str, Iterable[Mark]]) -> str:
    """SQL texts side by side, as HTML.

    Args:
        titled: each with its title, and its runs as `sql.marks.mark_changes` gives them. What the others lack
            is marked as gone in the first, and as new in those after it.
    """
    shown = (
        f'<div style="{_SIDE}"><div>{_text(title)}</div>{_pre(_marked(runs, "ins" if at else "del"))}</div>'
        for at, (title, runs) in enumerate(titled)
    )
    return f'<div style="{_SIDES}">{"".join(shown)}</div>'


def listed(title: str, items: Iterable[tuple[str, str]]) -> str:
    """A list under a title, as HTML: of each entry a name and what is said of it. Nothing for no entries."""
    entries = [f"<li><code>{_text(name)}</code> {_text(said)}</li>" for name, said in items]
    if not entries:
        return ""
    if len(entries) > MOST_ITEMS:
        entries[MOST_ITEMS:] = [f"<li>… {len(entries) - MOST_ITEMS} more</li>"]
    return (
        f'<div style="margin:.5em 0 0">{_text(title)}</div>'
        f'<ul style="margin:.2em 0;padding-left:1.4em;overflow-wrap:anywhere">{"".join(entries)}</ul>'
    )


def changed_lines(title: str, lines: Iterable[str]) -> str:
    """Lines that begin with `-` or `+`, marked so, under a title, as HTML. Nothing for no lines."""
    tags = {"-": "del", "+": "ins"}
    runs = [_mark(line, tags.get(line[:1])) for line in lines]
    if not runs:
        return ""
    if len(runs) > MOST_ITEMS:
        runs[MOST_ITEMS:] = [f"… {len(runs) - MOST_ITEMS} more"]
    return f'<div style="{_SIDE}"><div>{_text(title)}</div>{_pre(chr(10).join(runs))}</div>'


def _pre(html: str) -> str:
    # HTML drops one line break after <pre>: of two, the text's own stays.
    return f'<pre style="{_CODE}">\n{html}</pre>'


def _marked(runs: Iterable[Mark], tag: str) -> str:
    """Runs of one text, up to `LONGEST` characters in all."""
    shown, left, more = [], LONGEST, 0
    for changed, text in runs:
        if left:
            shown.append(_mark(text[:left], tag if changed else None))
        more += max(0, len(text) - left)
        left = max(0, left - len(text))
    return "".join(shown) + (f"\n… {more:,} characters more" if more else "")


def _mark(text: str, tag: str | None) -> str:
    return _text(text) if tag is None else f'<{tag} style="{_MARKS[tag]}">{_text(text)}</{tag}>'


def _text(text: str) -> str:
    more = len(text) - LONGEST
    return escape(plain(text[:LONGEST])) + (f"… {more:,} characters more" if more > 0 else "")
