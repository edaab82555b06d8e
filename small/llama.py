"""A llama or Qwen2 in plain PyTorch, read from its GGUF file, with or without a LoRA adapter.

Written out, and not left to transformers and peft, for two reasons. Training runs on GPU machines without
network, where torch, numpy, tokenizers and safetensors may be all there is. And a small model on a large GPU
is bound by everything but arithmetic: here logits are computed for answers only, LoRA's product is added to
the weight once a step, and the samples of one prompt share its keys and values, which is many times faster.
`share train` does the same by LLaMA-Factory where there is time for it.

Modules have Hugging Face's names and order of rows, so that an adapter is one that PEFT and SHARE read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from share_sql.models.bases import BASES
from share_sql.models.gguf_merge import permute
from share_sql.models.lora import CONFIG, WEIGHTS

_ARCHITECTURES = ("llama", "qwen2")
"""What is read. Qwen2 is a llama with a bias on queries, keys and values; its file keeps Hugging Face's order
of rows (`gguf_merge.py`)."""
NORMS = ("input_layernorm", "post_attention_layernorm")
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")

Attention: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From queries, keys and values, each [batch, heads, length, head], to what is seen, shaped as queries."""


@dataclass(frozen=True)
class Shape:
    """The model's measures, as the GGUF file has them."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    theta: float
    epsilon: float
    name: str = ""
    """Of the base, for the adapter's config."""

    @property
    def head(self) -> int:
        """Width of a head."""
        return self.width // self.heads


class Weights(Protocol):
    """A base's weights in 32 bits, by Hugging Face's names."""

    shape: Shape

    def below(self, prefix: str) -> Weights:
        """The same, with names that begin after a prefix."""
        ...

    def maybe(self, name: str) -> Tensor | None:
        """A tensor; None where there is none of this name."""
        ...

    def __call__(self, name: str) -> Tensor:
        """A tensor. Raises KeyError where there is none of this name."""
        ...


class Linear(nn.Module):
    """A matrix, and what an adapter adds to it."""

    folded: Tensor | None = None
    """The sum of both, while `Llama.fold` keeps it."""
    thin: bool = False
    """Compute the adapter's two thin products for each token, on a GPU too."""

    def __init__(self, weight: Tensor, bias: Tensor | None, rank: int, alpha: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=rank == 0)
        self.bias = nn.Parameter(bias, requires_grad=rank == 0) if bias is not None else None
        self.scale = 0.0
        if rank:
            self.adapt(rank, alpha)

    def adapt(self, rank: int, alpha: float) -> None:
        """Begin with a new adapter, which changes nothing yet."""
        rows, columns = self.weight.shape
        device = self.weight.device
        self.scale = alpha / rank
        self.lora_A = nn.Parameter(torch.empty(rank, columns, device=device))
        self.lora_B = nn.Parameter(torch.zeros(rows, rank, device=device))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """The product."""
        weight = self.weight
        bias = self.bias.to(x.dtype) if self.bias is not None else None
        if self.folded is not None:
            return functional.linear(x, self.folded, bias)
        if self.scale and (self.thin or x.device.type == "cpu"):
            thin = functional.linear(functional.linear(x, self.lora_A.to(x.dtype)), self.lora_B.to(x.dtype))
            return functional.linear(x, weight.to(x.dtype), bias) + thin * self.scale
        if self.scale:
            # On a GPU the sum of both matrices, made once a step, costs next to nothing beside a batch of
            # thousands of tokens; the two thin products for each token more than double a step's time. On a
            # CPU they save the whole matrix's gradient.
            weight = weight + (self.lora_B @ self.lora_A) * self.scale
        return functional.linear(x, weight.to(x.dtype), bias)


