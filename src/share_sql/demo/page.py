"""One self-contained HTML page of corrections.

Model output and the database's content appear as escaped text only. The page loads nothing: style and
script are in it, and its content policy allows these two by their hashes and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from share_sql.demo.marks import Mark, mark_changes
from share_sql.demo.result import DemoItem, DemoResult

_OUTCOMES = {"fixed": "Fixed", "right": "Right", "wrong": "Still wrong", "broken": "Broken"}
_KINDS = {"+ ": "added", "- ": "removed"}


@dataclass(frozen=True)
class PageRow:
    """One case as the template shows it."""

    item: DemoItem

    @cached_property
    def marks(self) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
        """Runs of draft and correction, changed ones marked."""
        return mark_changes(self.item.case.draft, self.item.correction.sql)

    @property
    def changes(self) -> list[tuple[str, str]]:
        """What changed as (kind, line)."""
        return [(_KINDS.get(line[:2], "same"), line) for line in self.item.what_changed]

    @property
    def outcome(self) -> str:
        """The outcome in words."""
        return _OUTCOMES[self.item.outcome]

    @property
    def rows(self) -> str:
        """How many rows draft and correction give."""
        before, after = (
            "does not run" if count is None else f"{count:,} row{'' if count == 1 else 's'}"
            for count in (self.item.rows_before, self.item.rows_after)
        )
        return f"{before} → {after}" if self.item.touched else before


def render_page(result: DemoResult) -> str:
    """The page of a demo's corrections.

    Args:
        result: the demo's corrections with their comparison.

    Returns:
        A whole HTML document that loads nothing from anywhere.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = _asset("page.css"), _asset("page.js")
    return environment.get_template("page.html.j2").render(
        rows=[PageRow(item) for item in result.items],
        counts=result.counts,
        # The package's own files: the only text that is not escaped.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _asset(name: str) -> str:
    return files("share_sql.demo").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
