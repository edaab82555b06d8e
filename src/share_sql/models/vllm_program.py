"""Where vLLM is installed, and how it is started there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from share_sql.errors import SettingsError

VARIABLE = "SHARE_VLLM_ENV"
"""Names the folder of an environment that vLLM is installed in."""
_INSTALL = (
    "install it in an environment of its own, with `uv tool install vllm`, so that `vllm` is found, or name "
    f"an environment's folder with --environment or in {VARIABLE}"
)
_MODULE = "vllm.entrypoints.openai.api_server"


def vllm_program(environment: Path | None, checkpoint: str) -> list[str]:
    """The beginning of the command that serves a checkpoint.

    The wheels for CPUs are named otherwise than `vllm`, and their own `vllm serve` fails on that: there its
    module is started.

    Args:
        environment: folder of the environment that vLLM is installed in; None for what `SHARE_VLLM_ENV`
            names, else that of the program `vllm`, else SHARE's own.
        checkpoint: what is served.

    Raises:
        SettingsError: vLLM is not installed there.
    """
    named = os.environ.get(VARIABLE)
    chosen = environment or (Path(named) if named else None)
    module = ["-m", _MODULE, "--model", checkpoint]
    if chosen is not None:
        python = chosen.absolute() / "bin" / "python"
        if not python.is_file() or not any(chosen.glob("lib/python*/site-packages/vllm")):
            raise SettingsError(f"{chosen} is no environment with vLLM in it; {_INSTALL}")
        program = python.with_name("vllm")
        served = _bears_its_name(chosen) and program.is_file()
        return [str(program), "serve", checkpoint] if served else [str(python), *module]
    found = shutil.which("vllm")
    if found is not None:
        home = Path(found).resolve().parent.parent
        served = _bears_its_name(home)
        return [found, "serve", checkpoint] if served else [str(home / "bin" / "python"), *module]
    if importlib.util.find_spec("vllm") is not None:
        return [sys.executable, *module]
    raise SettingsError(f"vLLM is not installed; {_INSTALL}")


def _bears_its_name(home: Path) -> bool:
    """Whether the distribution in an environment has the name that `vllm serve` looks for. One that was
    installed in some other way is taken to."""
    installed = list(home.glob("lib/python*/site-packages/vllm*.dist-info"))
    return not installed or any(each.name.startswith("vllm-") for each in installed)
