"""Models by role, from the text that `--models` takes.

    none            no model at all
    recorded:DIR    a run folder's answers, for the roles it holds
    FILE.toml       a models file

A models file has a table a role, and may have an answer cache for its endpoints. Paths in it are relative to
the file.

    [models.sam]
    kind = "endpoint"                  # the default; or "recorded", with `folder`
    base_url = "http://localhost:8000/v1"
    model = "sam"
    api_key_env = "OPENAI_API_KEY"     # the variable that holds the key; keys do not belong in files
    headers = { "X-Team" = "data" }

    [cache]
    path = "answers.sqlite"
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import SettingsError

if TYPE_CHECKING:
    from share_sql.models.base import Model
    from share_sql.models.settings import EndpointSettings, ModelsFile

ROLES = ("bam", "mask", "sam", "lom", "generator", "judge", "teacher")


def load_models(spec: str) -> Mapping[str, Model]:
    """The models that `spec` names, by role.

    Raises SettingsError where it names none, or its file cannot be used; RunFolderError for a run folder
    that is none.
    """
    if spec == "none":
        return {}
    if spec == "embedded":
        raise SettingsError(
            "no models come with the package yet; use --models none, recorded:DIR or FILE.toml meanwhile"
        )
    kind, colon, rest = spec.partition(":")
    if colon and kind == "recorded":
        if not rest:
            raise SettingsError("recorded: needs a run's folder, as in recorded:runs/first")
        from share_sql.models.recorded import RecordedModel

        recorded = RecordedModel(rest)
        return dict.fromkeys(recorded.roles, recorded)
    if not spec.endswith(".toml"):
        raise SettingsError(f"{spec!r} names no models; give none, recorded:DIR or a models file FILE.toml")
    return _from_file(Path(spec))


def _from_file(path: Path) -> Mapping[str, Model]:
    from share_sql.models.settings import EndpointSettings, parse_models_file

    settings = parse_models_file(path, _read(path))
    models: dict[str, Model] = {}
    for role, chosen in settings.models.items():
        if isinstance(chosen, EndpointSettings):
            models[role] = _endpoint(path, role, chosen, settings)
        else:
            from share_sql.models.recorded import RecordedModel

            models[role] = RecordedModel(path.parent / chosen.folder, chosen.match_prompts)
            if role not in models[role].roles:  # type: ignore[attr-defined]
                raise SettingsError(f"{path}: models.{role}: {chosen.folder} holds no answers of {role}")
    return models


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


def _endpoint(path: Path, role: str, chosen: EndpointSettings, settings: ModelsFile) -> Model:
    from share_sql.models.endpoint import EndpointModel

    key = None
    if chosen.api_key_env is not None:
        key = os.environ.get(chosen.api_key_env)
        if not key:
            raise SettingsError(
                f"{path}: models.{role}: the environment has no {chosen.api_key_env}; set it to the key"
            )
    arguments = chosen.model_dump(exclude={"kind", "api_key_env"}, exclude_unset=True)
    try:
        model: Model = EndpointModel(api_key=key, **arguments)
    except SettingsError as error:
        raise SettingsError(f"{path}: models.{role}: {error}") from None
    if settings.cache is None:
        return model
    from share_sql.models.cache import CachedModel

    return CachedModel(model, path.parent / settings.cache.path)
