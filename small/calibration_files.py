"""What `share calibrate` needs of what `small/train.sh` made: cases and databases of both benchmarks.

    python -m small.calibration_files DATA SMALL OUT

Writes OUT/drafts.jsonl (the small model's drafts of Spider train, two a question), OUT/scored.jsonl (real
drafts of held-out databases: the small model's likeliest one of each question of Spider train, GPT's of BIRD
train), OUT/databases (links; BIRD's are the made-up ones), OUT/tables.json and OUT/column_meaning.json (of
both). Gold is no draft there: it is right by definition, also where it selects what nobody asked for.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from small.examples import read_rows, write_rows
from small.folds import held_out

OF_QUESTIONS = 2_000
"""Whose drafts the comparison of candidates is fitted on."""


def spider_drafts(spider: Path, labelled: Path) -> dict[int, list[dict[str, Any]]]:
    """The small model's drafts of Spider train that run, by question, the likeliest first."""
    questions = read_rows(spider / "train.json")
    found: dict[int, list[dict[str, Any]]] = {}
    for row in read_rows(labelled):
        number = int(row["id"])
        asked, drafts = questions[number], found.setdefault(number, [])
        drafts.append(
            {
                "id": f"{number}.{len(drafts)}",
                "question": asked["question"],
                "database": asked["db_id"],
                "gold": asked["query"],
                "draft": row["sql"],
            }
        )
    return found


def bird_drafts(bird: Path) -> Iterator[dict[str, Any]]:
    """GPT's drafts of held-out databases."""
    baseline = json.loads((bird / "baseline_sql.json").read_text(encoding="utf-8"))
    for number, asked in enumerate(read_rows(bird / "train.json")):
        if held_out("bird-train", asked["db_id"]):
            yield {
                "id": f"gpt/{number}",
                "question": asked["question"],
                "evidence": asked["evidence"],
                "database": asked["db_id"],
                "gold": asked["SQL"],
                "draft": baseline[str(number)],
            }


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("data", "small", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    spider, bird, out = args.data / "spider", args.data / "bird" / "train", args.out
    drafts = spider_drafts(spider, args.small / "spider-train.labelled.jsonl")
    chosen = random.Random(5).sample(sorted(drafts), min(len(drafts), OF_QUESTIONS))
    write_rows(out / "drafts.jsonl", [draft for number in chosen for draft in drafts[number][:2]])
    likeliest = [of_question[0] for of_question in drafts.values()]
    held = [draft for draft in likeliest if held_out("spider-train", draft["database"])]
    write_rows(out / "scored.jsonl", [*held, *bird_drafts(bird)])

    tables = [
        json.loads(path.read_text("utf-8")) for path in (spider / "tables.json", bird / "train_tables.json")
    ]
    (out / "tables.json").write_text(json.dumps([*tables[0], *tables[1]]), encoding="utf-8")
    meanings = [json.loads((of / "column_meaning.json").read_text("utf-8")) for of in (spider, bird)]
    (out / "column_meaning.json").write_text(json.dumps({**meanings[0], **meanings[1]}), encoding="utf-8")
    files = {path.name: path / f"{path.name}.sqlite" for path in (spider / "database").iterdir()}
    files |= {path.stem: path for path in (args.small / "bird-train" / "made_up").glob("*.sqlite")}
    for name, path in files.items():
        link = out / "databases" / name / f"{name}.sqlite"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())


if __name__ == "__main__":
    main()
