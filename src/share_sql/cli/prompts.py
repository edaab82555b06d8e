"""`share prompts`: which prompts there are, what they say, and how to bring one's own."""

from __future__ import annotations

from pathlib import Path

import click

from share_sql.cli.common import FILE, FOLDER, as_json, refuse
from share_sql.cli.terminal import print_json, say

EXAMPLES = """\b
Examples:
  share prompts list
  share prompts show lom --set paper
  share prompts import for_infer.py --name paper
"""


@click.group("prompts", epilog=EXAMPLES)
def command() -> None:
    """List, show and import prompt sets."""


@command.command("list", epilog="\b\nExample:\n  share prompts list --json")
@as_json
def list_(as_json: bool) -> None:
    """List the prompt sets and their roles."""
    from share_sql.prompts.library import load_prompts, prompt_set_names

    sets = {name: load_prompts(name).roles for name in prompt_set_names()}
    if as_json:
        print_json({"sets": [{"name": name, "roles": list(roles)} for name, roles in sets.items()]})
        return
    for name, roles in sets.items():
        say(f"{name}: {', '.join(roles)}")


@command.command("show", epilog="\b\nExample:\n  share prompts show lom")
@click.argument("role")
@click.option("--set", "name", default="default", show_default=True, help="Prompt set: a name or a folder.")
@as_json
def show(role: str, name: str, as_json: bool) -> None:
    """Print the template of a ROLE, as `share prompts list` names them."""
    from share_sql.prompts.library import format_template, load_prompts

    template = load_prompts(name).template(role)
    if as_json:
        messages = [{"role": message.role, "content": message.content} for message in template.messages]
        print_json({"role": role, "variables": list(template.variables), "messages": messages})
        return
    say(format_template(template), nl=False)


@command.command("import", epilog="\b\nExample:\n  share prompts import for_infer.py --name paper")
@click.argument("file", type=FILE)
@click.option("--name", help="Name of the new set.  [default: the file's]")
@click.option("--to", type=FOLDER, help="Folder to write the set to.  [default: NAME among one's own sets]")
@as_json
def import_(file: Path, name: str | None, to: Path | None, as_json: bool) -> None:
    """Read the string literals of a Python FILE into a prompt set, without executing it."""
    from share_sql.errors import PromptError
    from share_sql.prompts.importer import import_prompts, write_prompts
    from share_sql.prompts.library import SHIPPED_SETS, user_prompts_folder

    if to is not None:
        refuse("names a set among one's own; --to names a folder instead.", "name")
    name = name or file.stem
    if name in SHIPPED_SETS or Path(name).name != name or name.startswith("."):
        raise PromptError(f"{name!r} cannot be the name of a prompt set of one's own; give another by --name")
    prompts = import_prompts(file, name)
    folder = to or user_prompts_folder() / name
    written = write_prompts(prompts, folder)
    if as_json:
        print_json({"name": name, "folder": str(folder), "roles": list(prompts.roles)})
        return
    say(f"{len(written)} prompts ({', '.join(prompts.roles)}) written to {folder}.")
    say(f"Use them with --prompts {folder if to else name}.")
