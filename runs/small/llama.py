"""A llama in plain PyTorch: SmolLM2-135M read from its GGUF file, with or without LoRA adapters.

Written out because a small model on a large GPU is bound by everything but arithmetic: prompts are sorted
by length, logits are computed for answers only, and many samples of one prompt share its keys and values.
Matrices have Hugging Face's names and order, so that an adapter is one that PEFT and SHARE read.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from examples import EOS, Examples
from torch import Tensor, nn
from torch.nn import functional

BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"
ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Matrices that LoRA adapts: all of a layer's, as LLaMA-Factory's `lora_target: all`."""


@dataclass(frozen=True)
class Shape:
    """What GGUF says of the model."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    inner: int
    vocabulary: int
    theta: float
    epsilon: float

    @property
    def head(self) -> int:
        """Width of a head."""
        return self.width // self.heads


class Linear(nn.Module):
    """A matrix, and what an adapter adds to it."""

    def __init__(self, weight: Tensor, rank: int = 0, alpha: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=rank == 0)
        self.scale = alpha / rank if rank else 0.0
        if rank:
            self.lora_A = nn.Parameter(torch.empty(rank, weight.shape[1]))
            self.lora_B = nn.Parameter(torch.zeros(weight.shape[0], rank))
            nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if self.scale:
            # The sum of both matrices, made once a step, costs next to nothing beside a batch of thousands of
            # tokens; the two thin products for each token more than double a step's time.
            weight = weight + (self.lora_B @ self.lora_A) * self.scale
        return functional.linear(x, weight.to(x.dtype))


class Layer(nn.Module):
    """One layer."""

    def __init__(self, shape: Shape, weights: dict[str, Tensor], lora: dict[str, Any]) -> None:
        super().__init__()
        self.shape = shape
        for name in ADAPTED:
            setattr(self, name, Linear(weights[name], **lora))
        frozen = bool(lora.get("rank"))
        self.norm_1 = nn.Parameter(weights["norm_1"], requires_grad=not frozen)
        self.norm_2 = nn.Parameter(weights["norm_2"], requires_grad=not frozen)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, attend: Callable[..., Tensor]) -> Tensor:
        s = self.shape
        batch, length, _ = x.shape
        y = functional.rms_norm(x, (s.width,), self.norm_1.to(x.dtype), s.epsilon)
        q = self.q_proj(y).view(batch, length, s.heads, s.head).transpose(1, 2)
        k = self.k_proj(y).view(batch, length, s.kv_heads, s.head).transpose(1, 2)
        v = self.v_proj(y).view(batch, length, s.kv_heads, s.head).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        seen = attend(q, k, v).transpose(1, 2).reshape(batch, length, s.width)
        x = x + self.o_proj(seen)
        y = functional.rms_norm(x, (s.width,), self.norm_2.to(x.dtype), s.epsilon)
        return x + self.down_proj(functional.silu(self.gate_proj(y)) * self.up_proj(y))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions, halves apart (Hugging Face's order)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


def causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of whole sequences; padding stands behind them, so no mask is needed."""
    return functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


