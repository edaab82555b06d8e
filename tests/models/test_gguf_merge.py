"""Merging adapters: against the same sum in numpy, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest

from share_sql.errors import SettingsError
from share_sql.models.gguf_header import header_value
from share_sql.models.gguf_merge import merged_weights, permute
from share_sql.models.lora import read_adapter

from .adapters import SHAPES, write_adapter, write_weights


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "little.gguf")


def tensors(path: Path) -> dict[str, object]:
    return {
        tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        for tensor in gguf.GGUFReader(path).tensors
    }


def test_the_merge_is_the_sum_in_numpy(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "sam", SHAPES, 1)
    before, after = tensors(base), tensors(merged_weights(base, folder, tmp_path / "cache"))
    adapter = read_adapter(folder)
    change = adapter.added("model.layers.0.mlp.down_proj")
    a, b = adapter.pairs["model.layers.0.mlp.down_proj"]
    assert np.allclose(change, 2 * b @ a, atol=1e-5)  # alpha is twice the rank
    wanted = before["blk.0.ffn_down.weight"] + change
    # Q8_0 rounds to 1/127 of the largest of each 32 numbers, or half of that off.
    assert np.abs(after["blk.0.ffn_down.weight"] - wanted).max() <= np.abs(wanted).max() / 127
    assert np.abs(after["blk.0.ffn_up.weight"] - before["blk.0.ffn_up.weight"]).max() < 0.03
    assert (after["blk.0.attn_norm.weight"] == before["blk.0.attn_norm.weight"]).all()


def test_query_rows_are_put_in_the_files_order(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "sam", SHAPES, 1)
    before, after = tensors(base), tensors(merged_weights(base, folder, tmp_path / "cache"))
    change = after["blk.0.attn_q.weight"] - before["blk.0.attn_q.weight"]
    plain = read_adapter(folder).added("model.layers.0.self_attn.q_proj")
    # Head 0: row 1 of the file is row 16 of Hugging Face's, its partner in the rotation.
    assert np.allclose(change[1], plain[16], atol=0.2)
    assert not np.allclose(change[1], plain[1], atol=0.2)
    assert (permute(np.arange(8.0).reshape(8, 1), 2)[:, 0] == [0, 2, 1, 3, 4, 6, 5, 7]).all()


def test_merged_weights_keep_the_metadata(base: Path, tmp_path: Path) -> None:
    merged = merged_weights(base, write_adapter(tmp_path / "sam", SHAPES, 1), tmp_path / "cache")
    assert header_value(merged, "{arch}.context_length") == 512
    assert gguf.GGUFReader(merged).fields["tokenizer.ggml.tokens"].contents() == ["a", "b"]


def test_merged_once(base: Path, tmp_path: Path) -> None:
    folder, cache = write_adapter(tmp_path / "sam", SHAPES, 1), tmp_path / "cache"
    first = merged_weights(base, folder, cache)
    stamp = first.stat().st_mtime_ns
    assert merged_weights(base, folder, cache) == first
    assert first.stat().st_mtime_ns == stamp
    write_adapter(folder, SHAPES, 1, seed=1)
    assert merged_weights(base, folder, cache) != first
    assert sorted(cache.iterdir()) == sorted({first, merged_weights(base, folder, cache)})


@pytest.mark.parametrize(
    ("config", "word"),
    [({"use_dora": True}, "use_dora"), ({"bias": "all"}, "bias"), ({"peft_type": "IA3"}, "IA3")],
)
def test_what_cannot_be_merged_is_refused(
    base: Path, tmp_path: Path, config: dict[str, object], word: str
) -> None:
    folder = write_adapter(tmp_path / "sam", SHAPES, 1, **config)
    with pytest.raises(SettingsError, match=word):
        merged_weights(base, folder, tmp_path / "cache")


def test_an_adapter_of_another_base_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not have"):
        merged_weights(base, write_adapter(tmp_path / "a", SHAPES, 2), tmp_path / "cache")
    wide = {**SHAPES, "mlp.down_proj": (64, 128)}
    with pytest.raises(SettingsError, match="another base"):
        merged_weights(base, write_adapter(tmp_path / "b", wide, 1), tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


LIMITED = """
import resource, sys
from pathlib import Path
from share_sql.errors import SettingsError
from share_sql.models.gguf_merge import merged_weights

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), -1))
try:
    merged_weights(Path("little.gguf"), Path("sam"), Path("cache"))
except SettingsError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 1000, 9000])
def test_a_disk_that_takes_no_more_leaves_no_half_file(base: Path, tmp_path: Path, room: int) -> None:
    folder = write_adapter(tmp_path / "sam", SHAPES, 1)
    call = [sys.executable, "-c", LIMITED, str(room)]
    ended = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert (ended.stderr, ended.stdout.count("\n")) == ("", 1)
    assert ended.stdout.startswith("cache cannot be written: ")
    assert list((tmp_path / "cache").iterdir()) == []
    assert merged_weights(base, folder, tmp_path / "cache").is_file()


def test_damaged_files_are_named(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "sam", SHAPES, 1)
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(SettingsError, match="safetensors"):
        merged_weights(base, folder, tmp_path / "cache")
    write_adapter(folder, SHAPES, 1)
    (tmp_path / "no.gguf").write_bytes(b"GGUF")
    with pytest.raises(SettingsError, match="no GGUF file"):
        merged_weights(tmp_path / "no.gguf", folder, tmp_path / "cache")
    with pytest.raises(SettingsError, match="no LoRA adapter"):
        merged_weights(base, tmp_path, tmp_path / "cache")
    (folder / "adapter_config.json").write_text(json.dumps({"r": 4}), encoding="utf-8")
    with pytest.raises(SettingsError, match="configuration"):
        merged_weights(base, folder, tmp_path / "cache")
