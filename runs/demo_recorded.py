"""The demo's cases as a recorded run in a data folder, where the real one is not at hand: for trials.

Each draft is its question's gold, and every model answered what gold's syntax tree says.
"""

from __future__ import annotations

import json
from pathlib import Path

from share_sql.database.open import open_database
from share_sql.demo.cases import load_cases, write_meanings
from share_sql.demo.database import NAME, write_database
from share_sql.errors import SqlError
from share_sql.prompts.library import load_prompts
from share_sql.prompts.render import (
    bam_variables,
    generator_variables,
    lom_variables,
    mask_variables,
    one_line_sql,
    sam_variables,
)
from share_sql.schema.introspect import introspect
from share_sql.trajectory.columns import columns
from share_sql.trajectory.from_sql import from_sql
from share_sql.trajectory.mask import mask
from share_sql.trajectory.write import write

RUN = "demo"
"""The recorded run's name."""


def write_demo_run(data: Path, steps: dict[str, str]) -> None:
    """Write a data folder.

    Args:
        data: the folder.
        steps: the file of each role, as `recorded_cases.STEPS`.
    """
    bird, recorded = data / "bird/dev", data / "recorded" / RUN
    file = bird / "dev_databases" / NAME / f"{NAME}.sqlite"
    for folder in (file.parent, recorded):
        folder.mkdir(parents=True)
    write_database(file)
    write_meanings(bird / "column_meaning.json")
    with open_database(str(file)) as database:
        schema = introspect(database)
    prompts = load_prompts()
    questions, drafts, finals = [], {}, {}
    rows: dict[str, list[dict[str, str]]] = {role: [] for role in steps}
    for case in load_cases():
        try:
            trajectory = from_sql(case.gold, schema)
        except SqlError:
            continue
        sql, used = one_line_sql(case.gold), columns(trajectory, schema)
        plain, masked = write(trajectory, "paper"), write(mask(trajectory, schema), "paper")
        asked = {"question": case.question, "evidence": case.evidence}
        variables = {
            "bam": bam_variables(sql, used, schema),
            "mask": mask_variables(plain),
            "sam": sam_variables(used, schema, **asked, masked_trajectory=masked),
            "lom": lom_variables(used, schema, **asked, trajectory=plain),
            "generator": generator_variables(used, schema, **asked, trajectory=plain),
        }
        for role, values in variables.items():
            prompt = prompts.render(role, **values)[-1].content
            answer = f"```SR\n{masked if role == 'mask' else plain}\n```"
            rows[role].append({"idx": case.id, "prompt": prompt, "response": answer})
        questions.append({"idx": case.id, "question_id": case.id, **asked, "SQL": sql, "db_id": NAME})
        drafts[case.id] = finals[case.id] = f"{sql}\t----- bird -----\t{NAME}"
    for name, what in (("dev", questions), ("baseline_sql", drafts), ("final_sql", finals)):
        (recorded / f"{name}.json").write_text(json.dumps(what), encoding="utf-8")
    for role, name in steps.items():
        lines = (json.dumps(row) for row in rows[role])
        (recorded / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
