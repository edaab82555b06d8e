"""The engine's own form of weights, made once: it loads in a fifth of the time and in half the memory.

openvino-genai makes it of a GGUF file each time it reads one, beside the file's own numbers. Saved, it is
mapped into memory as it is.

Adapters need it: the engine applies them while it computes, and finds what they adapt by the names of the
model's matrices. What it makes of a GGUF file has none of these names, so adapters are ignored there. So each
matrix is told by the numbers that it holds, and gets the name that adapters know it by.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from share_sql.errors import SettingsError
from share_sql.models.gguf_merge import PLAIN
from share_sql.models.gguf_q8 import architecture, opened
from share_sql.models.lora import Adapter

MODULES = "modules.json"
"""From the name of each matrix that can be adapted to its shape."""
_MODEL = "openvino_model.xml"
_MAKING = ".making-"
_LEFT_SECONDS = 3600.0
"""Nothing takes that long to make."""
_NAME = "__module.{0}/ov_ext::linear/MatMul"
"""As the engine's own converter names them."""
_MODULES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_BLOCK = 32
"""Numbers of a block in Q8_0; a block is a scale in two bytes and the numbers."""


def can_be_shared(arch: str) -> bool:
    """Whether the weights of an architecture can: the engine keeps its rows as adapters have them."""
    return arch in PLAIN


def make_form(weights: Path, folder: Path, adapted: bool) -> None:
    """Make a folder of the engine's form of a GGUF file; takes half a minute, and as much room as the file.

    Args:
        weights: a GGUF file; with matrices in Q8_0 where it is to be adapted.
        folder: appears whole or not at all; where it is there already, nothing is done.
        adapted: whether adapters are to answer from it.

    Raises:
        SettingsError: the weights cannot be used, or the folder cannot be written.
    """
    done = folder / MODULES if adapted else folder / _MODEL
    if done.is_file():
        return
    import openvino
    import openvino_genai as genai

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear(folder.parent)
        with tempfile.TemporaryDirectory(prefix=_MAKING, dir=folder.parent) as name:
            read, made = Path(name) / "read", Path(name) / "made"
            read.mkdir()
            made.mkdir()
            # The engine saves beside the file.
            (read / "weights.gguf").symlink_to(weights.resolve())
            saving = {"enable_save_ov_model": True}
            scheduler = genai.SchedulerConfig()
            try:
                genai.ContinuousBatchingPipeline(
                    str(read / "weights.gguf"), scheduler, "CPU", saving, tokenizer_properties=saving
                )
                if adapted:
                    model = openvino.Core().read_model(read / _MODEL)
                    modules = _named(model, weights)
                    openvino.save_model(model, made / _MODEL, compress_to_fp16=False)
                    (made / MODULES).write_text(json.dumps(modules), encoding="utf-8")
            except RuntimeError as error:
                told = " ".join(str(error).split())[:300]
                raise SettingsError(f"{weights} cannot be loaded: {told}") from None
            for path in read.glob("openvino_*tokenizer.*" if adapted else "openvino_*"):
                shutil.move(path, made / path.name)
            try:
                os.rename(made, folder)
            except OSError:
                if not done.is_file():  # else another process was first
                    raise
    except OSError as error:
        raise SettingsError(f"{folder.parent} cannot be written: {error.strerror or error}") from None


def _clear(parent: Path) -> None:
    """Remove what a process left that was killed while it made a form."""
    for left in parent.glob(f"{_MAKING}*"):
        with contextlib.suppress(FileNotFoundError):  # another process was first
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def check_adapters(folder: Path, adapters: Sequence[Adapter]) -> None:
    """Raise SettingsError where an adapter does not belong to the base that was made into the folder: the
    engine would ignore what it does not find."""
    modules: Mapping[str, Sequence[int]] = json.loads((folder / MODULES).read_text(encoding="utf-8"))
    for adapter in adapters:
        for module, (a, b) in adapter.pairs.items():
            shape = modules.get(module)
            if shape is None:
                raise SettingsError(f"{adapter.folder} adapts {module}, which the base does not have")
            if list(shape) != [b.shape[0], a.shape[1]]:
                raise SettingsError(
                    f"{adapter.folder} was trained on another base: {module} is "
                    f"{(b.shape[0], a.shape[1])} there and {tuple(shape)} in {folder.name}"
                )


def _named(model: Any, weights: Path) -> dict[str, list[int]]:
    """Name a model's matrices; the shape of each by its name.

    Raises SettingsError where a matrix of the file is not found in the model.
    """
    wanted = _beginnings(weights)
    modules: dict[str, list[int]] = {}
    for node in model.get_ops():
        if node.get_type_name() != "MatMul" or not node.input_value(1).get_partial_shape().is_static:
            continue
        numbers = _numbers(node.input_value(1).get_node())
        module = wanted.pop(numbers[: 2 * _BLOCK].tobytes(), None) if numbers is not None else None
        if module is not None:
            node.set_friendly_name(_NAME.format(module))
            modules[module] = [int(each) for each in node.input_value(1).get_shape()]
    if wanted:
        raise SettingsError(
            f"{weights.name} cannot be shared by adapters: the engine has no {next(iter(wanted.values()))}; "
            "use one adapter, which is merged"
        )
    return modules


def _numbers(node: Any) -> Any:
    """The numbers that a matrix is computed of, flat; None where it is not computed of bytes."""
    while node.get_type_name() != "Constant":
        if not node.get_input_size():
            return None
        node = node.input_value(0).get_node()
    return node.data.reshape(-1) if str(node.data.dtype) == "uint8" else None


def _beginnings(weights: Path) -> dict[bytes, str]:
    """How each matrix that can be adapted begins, in the engine's bytes, and its name."""
    import gguf
    import numpy as np

    reader = opened(weights)
    if not can_be_shared(architecture(reader)):
        raise SettingsError(f"{weights} is a {architecture(reader)} model, which adapters cannot share")
    found: dict[bytes, str] = {}
    for tensor in reader.tensors:
        place, _, kind = tensor.name.removesuffix(".weight").rpartition(".")
        if kind not in _MODULES or tensor.data.ndim < 2:
            continue
        if tensor.tensor_type != gguf.GGMLQuantizationType.Q8_0:
            raise SettingsError(f"{weights} holds {tensor.name} in another precision than Q8_0")
        row = tensor.data.reshape(-1)[: 2 * (_BLOCK + 2)].reshape(2, -1)[:, 2:]
        key = (row.view(np.int8).astype(np.int16) + 128).astype(np.uint8).tobytes()
        found[key] = f"model.layers.{place.removeprefix('blk.')}.{_MODULES[kind]}"
    return found
