"""A GPU run on a little base, on this machine's processor."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
for needed in ("tokenizers", "safetensors", "gguf"):
    pytest.importorskip(needed, reason=f"{needed} is not installed")

from share_sql.models.lora import read_adapter  # noqa: E402
from small import arrays, fetched, gpu_run, weights  # noqa: E402
from small.arrays import Arrays  # noqa: E402
from small.examples import read_rows  # noqa: E402
from small.llama import Llama, Read  # noqa: E402
from small.loss import answer_loss  # noqa: E402
from small.packed_batches import Batch, ordered  # noqa: E402
from small.tensors import read_tensors, write_tensors  # noqa: E402
from small.weights import BaseFile, names  # noqa: E402

from .little import write_llama  # noqa: E402

DATABASES = ("bike_1", "aircraft", "activity_1")
"""Of folds 2, 1 and 0; the last is held out."""


def call(monkeypatch: pytest.MonkeyPatch, module: Any, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", [module.__name__, *map(str, arguments)])
    module.main()


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a base, its file, and arrays of a scorer and a drafter."""
    gguf = write_llama(tmp_path / "little.gguf")
    call(monkeypatch, weights, gguf, tmp_path / "base.safetensors")
    for role, words in (("scorer", ("no", "yes")), ("drafter", ("SELECT 1", "SELECT 2"))):
        rows = [
            {
                "id": str(number), "source": "spider-train", "database": name, "kind": "draft: x",
                "instruction": f"Tables of {name}: question {number}", "output": words[number % 2],
            }
            for name in DATABASES
            for number in range(4)
        ]  # fmt: skip
        (tmp_path / f"{role}.json").write_text(json.dumps(rows))
        call(monkeypatch, arrays, role, tmp_path / f"{role}.json", tmp_path / f"{role}.npz", "--base", gguf)
    return tmp_path


def plan(folder: Path, *tasks: dict[str, Any]) -> Path:
    path = folder / "plan.json"
    path.write_text(json.dumps({"base": "base.safetensors", "tokens": 300, "tasks": tasks}))
    return path


SCORER = {"role": "scorer", "arrays": "scorer.npz", "seconds": 3, "rank": 2, "epochs": 4}
DRAFTER = {
    "role": "drafter", "name": "drafter-0", "half": 0, "arrays": "drafter.npz", "seconds": 2, "rank": 2,
    "draft_seconds": 120, "samples": 2,
}  # fmt: skip


def log(folder: Path) -> list[dict[str, Any]]:
    return read_rows(folder / "log.jsonl")


def test_the_base_s_file_holds_the_gguf_file_s_weights(prepared: Path) -> None:
    one, other = Read(prepared / "little.gguf"), BaseFile(prepared / "base.safetensors")
    assert one.shape == other.shape
    for name in names(one.shape):
        found, wanted = other.maybe(name), one.maybe(name)
        assert (found is None) == (wanted is None)
        if found is not None:
            assert torch.equal(found, wanted), name


