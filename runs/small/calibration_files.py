"""What `share calibrate` needs of what `runs/train_small.sh` made: cases and databases of both benchmarks.

    python runs/small/calibration_files.py DATA SMALL OUT

Writes OUT/drafts.jsonl (the small model's drafts of Spider train, two a question), OUT/scored.jsonl
(real drafts of held-out databases: the small model's likeliest one of each question of Spider train, GPT's of
BIRD train), OUT/databases (links; BIRD's are the made-up ones), OUT/tables.json and OUT/column_meaning.json
(of both). Gold is no draft there: it is right by definition, also where it selects what nobody asked for.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from folds import held_out

OF_QUESTIONS = 2_000
"""Whose drafts the comparison of candidates is fitted on."""


def main() -> None:
    data, small, out = map(Path, sys.argv[1:4])
    spider, bird = data / "spider", data / "bird" / "train"
    drafts = labelled_drafts(spider, small)
    rng = random.Random(5)
    chosen = rng.sample(sorted(drafts), min(len(drafts), OF_QUESTIONS))
    write(out / "drafts.jsonl", [draft for number in chosen for draft in drafts[number][:2]])
    held = [told[0] for told in drafts.values() if held_out("spider-train", told[0]["database"])]
    write(out / "scored.jsonl", [*held, *bird_drafts(bird)])

    for file in ("tables.json", "column_meaning.json"):
        both = [
            json.loads(path.read_text(encoding="utf-8")) for path in (spider / file, bird_file(bird, file))
        ]
        joined = both[0] + both[1] if isinstance(both[0], list) else {**both[0], **both[1]}
        (out / file).write_text(json.dumps(joined), encoding="utf-8")
    databases = out / "databases"
    files = {path.name: path / f"{path.name}.sqlite" for path in (spider / "database").iterdir()}
    files |= {path.stem: path for path in (small / "bird-train" / "made_up").glob("*.sqlite")}
    for name, path in files.items():
        (databases / name).mkdir(parents=True, exist_ok=True)
        link = databases / name / f"{name}.sqlite"
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())


def labelled_drafts(spider: Path, small: Path) -> dict[int, list[dict[str, Any]]]:
    """The small model's drafts of Spider train that run, by question, the likeliest first."""
    asked = json.loads((spider / "train.json").read_text(encoding="utf-8"))
    found: dict[int, list[dict[str, Any]]] = {}
    for row in lines(small / "spider.labelled"):
        number = int(row["id"])
        told = found.setdefault(number, [])
        told.append(
            {
                "id": f"{number}.{len(told)}",
                "question": asked[number]["question"],
                "database": asked[number]["db_id"],
                "gold": asked[number]["query"],
                "draft": row["sql"],
            }
        )
    return found


def bird_file(bird: Path, file: str) -> Path:
    return bird / ("train_tables.json" if file == "tables.json" else file)


def bird_drafts(bird: Path) -> list[dict[str, Any]]:
    """GPT's drafts of held-out databases."""
    baseline = json.loads((bird / "baseline_sql.json").read_text(encoding="utf-8"))
    questions = json.loads((bird / "train.json").read_text(encoding="utf-8"))
    return [
        {
            "id": f"gpt/{number}",
            "question": asked["question"],
            "evidence": asked["evidence"],
            "database": asked["db_id"],
            "gold": asked["SQL"],
            "draft": baseline[str(number)],
        }
        for number, asked in enumerate(questions)
        if held_out("bird-train", asked["db_id"])
    ]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
