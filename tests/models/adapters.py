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


QWEN2 = {
    "self_attn.q_proj": (64, 64),
    "self_attn.k_proj": (32, 64),
    "self_attn.v_proj": (32, 64),
    "self_attn.o_proj": (64, 64),
    "mlp.gate_proj": (96, 64),
    "mlp.up_proj": (96, 64),
    "mlp.down_proj": (64, 96),
}
"""Out and in of the little Qwen2's matrices."""


def write_qwen2(path: Path, kind: str = "Q8_0", layers: int = 2) -> Path:
    """A Qwen2 GGUF file of random numbers that the engine can load, with a vocabulary of bytes.

    Its embedding stands in it twice, as in Qwen's own files: coarsely as embedding, finely as output.
    """
    import gguf
    import numpy as np

    chance = np.random.default_rng(11)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(layers)
    writer.add_context_length(512)
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(96)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(7)
    # GPT-2's letters for bytes.
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = [chr(byte) for byte in plain] + [chr(256 + at) for at in range(len(others))]
    tokens = [*letters, "he", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens += [f"<unused{number}>" for number in range(288 - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<") and len(token) > 1 else 1 for token in tokens])
    writer.add_token_merges(["h e"])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))

    def add(name: str, weight: Any, quantised: str = kind) -> None:
        weight = weight.astype("float32")
        if weight.ndim < 2:
            writer.add_tensor(name, weight)
            return
        wanted = gguf.GGMLQuantizationType[quantised]
        writer.add_tensor(name, gguf.quants.quantize(weight, wanted), raw_dtype=wanted)

    embedding = chance.normal(0, 0.3, (len(tokens), 64))
    add("output.weight", embedding, "Q8_0")
    add("token_embd.weight", embedding, "Q5_0")
    add("output_norm.weight", np.ones(64))
    names = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    for layer in range(layers):
        for name, shape in zip(names, QWEN2.values(), strict=True):
            add(f"blk.{layer}.{name}.weight", chance.normal(0, 0.2, shape))
            if name in names[:3]:
                add(f"blk.{layer}.{name}.bias", chance.normal(0, 0.5, shape[0]))
        for norm in ("attn_norm", "ffn_norm"):
            add(f"blk.{layer}.{norm}.weight", np.ones(64))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
