"""Prompts for a small text-to-SQL model that drafts for the databases it has not seen.

    python runs/small/draft_data.py TOKENIZER OUT SOURCE…

SOURCE is a folder of `share data teacher`. Databases are dealt into FOLDS folds; `draft.py` fits a model on
all folds but one and lets it draft for that one. Writes OUT/drafting.npz, and OUT/drafting.jsonl with a
line for each example (`source`, `id`, `fold`).
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from share_sql.models.base import Message
from share_sql.models.engine import chatml
from share_sql.prompts import brief
from share_sql.schema.link import linked_columns
from share_sql.schema.model import Schema
from share_sql.sqltext import extract_sql
from share_sql.training.sources import SourceFiles, load_source

sys.path.insert(0, str(Path(__file__).parent))
from examples import EOS, Examples
from folds import fold_of

LONGEST_SCHEMA = 900
"""Tokens; tables that gold does not need are left out of longer ones, drawn by lot."""
LONGEST_ANSWER = 256


def drafting_prompt(schema: Schema, question: str, evidence: str) -> str:
    """What the drafting model is shown."""
    text = f"Tables:\n{brief.tables(schema)}\nQuestion: {question}\nNotes: {evidence}\nSQL:"
    return chatml([Message("user", text)])


def narrowed(schema: Schema, needed: set[str], tokenizer: Tokenizer, seed: str) -> Schema:
    """The schema with tables left out until it is short enough."""
    tables = list(schema.tables)
    rng = random.Random(seed)
    others = [t for t in tables if t.name not in needed]
    rng.shuffle(others)
    while others:
        kept = Schema(schema.name, tuple(tables))
        if len(tokenizer.encode(brief.tables(kept)).ids) <= LONGEST_SCHEMA:
            return kept
        tables.remove(others.pop())
    return Schema(schema.name, tuple(tables))


def main() -> None:
    tokenizer = Tokenizer.from_file(sys.argv[1])
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    made = Examples([], [])
    lines = []
    for folder in map(Path, sys.argv[3:]):
        source = load_source(SourceFiles.of(folder))
        short: dict[tuple[str, frozenset[str]], Schema] = {}
        for each in source.cases:
            case = each.case
            schema = source.schema(case.database)
            sql = " ".join(extract_sql(each.gold).split())
            needed = frozenset(name.table for name in linked_columns(sql, schema))
            key = (case.database, needed)
            if key not in short:
                short[key] = narrowed(schema, set(needed), tokenizer, case.database)
            prompt = tokenizer.encode(drafting_prompt(short[key], case.question, case.evidence)).ids
            answer = tokenizer.encode(sql).ids
            if len(answer) > LONGEST_ANSWER or len(prompt) > 1400:
                continue
            made.prompts.append(np.array(prompt, dtype=np.uint16))
            made.answers.append(np.array([*answer, EOS], dtype=np.uint16))
            fold = fold_of(source.name, case.database)
            lines.append(json.dumps({"source": source.name, "id": case.id, "fold": fold}))
        source.close()
    made.save(out / "drafting.npz")
    (out / "drafting.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lengths = made.lengths()
    print(f"{len(made)} examples, {lengths.sum():,} tokens, longest {lengths.max()}")


if __name__ == "__main__":
    main()
