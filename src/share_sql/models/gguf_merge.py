"""A LoRA adapter merged into the weights of a GGUF file, with the `gguf` package and numpy.

Each matrix is dequantised, the adapter's product is added to those that it adapts, and all are quantised
again to Q8_0, those too that it leaves alone (`gguf_q8.py`).

llama.cpp keeps the rows of the query and key matrices of `llama` models in another order than Hugging Face
(pairs of a rotation next to each other; `LlamaModel.permute` in its convert_hf_to_gguf.py), so what is added
to them is put in that order first.

The result is kept in the cache folder under a name made of all checksums that determine it, and appears whole
or not at all.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import SettingsError
from share_sql.models.gguf_q8 import architecture, opened, write_q8
from share_sql.models.lora import CONFIG, WEIGHTS, Adapter, read_adapter
from share_sql.models.weights_file import checksum, models_cache
from share_sql.waits import waiting
from share_sql.whole_file import put_in_place, whole_file

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

_FORMAT = 1
"""Part of each key: a change of how weights are merged makes them anew."""
PERMUTED = frozenset(("llama",))
PLAIN = frozenset(("qwen2", "qwen3"))
"""Architectures whose rows are kept as Hugging Face has them."""


def merge_key(base_sum: str, adapter: Path) -> str:
    """What a merged file is found by: 64 hexadecimal digits.

    Args:
        base_sum: the base weights' SHA-256.
        adapter: the adapter's folder.
    """
    parts = f"{_FORMAT} {base_sum} {checksum(adapter / CONFIG)} {checksum(adapter / WEIGHTS)}"
    return hashlib.sha256(parts.encode()).hexdigest()


def merged_weights(base: Path, adapter: Path, cache: Path | None = None) -> Path:
    """The weights with an adapter merged in; merged (some seconds) where the cache lacks them.

    Args:
        base: a GGUF file.
        adapter: a folder with adapter_config.json and adapter_model.safetensors.
        cache: folder to keep the result in; `models_cache() / "merged"` by default.

    Returns:
        Path of a GGUF file.

    Raises:
        SettingsError: base or adapter cannot be used, they do not belong together, or the `gguf` package
            is missing.
    """
    read = read_adapter(adapter)
    folder = cache or models_cache() / "merged"
    target = folder / f"{adapter.resolve().name}-{merge_key(checksum(base), adapter)[:24]}.gguf"
    if target.is_file():
        return target
    try:
        with (
            whole_file(folder, ".merging-") as begun,
            waiting(f"merging the adapter {adapter.name} into {base.name}, once"),
        ):
            merge(base, read, begun)
            put_in_place(begun, target)
    except OSError as error:
        # numpy tells of a full disk in numbers only.
        reason = error.strerror or f"is the disk full? {error}"
        raise SettingsError(f"{folder} cannot be written: {reason}") from None
    return target


def merge(base: Path, adapter: Adapter, target: Path) -> None:
    """Write the base with the adapter merged in.

    Raises SettingsError as `merged_weights`, and OSError where the target cannot be written.
    """
    reader = opened(base)
    arch = architecture(reader)
    if arch not in PERMUTED | PLAIN:
        known = ", ".join(sorted(PERMUTED | PLAIN))
        raise SettingsError(f"{base} is a {arch} model; adapters can be merged into {known}")

    def change_of(name: str, module: str) -> Callable[[tuple[int, ...]], NDArray[np.float32]]:
        def change(shape: tuple[int, ...]) -> NDArray[np.float32]:
            found = _change(reader, adapter, module, name, arch)
            if found.shape != shape:
                raise SettingsError(
                    f"{adapter.folder} was trained on another base: {module} is {found.shape} there and "
                    f"{shape} in {base.name}"
                )
            return found

        return change

    added = _added_by_tensor(reader, adapter, arch)
    write_q8(reader, target, {name: change_of(name, module) for name, module in added.items()})


def _added_by_tensor(reader: Any, adapter: Adapter, arch: str) -> dict[str, str]:
    """The adapter's modules by the name of the tensor that each adds to."""
    import gguf

    architecture = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == arch)
    blocks = int(reader.fields[f"{arch}.block_count"].contents())
    names = gguf.get_tensor_name_map(architecture, blocks)
    present = {tensor.name for tensor in reader.tensors}
    found: dict[str, str] = {}
    for module in adapter.pairs:
        name = names.get_name(module)
        if name is None or f"{name}.weight" not in present:
            raise SettingsError(f"{adapter.folder} adapts {module}, which the base does not have")
        found[f"{name}.weight"] = module
    return found


def _change(reader: Any, adapter: Adapter, module: str, tensor: str, arch: str) -> NDArray[np.float32]:
    """What is added to a tensor, in the tensor's order of rows."""
    change = adapter.added(module)
    heads = {
        "attn_q": f"{arch}.attention.head_count",
        "attn_k": f"{arch}.attention.head_count_kv",
    }.get(tensor.split(".")[-2])
    if arch not in PERMUTED or heads is None:
        return change
    return permute(change, int(reader.fields[heads].contents()))


def permute(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of a query or key matrix from Hugging Face's order to GGUF's.

    Hugging Face rotates dimension i of a head together with i + half; GGUF keeps the two next to each other.

    Args:
        weight: out × in, out being heads × the head's size.
        heads: number of heads the matrix holds.
    """
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
