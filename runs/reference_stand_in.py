"""A stand-in for the reference's inference, in our own words: the same calls in the same order, and no more.

    python reference_stand_in.py --prompts PROMPTS.json --output_dir DIR

None of the reference's code is in it. What it does of what the reference does: for each of four stages
(trajectories, masks, sam, lom) a fresh vLLM, asked in batches of 100 with a barrier after each, at
temperature 0, at most 3,000 new tokens; where one answer of a batch is empty, the whole batch again, up to
ten times; then one request to the generator after another. What it does not: make the prompts. It takes them
from the recorded run, which are the reference's own, each with the whole instruction text.

It runs in vLLM's environment, started by `reference_outside.py`.
"""

from __future__ import annotations

import argparse
import gc
import json
from pathlib import Path
from typing import Any

import openai
from vllm import LLM, SamplingParams

BATCH, TRIES = 100, 10


def answers_of(stage: str, prompts: list[str]) -> list[str]:
    """A stage's answers, by an engine of its own."""
    engine = LLM(model=f"model/{stage}", tensor_parallel_size=4, max_model_len=8192)
    sampling = SamplingParams(temperature=0, max_tokens=3000)
    answers: list[str] = []
    for start in range(0, len(prompts), BATCH):
        chats: list[Any] = [[{"role": "user", "content": text}] for text in prompts[start : start + BATCH]]
        for _ in range(TRIES):
            batch = [each.outputs[0].text for each in engine.chat(chats, sampling)]
            if all(text.strip() for text in batch):
                break
        answers += batch
    del engine
    gc.collect()
    return answers


def main() -> None:
    """Take all prompts through the stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--prompts", type=Path, required=True, help="by role, in the order of the cases")
    parser.add_argument("--output_dir", type=Path, required=True)
    given = parser.parse_args()
    prompts = json.loads(given.prompts.read_text(encoding="utf-8"))
    given.output_dir.mkdir(parents=True, exist_ok=True)
    for stage in ("bam", "mask", "sam", "lom"):
        lines = (
            json.dumps({"idx": at, "response": text})
            for at, text in enumerate(answers_of(stage, prompts[stage]))
        )
        (given.output_dir / f"{stage}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    client = openai.OpenAI()
    written = {}
    for at, prompt in enumerate(prompts["generator"]):
        chat: list[Any] = [{"role": "user", "content": prompt}]
        told = client.chat.completions.create(
            model="generator", messages=chat, temperature=0, max_tokens=3000
        )
        written[str(at)] = told.choices[0].message.content or ""
    (given.output_dir / "final_sql.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
