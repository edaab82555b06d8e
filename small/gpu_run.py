"""A short GPU run: the adapters of several roles one after another, each bounded by the clock.

    python -m small.gpu_run PLAN OUT [--seconds S]

PLAN is a JSON file, paths in it as seen from its folder:

    {"base": "base.safetensors", "tokens": 16384, "held": 200,
     "tasks": [{"role": "scorer", "arrays": "scorer.npz", "seconds": 200},
               {"role": "drafter", "name": "drafter-0", "half": 0, "arrays": "drafter.npz", "seconds": 110,
                "draft_seconds": 50}]}

`base` is what `small.weights` wrote, or a GGUF file where the package gguf is there; `arrays` what
`small.arrays` wrote. Further settings are the fields of `Task`. With `half` a drafter learns from the other
half of the databases and then drafts for its own. OUT gets NAME.safetensors of each task, again every two
minutes, NAME.drafts.npz, and log.jsonl. What was made is of use whenever the run is cut off: another run goes
on from an adapter that `earlier` names. --seconds bounds all together, reading included: each task gets its
share. Needs torch and numpy, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from small.answer import answers
from small.arrays import Arrays
from small.fit import schedule
from small.llama import Llama, adapter_config, adapter_tensors
from small.loss import answer_loss
from small.packed import Packed
from small.packed_batches import Batch, ordered, sample
from small.report import area_under
from small.tensors import read_tensors, write_tensors
from small.weights import BaseFile

MOST_BYTES = 16 * 1024 * 1024 - 64 * 1024
"""Of an adapter's file: what a road back may take, less the file's header."""
CHECKPOINT = 120.0
"""Seconds between two writings of an adapter."""
HELD = 200
"""Held-out examples that a training is looked at by, if the plan says nothing else by `held`."""
DRAFTED_AT_ONCE = 1_024
"""Questions that are drafted between two looks at the clock; on a CPU, which is for trials, few."""
DRAFT_LENGTH = 120
"""Tokens of a draft."""


@dataclass(frozen=True)
class Task:
    """One adapter to train."""

    role: str
    arrays: str
    """File of examples."""
    seconds: float
    """Bound on the training."""
    name: str = ""
    """Of its files; empty: the role."""
    rank: int = 16
    """LoRA's rank; less where the file would be too large."""
    scale: float = 2.0
    """LoRA's alpha over its rank."""
    rate: float = 5e-4
    """Highest learning rate."""
    epochs: float = 3.0
    """The training ends after these, if the clock lets it."""
    earlier: str = ""
    """File of an adapter to go on from; empty: from nothing."""
    half: int | None = None
    """Half of the databases that is not learnt from; None: all are, but for those held out."""
    all: bool = False
    """Whether held-out databases are learnt from as well: the model that ships is judged on others."""
    draft_seconds: float = 0.0
    """Bound on drafting for `half`, or for `asked`."""
    asked: str = ""
    """File of other examples to draft for."""
    samples: int = 3
    """Drafts that are drawn beside the likeliest."""
    temperature: float = 0.9

    @property
    def file(self) -> str:
        """What its files begin with."""
        return self.name or self.role


