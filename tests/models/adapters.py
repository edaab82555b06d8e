"""Small GGUF weights and LoRA adapters made on the spot."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

SHAPES = {"self_attn.q_proj": (64, 64), "self_attn.k_proj": (32, 64), "mlp.down_proj": (64, 96)}
"""Out and in of the little model's adapted matrices: 2 heads of 32, 1 of them for keys."""


def write_safetensors(path: Path, tensors: dict[str, Any]) -> None:
    header: dict[str, Any] = {}
    blob = b""
    for name, tensor in tensors.items():
        raw = tensor.astype("<f4").tobytes()
        header[name] = {
            "dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(blob), len(blob) + len(raw)]
        }  # fmt: skip
        blob += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob)


def write_adapter(
    folder: Path, shapes: dict[str, tuple[int, int]], layers: int, rank: int = 4, spread: float = 0.5,
    seed: int = 0, **config: Any,
) -> Path:  # fmt: skip
    """A LoRA adapter of random numbers."""
    import numpy as np

    chance = np.random.default_rng(seed)
    tensors = {}
    for layer in range(layers):
        for module, (out, into) in shapes.items():
            name = f"base_model.model.model.layers.{layer}.{module}"
            tensors[f"{name}.lora_A.weight"] = chance.normal(0, spread, (rank, into))
            tensors[f"{name}.lora_B.weight"] = chance.normal(0, spread, (out, rank))
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / "adapter_model.safetensors", tensors)
    told = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "bias": "none", **config}
    (folder / "adapter_config.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def write_weights(path: Path) -> Path:
    """A llama GGUF file of one layer and random numbers; no vocabulary."""
    import gguf
    import numpy as np

    chance = np.random.default_rng(7)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(512)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_token_list(["a", "b"])
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "mlp.down_proj": "ffn_down"}
    for module, shape in {**SHAPES, "mlp.up_proj": (96, 64)}.items():
        weight = chance.normal(0, 1, shape).astype("float32")
        kind = gguf.GGMLQuantizationType.Q4_1
        writer.add_tensor(
            f"blk.0.{names.get(module, 'ffn_up')}.weight", gguf.quants.quantize(weight, kind), raw_dtype=kind
        )
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(64, dtype="float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
