"""A llama GGUF file of two layers, random numbers and a byte-level vocabulary."""

from __future__ import annotations

from pathlib import Path


def write_llama(path: Path) -> Path:
    """4 heads of 8, 2 of them for keys; each byte is a token, and `yes` and `no` are."""
    import gguf
    import numpy as np

    chance = np.random.default_rng(3)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(512)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens = [*special, *_byte_letters(), "no", "ye", "yes"]
    kinds = [gguf.TokenType.CONTROL] * len(special)
    kinds += [gguf.TokenType.NORMAL] * (len(tokens) - len(special))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(["n o", "y e", "ye s"])
    writer.add_eos_token_id(2)
    shapes = {
        "attn_q": (32, 32), "attn_k": (16, 32), "attn_v": (16, 32), "attn_output": (32, 32),
        "ffn_gate": (64, 32), "ffn_up": (64, 32), "ffn_down": (32, 64),
    }  # fmt: skip
    q8 = gguf.GGMLQuantizationType.Q8_0
    matrices = {"token_embd": (len(tokens), 32)}
    matrices |= {f"blk.{i}.{name}": shape for i in (0, 1) for name, shape in shapes.items()}
    for name, shape in matrices.items():
        weight = chance.normal(0, 0.3, shape).astype("float32")
        writer.add_tensor(f"{name}.weight", gguf.quants.quantize(weight, q8), raw_dtype=q8)
    for name in ("output_norm", *(f"blk.{i}.{which}" for i in (0, 1) for which in ("attn_norm", "ffn_norm"))):
        writer.add_tensor(f"{name}.weight", chance.normal(1, 0.1, 32).astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _byte_letters() -> list[str]:
    """The letters that byte-level BPE writes the 256 bytes with (GPT-2's `bytes_to_unicode`)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]
