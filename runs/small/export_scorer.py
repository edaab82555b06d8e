"""Write a trained scorer as what the package ships: an ONNX file in 8 bits, and its tokenizer.

    python runs/small/export_scorer.py CHECKPOINT_FOLDER OUT_FOLDER [--dynamic]

The checkpoint is transformers': config.json, model.safetensors and tokenizer.json of a BERT with one output.
Each column of a matrix, and each row of the embeddings, is kept as whole numbers of 8 bits and a scale;
onnxruntime multiplies the matrices out when it loads the file, and computes in 32 bits. `--dynamic` has
onnxruntime's dynamic quantisation instead, which computes in 8 bits too: twice as fast, but its answers are
five times as far from torch's, and differ between kinds of processors. How far they are is printed.
Needs torch, transformers, onnx, onnxruntime.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from onnxruntime import InferenceSession
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
SMALLEST = 10_000
"""Numbers; matrices with fewer stay as they are."""
TEXTS = (
    ("How many singers do we have?", "SELECT count(*) FROM singer"),
    ("Name the oldest singer. Notes: age is in years", "- MIN(singer.Age)\n+ MAX(singer.Age)"),
    ("Which stores are open?", "SELECT name FROM store WHERE closed IS NULL -> SELECT name FROM store"),
    ("List cities.", "SELECT city FROM place GROUP BY city ORDER BY count(*) DESC LIMIT 1 " * 6),
    ("Who teaches the most courses?", "SELECT teacher_id -> SELECT name; JOIN teacher ON teacher.id"),
    ("Average age of students from France", "+ student.country = 'France'\n- student.country = 'france'"),
)


class Logits(torch.nn.Module):
    """The model with plain tensors in and out."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=ids, attention_mask=mask, token_type_ids=kinds).logits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dynamic", action="store_true", help="compute in 8 bits too")
    options = parser.parse_args()
    # Eager attention: its mask is plain arithmetic, which the exporter traces for any length.
    model = AutoModelForSequenceClassification.from_pretrained(
        options.checkpoint, num_labels=1, attn_implementation="eager", dtype=torch.float32
    ).eval()
    tokenizer = Tokenizer.from_file(str(options.checkpoint / "tokenizer.json"))
    options.out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(options.checkpoint / "tokenizer.json", options.out / "tokenizer.json")
    target = options.out / "model.onnx"
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        example = tuple(torch.ones(2, 16, dtype=torch.int64) for _ in INPUTS)
        axes = {name: {0: "pairs", 1: "tokens"} for name in INPUTS}
        # `eval` on the wrapper too: the exporter puts back the mode that it found there, dropout and all.
        torch.onnx.export(
            Logits(model).eval(), example, str(plain), input_names=list(INPUTS), output_names=["logits"],
            dynamic_axes={**axes, "logits": {0: "pairs"}}, opset_version=17, dynamo=False,
        )  # fmt: skip
        if options.dynamic:
            quantize_dynamic(plain, target, weight_type=QuantType.QInt8, per_channel=True)
        else:
            onnx.save(in_eight_bits(onnx.load(plain)), target)
    compare(model, tokenizer, target)


def in_eight_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its large matrices as whole numbers and scales."""
    graph = model.graph
    large = {one.name: one for one in graph.initializer if np.prod(one.dims) >= SMALLEST}
    nodes = []
    done = set()
    for node in graph.node:
        place = {"MatMul": 1, "Gemm": 1, "Gather": 0}.get(node.op_type)
        name = node.input[place] if place is not None else ""
        if name not in large:
            nodes.append(node)
            continue
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        along = 1 if node.op_type == "Gather" or transposed else 0
        if name not in done:
            done.add(name)
            weight = numpy_helper.to_array(large[name])
            scale = np.maximum(np.abs(weight).max(axis=along, keepdims=True) / 127, 1e-12).astype(np.float32)
            whole = np.rint(weight / scale).astype(np.int8)
            graph.initializer.remove(large[name])
            for array, what in ((whole, "whole"), (scale, "scale")):
                graph.initializer.append(numpy_helper.from_array(array, f"{name}.{what}"))
        # Embeddings are multiplied out for the rows that are looked up; matrices once, on loading.
        if node.op_type == "Gather":
            out, ids = node.output[0], node.input[1]
            nodes += [
                helper.make_node("Gather", [f"{name}.whole", ids], [f"{out}.whole"], axis=0),
                helper.make_node("Gather", [f"{name}.scale", ids], [f"{out}.scale"], axis=0),
                helper.make_node("Cast", [f"{out}.whole"], [f"{out}.cast"], to=onnx.TensorProto.FLOAT),
                helper.make_node("Mul", [f"{out}.cast", f"{out}.scale"], [out]),
            ]
            continue
        cast, out = f"{node.output[0]}.cast", f"{node.output[0]}.weight"
        nodes.append(helper.make_node("Cast", [f"{name}.whole"], [cast], to=onnx.TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [cast, f"{name}.scale"], [out]))
        node.input[1] = out
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def compare(model: torch.nn.Module, tokenizer: Tokenizer, target: Path) -> None:
    """Print the file's size and how far its answers are from torch's."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    session = InferenceSession(str(target), providers=["CPUExecutionProvider"])
    most = 0.0
    for question, change in TEXTS:
        one = tokenizer.encode(question, change)
        arrays = [np.array([row], dtype=np.int64) for row in (one.ids, one.attention_mask, one.type_ids)]
        given = dict(zip(INPUTS, arrays, strict=True))
        with torch.no_grad():
            exact = float(model(**{name: torch.from_numpy(row) for name, row in given.items()}).logits[0, 0])
        got = float(session.run(["logits"], given)[0][0, 0])
        most = max(most, abs(got - exact))
        print(f"{exact:+.4f} torch, {got:+.4f} int8: {question}")
    print(f"{target.stat().st_size / 1e6:.1f} MB; largest difference {most:.4f}")


if __name__ == "__main__":
    main()