class Run:
    """A run: one base, its tasks one after another, and a log."""

    def __init__(self, plan: Path, out: Path, seconds: float | None = None) -> None:
        """Read a plan and the base.

        Args:
            plan: the file.
            out: folder for all that is made.
            seconds: bound on everything from now on; None: the tasks' own bounds hold alone.

        Raises ValueError where the plan names what is not there, before the base is read.
        """
        self.started = time.monotonic()
        self.folder, self.out, self.seconds = plan.parent, out, seconds
        told = json.loads(plan.read_text(encoding="utf-8"))
        known = {field.name for field in fields(Task)}
        for entry in told["tasks"]:
            if set(entry) - known:
                raise ValueError(f"{plan}: a task has no {', '.join(sorted(set(entry) - known))}")
        self.tasks = [Task(**entry) for entry in told["tasks"]]
        self.tokens, self.held = int(told.get("tokens", 16_384)), int(told.get("held", HELD))
        needed = [
            told["base"],
            *(f for task in self.tasks for f in (task.arrays, task.earlier, task.asked) if f),
        ]
        missing = [name for name in dict.fromkeys(needed) if not (self.folder / name).is_file()]
        if missing:
            raise ValueError(f"{plan} names files that are not there: {', '.join(missing)}")
        out.mkdir(parents=True, exist_ok=True)
        base = self.folder / told["base"]
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(0)
        self.model = Llama(base if base.suffix == ".gguf" else BaseFile(base), 1, 1.0).to(self.device)
        self.log("base", file=base.name, device=self.device.type, torch=torch.__version__)

    def log(self, what: str, **told: Any) -> None:
        """Print a line of the log, and keep it."""
        line = json.dumps({"at": round(time.monotonic() - self.started, 1), "what": what, **told})
        print(line, flush=True)
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def all(self) -> None:
        """Do all tasks. What goes wrong in one is logged and takes nothing from the others."""
        wanted = sum(task.seconds + task.draft_seconds for task in self.tasks)
        for task in self.tasks:
            left = math.inf if self.seconds is None else self.seconds - (time.monotonic() - self.started)
            share = min(1.0, left / wanted) if wanted else 0.0
            wanted -= task.seconds + task.draft_seconds
            if share <= 0:
                self.log("left out", task=task.file)
                continue
            try:
                arrays = Arrays.read(self.folder / task.arrays)
                training = Training(self, task, arrays)
                training.train(share * task.seconds)
                if (task.half is not None or task.asked) and task.draft_seconds:
                    training.draft(share * task.draft_seconds)
            except Exception as error:
                self.log("failed", task=task.file, error=f"{type(error).__name__}: {error}")
        self.log("done")


