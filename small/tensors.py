"""Files of tensors in the safetensors format, with torch and numpy alone: GPU machines may have nothing
else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_TYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "I8": torch.int8}
_LONGEST_HEADER = 100_000_000


def write_tensors(path: Path, tensors: Mapping[str, Tensor], told: Mapping[str, str]) -> None:
    """Write a file that appears whole or not at all.

    Args:
        path: the file.
        tensors: by name.
        told: texts that go along.
    """
    names = {kind: name for name, kind in _TYPES.items()}
    header: dict[str, object] = {"__metadata__": dict(told)}
    at = 0
    for name, each in tensors.items():
        size = each.numel() * each.element_size()
        header[name] = {
            "dtype": names[each.dtype], "shape": list(each.shape), "data_offsets": [at, at + size],
        }  # fmt: skip
        at += size
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for each in tensors.values():
            file.write(each.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    new.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What `write_tensors` or another program wrote: the tensors, and the texts that go along.

    Raises ValueError where the file is of another format or damaged.
    """
    data = np.memmap(path, np.uint8, "c")
    size = int.from_bytes(data[:8].tobytes(), "little")
    if not 0 < size <= min(_LONGEST_HEADER, len(data) - 8):
        raise ValueError(f"{path} is no safetensors file")
    header = json.loads(data[8 : 8 + size].tobytes())
    told = header.pop("__metadata__", {})
    body = data[8 + size :]
    found = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        if entry["dtype"] not in _TYPES or not 0 <= start <= end <= len(body):
            raise ValueError(f"{path} is damaged, or holds other types than {', '.join(_TYPES)}: {name}")
        # A copy: what stands at an odd place in the file would not be aligned.
        raw = torch.from_numpy(np.array(body[start:end]))
        found[name] = raw.view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return found, told
