"""Adapters that share one base in one process, with the engine itself and a little Qwen2."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from share_sql.errors import ModelRefused
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.embedded import EmbeddedModel, EmbeddedWeights
from share_sql.models.gguf_merge import merged_weights
from share_sql.models.gguf_q8 import opened, write_q8

from .adapters import QWEN2, write_adapter, write_qwen2
from .test_embedded import engine_processes

pytest.importorskip("openvino_genai")
Ask = Callable[..., ModelRequest]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_q8(opened(write_qwen2(tmp_path / "raw.gguf", "Q5_0")), tmp_path / "little.gguf")
    return tmp_path / "little.gguf"


@pytest.fixture
def adapters(tmp_path: Path) -> list[Path]:
    return [write_adapter(tmp_path / name, QWEN2, 2, spread=0.2, seed=at) for at, name in enumerate("ab")]


def sharing(base: Path, adapters: list[Path]) -> list[EmbeddedModel]:
    weights = EmbeddedWeights(base, form=base.parent / "shared" / "little", adapters=adapters)
    every = [None, *range(len(adapters))]
    return [EmbeddedModel(weights, f"of {number}", adapter=number) for number in every]


def probability(reply: ModelReply) -> float:
    assert reply.answers[0].logprob is not None
    return reply.answers[0].logprob


async def told(model: EmbeddedModel, request: ModelRequest) -> float:
    reply = await model.ask(request)
    await model.close()
    return probability(reply)


def test_each_adapter_answers_as_it_does_merged(
    base: Path, adapters: list[Path], request_of: Ask, tmp_path: Path
) -> None:
    # Longer than a block of kept tokens, and the same for all: what one computed must not serve another.
    request = request_of("Which singers are from France? " * 3, max_tokens=1, logprobs=True)

    async def story() -> None:
        alone = [await told(EmbeddedModel(base), request)]
        for adapter in adapters:
            merged = EmbeddedModel(merged_weights(base, adapter, tmp_path / "merged"))
            alone.append(await told(merged, request))
        assert len({round(each, 2) for each in alone}) == 3
        models = sharing(base, adapters)
        once = [probability(await model.ask(request)) for model in models]
        assert len(engine_processes()) == 1
        together = await asyncio.gather(*(model.ask(request) for model in [*models, *reversed(models)]))
        assert once == pytest.approx(alone, abs=0.15)
        twice = [probability(reply) for reply in together]
        assert twice == pytest.approx([*once, *reversed(once)], abs=0.05)
        for model in models[1:]:
            await model.close()
        assert len(engine_processes()) == 1, "another model answers from it"
        await models[0].close()
        assert not engine_processes()

    asyncio.run(asyncio.wait_for(story(), 120))


def test_an_adapter_of_another_base_is_refused(base: Path, tmp_path: Path, request_of: Ask) -> None:
    wide = write_adapter(tmp_path / "wide", {"mlp.down_proj": (64, 128)}, 2)
    deep = write_adapter(tmp_path / "deep", QWEN2, 3)

    async def story() -> None:
        for folder, why in ((wide, "trained on another base"), (deep, "which the base does not have")):
            (_, model) = sharing(base, [folder])
            with pytest.raises(ModelRefused, match=why):
                await model.ask(request_of())
            await model.close()

    asyncio.run(asyncio.wait_for(story(), 120))


def test_the_form_answers_as_the_file_and_is_made_once(base: Path, request_of: Ask, tmp_path: Path) -> None:
    request = request_of("Which singers are from France?", max_tokens=8, logprobs=True)
    form = tmp_path / "forms" / "little"

    async def story() -> None:
        plain = await told(EmbeddedModel(base), request)
        made = await told(EmbeddedModel(EmbeddedWeights(base, form=form)), request)
        assert [path.name for path in form.parent.iterdir()] == ["little"]
        written = form.parent.stat().st_mtime_ns
        again = await told(EmbeddedModel(EmbeddedWeights(base, form=form)), request)
        assert (made, again) == pytest.approx((plain, plain), abs=0.05)
        assert form.parent.stat().st_mtime_ns == written, "nothing was made beside it"

    asyncio.run(asyncio.wait_for(story(), 120))


def test_where_no_form_can_be_kept_the_file_is_read(
    base: Path, request_of: Ask, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")

    async def story() -> None:
        model = EmbeddedModel(EmbeddedWeights(base, form=tmp_path / "file" / "little"))
        assert (await model.ask(request_of(max_tokens=4))).answers
        await model.close()

    asyncio.run(asyncio.wait_for(story(), 120))
    assert "little.gguf is read anew on each start: " in capfd.readouterr().err


def test_what_a_killed_process_left_is_removed(base: Path, request_of: Ask, tmp_path: Path) -> None:
    old, new = tmp_path / "forms" / ".making-old", tmp_path / "forms" / ".making-new"
    for each in (old, new):
        (each / "read").mkdir(parents=True)
    os.utime(old, (0, 0))

    async def story() -> None:
        await told(
            EmbeddedModel(EmbeddedWeights(base, form=tmp_path / "forms" / "little")),
            request_of(logprobs=True),
        )

    asyncio.run(asyncio.wait_for(story(), 120))
    assert sorted(path.name for path in (tmp_path / "forms").iterdir()) == [".making-new", "little"]


def test_a_damaged_form_is_named(base: Path, request_of: Ask, tmp_path: Path) -> None:
    form = tmp_path / "little"

    async def story() -> None:
        await told(EmbeddedModel(EmbeddedWeights(base, form=form)), request_of(logprobs=True))
        (form / "openvino_model.bin").write_bytes(b"")
        model = EmbeddedModel(EmbeddedWeights(base, form=form))
        with pytest.raises(ModelRefused, match="little is damaged, remove it"):
            await model.ask(request_of())
        await model.close()

    asyncio.run(asyncio.wait_for(story(), 120))