class Llama(nn.Module):
    """The model. Parameters are kept in 32 bits, computed with in bfloat16."""

    def __init__(self, gguf_file: Path, rank: int = 0, alpha: float = 0.0) -> None:
        super().__init__()
        shape, tensors = read_gguf(gguf_file)
        self.shape = shape
        self.rank, self.alpha = rank, alpha

        def take(name: str) -> Tensor:
            return torch.from_numpy(tensors[name])

        self.embedding = nn.Parameter(take("token_embd.weight"), requires_grad=not rank)
        self.norm = nn.Parameter(take("output_norm.weight"), requires_grad=not rank)
        lora = {"rank": rank, "alpha": alpha}
        names = {
            "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
            "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
            "norm_1": "attn_norm", "norm_2": "ffn_norm",
        }  # fmt: skip
        self.layers = nn.ModuleList(
            Layer(shape, {ours: take(f"blk.{i}.{gguf}.weight") for ours, gguf in names.items()}, lora)
            for i in range(shape.layers)
        )
        half = shape.head // 2
        turns = shape.theta ** (-torch.arange(half, dtype=torch.float32) / half)
        self.register_buffer("turns", turns, persistent=False)

    def angles(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines for positions [batch, length]: [batch, 1, length, head / 2]."""
        angle = positions[:, None, :, None].float() * self.turns
        return angle.cos().bfloat16(), angle.sin().bfloat16()

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        attend: Callable[[int], Callable[..., Tensor]],
    ) -> Tensor:
        """Hidden states [batch, length, width] for token ids [batch, length]."""
        cos, sin = self.angles(positions)
        x = functional.embedding(ids, self.embedding.bfloat16())
        for number, layer in enumerate(self.layers):
            x = layer(x, cos, sin, attend(number))
        return functional.rms_norm(x, (self.shape.width,), self.norm.to(x.dtype), self.shape.epsilon)

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary; input and output embeddings are one matrix in this model."""
        return functional.linear(hidden, self.embedding.bfloat16())

    def adapter(self) -> dict[str, Tensor]:
        """The LoRA matrices under PEFT's names."""
        found = {}
        for i, layer in enumerate(self.layers):
            for name in ADAPTED:
                part = "self_attn" if name in ADAPTED[:4] else "mlp"
                key = f"base_model.model.model.layers.{i}.{part}.{name}"
                matrix = getattr(layer, name)
                found[f"{key}.lora_A.weight"] = matrix.lora_A.detach()
                found[f"{key}.lora_B.weight"] = matrix.lora_B.detach()
        return found


def save_adapter(model: Llama, folder: Path) -> None:
    """Write the adapter as PEFT does, in bfloat16."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.to(torch.bfloat16).cpu().contiguous() for name, t in model.adapter().items()}
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": BASE,
        "r": model.rank, "lora_alpha": model.alpha, "lora_dropout": 0.0, "bias": "none",
        "target_modules": list(ADAPTED), "inference_mode": True,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def load_adapter(model: Llama, folder: Path) -> None:
    """Take an adapter's matrices over."""
    from safetensors.torch import load_file

    held = load_file(folder / "adapter_model.safetensors")
    for name, own in model.adapter().items():
        own.copy_(held[name])


def read_gguf(path: Path) -> tuple[Shape, dict[str, np.ndarray]]:
    """Shape and matrices of a GGUF file of llama kind, query and key rows put in Hugging Face's order."""
    import gguf

    reader = gguf.GGUFReader(path)

    def told(key: str) -> Any:
        return reader.fields[f"llama.{key}"].contents()

    shape = Shape(
        told("block_count"), told("embedding_length"), told("attention.head_count"),
        told("attention.head_count_kv"), told("feed_forward_length"), told("vocab_size"),
        told("rope.freq_base"), told("attention.layer_norm_rms_epsilon"),
    )  # fmt: skip
    tensors = {}
    for tensor in reader.tensors:
        weight = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        heads = {"attn_q": shape.heads, "attn_k": shape.kv_heads}.get(tensor.name.split(".")[-2])
        if heads:
            rows, columns = weight.shape
            weight = (
                weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)
            )
        tensors[tensor.name] = np.ascontiguousarray(weight)
    return shape, tensors


# ------------------------------------------------------------------------------------------- training


def batches(lengths: np.ndarray, tokens: int, rng: random.Random) -> list[list[int]]:
    """Indices in batches of about equal lengths, each of at most `tokens` with padding, in random order."""
    found = batches_in_order(lengths + np.array([rng.uniform(0, 8) for _ in lengths]), tokens)
    rng.shuffle(found)
    return found


