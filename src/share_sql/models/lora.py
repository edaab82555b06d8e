"""A LoRA adapter's folder, as PEFT writes it: adapter_config.json and adapter_model.safetensors.

Read without torch. Only what can be merged exactly is taken: plain LoRA on linear layers, with or without
rank-stabilised scaling (PEFT's `lora/layer.py`; Hu et al., arXiv 2106.09685; Kalajdzievski, arXiv
2312.03732).
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import SettingsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
_LONGEST_HEADER = 100_000_000
"""Bytes; the bound that the safetensors format itself sets."""
_KEY = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])(?:\.default)?\.weight\Z")
_UNMERGEABLE = (
    "use_dora", "fan_in_fan_out", "modules_to_save", "rank_pattern", "alpha_pattern",
    "trainable_token_indices",
)  # fmt: skip
"""Settings of PEFT that change what has to be added; an adapter that uses one is refused."""


@dataclass(frozen=True)
class Adapter:
    """What an adapter adds to a model's layers."""

    folder: Path
    rank: int
    scale: float
    """What the product B·A is multiplied by: alpha / r, or alpha / √r where rank-stabilised."""
    pairs: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
    """A (rank × in) and B (out × rank) by module, e.g. `model.layers.0.self_attn.q_proj`."""

    def added(self, module: str) -> NDArray[np.float32]:
        """The matrix (out × in) that is added to a module's weight."""
        a, b = self.pairs[module]
        return (b @ a) * self.scale


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter's two files."""
    return (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()


def read_adapter(folder: Path) -> Adapter:
    """Read an adapter.

    Raises:
        SettingsError: there is none, it is damaged, or it holds something that cannot be merged.
    """
    if not is_adapter(folder):
        raise SettingsError(
            f"{folder} holds no LoRA adapter ({CONFIG} and {WEIGHTS}); `share train` writes one"
        )
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        kind = config.get("peft_type", "LORA")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{folder / CONFIG} is no adapter's configuration: {error}") from None
    used = [name for name in _UNMERGEABLE if config.get(name)]
    if config.get("bias", "none") != "none":
        used.append("bias")
    if kind != "LORA" or used or rank < 1:
        what = ", ".join(used) or f"{kind} of rank {rank}"
        raise SettingsError(f"{folder} cannot be merged ({what}); train a plain LoRA adapter")
    scale = alpha / rank**0.5 if config.get("use_rslora") else alpha / rank
    sides: dict[str, dict[str, Any]] = {}
    for key, tensor in read_safetensors(folder / WEIGHTS).items():
        match = _KEY.match(key)
        if match is None:
            raise SettingsError(
                f"{folder / WEIGHTS} holds {key}, which is no LoRA matrix and cannot be merged"
            )
        sides.setdefault(match["module"], {})[match["side"]] = tensor
    for module, pair in sides.items():
        if set(pair) != {"A", "B"} or pair["A"].shape[0] != rank or pair["B"].shape[-1] != rank:
            raise SettingsError(f"{folder / WEIGHTS}: the matrices of {module} are not of rank {rank}")
    if not sides:
        raise SettingsError(f"{folder / WEIGHTS} holds no LoRA matrices")
    return Adapter(folder, rank, scale, {module: (pair["A"], pair["B"]) for module, pair in sides.items()})


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """All tensors of a safetensors file, in 32 bits.

    The format is a little-endian 64-bit length, a JSON header of that length, and the numbers
    (https://huggingface.co/docs/safetensors).

    Raises:
        SettingsError: the file is damaged or holds numbers of another kind than F32, F16 and BF16.
    """
    import numpy as np

    content = path.read_bytes()
    try:
        (length,) = struct.unpack_from("<Q", content)
        if length > min(_LONGEST_HEADER, len(content) - 8):
            raise ValueError("its header is longer than the file")
        header = json.loads(content[8 : 8 + length])
        tensors: dict[str, NDArray[np.float32]] = {}
        for name, told in header.items():
            if name == "__metadata__":
                continue
            begin, end = told["data_offsets"]
            raw = content[8 + length + begin : 8 + length + end]
            if told["dtype"] == "BF16":  # the upper half of a 32-bit float
                numbers = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
            else:
                numbers = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[told["dtype"]])
            tensors[name] = numbers.astype(np.float32).reshape(told["shape"])
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path} is no safetensors file that can be used: {error}") from None
    return tensors
