"""A base and its adapters behind vLLM, as a process that ends with this one.

vLLM cannot live in SHARE's own environment everywhere, so it is found as a program and spoken to over HTTP.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from share_sql.child_process import ends_with_block
from share_sql.errors import ModelUnavailable, SettingsError
from share_sql.models.bases import BASES, DEFAULT_BASE, base_named
from share_sql.models.embedded_load import base_of_adapter
from share_sql.models.lora import is_adapter, read_adapter
from share_sql.models.roles import ROLES

HOST = "127.0.0.1"
_INSTALL = "install it in an environment of its own, with `uv tool install vllm`, so that `vllm` is found"
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as --max-lora-rank."""
_LOADING_SECONDS = 1800.0
"""Until it answers; the checkpoint is downloaded first."""
_POLL_SECONDS = 0.25
_CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + "
    "(message['content'] | replace('<|', '< |')) + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""`bases.chatml` as vLLM reads templates: adapters are asked as they were trained. Qwen's own template would
put a system message before each question."""


@dataclass(frozen=True)
class Served:
    """What is to be served."""

    checkpoint: str
    """A name on the Hugging Face Hub, or a folder."""
    adapters: Mapping[str, Path]
    """By role; where there are none, the base answers as it is."""
    port: int
    roles: tuple[str, ...] = ("generator",)
    """Which roles the base answers for, where there are no adapters."""
    further: tuple[str, ...] = ()
    """More arguments of vLLM."""
    chatml: bool = False
    """Ask in plain ChatML, in place of the checkpoint's own template."""

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}/v1"

    def models_file(self) -> str:
        """A models file that uses it."""
        head = f"# {self.checkpoint} behind vLLM, as `share models serve` started it\n"
        names = {role: role for role in self.adapters if ROLES[role].in_models_file}
        return head + "".join(
            f'\n[models.{role}]\nbase_url = "{self.url}"\nmodel = {json.dumps(name)}\n'
            'grammar_field = "structured_outputs"\n'
            for role, name in (names or dict.fromkeys(self.roles, self.checkpoint)).items()
        )


def what_to_serve(
    base: str | None,
    adapters: Path | None,
    port: int,
    *,
    roles: tuple[str, ...] = (),
    further: tuple[str, ...] = (),
) -> Served:
    """Look at what is to be served.

    Args:
        base: a name of `share models list`, a checkpoint's folder, or a name on the Hub; None for what the
            adapters name as theirs, or the default base.
        adapters: folder with a folder of an adapter for each role.
        port: where it is to listen.
        roles: which roles a base without adapters answers for; the generator where none is named.
        further: more arguments of vLLM, handed on as they are.

    Raises:
        SettingsError: there are no adapters in the folder, or they cannot be used, or they and `roles` are
            given.
    """
    if adapters is not None and roles:
        raise SettingsError("--role is for a base without adapters; an adapter's folder names its role")
    found: dict[str, Path] = {}
    if adapters is not None:
        found = {role: (adapters / role).resolve() for role in ROLES if is_adapter(adapters / role)}
        if not found:
            raise SettingsError(
                f"{adapters} holds no adapter (a folder a role: sam/, lom/, …); `share train` writes them"
            )
    named = base_named(base) if base is not None else None
    if base is None:
        owners = {base_of_adapter(folder) for folder in found.values()}
        if len(owners) > 1 or None in owners:
            raise SettingsError(f"the adapters in {adapters} do not name one base; name it with --base")
        named = owners.pop() if owners else BASES[DEFAULT_BASE]
    checkpoint = named.checkpoint if named is not None else str(base)
    chatml = bool(found) and named is not None and named.template == "chatml"
    return Served(checkpoint, found, port, roles or ("generator",), further, chatml)


def command_of(served: Served, template: Path) -> list[str]:
    """What is started, where vLLM is installed.

    Args:
        served: what is to be served.
        template: a file for its chat template, written where one is needed.

    Raises:
        SettingsError: vLLM is not installed, or an adapter cannot be used.
    """
    program = shutil.which("vllm")
    if program is not None:
        command = [program, "serve", served.checkpoint]
    elif importlib.util.find_spec("vllm") is not None:
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", served.checkpoint]
    else:
        raise SettingsError(f"vLLM is not installed; {_INSTALL}")
    command += ["--host", HOST, "--port", str(served.port), "--enable-prefix-caching"]
    if served.adapters:
        rank = max(read_adapter(folder).rank for folder in served.adapters.values())
        command += [
            "--enable-lora",
            "--max-loras", str(len(served.adapters)),
            "--max-lora-rank", str(next((each for each in _RANKS if each >= rank), rank)),
            "--lora-modules", *(f"{role}={folder}" for role, folder in served.adapters.items()),
        ]  # fmt: skip
    if served.chatml:
        template.write_text(_CHATML, encoding="utf-8")
        command += ["--chat-template", str(template)]
    return [*command, *served.further]


@contextlib.contextmanager
def serving(served: Served) -> Iterator[subprocess.Popen[bytes]]:
    """Start vLLM, wait until it answers, and end it with the block.

    What it says goes to standard error. SIGTERM ends the block as Ctrl-C does.

    Raises:
        SettingsError: vLLM is not installed, or cannot be started.
        ModelUnavailable: it ended before it answered, or did not answer in half an hour.
    """
    with tempfile.TemporaryDirectory(prefix="share-serve-") as folder:
        command = command_of(served, Path(folder) / "chatml.jinja")
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                start_new_session=True,
            )
        except OSError as error:
            raise SettingsError(f"{command[0]} cannot be started: {error.strerror or error}") from None
        with ends_with_block(process):
            _wait(process, served)
            yield process


def _wait(process: subprocess.Popen[bytes], served: Served) -> None:
    """Wait until the server answers."""
    import httpx2

    # The machine's own server is asked, whatever proxies the environment names.
    with httpx2.Client(timeout=5.0, trust_env=False) as client:
        for _ in range(int(_LOADING_SECONDS / _POLL_SECONDS)):
            if process.poll() is not None:
                raise ModelUnavailable(
                    f"vLLM ended with {process.returncode} before it answered; what it said is above"
                )
            with contextlib.suppress(httpx2.HTTPError):
                if client.get(f"{served.url}/models").status_code == 200:
                    return
            time.sleep(_POLL_SECONDS)
    raise ModelUnavailable(f"vLLM did not answer on {served.url} in {_LOADING_SECONDS / 60:g} minutes")
