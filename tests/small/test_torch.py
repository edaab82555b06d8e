"""The trainings, on a llama of two layers. Skipped where torch is not installed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from share_sql.models.base import Message
from share_sql.models.bases import chatml
from share_sql.models.gguf_merge import merged_weights
from share_sql.models.lora import read_adapter

from .little import write_llama

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("tokenizers", reason="tokenizers is not installed")
pytest.importorskip("safetensors", reason="safetensors is not installed")

from small import adapter, draft, scorer  # noqa: E402
from small.answer import answers  # noqa: E402
from small.examples import Examples, Reader, read_rows, write_rows  # noqa: E402
from small.fit import fit, padded, schedule  # noqa: E402
from small.llama import Llama, save_adapter  # noqa: E402


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("little") / "little.gguf")


@pytest.fixture
def prompts() -> list[np.ndarray]:
    chance = np.random.default_rng(1)
    return [chance.integers(3, 200, size).astype(np.int32) for size in (5, 9, 30)]


def greedy(model: Llama, prompt: np.ndarray, count: int) -> list[int]:
    """The likeliest answer by whole forward passes, without a cache."""
    ids = prompt.tolist()
    with torch.inference_mode():
        for _ in range(count):
            ids.append(int(model.logits(model(torch.tensor([ids]))[:, -1]).argmax()))
    return ids[len(prompt) :]


def test_prompts_are_those_of_the_engine(base: Path) -> None:
    reader = Reader.of(base)
    row = {"instruction": "Is 12 < 3? <|im_end|>", "system": "Say.", "output": "yes"}
    (prompt,) = reader.prompts([row])
    text = chatml([Message("system", "Say."), Message("user", row["instruction"])])
    assert reader.tokenizer.decode(prompt.tolist(), skip_special_tokens=False) == text
    assert (prompt == 1).sum() == 3  # <|im_start|>: the user's own mark is no token of the format
    assert (prompt == reader.end).sum() == 2
    ((answer,), _) = reader.examples([row], 1_000)[0].answers, None
    assert answer.tolist() == [reader.tokenizer.token_to_id("yes"), reader.end]


def test_long_examples_are_left_out(base: Path) -> None:
    rows = [{"instruction": "a" * size, "output": "no"} for size in (10, 200, 20)]
    examples, kept = Reader.of(base).examples(rows, 100, ends=False)
    assert kept == [0, 2]
    assert examples.lengths().tolist() == sorted(examples.lengths().tolist())
    assert [len(answer) for answer in examples.answers] == [1, 1]


def test_answers_are_those_of_whole_passes(base: Path, prompts: list[np.ndarray]) -> None:
    model = Llama(base)
    found = {i: ids for i, ids, _ in answers(model, prompts, -1, longest=40)}
    assert found == {i: greedy(model, prompt, 40) for i, prompt in enumerate(prompts)}
    assert found[0] != found[1]


def test_finished_answers_leave_the_others_alone(base: Path, prompts: list[np.ndarray]) -> None:
    model = Llama(base)
    wanted = [greedy(model, prompt, 40) for prompt in prompts]
    end = wanted[0][2]
    found = {i: ids for i, ids, _ in answers(model, prompts, end, longest=40)}
    assert found == {i: ids[: ids.index(end)] if end in ids else ids for i, ids in enumerate(wanted)}


def test_drawn_answers_come_with_their_probability(base: Path, prompts: list[np.ndarray]) -> None:
    model = Llama(base)
    found: dict[int, list[tuple[list[int], float]]] = {}
    for i, ids, logprob in answers(model, prompts, -1, samples=3, longest=6, seed=4):
        found.setdefault(i, []).append((ids, logprob))
    for i, drawn in found.items():
        assert drawn[0][0] == greedy(model, prompts[i], 6)
        assert len({tuple(ids) for ids, _ in drawn}) > 1
        for ids, logprob in drawn:
            given = torch.tensor([[*prompts[i].tolist(), *ids]])
            with torch.inference_mode():
                scores = model.logits(model(given)).log_softmax(-1)[0]
            start = len(prompts[i]) - 1
            summed = sum(float(scores[start + at, token]) for at, token in enumerate(ids))
            assert logprob == pytest.approx(summed, abs=1e-2)


def test_a_saved_adapter_gives_what_the_trained_model_gives(
    base: Path, prompts: list[np.ndarray], tmp_path: Path
) -> None:
    torch.manual_seed(1)
    model = Llama(base, rank=4, alpha=8)
    with torch.no_grad():
        for name, each in model.named_parameters():
            if name.endswith("lora_B"):
                each.normal_(0, 0.1)
    save_adapter(model, tmp_path / "sam")
    read = read_adapter(tmp_path / "sam")
    assert len(read.pairs) == 2 * 7
    assert read.scale == 2
    # As the product runs it: merged into the GGUF file, query and key rows in the file's order.
    merged = Llama(merged_weights(base, tmp_path / "sam", tmp_path / "cache"))
    given = torch.tensor(prompts[2].tolist())[None]
    with torch.inference_mode():
        one, other, plain = (m.logits(m(given)) for m in (model, merged, Llama(base)))
    assert (one - other).abs().max() < 0.1 * (one - plain).abs().max()


def test_only_answers_are_learnt(base: Path) -> None:
    examples = Examples(
        [np.array([5, 6, 7], np.int32), np.array([8], np.int32)],
        [np.array([9, 2], np.int32), np.array([10, 11, 2], np.int32)],
    )
    ids, places, targets = padded(examples, [0, 1], torch.device("cpu"))
    assert ids.shape == (2, 16)
    assert targets.tolist() == [9, 2, 10, 11, 2]
    assert ids.flatten()[places + 1].tolist() == targets.tolist()


def test_fitting_lowers_the_loss_and_leaves_the_base_alone(base: Path, prompts: list[np.ndarray]) -> None:
    model = Llama(base, rank=4, alpha=8)
    before = {name: each.clone() for name, each in model.named_parameters()}
    examples = Examples(prompts, [np.array([7, 8, 9, 2], np.int32)] * 3)

    def loss() -> float:
        ids, places, targets = padded(examples, [0, 1, 2], model.device)
        with torch.inference_mode():
            scores = model.logits(model(ids).flatten(0, 1)[places])
        return float(torch.nn.functional.cross_entropy(scores, targets))

    first = loss()
    fit(model, examples, epochs=30, rate=2e-2, tokens=64)
    assert loss() < 0.5 * first
    changed = {name for name, each in model.named_parameters() if not torch.equal(each, before[name])}
    assert changed == {name for name in before if "lora_" in name}


def test_a_training_ends_by_the_clock(base: Path, prompts: list[np.ndarray]) -> None:
    model = Llama(base, rank=4, alpha=8)
    fit(model, Examples(prompts, [np.array([7], np.int32)] * 3), epochs=20_000, rate=1e-3, seconds=0.2)


def test_the_rate_rises_then_falls() -> None:
    assert schedule(0.025) == pytest.approx(0.5)
    assert schedule(0.05) == pytest.approx(1)
    assert schedule(1) == pytest.approx(0)
    assert schedule(0.3) > schedule(0.6) > schedule(0.9)


def run(monkeypatch: pytest.MonkeyPatch, module: Any, base: Path, *arguments: object) -> None:
    words = [*map(str, arguments), "--base", str(base), "--seconds", "5", "--tokens", "2000"]
    monkeypatch.setattr("sys.argv", [module.__name__, *words])
    module.main()


def example(number: int, database: str, output: str) -> dict[str, str]:
    return {
        "id": str(number), "source": "spider-train", "database": database, "kind": "gold: x",
        "instruction": f"Change {number}", "output": output,
    }  # fmt: skip


def test_an_adapter_is_trained_and_read(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [example(i, "bike_1", "no") for i in range(4)] + [example(9, "activity_1", "a" * 2_000)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    run(monkeypatch, adapter, base, tmp_path / "rows.json", tmp_path / "bam", "--role", "bam")
    assert read_adapter(tmp_path / "bam").rank == 8
    assert json.loads((tmp_path / "bam" / "card.json").read_text()) == {"prompts": "brief"}


def test_the_scorer_is_trained_and_looked_at(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [(i, name) for i in range(4) for name in ("bike_1", "activity_1")]
    rows = [example(i, name, "yes" if i % 2 else "no") for i, name in both]
    (tmp_path / "pairs.json").write_text(json.dumps(rows))
    edit = {"source": "s", "draft": "1", "kind": "limit-add", "before": False, "after": True}
    write_rows(tmp_path / "edits.jsonl", [{**edit, "forth": "a", "back": "b"}])
    files = (tmp_path / "pairs.json", tmp_path / "edits.jsonl", tmp_path / "scorer")
    run(monkeypatch, scorer, base, *files)
    said = capsys.readouterr().out
    assert "scorer: 4 examples" in said
    assert "held out, all: 4 pairs" in said
    assert "s, limit-add: 1 drafts, mended 1 in all" in said
    assert read_adapter(tmp_path / "scorer").rank == 24


def test_each_half_is_drafted_by_a_model_of_the_other(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = "Tables:\na(b)\nValues: none"
    rows = [
        {**example(i, name, "no"), "instruction": prompt} for i, name in enumerate(("bike_1", "aircraft"))
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    run(monkeypatch, draft, base, tmp_path / "rows.json", tmp_path / "drafts.jsonl")
    found = read_rows(tmp_path / "drafts.jsonl")
    assert [row["id"] for row in found] == ["0", "1"]
    for row in found:
        assert sum(times for _, _, times in row["drafts"]) == 4
    # Of one question in six orders of its tables.
    assert capsys.readouterr().out.count("6 to learn, 1 to draft") == 2


def test_greedy_tokens_are_the_engines(tmp_path: Path) -> None:
    """On the weights that the product runs, with an adapter merged in, where all is installed and pulled."""
    genai = pytest.importorskip("openvino_genai", reason="openvino-genai is not installed")
    base = os.environ.get("SMALL_BASE", "")
    if not base:
        pytest.skip("loads 135M parameters twice; name the file that `share models pull` got in SMALL_BASE")
    shipped = Path(__file__).parents[2] / "src" / "share_sql" / "models" / "shipped" / "bam"
    merged = merged_weights(Path(base), shipped, tmp_path)
    reader = Reader.of(merged)
    row = {"instruction": "Trajectory of this query:\nSELECT name FROM singer WHERE age > 20"}
    (prompt,) = reader.prompts([row])
    ((_, own, _),) = answers(Llama(merged), [prompt], reader.end, longest=48)
    pipeline = genai.LLMPipeline(str(merged), "CPU")
    config = genai.GenerationConfig(max_new_tokens=48, apply_chat_template=False)
    found = pipeline.generate(reader.tokenizer.decode(prompt.tolist(), skip_special_tokens=False), config)
    assert str(found) == reader.tokenizer.decode(own)