class Training:
    """The training of one adapter."""

    def __init__(self, run: Run, task: Task, arrays: Arrays) -> None:
        self.run, self.task, self.model = run, task, run.model
        self.arrays, self.tokens = arrays, run.tokens
        other = arrays.fold % 2 != task.half if task.half is not None else np.ones(len(arrays), np.bool_)
        self.learnt = arrays.take(np.flatnonzero(other & (~arrays.held | task.all)))
        self.held = sample(arrays.take(np.flatnonzero(arrays.held)), run.held, run.tokens)
        if not len(self.learnt):
            raise ValueError("there is nothing to learn")
        rank = min(task.rank, largest_rank(run.model))
        run.model.adapt(rank, task.scale * rank)
        if task.earlier:
            go_on_from(run.model, run.folder / task.earlier)
        tokens = int(self.learnt.examples.lengths().sum())
        run.log("task", task=task.file, examples=len(self.learnt), tokens=tokens, rank=run.model.rank)

    def train(self, seconds: float) -> None:
        """Train by the clock, write the adapter, and log how well it does on held-out examples."""
        task, rng = self.task, random.Random(0)
        wanted = [each for each in self.model.parameters() if each.requires_grad]
        optimiser = torch.optim.AdamW(
            wanted, lr=task.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=self.run.device.type != "cpu"
        )
        started = time.monotonic()
        self.look(0)
        plan = ordered(self.learnt, self.tokens, rng)
        total = sum(len(each) for batch in plan for each in batch)
        self.choose_way(plan[0])
        written = told = time.monotonic()
        losses: list[Tensor] = []
        step = seen = done = 0
        while True:
            share = max(seen / total / task.epochs, (time.monotonic() - started) / seconds)
            if share >= 1:
                break
            if not plan:
                plan = ordered(self.learnt, self.tokens, rng)
            batch = plan.pop(0)
            for group in optimiser.param_groups:
                group["lr"] = task.rate * schedule(share)
            try:
                loss = self.step(batch)
            except torch.OutOfMemoryError:
                optimiser.zero_grad(set_to_none=True)
                plan = self.smaller(rng)
                continue
            norm = nn.utils.clip_grad_norm_(wanted, 1.0)
            # One batch whose loss is no number must not take all that was learnt.
            if bool(torch.isfinite(norm)):
                optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step, seen = step + 1, seen + sum(map(len, batch))
            done += sum(len(each.rest) for each in batch)
            losses.append(loss)
            if time.monotonic() - told > min(15.0, seconds / 4):
                told = time.monotonic()
                mean, losses = torch.stack(losses).mean().item(), []
                rate = round(seen / (told - started))
                self.run.log(
                    "step",
                    task=task.file,
                    step=step,
                    loss=round(mean, 4),
                    examples=done,
                    tokens_a_second=rate,
                )
            if time.monotonic() - written > CHECKPOINT:
                written = time.monotonic()
                self.write()
        self.write()
        self.look(step)

    def step(self, batch: list[Packed]) -> Tensor:
        """Work the gradients of a batch out; returns its loss."""
        on = Batch.of(batch, self.model)
        loss = answer_loss(on.hidden(self.model), self.model.embed_tokens.to(self.model.dtype), on.targets)
        loss.backward()
        return loss.detach()

    def smaller(self, rng: random.Random) -> list[list[Packed]]:
        """Batches of half the size, after memory ran out. Raises MemoryError where they are small already."""
        if self.tokens < 2_048:
            raise MemoryError(f"batches of {self.tokens} tokens are too large for this machine")
        self.tokens //= 2
        torch.cuda.empty_cache()
        self.run.log("smaller batches", task=self.task.file, tokens=self.tokens)
        return ordered(self.learnt, self.tokens, rng)

    def choose_way(self, batch: list[Packed]) -> None:
        """On a GPU, compute the adapter in the way that is faster there (`Llama.compute_thin`)."""
        if self.run.device.type == "cpu":
            return
        found = {}
        try:
            for thin in (False, True, False, True):  # the first of each warms up
                self.model.compute_thin(thin)
                found[thin] = timed(lambda: self.step(batch))
        except torch.OutOfMemoryError:
            found = {True: 0.0, False: 1.0}  # the thin way takes less memory
        self.model.zero_grad(set_to_none=True)
        self.model.compute_thin(found[True] < found[False])
        self.run.log("way", task=self.task.file, thin=round(found[True], 3), sum=round(found[False], 3))

    @torch.no_grad()
    def look(self, step: int) -> None:
        """Log the loss on held-out examples, and of yes and no how well they are told apart."""
        if not self.held:
            return
        losses: list[float] = []
        odds: list[float] = []
        labels: list[bool] = []
        yes, no = self.arrays.told["yes"], self.arrays.told["no"]
        judges = self.task.role == "scorer"
        self.model.fold()
        for examples, packed in self.held:
            on = Batch.of(packed, self.model)
            scores = self.model.logits(on.hidden(self.model))
            losses += nn.functional.cross_entropy(scores, on.targets, reduction="none").tolist()
            if judges:
                odds += (scores[:, yes] - scores[:, no]).tolist()
                labels += [int(answer[0]) == yes for answer in examples.examples.answers]
        self.model.fold(back=True)
        more = {"area": round(area_under(odds, labels), 4)} if judges else {}
        self.run.log(
            "held out", task=self.task.file, step=step, loss=round(float(np.mean(losses)), 4), **more
        )

    def write(self) -> None:
        """Write the adapter."""
        told = {
            "format": "pt",
            "role": self.task.role,
            "prompts": self.arrays.told["prompts"],
            "config": json.dumps(adapter_config(self.model)),
        }
        write_tensors(self.run.out / f"{self.task.file}.safetensors", adapter_tensors(self.model), told)

    def draft(self, seconds: float) -> None:
        """Draft for what is asked, or for the half that was not learnt from, in random order, until the time
        is up."""
        started = time.monotonic()
        of = self.task.asked or self.task.arrays
        if self.task.asked:
            arrays = Arrays.read(self.run.folder / of)
            own = np.arange(len(arrays))
        else:
            arrays = self.arrays
            own = np.flatnonzero(arrays.fold % 2 == self.task.half)
        np.random.default_rng(0).shuffle(own)
        at_once = DRAFTED_AT_ONCE if self.run.device.type == "cuda" else 4
        drafts = Drafts(self.run.out / f"{self.task.file}.drafts.npz", of)
        self.model.fold()
        self.model.eval()
        for start in range(0, len(own), at_once):
            if time.monotonic() - started > seconds:
                break
            chosen = arrays.take(own[start : start + at_once])
            found = answers(
                self.model, chosen.examples.prompts, self.arrays.told["end"], samples=self.task.samples,
                temperature=self.task.temperature, longest=DRAFT_LENGTH, seed=start,
            )  # fmt: skip
            for i, ids, logprob in found:
                drafts.add(int(chosen.row[i]), ids, logprob)
            drafts.write()
        self.model.fold(back=True)
        self.run.log("drafted", task=self.task.file, questions=drafts.questions, of=len(own))


