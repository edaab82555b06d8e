"""`share explain`: what a kind of repair, guess or finding is."""

from __future__ import annotations

from dataclasses import asdict

import click

from share_sql.cli.common import as_json, print_json

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

    if kind is not None:
        found = find_kind(kind)
        if as_json:
            print_json({**asdict(found), "roles": found.roles})
            return
        roles = ", ".join(found.roles) or "only a name"
        click.echo(f"{found.name} ({roles}; about the {found.about})\n{found.line}")
        click.echo(f"  before: {found.before}" + (f"\n  after:  {found.after}" if found.after else ""))
        return
    if as_json:
        print_json([{**asdict(each), "roles": each.roles} for each in KINDS.values()])
        return
    for each in KINDS.values():
        click.echo(f"{each.name:22} {', '.join(each.roles):18} {each.line}".rstrip())
