"""One self-contained HTML page of corrections.

Model output and the database's content appear as escaped text only. The page loads nothing: style and
script are in it, and its content policy allows these two by their hashes and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from share_sql.demo.result import DemoResult
from share_sql.demo.stages import HOW, SHOWN


def render_page(result: DemoResult) -> str:
    """The page of a demo's corrections: a whole HTML document that loads nothing from anywhere."""
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
        items=result.items,
        counts=result.counts,
        place=result.place,
        models=result.models,
        shown=SHOWN,
        how=HOW,
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
