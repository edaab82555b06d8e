"""Models by role, from the text that `--models` takes.

    auto            embedded where its base weights are pulled, else none (`auto.py`)
    none            no model at all
    embedded        the small models that come with the package, in this process: sam, lom, scorer and both
                    drafters, those whose base was pulled; bam and mask stay symbolic, which is exact
    embedded:DIR    adapters in DIR/bam, DIR/sam, DIR/lom, as `share train` writes them, and DIR/scorer
    embedded:NAME   a pulled base as it is, without an adapter, as drafter: qwen2.5-coder-0.5b, or 0.5b
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

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import SettingsError
from share_sql.models.embedded_load import CARD as CARD
from share_sql.models.embedded_load import Wanted, embedded_models
from share_sql.models.flag import CHAT_ROLES, chat_model
from share_sql.models.roles import ROLES

if TYPE_CHECKING:
    from share_sql.models.auto import Chosen
    from share_sql.models.base import Model
    from share_sql.models.endpoint import EndpointModel
    from share_sql.models.settings import EmbeddedSettings, EndpointSettings, RecordedSettings

SHIPPED = "shipped"
"""In place of a folder: the one that comes with the package."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def load_models(spec: str) -> Mapping[str, Model]:
    """The models that `spec` names, by role.

    Raises SettingsError where it names none, or its file cannot be used; RunFolderError for a run folder
    that is none.
    """
    if spec == "none":
        return {}
    if spec == "auto":
        return chosen_models().models
    kind, colon, rest = spec.partition(":")
    if kind == "embedded":
        if colon:
            return _embedded_named(rest)
        return _shipped()
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
            f"{spec!r} names no models; give auto, none, embedded, recorded:DIR, openai:MODEL, URL#MODEL "
            "or a models file FILE.toml"
        )
    return models_of(Path(spec), read_models_file(Path(spec)))


def shipped_adapters() -> Path:
    """Folder of the adapters that come with the package: one folder a role."""
    return Path(__file__).with_name("shipped")


def chosen_models() -> Chosen:
    """What `auto` stands for on this machine."""
    from share_sql.models.auto import choose

    return choose(_shipped)


def not_pulled() -> Mapping[str, str]:
    """The roles of `embedded` whose base weights are not here, each with its base's name."""
    from share_sql.models.embedded_load import base_of_adapter
    from share_sql.models.weights_file import has_base

    missing = {}
    for role in (role.name for role in ROLES.values() if role.embedded):
        base = base_of_adapter(shipped_adapters() / role)
        if base is not None and not has_base(base.name):
            missing[role] = base.name
    return missing


def _shipped() -> Mapping[str, Model]:
    """The adapters that come with the package, of those bases that were pulled; without a model, bam walks
    the draft's syntax tree, which is exact. Raises SettingsError where no base was pulled."""
    from share_sql.models.weights_file import base_weights

    missing = not_pulled()
    here = [role.name for role in ROLES.values() if role.embedded and role.name not in missing]
    if not here:
        base_weights()  # its error says how to get them
    return _embedded_all(shipped_adapters(), here or list(missing))


def _embedded_named(name: str) -> Mapping[str, Model]:
    """The adapters in a folder, or the base of this name, untuned, as drafter. The folder wins."""
    from share_sql.models.bases import BASES, base_named, has_weights

    if not name:
        raise SettingsError(
            "embedded: needs a folder of adapters or a base's name, as in embedded:models or embedded:0.5b"
        )
    base = base_named(name)
    if base is None or Path(name).is_dir():
        if not Path(name).is_dir():
            known = ", ".join(filter(has_weights, BASES))
            raise SettingsError(
                f"there is no {name}: embedded: takes a folder of adapters, as `share train` writes them, or "
                f"the name of a base ({known})"
            )
        return _embedded_all(Path(name), [role.name for role in ROLES.values() if role.adapter])
    return embedded_models({"drafter": Wanted(base.name)})


def _embedded_all(folder: Path, among: Sequence[str]) -> Mapping[str, Model]:
    """The adapters that a folder holds, by role."""
    from share_sql.models.embedded_load import answers_from

    roles = [role for role in among if answers_from(folder / role)]
    if not roles:
        wanted = ", ".join(f"{role}/" for role in among)
        raise SettingsError(f"{folder} holds no adapter ({wanted}); `share train` writes them")
    return embedded_models({role: Wanted(adapter=folder / role) for role in roles})


def models_of(path: Path, tables: dict[str, Any]) -> Mapping[str, Model]:
    """The models that a file's tables name, by role.

    Args:
        path: the file; paths in it are relative to it.
        tables: `models`, and `cache` where answers are kept.

    Raises:
        SettingsError: they cannot be used; the message names the key.
    """
    from share_sql.models.settings import EmbeddedSettings, EndpointSettings, parse_models_file

    settings = parse_models_file(path, tables)
    models: dict[str, Model] = {}
    wanted: dict[str, Wanted] = {}
    servers: dict[str, EndpointModel] = {}
    for role, chosen in settings.models.items():
        if isinstance(chosen, EndpointSettings):
            models[role] = model = _endpoint(path, role, chosen)
            if servers.setdefault(model.server, model) is not model:
                model.join(servers[model.server])
        elif isinstance(chosen, EmbeddedSettings):
            wanted[role] = _embedded(path, role, chosen)
        else:
            models[role] = _recorded(path, role, chosen)
    if wanted:
        try:
            models |= embedded_models(wanted)
        except SettingsError as error:
            place = f"models.{next(iter(wanted))}: " if len(wanted) == 1 else "models."
            raise SettingsError(f"{path}: {place}{error}") from None
    if settings.cache is None:
        return models
    from share_sql.models.cache import CachedModel

    answers = path.parent / settings.cache.path
    return {
        # A recorded answer needs no cache.
        role: models[role] if chosen.kind == "recorded" else CachedModel(models[role], answers)
        for role, chosen in settings.models.items()
    }


def _recorded(path: Path, role: str, chosen: RecordedSettings) -> Model:
    from share_sql.models.recorded import RecordedModel

    model = RecordedModel(path.parent / chosen.folder, chosen.match_prompts)
    if role not in model.roles:
        raise SettingsError(f"{path}: models.{role}: {chosen.folder} holds no answers of {role}")
    return model


def _embedded(path: Path, role: str, chosen: EmbeddedSettings) -> Wanted:

    if chosen.base is not None and chosen.weights is not None:
        raise SettingsError(f"{path}: models.{role}: give base or weights, not both")
    adapter = path.parent / chosen.adapter if chosen.adapter is not None else None
    if chosen.adapter == SHIPPED:
        adapter = shipped_adapters() / role
        if not adapter.is_dir():
            raise SettingsError(f"{path}: models.{role}: no adapter for {role} comes with the package")
    weights = path.parent / chosen.weights if chosen.weights is not None else None
    return Wanted(chosen.base, weights, adapter)


def read_models_file(path: Path) -> dict[str, Any]:
    """A models file's tables, for `models_of`. Raises SettingsError."""
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


def _endpoint(path: Path, role: str, chosen: EndpointSettings) -> EndpointModel:
    from share_sql.models.endpoint import EndpointModel
    from share_sql.models.prices import Price

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
    arguments = chosen.model_dump(exclude={"kind", "price"}, exclude_unset=True)
    price = Price(**chosen.price.model_dump()) if chosen.price is not None else None
    try:
        return EndpointModel(api_key=key, price=price, **arguments)
    except SettingsError as error:
        raise SettingsError(f"{path}: models.{role}: {error}") from None
