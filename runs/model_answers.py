"""How many answers of the small models can be read, and does SAM name columns that the schema lacks?

    python runs/model_answers.py [DATA] [RUNS]

RUNS (default: out/small_models/full) holds the run folders of `runs/small_models.py`. An answer is readable
if it is read whole, nothing of it left raw. SAM's answers are held against the schema of the case's database.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from share_sql.errors import TrajectoryError
from share_sql.schema.model import ColumnName, Schema
from share_sql.schema.tables_json import read_tables_json
from share_sql.trajectory.columns import unknown_columns
from share_sql.trajectory.nodes import Raw
from share_sql.trajectory.read import read


def schemas(data: Path) -> dict[str, Schema]:
    """Declared schemas of both dev sets."""
    return read_tables_json(data / "spider" / "tables.json") | read_tables_json(
        data / "bird" / "dev" / "dev_tables.json"
    )


def databases(data: Path, name: str) -> dict[str, str]:
    """Database of each case of a set."""
    if name.startswith("spider"):
        return {str(at): q["db_id"] for at, q in enumerate(lines(data / "spider" / "dev.json"))}
    return {str(q["question_id"]): q["db_id"] for q in lines(data / "bird" / "dev" / "dev.json")}


def lines(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def main(data: Path, runs: Path) -> None:
    known = schemas(data)
    total: dict[str, Counter[str]] = {"sam": Counter(), "lom": Counter()}
    for folder in sorted(path for path in runs.iterdir() if path.is_dir()):
        database_of = databases(data, folder.name)
        for role, file in (("sam", "intermediate_traj.jsonl"), ("lom", "final_traj.jsonl")):
            for line in (folder / file).read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                schema = known[database_of[str(row["idx"])]]
                if not row.get("response"):
                    continue
                names = [ColumnName(table.name, column.name) for table, column in schema.columns()]
                total[role]["answers"] += 1
                try:
                    trajectory = read(row["response"], names).trajectory
                except TrajectoryError:
                    trajectory = None
                raw = trajectory is None or any(isinstance(node, Raw) for node in trajectory.walk())
                total[role]["readable"] += bool(trajectory and trajectory.steps and not raw)
                if trajectory is not None and (unknown := unknown_columns(trajectory, schema)):
                    total[role]["naming unknown columns"] += 1
                    if total[role]["naming unknown columns"] <= 3:
                        print(f"{role} {folder.name} {row['idx']}: {', '.join(unknown)}")
    for role, counts in total.items():
        share = counts["readable"] / max(1, counts["answers"])
        print(
            f"{role}: {counts['answers']} answers, {counts['readable']} readable ({share:.2%}), "
            f"{counts['naming unknown columns']} naming a column that the schema lacks"
        )


if __name__ == "__main__":
    data = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SHARE_DATA", "../shared/data"))
    main(data, Path(sys.argv[2] if len(sys.argv) > 2 else "out/small_models/full"))
