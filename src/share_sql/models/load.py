"""Models by role, from the text that `--models` takes.

    none            no model at all
    embedded        the small models that come with the package, in this process: sam, lom and the scorer; bam
                    and mask stay symbolic, which is exact
    embedded:DIR    adapters in DIR/bam, DIR/sam, DIR/lom, as `share train` writes them, and DIR/scorer
    recorded:DIR    a run folder's answers, for the roles it holds
    openai:MODEL    a chat model at OpenAI as sam, lom, generator and scorer; URL#MODEL at another server
    FILE.toml       a models file

A models file has a table a role, and may have an answer cache. Paths in it are relative to the file; the
adapter `shipped` is the role's own that comes with the package.

    [models.sam]
    kind = "endpoint"                  # the default; or "recorded", with `folder`,
                                       # or "embedded", with `adapter` and `base` or `weights`
    base_url = "http://localhost:8000/v1"
    model = "sam"
    api_key_env = "OPENAI_API_KEY"     # the variable that holds the key; keys do not belong in files
    headers = { "X-Team" = "data" }

    [models.scorer]
    kind = "embedded"
    adapter = "shipped"

    [cache]
    path = "answers.sqlite"
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import SettingsError
from share_sql.models.flag import CHAT_ROLES, chat_model
from share_sql.models.roles import ROLES

if TYPE_CHECKING:
    from share_sql.models.base import Model
    from share_sql.models.settings import EmbeddedSettings, EndpointSettings

SHIPPED = "shipped"
"""In place of a folder: the one that comes with the package."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CARD = "card.json"
"""Beside an adapter: {"prompts": NAME}, the prompt set that it was trained on."""


def load_models(spec: str) -> Mapping[str, Model]:
    """The models that `spec` names, by role.

    Raises SettingsError where it names none, or its file cannot be used; RunFolderError for a run folder
    that is none.
    """
    if spec == "none":
        return {}
    kind, colon, rest = spec.partition(":")
    if kind == "embedded":
        if colon and not rest:
            raise SettingsError("embedded: needs a folder of adapters, as in embedded:models")
        if colon:
            return _embedded_all(Path(rest), [role.name for role in ROLES.values() if role.adapter])
        # Without a model, bam walks the draft's syntax tree, which is exact.
        return _embedded_all(shipped_adapters(), [role.name for role in ROLES.values() if role.embedded])
    if colon and kind == "recorded":
        if not rest:
            raise SettingsError("recorded: needs a run's folder, as in recorded:runs/first")
        from share_sql.models.recorded import RecordedModel

        recorded = RecordedModel(rest)
        return dict.fromkeys(recorded.roles, recorded)
    chat = chat_model(spec)
    if chat is not None:
        return dict.fromkeys(CHAT_ROLES, chat)
    if not spec.endswith(".toml"):
        raise SettingsError(
            f"{spec!r} names no models; give none, embedded, recorded:DIR, openai:MODEL, URL#MODEL "
            "or a models file FILE.toml"
        )
    return _from_file(Path(spec))


def shipped_adapters() -> Path:
    """Folder of the adapters that come with the package: one folder a role."""
    return Path(__file__).with_name("shipped")


def _embedded_all(folder: Path, among: Sequence[str]) -> Mapping[str, Model]:
    """The adapters that a folder holds, by role."""
    from share_sql.models.lora import is_adapter

    roles = [role for role in among if is_adapter(folder / role)]
    if not roles:
        wanted = ", ".join(f"{role}/" for role in among)
        raise SettingsError(f"{folder} holds no adapter ({wanted}); `share train` writes them")
    return {role: embedded_model(adapter=folder / role) for role in roles}


