"""A sample of recorded prompts holds the rendered variables, byte for byte (all of them:
runs/prompt_fidelity.py)."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection
from itertools import islice
from pathlib import Path

import pytest

from share_sql.prompts.render import (
    bam_variables,
    column_list,
    fenced_trajectory,
    generator_variables,
    lom_variables,
    reference_linked_columns,
    sam_variables,
)
from share_sql.schema.meanings import read_column_meanings, with_meanings
from share_sql.schema.model import ColumnName, Schema
from share_sql.schema.tables_json import read_tables_json

SAMPLE = 25
FILES = {
    "bam": "original_traj.jsonl",
    "mask": "masked_traj.jsonl",
    "sam": "intermediate_traj.jsonl",
    "lom": "final_traj.jsonl",
    "generator": "prompts_for_generator.jsonl",
}
BRIEF = {"tables", "columns", "described_columns", "quote", "quotes", "language", "dialect"}
"""Variables of SHARE's own, that no recorded prompt has."""


def order_of(prompt: str, columns: Collection[ColumnName]) -> list[ColumnName]:
    """The columns as the prompt's last list of them orders them; that list must be the same set."""
    wanted = {
        text
        for name in columns
        for text in (str(name), ast.literal_eval(column_list([name], quoted=True))[0])
    }
    for line in re.findall(r"^\w+ = (\[.*\])$", prompt, re.MULTILINE)[::-1]:
        texts = [".".join(item) if isinstance(item, list) else item for item in ast.literal_eval(line)]
        if wanted.issuperset(texts) and len(texts) == len(columns):
            return [ColumnName(*text.replace("`", "").split(".", 1)) for text in texts]
    raise AssertionError("no list of the prompt holds just these columns")


@pytest.mark.parametrize("step", ["bam", "sam", "lom", "generator"])
def test_recorded_prompts_hold_the_rendered_variables(shared_data: Path, step: str) -> None:
    folder = shared_data / "recorded" / "arcwise-gpt-5.2"
    if not folder.is_dir():
        pytest.skip(f"no recorded run at {folder}")
    meanings = read_column_meanings(shared_data / "bird" / "dev" / "column_meaning.json", verbatim=True)
    schemas = read_tables_json(shared_data / "bird" / "dev" / "dev_tables.json")
    questions = {entry["idx"]: entry for entry in json.loads((folder / "dev.json").read_bytes())}
    drafts = json.loads((folder / "baseline_sql.json").read_bytes())
    recorded = {name: (folder / file).open(encoding="utf-8") for name, file in FILES.items()}
    rows = zip(*recorded.values(), strict=True)
    seen = 0
    for texts in islice(rows, 0, 500, 500 // SAMPLE):
        seen += 1
        row = dict(zip(FILES, map(json.loads, texts), strict=True))
        entry, draft = questions[row[step]["idx"]], drafts[str(row[step]["idx"])]
        schema: Schema = with_meanings(schemas[entry["db_id"]], meanings[entry["db_id"]])
        prompt = row[step]["prompt"]
        linked = reference_linked_columns(draft.split("\t")[0] if step == "bam" else draft, schema)
        asked = {"question": entry["question"], "evidence": entry["evidence"]}
        if step == "bam":
            values = bam_variables(draft, order_of(prompt, linked), schema)
        elif step == "sam":
            masked = fenced_trajectory(row["mask"]["response"])
            values = sam_variables(order_of(prompt, linked), schema, **asked, masked_trajectory=masked)
        else:
            augmented = order_of(prompt, linked | reference_linked_columns(row["sam"]["response"], schema))
            before, render = (("sam", lom_variables), ("lom", generator_variables))[step == "generator"]
            values = render(augmented, schema, **asked, trajectory=fenced_trajectory(row[before]["response"]))
        for name in values.keys() - BRIEF:
            assert values[name] in prompt, f"{name} of case {row[step]['idx']}"
    for file in recorded.values():
        file.close()
    assert seen > 1