class Drafts:
    """Drafts as token ids: `of` (name of the arrays that were asked), `row` (place in the file of examples),
    `logprob`, `length`, and all `ids` in a row."""

    def __init__(self, path: Path, of: str) -> None:
        self.path, self.of = path, of
        self._rows: list[int] = []
        self._logprobs: list[float] = []
        self._ids: list[list[int]] = []

    @property
    def questions(self) -> int:
        """Questions that have drafts."""
        return len(set(self._rows))

    def add(self, row: int, ids: list[int], logprob: float) -> None:
        """Add one."""
        self._rows.append(row)
        self._logprobs.append(logprob)
        self._ids.append(ids)

    def write(self) -> None:
        """Write all that there are."""
        new = self.path.with_name("new." + self.path.name)
        np.savez_compressed(
            new,
            of=np.array(self.of),
            row=np.array(self._rows, np.uint32),
            logprob=np.array(self._logprobs, np.float32),
            length=np.array([len(ids) for ids in self._ids], np.uint16),
            ids=np.array([token for ids in self._ids for token in ids], np.uint32),
        )
        new.replace(self.path)


def largest_rank(model: Llama) -> int:
    """The largest rank whose adapter fits into MOST_BYTES."""
    each = sum(sum(matrix.weight.shape) for matrix in model.matrices())
    return max(1, MOST_BYTES // (2 * each))


def go_on_from(model: Llama, path: Path) -> None:
    """Put an earlier adapter's numbers into the model, whose rank becomes the adapter's.

    Raises ValueError where it is of another base or shape.
    """
    tensors, told = read_tensors(path)
    config = json.loads(told["config"])
    if config["base_model_name_or_path"] != model.shape.name:
        raise ValueError(f"{path.name} is of {config['base_model_name_or_path']}, not of {model.shape.name}")
    model.adapt(config["r"], config["lora_alpha"])
    own = {
        f"base_model.model.model.{name}.weight": each
        for name, each in model.named_parameters()
        if ".lora_" in name
    }
    if {n: p.shape for n, p in own.items()} != {n: t.shape for n, t in tensors.items()}:
        raise ValueError(f"{path.name} has other matrices than the base")
    with torch.no_grad():
        for name, each in own.items():
            each.copy_(tensors[name])


def timed(work: Callable[[], object]) -> float:
    """Seconds that some work takes on the GPU."""
    torch.cuda.synchronize()
    started = time.monotonic()
    work()
    torch.cuda.synchronize()
    return time.monotonic() - started


def main() -> None:
    """Do a plan."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("plan", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, help="bound on everything, reading the base included")
    args = parser.parse_args()
    try:
        run = Run(args.plan, args.out, args.seconds)
    except ValueError as error:
        parser.error(str(error))
    run.all()


if __name__ == "__main__":
    main()
