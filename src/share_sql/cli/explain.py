"""`share explain`: what a kind of repair, guess or finding is."""

from __future__ import annotations

from dataclasses import asdict

import click

from share_sql.cli.common import as_json
from share_sql.cli.terminal import print_json, say

EXAMPLES = """\b
Examples:
  share explain literal-case
  share explain
"""


@click.command("explain", epilog=EXAMPLES)
@click.argument("kind", required=False)
@as_json
def command(kind: str | None, as_json: bool) -> None:
    """Explain a KIND, with an example before and after; without one, list all kinds.

    Kinds name what SHARE does and sees: in a correction's findings, in the weights, and in training data.
    """
    from share_sql.edits.table import KINDS, find_kind

    kinds = [find_kind(kind)] if kind is not None else list(KINDS.values())
    if as_json:
        rows = [{**asdict(each), "roles": each.roles} for each in kinds]
        print_json(rows if kind is None else rows[0])
        return
    if kind is None:
        for each in kinds:
            say(f"{each.name:22} {', '.join(each.roles):18} {each.line}".rstrip())
        return
    found = kinds[0]
    roles = ", ".join(found.roles) or "only a name"
    acts = {"proved", "guessed"} & set(found.roles) and found.conventions != "any"
    about = f"about the {found.about}" + (f"; acts under --conventions {found.conventions}" if acts else "")
    say(f"{found.name} ({roles}; {about})\n{found.line}")
    say(f"  before: {found.before}" + (f"\n  after:  {found.after}" if found.after else ""))
