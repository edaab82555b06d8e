"""Weights written again in Q8_0."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from share_sql.models.gguf_merge import merged_weights
from share_sql.models.gguf_q8 import opened, write_q8
from share_sql.models.lora import read_adapter

from .adapters import QWEN2, write_adapter, write_qwen2, write_weights


def read(path: Path) -> dict[str, tuple[str, np.ndarray]]:
    return {
        tensor.name: (tensor.tensor_type.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type))
        for tensor in gguf.GGUFReader(path).tensors
    }


def test_a_matrix_that_stands_in_it_twice_is_kept_once_and_finely(tmp_path: Path) -> None:
    source = write_qwen2(tmp_path / "raw.gguf", "Q5_0")
    write_q8(opened(source), tmp_path / "q8.gguf")
    before, after = read(source), read(tmp_path / "q8.gguf")
    assert set(before) - set(after) == {"output.weight"}
    assert (after["token_embd.weight"][1] == before["output.weight"][1]).all()
    assert {kind for kind, values in after.values() if values.ndim > 1} == {"Q8_0"}
    for name in ("blk.1.attn_k.bias", "blk.0.attn_norm.weight"):
        assert (after[name][1] == before[name][1]).all()
    near = np.abs(after["blk.0.ffn_up.weight"][1] - before["blk.0.ffn_up.weight"][1]).max()
    assert near <= np.abs(before["blk.0.ffn_up.weight"][1]).max() / 127


def test_two_matrices_are_both_kept(tmp_path: Path) -> None:
    source = write_weights(tmp_path / "raw.gguf")
    writer = gguf.GGUFWriter(tmp_path / "two.gguf", "qwen2")
    chance = np.random.default_rng(0)
    for name in ("token_embd.weight", "output.weight"):
        writer.add_tensor(name, chance.normal(0, 1, (64, 64)).astype("float32"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    write_q8(opened(tmp_path / "two.gguf"), tmp_path / "q8.gguf")
    assert set(read(tmp_path / "q8.gguf")) == {"token_embd.weight", "output.weight"}
    write_q8(opened(source), tmp_path / "other.gguf")
    assert set(read(tmp_path / "other.gguf")) == set(read(source))


def test_a_qwen2s_rows_stay_and_so_do_its_biases(tmp_path: Path) -> None:
    base = write_qwen2(tmp_path / "raw.gguf")
    folder = write_adapter(tmp_path / "sam", QWEN2, 2)
    before, after = read(base), read(merged_weights(base, folder, tmp_path / "cache"))
    adapter = read_adapter(folder)
    for tensor, module in (("attn_q", "self_attn.q_proj"), ("attn_k", "self_attn.k_proj")):
        wanted = before[f"blk.1.{tensor}.weight"][1] + adapter.added(f"model.layers.1.{module}")
        assert np.abs(after[f"blk.1.{tensor}.weight"][1] - wanted).max() <= np.abs(wanted).max() / 127
        assert (after[f"blk.1.{tensor}.bias"][1] == before[f"blk.1.{tensor}.bias"][1]).all()
