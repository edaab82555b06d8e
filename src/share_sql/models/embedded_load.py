"""The models in this process that one call asks for: those with the same weights are one.

Adapters of one base share its weights where they can (`engine_form.py`); the others, and an adapter that is
alone on its base, are merged into weights of their own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.errors import SettingsError
from share_sql.models.base import MOST_SAMPLES
from share_sql.models.bases import BASES, DEFAULT_BASE, Base, has_weights

if TYPE_CHECKING:
    from share_sql.models.embedded import EmbeddedModel

CARD = "card.json"
"""Beside an adapter: {"prompts": NAME}, the prompt set that it was trained on, and "samples", how many
answers it is asked for, where that is not one. Alone in its folder it also has "base": the base of this name
answers as it is."""


@dataclass(frozen=True)
class Wanted:
    """What is to answer."""

    base: str | None = None
    """Name of pulled base weights; where neither this nor `weights` is given, the base that the adapter
    names as its own, and the default base where it names none."""
    weights: Path | None = None
    """A GGUF file in its place, of a model with the default base's chat template."""
    adapter: Path | None = None
    """Folder of a LoRA adapter; None for the weights as they are."""


def embedded_models(wanted: Mapping[str, Wanted]) -> dict[str, EmbeddedModel]:
    """A model for each role; roles whose weights and adapter are the same get the same.

    Raises:
        SettingsError: weights or adapter are missing or do not fit, or a package is not installed. Its
            message begins with the role where there are several.
    """
    from importlib.util import find_spec

    if find_spec("openvino_genai") is None:
        raise SettingsError("models in this process need openvino-genai; install it")
    found: dict[str, _Found] = {}
    for role, each in wanted.items():
        try:
            found[role] = _find(each)
        except SettingsError as error:
            raise SettingsError(f"{role}: {error}" if len(wanted) > 1 else str(error)) from None
    models: dict[_Found, EmbeddedModel] = {}
    by_weights: dict[tuple[Path, str], dict[_Found, None]] = {}
    for one in found.values():
        by_weights.setdefault((one.file, one.template), {})[one] = None
    for (file, template), these in by_weights.items():
        adapted = [one for one in these if one.adapter is not None]
        if len(adapted) > 1 and _can_be_shared(file):
            models |= _sharing(file, template, list(these))
        else:
            models |= {one: _alone(one) for one in these}
    return {role: models[one] for role, one in found.items()}


def answers_from(folder: Path) -> bool:
    """Whether a folder holds an adapter, or a card that names a base."""
    from share_sql.models.lora import is_adapter

    return is_adapter(folder) or read_card(folder).base is not None


def base_of_adapter(adapter: Path) -> Base | None:
    """The base with weights that an adapter's configuration names, by its checkpoint or by the file that the
    checkpoint was made of, or that a card alone names; None where it names another, or nothing."""
    from share_sql.models.lora import CONFIG, is_adapter

    if not is_adapter(adapter) and (named := read_card(adapter).base) is not None:
        return BASES[named]

    try:
        named = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(named, str) or not named:
        return None
    return next(
        (
            base
            for base in BASES.values()
            if base.weights is not None
            and (
                named in (base.checkpoint, base.name)
                or Path(named).name in (Path(base.weights.file).stem, Path(base.checkpoint).name)
            )
        ),
        None,
    )


@dataclass(frozen=True)
class _Found:
    """What is to answer, once it was looked for."""

    file: Path
    template: str
    adapter: Path | None
    key: str
    """Of the adapter: its files' checksums."""
    prompts: str | None
    samples: int = 1


