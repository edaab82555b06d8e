"""A base's weights in a file that needs no gguf to be read.

    python -m small.weights GGUF OUT

Matrices whose values are whole multiples of one number in each block of 32, as Q8_0 has them, keep 8 bits a
value; all others have 16. OUT is a safetensors file, as large as GGUF where that is Q8_0.
"""

from __future__ import annotations

import argparse
import json
from copy import copy
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from small.llama import ATTENTION, MLP, NORMS, Read, Shape
from small.tensors import read_tensors, write_tensors

_BLOCK = 32
_VALUES, _SCALES = ".q8", ".scale"


class BaseFile:
    """The weights of such a file in 32 bits, by Hugging Face's names (`llama.Weights`)."""

    def __init__(self, path: Path) -> None:
        """Read it. Raises ValueError where it is of another format."""
        self._tensors, told = read_tensors(path)
        if "shape" not in told:
            raise ValueError(f"{path} is no base's file; `python -m small.weights` writes one")
        self.shape = Shape(**json.loads(told["shape"]))
        self._prefix = ""

    def below(self, prefix: str) -> BaseFile:
        """The same, with names that begin after a prefix."""
        other = copy(self)
        other._prefix = self._prefix + prefix
        return other

    def maybe(self, name: str) -> Tensor | None:
        """A tensor; None where the file has none of this name."""
        name = self._prefix + name
        if name in self._tensors:
            return self._tensors[name].float()
        if name + _VALUES not in self._tensors:
            return None
        values, scales = self._tensors[name + _VALUES], self._tensors[name + _SCALES]
        return (values.float().view(len(values), -1, _BLOCK) * scales.float()[..., None]).view(values.shape)

    def __call__(self, name: str) -> Tensor:
        """A tensor. Raises KeyError where the file has none of this name."""
        found = self.maybe(name)
        if found is None:
            raise KeyError(self._prefix + name)
        return found


def packed(name: str, weight: Tensor) -> dict[str, Tensor]:
    """A tensor as it is stored, under one name or two."""
    if weight.dim() == 2 and weight.shape[1] % _BLOCK == 0:
        blocks = weight.view(len(weight), -1, _BLOCK)
        scales = (blocks.abs().amax(-1) / 127).half()
        # A block of nothing but zeros has the scale 0.
        values = torch.nan_to_num(blocks / scales.float()[..., None]).round().clamp(-127, 127)
        if torch.equal(values * scales.float()[..., None], blocks):
            return {name + _VALUES: values.to(torch.int8).view(weight.shape), name + _SCALES: scales}
    return {name: weight if weight.dim() == 1 else weight.to(torch.bfloat16)}


def names(shape: Shape) -> list[str]:
    """All names that a base may have; biases are there or not."""
    found = ["model.embed_tokens.weight", "model.norm.weight"]
    for layer in (f"model.layers.{i}." for i in range(shape.layers)):
        found += [f"{layer}{norm}.weight" for norm in NORMS]
        for part, matrices in (("self_attn", ATTENTION), ("mlp", MLP)):
            found += [f"{layer}{part}.{each}.{kind}" for each in matrices for kind in ("weight", "bias")]
    return found


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gguf", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    read = Read(args.gguf)
    tensors: dict[str, Tensor] = {}
    for name in names(read.shape):
        weight = read.maybe(name)
        if weight is not None:
            tensors |= packed(name, weight)
    write_tensors(args.out, tensors, {"shape": json.dumps(asdict(read.shape))})
    print(f"{args.out}: {len(tensors)} tensors, {args.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
