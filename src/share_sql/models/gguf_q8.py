"""A GGUF file written again with its matrices in Q8_0, with the `gguf` package and numpy.

openvino-genai refuses some kinds of tensors (Q5_0) and answers from others (Q4_1) otherwise than the model
that was trained; from Q8_0 it answers as it does.

Files of models whose output matrix is their embedding may hold it twice, in two precisions. The finer one is
kept, as the embedding; the engine and the training read it as both.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"
_LOOKED_AT = 256
"""Rows of both that are compared; those of two matrices have nothing in common."""
_ALIKE = 0.9
"""Cosine above which both are one matrix; four bits leave 0.99 and more."""


def opened(path: Path) -> Any:
    """A reader of a GGUF file. Raises SettingsError where it is none, or the `gguf` package is missing."""
    try:
        import gguf
    except ModuleNotFoundError:
        raise SettingsError("base weights are read with the package gguf; install it") from None
    try:
        return gguf.GGUFReader(path)
    except FileNotFoundError:
        raise SettingsError(f"there are no weights {path}; `share models pull` fetches them") from None
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise SettingsError(f"{path} is no GGUF file that can be read: {error}") from None


def architecture(reader: Any) -> str:
    """The architecture's name, e.g. `qwen2`."""
    return str(reader.fields["general.architecture"].contents())


def write_q8(
    reader: Any,
    target: Path,
    changes: Mapping[str, Callable[[tuple[int, ...]], NDArray[np.float32]]] | None = None,
) -> None:
    """Write a file again, its matrices in Q8_0.

    Args:
        reader: of the file.
        target: where to.
        changes: by a tensor's name, what is added to it, asked with the tensor's shape.

    Raises:
        OSError: the target cannot be written.
    """
    import gguf

    changes = changes or {}
    q8 = gguf.GGMLQuantizationType.Q8_0
    writer = gguf.GGUFWriter(target, architecture(reader))
    try:
        for field in reader.fields.values():
            if field.name.startswith("GGUF.") or field.name == "general.architecture":
                continue
            kind = field.types[0]
            sub_type = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), kind, sub_type=sub_type)
        for name, tensor in _tensors(reader).items():
            if tensor.data.ndim < 2 or (tensor.tensor_type == q8 and name not in changes):
                writer.add_tensor(name, tensor.data, raw_dtype=tensor.tensor_type)
                continue
            weight = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            if name in changes:
                weight = weight + changes[name](weight.shape)
            writer.add_tensor(name, gguf.quants.quantize(weight, q8), raw_dtype=q8)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _tensors(reader: Any) -> dict[str, Any]:
    """The file's tensors by the name that they get; a matrix that it holds twice is there once."""
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    if EMBEDDING in tensors and OUTPUT in tensors and _alike(tensors[EMBEDDING], tensors[OUTPUT]):
        output = tensors.pop(OUTPUT)
        if _bits(output) > _bits(tensors[EMBEDDING]):
            tensors[EMBEDDING] = output
    return tensors


def _alike(one: Any, other: Any) -> bool:
    """Whether two tensors are one matrix, but for their precision."""
    import gguf
    import numpy as np

    if tuple(one.shape) != tuple(other.shape):
        return False
    a, b = (gguf.quants.dequantize(each.data[:_LOOKED_AT], each.tensor_type).ravel() for each in (one, other))
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return bool(norms) and float(a @ b) / norms > _ALIKE


def _bits(tensor: Any) -> float:
    """Bits a number."""
    import gguf

    numbers, size = gguf.GGML_QUANT_SIZES[tensor.tensor_type]
    return 8.0 * float(size) / float(numbers)