def _find(wanted: Wanted) -> _Found:
    from share_sql.models.gguf_merge import merge_key
    from share_sql.models.lora import is_adapter, read_adapter
    from share_sql.models.weights_file import base_weights

    adapter = wanted.adapter
    own = base_of_adapter(adapter) if adapter is not None and wanted.base is None else None
    name = wanted.base or (own.name if own is not None else DEFAULT_BASE)
    # A file of one's own is asked as the default base is; one's own adapter says whose template it was
    # trained with.
    file = wanted.weights or base_weights(name)
    base = BASES[name]
    if adapter is None:
        return _Found(file, base.untuned or base.template, None, "", None)
    card = read_card(adapter)
    if card.base is not None and not is_adapter(adapter):
        return _Found(file, base.untuned or base.template, None, "", card.prompts, card.samples)
    read_adapter(adapter)  # its mistakes are told now
    adapter = adapter.resolve()
    return _Found(file, base.template, adapter, merge_key("", adapter), card.prompts, card.samples)


def _alone(found: _Found) -> EmbeddedModel:
    """A model with weights of its own."""
    from share_sql.models.embedded import EmbeddedModel, EmbeddedWeights
    from share_sql.models.gguf_merge import merged_weights
    from share_sql.models.weights_file import checksum, models_cache

    if found.adapter is not None:
        file = merged_weights(found.file, found.adapter)
        name = file.stem  # it is named after the checksums of all that made it
    else:
        file = found.file
        name = f"{file.stem}-{checksum(file)[:12]}"
    weights = EmbeddedWeights(file, name, found.template, models_cache() / "engine" / name)
    return EmbeddedModel(weights, name, found.prompts, samples=found.samples)


def _sharing(file: Path, template: str, these: list[_Found]) -> dict[_Found, EmbeddedModel]:
    """Models that answer from the same weights, each with its adapter."""
    from share_sql.models.embedded import EmbeddedModel, EmbeddedWeights
    from share_sql.models.weights_file import checksum, models_cache

    summed = checksum(file)
    adapters = [each.adapter for each in these if each.adapter is not None]
    shared = models_cache() / "shared" / f"{file.stem}-{summed[:24]}"
    weights = EmbeddedWeights(file, f"{file.stem}-{summed[:12]}", template, shared, adapters)
    models: dict[_Found, EmbeddedModel] = {}
    for each in these:
        if each.adapter is None:
            models[each] = EmbeddedModel(weights, weights.name, each.prompts, samples=each.samples)
            continue
        key = hashlib.sha256(f"shared {summed} {each.key}".encode()).hexdigest()
        name = f"{each.adapter.name}-{key[:24]}"
        place = adapters.index(each.adapter)
        models[each] = EmbeddedModel(weights, name, each.prompts, adapter=place, samples=each.samples)
    return models


def _can_be_shared(file: Path) -> bool:
    from share_sql.models.engine_form import can_be_shared
    from share_sql.models.gguf_header import header_value

    return can_be_shared(str(header_value(file, "general.architecture")))


@dataclass(frozen=True)
class Card:
    """What is said of an adapter, or of a base that answers as it is."""

    prompts: str | None = None
    """The prompt set that it was trained on, or that its part in the judge was fitted with."""
    samples: int = 1
    """How many answers it is asked for."""
    base: str | None = None
    """The base, a name in BASES, where there is no adapter."""


def read_card(folder: Path) -> Card:
    """The card in a folder; an empty one where there is none.

    Raises SettingsError where the card names no prompt set, no number, or no base with weights.
    """
    path = folder / CARD
    if not path.is_file():
        return Card()
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        name, samples, base = card["prompts"], card.get("samples", 1), card.get("base")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        name, samples, base = None, 1, None
    if not isinstance(name, str):
        raise SettingsError(f'{path} does not name a prompt set; it should hold {{"prompts": "brief"}}')
    if not isinstance(samples, int) or isinstance(samples, bool) or not 1 <= samples <= MOST_SAMPLES:
        raise SettingsError(f"{path}: samples must be a whole number from 1 to {MOST_SAMPLES}")
    if base is not None and not (isinstance(base, str) and has_weights(base)):
        raise SettingsError(f"{path}: base must be one of {', '.join(filter(has_weights, BASES))}")
    return Card(name, samples, base)