def embedded_model(
    base: str | None = None, weights: Path | None = None, adapter: Path | None = None
) -> Model:
    """A model in this process; an adapter is merged into its weights first, or found merged.

    Args:
        base: name of pulled base weights; the default base where neither is given.
        weights: a GGUF file in its place, of a model with the default base's chat template.
        adapter: folder of a LoRA adapter.

    Raises:
        SettingsError: weights or adapter are missing or do not fit, or a package is not installed.
    """
    from share_sql.models.bases import BASES, DEFAULT_BASE
    from share_sql.models.embedded import EmbeddedModel
    from share_sql.models.gguf_merge import merged_weights
    from share_sql.models.weights_file import base_weights, checksum

    base = base or DEFAULT_BASE
    file = weights or base_weights(base)
    template = BASES[base].template
    if adapter is not None:
        # Merged files are named after the checksums of all that made them.
        return EmbeddedModel(merged_weights(file, adapter), prompts=_trained_on(adapter), template=template)
    return EmbeddedModel(file, f"{file.stem}-{checksum(file)[:12]}", template=template)


def _trained_on(adapter: Path) -> str | None:
    """The prompt set that an adapter's card names; None without a card."""
    path = adapter / CARD
    if not path.is_file():
        return None
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["prompts"]
    except (OSError, ValueError, KeyError, TypeError):
        name = None
    if not isinstance(name, str):
        raise SettingsError(f'{path} does not name a prompt set; it should hold {{"prompts": "brief"}}')
    return name


def _from_file(path: Path) -> Mapping[str, Model]:
    from share_sql.models.settings import EmbeddedSettings, EndpointSettings, parse_models_file

    settings = parse_models_file(path, _read(path))
    models: dict[str, Model] = {}
    for role, chosen in settings.models.items():
        if isinstance(chosen, EndpointSettings):
            models[role] = _endpoint(path, role, chosen)
        elif isinstance(chosen, EmbeddedSettings):
            models[role] = _embedded(path, role, chosen)
        else:
            from share_sql.models.recorded import RecordedModel

            models[role] = RecordedModel(path.parent / chosen.folder, chosen.match_prompts)
            if role not in models[role].roles:  # type: ignore[attr-defined]
                raise SettingsError(f"{path}: models.{role}: {chosen.folder} holds no answers of {role}")
            continue  # a recorded answer needs no cache
        if settings.cache is not None:
            from share_sql.models.cache import CachedModel

            models[role] = CachedModel(models[role], path.parent / settings.cache.path)
    return models


def _embedded(path: Path, role: str, chosen: EmbeddedSettings) -> Model:
    if chosen.base is not None and chosen.weights is not None:
        raise SettingsError(f"{path}: models.{role}: give base or weights, not both")
    adapter = path.parent / chosen.adapter if chosen.adapter is not None else None
    if chosen.adapter == SHIPPED:
        adapter = shipped_adapters() / role
        if not adapter.is_dir():
            raise SettingsError(f"{path}: models.{role}: no adapter for {role} comes with the package")
    try:
        return embedded_model(
            chosen.base,
            path.parent / chosen.weights if chosen.weights is not None else None,
            adapter,
        )
    except SettingsError as error:
        raise SettingsError(f"{path}: models.{role}: {error}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"there is no models file {path}") from None
    except OSError as error:
        raise SettingsError(f"models file {path} cannot be read: {error.strerror or error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text") from None
    except RecursionError:
        raise SettingsError(f"{path} is nested too deeply") from None


def _endpoint(path: Path, role: str, chosen: EndpointSettings) -> Model:
    from share_sql.models.endpoint import EndpointModel

    key = None
    if chosen.api_key_env is not None:
        if not _VARIABLE.fullmatch(chosen.api_key_env):
            # It may be the key itself: it is not shown.
            raise SettingsError(
                f"{path}: models.{role}: api_key_env is no name of a variable; "
                "set a variable to the key, and name that"
            )
        key = os.environ.get(chosen.api_key_env, "").strip()
        if not key:
            raise SettingsError(
                f"{path}: models.{role}: the environment has no {chosen.api_key_env}; set it to the key"
            )
    arguments = chosen.model_dump(exclude={"kind"}, exclude_unset=True)
    try:
        return EndpointModel(api_key=key, **arguments)
    except SettingsError as error:
        raise SettingsError(f"{path}: models.{role}: {error}") from None
