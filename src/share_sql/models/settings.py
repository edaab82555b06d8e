"""What a models file may hold, checked by pydantic; see `load.py` for an example."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from share_sql.errors import SettingsError
from share_sql.models.base import MOST_SAMPLES
from share_sql.models.roles import ROLES_OF_MODELS_FILES


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PriceSettings(_Strict):
    """What a model's tokens cost, in USD for a million; as the fields of prices.Price."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Of that part of prompts that the server found in its cache."""


class EndpointSettings(_Strict):
    """A model behind an HTTP server; as the arguments of EndpointModel."""

    kind: Literal["endpoint"] = "endpoint"
    model: str | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    """Name of the environment variable that holds the key."""
    headers: dict[str, str] = {}
    azure_endpoint: str | None = None
    azure_api_version: str | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    send_temperature: bool = True
    tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    grammar_field: Literal["structured_outputs", "guided_grammar", "grammar"] | None = None
    adapts: bool = False
    """What the server refuses is left out, once told."""
    prompts: str | None = None
    """The prompt set that the model was trained on; None for `default`."""
    max_tokens: int | None = Field(None, ge=1)
    """No answer may be longer."""
    extra_body: dict[str, Any] = {}
    samples: int = Field(1, ge=1, le=MOST_SAMPLES)
    """Answers of lom, of the generator and of the drafter."""
    calibrated: bool = False
    """The shipped weights hold for the scores of this scorer, or the answers of this drafter."""
    timeout: float = Field(120.0, gt=0, allow_inf_nan=False)
    """Seconds for one try, from the connection to the last byte."""
    deadline: float = Field(600.0, gt=0, allow_inf_nan=False)
    """Seconds for all tries and waits of an ask."""
    retries: int = Field(5, ge=0)
    first_wait: float = Field(0.5, ge=0, allow_inf_nan=False)
    """Seconds before the first retry."""
    concurrency: int = Field(256, ge=1)
    """Calls to the server in flight at most; of the roles at one server the smallest holds for all."""
    price: PriceSettings | None = None
    """The list price of a known provider where it is not given."""


class RecordedSettings(_Strict):
    """Answers from a run folder."""

    kind: Literal["recorded"]
    folder: str
    """Relative to the models file."""
    match_prompts: bool = False


class EmbeddedSettings(_Strict):
    """A small model in this process."""

    kind: Literal["embedded"]
    base: str | None = None
    """Name of pulled base weights; the shipped adapters' base where neither this nor `weights` is given."""
    weights: str | None = None
    """A GGUF file in place of `base`, relative to the models file."""
    adapter: str | None = None
    """Folder of a LoRA adapter to merge, relative to the models file; `shipped` for the role's own that comes
    with the package; None for the weights as they are."""


class CacheSettings(_Strict):
    """The answer cache of all endpoints and embedded models in the file."""

    path: str
    """Relative to the models file."""


Chosen = Annotated[EndpointSettings | RecordedSettings | EmbeddedSettings, Field(discriminator="kind")]


class ModelsFile(_Strict):
    """A models file."""

    models: dict[str, Chosen] = Field(min_length=1)
    """By role."""
    cache: CacheSettings | None = None


def parse_models_file(path: Path, tables: dict[str, Any]) -> ModelsFile:
    """The checked content of a models file. Raises SettingsError that names the first key at fault."""
    models = tables.get("models")
    if isinstance(models, dict):
        unknown = next((role for role in models if role not in ROLES_OF_MODELS_FILES), None)
        if unknown is not None:
            near = _nearest(unknown, ROLES_OF_MODELS_FILES)
            known = ", ".join(ROLES_OF_MODELS_FILES)
            raise SettingsError(f"{path}: unknown role models.{unknown}{near}; roles are {known}")
        # `kind` may be left out; pydantic needs it to tell the kinds apart.
        filled = {
            role: {"kind": "endpoint", **table} if isinstance(table, dict) else table
            for role, table in models.items()
        }
        tables = {**tables, "models": filled}
    try:
        return ModelsFile.model_validate(tables)
    except ValidationError as error:
        raise SettingsError(f"{path}: {_told(_first(error))}") from None


def _first(error: ValidationError) -> Any:
    """The fault to tell of: an unknown key is mostly why another is missing."""
    return sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")[0]


def _told(fault: Any) -> str:
    """One fault in words, with the nearest known key or value."""
    place = [str(part) for part in fault["loc"]]
    if len(place) > 2 and place[0] == "models":
        del place[2]  # pydantic names the kind there
    name = ".".join(place)
    if fault["type"] == "extra_forbidden":
        owner: type[BaseModel] = ModelsFile
        if place[0] == "cache":
            owner = CacheSettings
        elif len(place) > 2:
            kinds: dict[str, type[BaseModel]] = {"recorded": RecordedSettings, "embedded": EmbeddedSettings}
            if place[2:3] == ["price"] and len(place) > 3:
                return f"unknown key {name}{_nearest(place[-1], list(PriceSettings.model_fields))}"
            owner = next((kinds[part] for part in fault["loc"] if part in kinds), EndpointSettings)
        return f"unknown key {name}{_nearest(place[-1], list(owner.model_fields))}"
    if fault["type"] == "missing":
        return f"{name} is missing"
    return f"{name}: {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