def batches_in_order(lengths: np.ndarray, tokens: int) -> list[list[int]]:
    """The same, the shortest first."""
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    found: list[list[int]] = []
    batch: list[int] = []
    for i in order:
        longest = -(-int(lengths[i]) // 16) * 16
        if batch and longest * (len(batch) + 1) > tokens:
            found.append(batch)
            batch = []
        batch.append(i)
    found.append(batch)
    return found


def padded(examples: Examples, batch: list[int], device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Ids [batch, length], flat places whose next token is an answer's, and those tokens."""
    lengths = [len(examples.prompts[i]) + len(examples.answers[i]) for i in batch]
    longest = -(-max(lengths) // 16) * 16
    ids = np.full((len(batch), longest), EOS, dtype=np.int64)
    places, targets = [], []
    for row, i in enumerate(batch):
        prompt, answer = examples.prompts[i], examples.answers[i]
        ids[row, : len(prompt)] = prompt
        ids[row, len(prompt) : len(prompt) + len(answer)] = answer
        start = row * longest + len(prompt) - 1
        places.append(np.arange(start, start + len(answer)))
        targets.append(answer.astype(np.int64))
    move = {"device": device, "non_blocking": True}
    return (
        torch.from_numpy(ids).to(**move),
        torch.from_numpy(np.concatenate(places)).to(**move),
        torch.from_numpy(np.concatenate(targets)).to(**move),
    )


def train(
    model: Llama,
    examples: Examples,
    *,
    epochs: float,
    rate: float,
    tokens: int = 32_768,
    warmup: float = 0.05,
    decay: float = 0.0,
    seed: int = 0,
    seconds: float = 1e9,
    log: Callable[[str], None] = print,
) -> None:
    """Fit to the answers: AdamW, linear warm-up, cosine to nothing.

    Args:
        model: trained where its parameters ask for gradients.
        examples: prompts and answers.
        epochs: may be a fraction.
        rate: highest learning rate.
        tokens: a batch, padding included.
        warmup: share of the steps.
        decay: weight decay.
        seed: fixes batches.
        seconds: the schedule ends here at the latest.
        log: takes a line of progress.
    """
    device = str(model.embedding.device)
    rng = random.Random(seed)
    lengths = examples.lengths()
    plan: list[list[int]] = []
    while len(plan) < epochs * len(batches(lengths, tokens, random.Random(0))):
        plan += batches(lengths, tokens, rng)
    plan = plan[: max(1, round(epochs * len(batches(lengths, tokens, random.Random(0)))))]
    wanted = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        wanted, lr=rate, betas=(0.9, 0.98), weight_decay=decay, fused=device != "cpu"
    )
    model.train()
    total, started, losses = len(plan), time.time(), []
    seen = 0
    step = 0
    while step < total and time.time() - started < seconds:
        ids, places, targets = padded(examples, plan[step], device)
        # A schedule by the clock where that runs out first: other trainings may share the GPU.
        share = min(1.0, max((step + 1) / total, (time.time() - started) / seconds))
        factor = (
            share / warmup
            if share < warmup
            else 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))
        )
        for group in optimiser.param_groups:
            group["lr"] = rate * factor
        positions = torch.arange(ids.shape[1], device=ids.device)[None].expand_as(ids)
        hidden = model(ids, positions, lambda _: causal).flatten(0, 1)
        loss = functional.cross_entropy(model.logits(hidden[places]).float(), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(wanted, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        seen += int(ids.numel())
        losses.append(loss.detach())
        step += 1
        if step % max(1, total // 12) == 0:
            recent = torch.stack(losses[-max(1, total // 12) :]).mean().item()
            spent = time.time() - started
            log(
                f"  step {step}/{total} loss {recent:.4f}, {spent:.0f} s, {seen / spent:,.0f} tokens a second"
            )
    model.eval()


# ------------------------------------------------------------------------------------------ answering


class Cache:
    """Keys and values of one batch, with room for answers."""

    def __init__(self, keys: Tensor, values: Tensor, lengths: Tensor, width: int) -> None:
        self.keys, self.values = keys, values
        """[layers, rows, kv heads, room, head]: prompts from the front, answers from `width` on."""
        self.width = width
        """Columns that prompts take."""
        self.used = 0
        """Columns that answers take."""
        place = torch.arange(keys.shape[3], device=keys.device)
        self.hidden = (place[None] >= lengths[:, None]) & (place[None] < width)
        """[rows, room]: padding behind prompts."""

    def attend(self, number: int) -> Callable[..., Tensor]:
        """Attention of one new token a row."""

        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            at = self.width + self.used
            self.keys[number, :, :, at] = k[:, :, 0]
            self.values[number, :, :, at] = v[:, :, 0]
            rows, heads, _, head = q.shape
            kv = k.shape[1]
            grouped = q.view(rows, kv, heads // kv, head)
            score = grouped @ self.keys[number, :, :, : at + 1].transpose(-1, -2) / math.sqrt(head)
            score = score.float().masked_fill(self.hidden[:, None, None, : at + 1], -1e9)
            seen = score.softmax(-1).to(q.dtype) @ self.values[number, :, :, : at + 1]
            return seen.view(rows, heads, 1, head)

        return attend

    def keep(self, rows: Tensor) -> None:
        """Drop all other rows."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]
        self.hidden = self.hidden[rows]


def _remembering(
    keys: Tensor, values: Tensor, width: int, each: int
) -> Callable[[int], Callable[..., Tensor]]:
    """Attention of whole prompts that keeps their keys and values, `each` times a row."""

    def of_layer(number: int) -> Callable[..., Tensor]:
        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys[number, :, :, :width] = k.repeat_interleave(each, 0)
            values[number, :, :, :width] = v.repeat_interleave(each, 0)
            return causal(q, k, v)

        return attend

    return of_layer


@torch.inference_mode()
def answer(
    model: Llama,
    prompts: list[np.ndarray],
    *,
    samples: int = 0,
    temperature: float = 1.0,
    longest: int = 160,
    room: int = 1_500_000,
    seed: int = 0,
) -> Iterator[tuple[int, list[int], float]]:
    """Answers to prompts: the likeliest by greedy choice, then `samples` drawn.

    Args:
        model: on the device to use.
        prompts: token ids.
        samples: answers to draw beside the likeliest.
        temperature: of the drawn ones.
        longest: tokens an answer.
        room: tokens, of prompts and answers, that are kept at once; SmolLM2-135M takes 23 KB for each.
        seed: fixes what is drawn.

    Yields:
        Index of the prompt, token ids without EOS, and the sum of their log-probabilities at temperature 1.
    """
    device = str(model.embedding.device)
    torch.manual_seed(seed)
    each = 1 + samples
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * each * (len(prompts[order[end]]) + longest) <= room:
            end += 1
        batch, start = order[start:end], end
        lengths = torch.tensor([len(prompts[i]) for i in batch], device=device)
        width = int(lengths.max())
        ids = np.full((len(batch), width), EOS, dtype=np.int64)
        for row, i in enumerate(batch):
            ids[row, : len(prompts[i])] = prompts[i]
        held = torch.from_numpy(ids).to(device)
        shape = model.shape
        size = (shape.layers, len(batch) * each, shape.kv_heads, width + longest, shape.head)
        keys = torch.empty(size, dtype=torch.bfloat16, device=device)
        values = torch.empty(size, dtype=torch.bfloat16, device=device)

        positions = torch.arange(width, device=device)[None].expand_as(held)
        hidden = model(held, positions, _remembering(keys, values, width, each))
        last = hidden[torch.arange(len(batch), device=device), lengths - 1].repeat_interleave(each, 0)
        cache = Cache(keys, values, lengths.repeat_interleave(each), width)
        greedy = torch.zeros(len(batch) * each, dtype=torch.bool, device=device)
        greedy[::each] = True
        place = lengths.repeat_interleave(each)
        names = [(i, sample) for i in batch for sample in range(each)]
        live = torch.arange(len(names), device=device)
        tokens = torch.full((len(names), longest), EOS, dtype=torch.long, device=device)
        sums = torch.zeros(len(names), device=device)
        done = torch.zeros(len(names), dtype=torch.bool, device=device)
        for step in range(longest):
            scores = model.logits(last).float()
            drawn = (
                torch.multinomial((scores / temperature).softmax(-1), 1)[:, 0]
                if samples
                else scores.argmax(-1)
            )
            chosen = torch.where(greedy[live], scores.argmax(-1), drawn)
            logprob = scores.log_softmax(-1).gather(1, chosen[:, None])[:, 0]
            sums[live] += torch.where(done[live], 0.0, logprob)
            tokens[live, step] = torch.where(done[live], EOS, chosen)
            done[live] |= chosen == EOS
            if step % 16 == 15:
                going = ~done[live]
                if not bool(going.any()):
                    break
                if int(going.sum()) < 0.8 * len(live):
                    cache.keep(going)
                    live, chosen, place = live[going], chosen[going], place[going]
            cache.used = step
            last = model(chosen[:, None], place[:, None] + step, cache.attend)[:, 0]
        written = tokens.tolist()
        summed = sums.tolist()
        for row, (i, _) in enumerate(names):
            text = written[row]
            yield i, text[: text.index(EOS)] if EOS in text else text, summed[row]
