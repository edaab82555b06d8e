"""A base and its adapters behind vLLM, as a process that ends with this one.

vLLM cannot live in SHARE's own environment everywhere, so it is found in one of its own (`vllm_program.py`)
and spoken to over HTTP.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from share_sql.child_process import ends_with_block
from share_sql.errors import ModelUnavailable, SettingsError
from share_sql.models.bases import BASES, DEFAULT_BASE, LONGEST_ANSWER, Base, base_named, has_weights
from share_sql.models.embedded_load import Card, base_of_adapter, read_card
from share_sql.models.lora import is_adapter, read_adapter
from share_sql.models.roles import ROLES
from share_sql.models.vllm_program import vllm_program

HOST = "127.0.0.1"
JUDGED = ("scorer", "drafter")
"""Roles whose answers the judge weighs by what was fitted on the shipped adapters."""
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
    max_tokens: int | None = None
    """No answer may be longer."""
    left_out: tuple[str, ...] = ()
    """Roles whose adapters in the folder stand on another base."""

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}/v1"

    def models_file(self) -> str:
        """A models file that uses it."""
        head = f"# {self.checkpoint} behind vLLM, as `share models serve` started it\n"
        names = {role: role for role in self.adapters if ROLES[role].in_models_file}
        tables = (names or dict.fromkeys(self.roles, self.checkpoint)).items()
        return head + "".join(self._table(role, name) for role, name in tables)

    def _table(self, role: str, name: str) -> str:
        """A role's part of the models file."""
        lines = [f"[models.{role}]", f'base_url = "{self.url}"', f"model = {json.dumps(name)}"]
        lines.append('grammar_field = "structured_outputs"')
        if self.max_tokens is not None:
            lines.append(f"max_tokens = {self.max_tokens}")
        card = read_card(self.adapters[role]) if role in self.adapters else Card()
        if card.samples > 1:
            lines.append(f"samples = {card.samples}")
        if card.prompts is not None:
            lines.append(f"prompts = {json.dumps(card.prompts)}")
            if role in JUDGED:
                lines.append("calibrated = true")
        return "".join(f"{line}\n" for line in ("", *lines))


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
    named = _base_of(base) if base is not None else None
    owners = {role: base_of_adapter(folder) for role, folder in found.items()}
    if base is None:
        if len(set(owners.values())) > 1 or None in owners.values():
            raise SettingsError(f"the adapters in {adapters} do not name one base; name it with --base")
        named = next(iter(owners.values()), BASES[DEFAULT_BASE])
    fitting = {role: folder for role, folder in found.items() if _fits(folder, owners[role], named, base)}
    if found and not fitting:
        raise SettingsError(f"no adapter in {adapters} stands on {base}; name their base with --base")
    checkpoint = named.checkpoint if named is not None else str(base)
    if base is not None and Path(base).is_dir():
        checkpoint = str(Path(base).resolve())
    known = named or next((owners[role] for role in fitting if owners[role] is not None), None)
    return Served(
        checkpoint,
        fitting,
        port,
        roles or ("generator",),
        further,
        chatml=bool(fitting) and known is not None and known.template == "chatml",
        max_tokens=LONGEST_ANSWER if known is not None and has_weights(known.name) else None,
        left_out=tuple(role for role in found if role not in fitting),
    )


def _base_of(base: str) -> Base | None:
    """The base that a name or a checkpoint's name means; None where it is of another, or a folder."""
    return base_named(base) or next((each for each in BASES.values() if each.checkpoint == base), None)


def _fits(adapter: Path, owner: Base | None, named: Base | None, base: str | None) -> bool:
    """Whether an adapter stands on what is served. One of which that cannot be told is left to vLLM."""
    if owner is not None and named is not None:
        return owner is named
    try:
        config = json.loads((Path(base or "") / "config.json").read_text(encoding="utf-8"))
        width, layers = int(config["hidden_size"]), int(config["num_hidden_layers"])
    except (OSError, ValueError, KeyError, TypeError):
        return True
    pairs = read_adapter(adapter).pairs
    numbers = {int(part) for module in pairs for part in module.split(".") if part.isdigit()}
    inputs = {a.shape[-1] for module, (a, _) in pairs.items() if module.endswith("q_proj")}
    return inputs <= {width} and (not numbers or max(numbers) == layers - 1)


def command_of(served: Served, template: Path, environment: Path | None = None) -> list[str]:
    """What is started, where vLLM is installed.

    Args:
        served: what is to be served.
        template: a file for its chat template, written where one is needed.
        environment: where vLLM is installed, as for `vllm_program`.

    Raises:
        SettingsError: vLLM is not installed, or an adapter cannot be used.
    """
    command = vllm_program(environment, served.checkpoint)
    command += ["--host", HOST, "--port", str(served.port)]
    command += [
        "--enable-prefix-caching",
        "--enable-prompt-tokens-details",
    ]  # so that usage tells cached tokens
    if served.adapters:
        rank = max(read_adapter(folder).rank for folder in served.adapters.values())
        command += [
            "--enable-lora",
            # One place more than adapters: on a CPU, vLLM 0.32 has the last place answer for the base.
            "--max-loras", str(len(served.adapters) + 1),
            "--max-lora-rank", str(next((each for each in _RANKS if each >= rank), rank)),
            "--lora-modules", *(f"{role}={folder}" for role, folder in served.adapters.items()),
        ]  # fmt: skip
    if served.chatml:
        template.write_text(_CHATML, encoding="utf-8")
        command += ["--chat-template", str(template)]
    return [*command, *served.further]


@contextlib.contextmanager
def serving(served: Served, environment: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Start vLLM, wait until it answers, and end it with the block.

    What it says goes to standard error. SIGTERM ends the block as Ctrl-C does.

    Args:
        served: what is to be served.
        environment: as for `command_of`.

    Raises:
        SettingsError: vLLM is not installed or cannot be started, or something else listens at the port.
        ModelUnavailable: it ended before it answered, or did not answer in half an hour.
    """
    with tempfile.TemporaryDirectory(prefix="share-serve-") as folder:
        command = command_of(served, Path(folder) / "chatml.jinja", environment)
        _check_port(served.port)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                start_new_session=True,
                # It would tell its makers what it runs on.
                env={"VLLM_NO_USAGE_STATS": "1", **os.environ},
            )
        except OSError as error:
            raise SettingsError(f"{command[0]} cannot be started: {error.strerror or error}") from None
        with ends_with_block(process):
            _wait(process, served)
            yield process


def _check_port(port: int) -> None:
    """Raises SettingsError where something listens already: it would be taken for the server."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError as error:
            raise SettingsError(
                f"port {port} cannot be used ({error.strerror}); name another with --port"
            ) from None


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
