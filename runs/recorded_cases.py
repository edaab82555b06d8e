"""Some cases of a recorded run, as inputs for the reference and for SHARE, and its answers to be forced.

The recorded run needs all five steps: `recorded/arcwise-gpt-5.2` of the data folder, a run of the published
models over BIRD's mini-dev. Cases whose database is not in the data folder are left out, and those whose
question another case asks too, since a prompt is matched with its case by its question.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forced_answers import Forced

from share_sql.database.open import open_database
from share_sql.errors import TrajectoryUnreadable
from share_sql.prompts.render import fenced_trajectory, one_line_sql
from share_sql.schema.introspect import introspect
from share_sql.schema.model import ColumnName, Schema
from share_sql.sql.tag import split_tag
from share_sql.trajectory.read import read
from share_sql.trajectory.write import write

STEPS = {
    "bam": "original_traj.jsonl",
    "mask": "masked_traj.jsonl",
    "sam": "intermediate_traj.jsonl",
    "lom": "final_traj.jsonl",
    "generator": "prompts_for_generator.jsonl",
}


def recorded_cases(data: Path, run: str, count: int, inputs: Path) -> tuple[list[Forced], int]:
    """Write the inputs of some recorded cases into a folder.

    Args:
        data: the data folder.
        run: the recorded run's folder.
        count: how many cases, evenly spread over those that there are.
        inputs: gets dev.json, baseline_sql.json, data_config.json, and prompts.json: what the reference
            asked of each role, by case.

    Returns:
        The recorded answers, their lengths unknown yet; and how many cases were written.
    """
    recorded, bird = data / "recorded" / run, data / "bird/dev"
    questions = json.loads((recorded / "dev.json").read_text(encoding="utf-8"))
    drafts = json.loads((recorded / "baseline_sql.json").read_text(encoding="utf-8"))
    finals = json.loads((recorded / "final_sql.json").read_text(encoding="utf-8"))
    rows = {step: _by_case(recorded / name) for step, name in STEPS.items()}
    asked = Counter(entry["question"] for entry in questions)
    fit = [
        entry
        for entry in questions
        if _file(bird, entry["db_id"]).is_file()
        and asked[entry["question"]] == 1
        and all(str(entry["idx"]) in by_case for by_case in (drafts, finals, *rows.values()))
    ]
    chosen = [fit[at * len(fit) // count] for at in range(count)] if count < len(fit) else fit
    schemas: dict[str, Schema] = {}
    for name in sorted({entry["db_id"] for entry in chosen}):
        with open_database(str(_file(bird, name))) as database:
            schemas[name] = introspect(database)

    inputs.mkdir(parents=True, exist_ok=True)
    answers: list[Forced] = []
    for at, entry in enumerate(chosen):
        key = str(entry["idx"])
        texts = {role: rows[role][key]["response"] for role in ("bam", "mask", "sam", "lom")}
        texts["generator"] = f"```sqlite\n{split_tag(finals[key])[0].strip()}\n```"
        draft = one_line_sql(drafts[key])
        trajectory = fenced_trajectory(texts["bam"])
        keys = {
            "bam": (draft,),
            "mask": (trajectory, _printed(texts["bam"], schemas[entry["db_id"]])),
            **dict.fromkeys(("sam", "lom", "generator"), (entry["question"],)),
        }
        answers += [Forced(str(at), role, keys[role], text) for role, text in texts.items()]
    _write(inputs / "dev.json", [{**entry, "idx": at} for at, entry in enumerate(chosen)])
    _write(
        inputs / "baseline_sql.json",
        {str(at): drafts[str(entry["idx"])] for at, entry in enumerate(chosen)},
    )
    _write(
        inputs / "prompts.json",
        {role: [rows[role][str(entry["idx"])]["prompt"] for entry in chosen] for role in STEPS},
    )
    config = {
        "dev_data": inputs / "dev.json",
        "dev_tables": bird / "dev_tables.json",
        "dev_db_dir": bird / "dev_databases",
        "dev_column_meaning": bird / "column_meaning.json",
        "dev_baseline": inputs / "baseline_sql.json",
    }
    there = {name: str(path.resolve()) for name, path in config.items() if path.exists()}
    _write(inputs / "data_config.json", there)
    return answers, len(chosen)


def _printed(answer: str, schema: Schema) -> str:
    """A recorded trajectory as SHARE writes it, once it has read it; empty where it cannot be read."""
    names = [ColumnName(table.name, column.name) for table, column in schema.columns()]
    try:
        return write(read(answer, names).trajectory, "paper")
    except TrajectoryUnreadable:
        return ""


def _file(bird: Path, name: str) -> Path:
    return bird / "dev_databases" / name / f"{name}.sqlite"


def _by_case(path: Path) -> Mapping[str, Mapping[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return {str(row["idx"]): row for row in map(json.loads, lines)}


def _write(path: Path, what: object) -> None:
    path.write_text(json.dumps(what, indent=1) + "\n", encoding="utf-8")