class Layer(nn.Module):
    """One layer."""

    def __init__(self, shape: Shape, read: Weights, rank: int, alpha: float) -> None:
        super().__init__()
        self.shape = shape

        def frozen(name: str) -> Tensor:
            # What an adapter leaves as it is needs no more digits than are computed with.
            return read(name).to(torch.bfloat16) if rank else read(name)

        def matrices(part: str, names: tuple[str, ...]) -> nn.ModuleDict:
            return nn.ModuleDict(
                {
                    name: Linear(
                        frozen(f"{part}.{name}.weight"), read.maybe(f"{part}.{name}.bias"), rank, alpha
                    )
                    for name in names
                }
            )

        self.self_attn = matrices("self_attn", ATTENTION)
        self.mlp = matrices("mlp", MLP)
        for name in NORMS:
            setattr(self, name, nn.Parameter(read(f"{name}.weight"), requires_grad=rank == 0))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, attend: Attention) -> Tensor:
        """The hidden states after the layer."""
        s = self.shape
        batch, length, _ = x.shape
        y = self._normed(x, self.input_layernorm)
        q, k, v = (
            self.self_attn[name](y).view(batch, length, -1, s.head).transpose(1, 2) for name in ATTENTION[:3]
        )
        seen = attend(_rotated(q, cos, sin), _rotated(k, cos, sin), v)
        x = x + self.self_attn["o_proj"](seen.transpose(1, 2).reshape(batch, length, s.width))
        y = self._normed(x, self.post_attention_layernorm)
        mlp = self.mlp
        return x + mlp["down_proj"](functional.silu(mlp["gate_proj"](y)) * mlp["up_proj"](y))

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(x, (self.shape.width,), weight.to(x.dtype), self.shape.epsilon)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions, halves apart (Hugging Face's order)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


def causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of whole sequences; padding comes after them, so that no mask is needed."""
    return functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


def attention(q: Tensor, k: Tensor, v: Tensor, sees: Tensor) -> Tensor:
    """Attention written out: on a CPU PyTorch's own takes most of a step's time on the way back.

    Args:
        q: [batch, heads, length, head].
        k: [batch, kv_heads, seen, head]; `v` likewise.
        sees: [length, seen], true where a token sees another.
    """
    batch, heads, length, head = q.shape
    grouped = q.view(batch, k.shape[1], heads // k.shape[1] * length, head)
    scores = (grouped @ k.transpose(-1, -2)).view(batch, heads, length, -1) * head**-0.5
    shares = scores.masked_fill(~sees, float("-inf")).softmax(-1)
    return (shares.view(batch, k.shape[1], -1, k.shape[2]) @ v).view(batch, heads, length, head)


class Llama(nn.Module):
    """The model. Parameters are kept in 32 bits; a GPU computes in bfloat16."""

    def __init__(self, base: Path | Weights, rank: int = 0, alpha: float = 0.0) -> None:
        """Read the weights.

        Args:
            base: its weights, or a GGUF file of architecture llama or qwen2; with one matrix for input and
            output
                embeddings.
            rank: LoRA's rank; with 0 all weights are trained, else the adapter's alone.
            alpha: LoRA's alpha.
        """
        super().__init__()
        read: Weights = Read(base) if isinstance(base, Path) else base
        self.shape = read.shape
        self.rank, self.alpha = rank, alpha
        embedding = read("model.embed_tokens.weight")
        self.embed_tokens = nn.Parameter(
            embedding.to(torch.bfloat16) if rank else embedding, requires_grad=rank == 0
        )
        self.norm = nn.Parameter(read("model.norm.weight"), requires_grad=rank == 0)
        self.layers = nn.ModuleList(
            Layer(self.shape, read.below(f"model.layers.{i}."), rank, alpha) for i in range(self.shape.layers)
        )
        half = self.shape.head // 2
        turns = self.shape.theta ** (-torch.arange(half, dtype=torch.float32) / half)
        self.register_buffer("turns", turns, persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embed_tokens.device

    @property
    def dtype(self) -> torch.dtype:
        """What it computes in."""
        return torch.bfloat16 if self.rank or self.device.type == "cuda" else torch.float32

    def forward(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        attend: Callable[[int], Attention] = lambda _: causal,
    ) -> Tensor:
        """Hidden states [batch, length, width].

        Args:
            ids: token ids [batch, length].
            positions: of the same shape; from 0 on by default.
            attend: gives a layer's attention.
        """
        if positions is None:
            positions = torch.arange(ids.shape[1], device=ids.device)[None].expand_as(ids)
        angle = positions[:, None, :, None].float() * self.turns
        cos, sin = angle.cos().to(self.dtype), angle.sin().to(self.dtype)
        x = functional.embedding(ids, self.embed_tokens.to(self.dtype))
        for number, layer in enumerate(self.layers):
            x = layer(x, cos, sin, attend(number))
        return functional.rms_norm(x, (self.shape.width,), self.norm.to(x.dtype), self.shape.epsilon)

    def adapt(self, rank: int, alpha: float) -> None:
        """Begin with a new adapter, which changes nothing yet; the base must have been read for one."""
        self.rank, self.alpha = rank, alpha
        for each in self.matrices():
            each.folded = None
            each.adapt(rank, alpha)

    @torch.no_grad()
    def fold(self, *, back: bool = False) -> None:
        """Keep the sums of base and adapter, for many passes without training; `back` drops them."""
        for each in self.matrices():
            total = each.weight + (each.lora_B @ each.lora_A) * each.scale
            each.folded = None if back else total.to(self.dtype)

    def compute_thin(self, thin: bool) -> None:
        """Whether a GPU computes the adapter's two thin products for each token, or the sum of both matrices
        once a step: with a large base and long batches the first is faster."""
        for each in self.matrices():
            each.thin = thin

    def matrices(self) -> list[Linear]:
        """The matrices that an adapter adds to."""
        return [each for each in self.modules() if isinstance(each, Linear)]

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary, in 32 bits."""
        return functional.linear(hidden, self.embed_tokens.to(hidden.dtype)).float()


def adapter_tensors(model: Llama) -> dict[str, Tensor]:
    """The adapter's matrices in bfloat16, by PEFT's names."""
    return {
        f"base_model.model.model.{name}.weight": each.detach().to(torch.bfloat16).cpu().contiguous()
        for name, each in model.named_parameters()
        if ".lora_" in name
    }


def adapter_config(model: Llama) -> dict[str, Any]:
    """The adapter's settings, as PEFT has them in its file."""
    return {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": model.shape.name,
        "r": model.rank, "lora_alpha": model.alpha, "lora_dropout": 0.0, "bias": "none",
        "target_modules": [*ATTENTION, *MLP], "inference_mode": True,
    }  # fmt: skip


def save_adapter(model: Llama, folder: Path) -> None:
    """Write the adapter as PEFT does, in bfloat16."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(adapter_tensors(model), folder / WEIGHTS, {"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(adapter_config(model), indent=1) + "\n", encoding="utf-8")


class Read:
    """A GGUF file's weights in 32 bits, by Hugging Face's names."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises ValueError where it is of another architecture."""
        import gguf  # not at the top: a machine that has the weights in another file does without

        self._dequantize = gguf.quants.dequantize
        reader = gguf.GGUFReader(path)
        self._tensors = {tensor.name: tensor for tensor in reader.tensors}
        self._prefix = ""
        arch = reader.fields["general.architecture"].contents()
        if arch not in _ARCHITECTURES:
            raise ValueError(f"{path} is of the architecture {arch}; read are {', '.join(_ARCHITECTURES)}")
        self._permuted = arch == "llama"

        def value(key: str) -> Any:
            return reader.fields[f"{arch}.{key}"].contents()

        self.shape = Shape(
            value("block_count"), value("embedding_length"), value("attention.head_count"),
            value("attention.head_count_kv"), value("rope.freq_base"),
            value("attention.layer_norm_rms_epsilon"), base_of(path),
        )  # fmt: skip
        self._names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], self.shape.layers)

    def below(self, prefix: str) -> Read:
        """The same, with names that begin after a prefix."""
        other = copy(self)
        other._prefix = self._prefix + prefix
        return other

    def maybe(self, name: str) -> Tensor | None:
        """A tensor; None where the file has none of this name."""
        module, _, part = (self._prefix + name).rpartition(".")
        tensor = self._tensors.get(f"{self._names.get_name(module)}.{part}")
        if tensor is None:
            return None
        found = self._dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        heads = {"q_proj": self.shape.heads, "k_proj": self.shape.kv_heads}.get(module.rsplit(".", 1)[-1])
        if heads and self._permuted:
            # The file's row i is Hugging Face's row order[i].
            order = permute(np.arange(len(found), dtype=np.float32)[:, None], heads)[:, 0].astype(int)
            found[order] = found.copy()
        return torch.from_numpy(np.ascontiguousarray(found))

    def __call__(self, name: str) -> Tensor:
        """A tensor. Raises KeyError where the file has none of this name."""
        found = self.maybe(name)
        if found is None:
            raise KeyError(self._prefix + name)
        return found


def base_of(path: Path) -> str:
    """What an adapter's config names as its base, by the weights' file."""
    return next(
        (base.checkpoint for base in BASES.values() if base.weights and base.weights.file == path.name),
        path.stem,
    )