def test_a_run_trains_drafts_and_comes_home(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    back = prepared / "back"
    call(monkeypatch, gpu_run, plan(prepared, SCORER, DRAFTER), back, "--seconds", 600)
    assert [line["what"] for line in log(back) if line["what"] in ("failed", "left out")] == []
    assert {path.name for path in back.iterdir()} == {
        "log.jsonl", "scorer.safetensors", "drafter-0.safetensors", "drafter-0.drafts.npz",
    }  # fmt: skip
    told = {(line["task"], line["examples"]) for line in log(back) if line["what"] == "task"}
    # The drafter of half 0 learns from half 1 alone; no one learns from what is held out.
    assert told == {("scorer", 8), ("drafter-0", 4)}
    looks = [line for line in log(back) if line["what"] == "held out"]
    assert ["area" in line for line in looks] == [line["task"] == "scorer" for line in looks]
    call(monkeypatch, fetched, "adapters", back, prepared / "models")
    assert read_adapter(prepared / "models" / "scorer").rank == 2
    assert json.loads((prepared / "models" / "scorer" / "card.json").read_text()) == {"prompts": "coder"}
    files = (back, prepared / "drafter.json", prepared / "drafts.jsonl")
    call(monkeypatch, fetched, "drafts", *files, "--base", prepared / "little.gguf")
    found = read_rows(prepared / "drafts.jsonl")
    assert len(found) == 8
    assert all(sum(times for _, _, times in row["drafts"]) == 3 for row in found)


def test_a_drafter_answers_other_questions_than_it_learnt_from(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = prepared / "back"
    task = {**DRAFTER, "name": "full", "half": None, "all": True, "asked": "scorer.npz", "seconds": 1}
    call(monkeypatch, gpu_run, plan(prepared, task), back)
    assert [line["examples"] for line in log(back) if line["what"] == "task"] == [4 * len(DATABASES)]
    assert [line["questions"] for line in log(back) if line["what"] == "drafted"] == [4 * len(DATABASES)]
    with np.load(back / "full.drafts.npz") as file:
        assert sorted(set(file["row"].tolist())) == list(range(4 * len(DATABASES)))
    files = (back, prepared / "scorer.json", prepared / "answers.jsonl")
    call(monkeypatch, fetched, "answers", *files, "--base", prepared / "little.gguf")
    found = read_rows(prepared / "answers.jsonl")
    assert [(row["source"], len(row["answers"])) for row in found] == [("spider-train", 3)] * 12
    # Its places are of those questions: in another file they would name others.
    wrong = (back, prepared / "drafter.json", prepared / "wrong.jsonl")
    with pytest.raises(SystemExit, match=r"holds no drafts of the questions of drafter\.json"):
        call(monkeypatch, fetched, "answers", *wrong, "--base", prepared / "little.gguf")


def test_another_run_goes_on_from_an_adapter(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(monkeypatch, gpu_run, plan(prepared, SCORER), prepared / "one")
    first = log(prepared / "one")[-2]
    (prepared / "one" / "scorer.safetensors").rename(prepared / "first.safetensors")
    again = plan(prepared, {**SCORER, "earlier": "first.safetensors", "rank": 8})
    call(monkeypatch, gpu_run, again, prepared / "two")
    begun = next(line for line in log(prepared / "two") if line["what"] == "held out")
    assert begun["step"] == 0
    assert begun["loss"] == pytest.approx(first["loss"], rel=0.1)


def test_a_task_that_fails_takes_nothing_from_the_others(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (prepared / "damaged.npz").write_bytes(b"no arrays")
    tasks = ({**SCORER, "arrays": "damaged.npz", "name": "damaged"}, SCORER)
    call(monkeypatch, gpu_run, plan(prepared, *tasks), prepared / "back")
    assert [line["task"] for line in log(prepared / "back") if line["what"] == "failed"] == ["damaged"]
    assert (prepared / "back" / "scorer.safetensors").is_file()


@pytest.mark.parametrize(
    ("change", "said"), [({"arrays": "none.npz"}, "not there: none.npz"), ({"rnk": 2}, "a task has no rnk")]
)
def test_a_plan_that_cannot_be_done_is_refused(prepared: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        gpu_run.Run(plan(prepared, {**SCORER, **change}), prepared / "back")


def test_an_adapter_of_another_base_is_refused(prepared: Path) -> None:
    model = Llama(BaseFile(prepared / "base.safetensors"), 1, 1.0)
    config = {"base_model_name_or_path": "another", "r": 2, "lora_alpha": 4}
    write_tensors(prepared / "other.safetensors", {}, {"config": json.dumps(config)})
    with pytest.raises(ValueError, match="is of another, not of little"):
        gpu_run.go_on_from(model, prepared / "other.safetensors")


def test_packed_examples_see_nothing_of_each_other(prepared: Path) -> None:
    data = Arrays.read(prepared / "drafter.npz")
    model = Llama(BaseFile(prepared / "base.safetensors"), 1, 1.0)
    batches = ordered(data, 300, random.Random(0))
    assert sum(len(each.rest) for batch in batches for each in batch) == len(data)
    assert any(len(each.begin) > 5 and len(each.rest) > 1 for batch in batches for each in batch)
    with torch.inference_mode():
        for batch in batches:
            on = Batch.of(batch, model)
            found, at = on.hidden(model), 0
            for each in batch:
                for rest, answer in zip(each.rest, each.answers, strict=True):
                    whole = np.concatenate((each.begin, rest)).astype(np.int64)
                    alone = model(torch.from_numpy(whole)[None])[0, -answer - 1 : -1]
                    assert torch.allclose(found[at : at + answer].float(), alone.float(), atol=0.1)
                    assert on.targets[at : at + answer].tolist() == whole[-answer:].tolist()
                    at += answer


def test_the_loss_and_its_gradient_are_those_of_whole_scores() -> None:
    torch.manual_seed(0)
    hidden, embedding = torch.randn(7, 8), torch.randn(50, 8)
    targets = torch.randint(50, (7,))
    one, other = (hidden.clone().requires_grad_() for _ in range(2))
    (answer_loss(one, embedding, targets) * 2).backward()
    whole = torch.nn.functional.cross_entropy(other @ embedding.T, targets)
    (whole * 2).backward()
    assert answer_loss(hidden, embedding, targets) == pytest.approx(whole.item())
    assert torch.allclose(one.grad, other.grad, atol=1e-6)


def test_folded_weights_give_what_the_adapter_gives(prepared: Path) -> None:
    model = Llama(BaseFile(prepared / "base.safetensors"), 1, 1.0)
    model.adapt(2, 4)
    with torch.no_grad():
        for name, each in model.named_parameters():
            if "lora_B" in name:
                each.normal_(0, 0.1)
        ids = torch.tensor([[5, 6, 7]])
        plain = model(ids).float()
        model.fold()
        folded = model(ids).float()
        model.fold(back=True)
        assert torch.allclose(plain, folded, atol=0.15)
        assert torch.equal(plain, model(ids).float())


def test_an_adapter_fits_the_road_back(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Llama(BaseFile(prepared / "base.safetensors"), 1, 1.0)
    monkeypatch.setattr(gpu_run, "MOST_BYTES", 10_000)
    rank = gpu_run.largest_rank(model)
    model.adapt(rank, 1.0)
    each = sum(2 * p.numel() for name, p in model.named_parameters() if "lora_" in name)
    assert each <= 10_000 < each * (rank + 1) / rank


def test_files_of_tensors_are_those_of_safetensors(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = {"a": torch.randn(3, 4).bfloat16(), "b": torch.tensor([1, -2], dtype=torch.int8)}
    write_tensors(tmp_path / "ours", tensors, {"role": "scorer"})
    save_file(tensors, tmp_path / "theirs", {"role": "scorer"})
    for found in (load_file(tmp_path / "ours"), read_tensors(tmp_path / "theirs")[0]):
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[name], each) for name, each in tensors.items())
    assert read_tensors(tmp_path / "theirs")[1] == {"role": "scorer"}
    (tmp_path / "short").write_bytes((tmp_path / "ours").read_bytes()[:-3])
    with pytest.raises(ValueError, match="damaged"):
        read_tensors(tmp_path / "short")
