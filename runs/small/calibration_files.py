"""What `share calibrate` needs of what `runs/train_small.sh` made: cases and databases of both benchmarks.

    python runs/small/calibration_files.py DATA SMALL OUT

Writes OUT/drafts.jsonl (the small model's drafts of Spider train, two a question), OUT/scored.jsonl
(drafts of held-out databases and their gold: 560 of Spider train, 170 of its gold alone, 180 of BIRD train),
OUT/databases (links; BIRD's are the made-up ones), OUT/tables.json and OUT/column_meaning.json (of both).
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from folds import held_out

OF_SPIDER, OF_GOLD, OF_BIRD, OF_DRAFTS = 560, 170, 180, 4_000


def main() -> None:
    data, small, out = map(Path, sys.argv[1:4])
    spider, bird = data / "spider", data / "bird" / "train"
    rng = random.Random(5)
    write(out / "drafts.jsonl", small_drafts(spider, small, rng))

    of_spider = lines(small / "spider.held.jsonl")
    of_bird = bird_drafts(bird)
    rng.shuffle(of_spider)
    rng.shuffle(of_bird)
    gold = [row for row in of_spider[OF_SPIDER:] if row["draft"] == row["gold"]]
    write(out / "scored.jsonl", [*of_spider[:OF_SPIDER], *gold[:OF_GOLD], *of_bird[:OF_BIRD]])

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


def small_drafts(spider: Path, small: Path, rng: random.Random) -> list[dict[str, Any]]:
    """The small model's drafts of Spider train as it wrote them, those that fail too: two a question."""
    asked = json.loads((spider / "train.json").read_text(encoding="utf-8"))
    drafted = [row for row in lines(small / "drafts.jsonl") if row["source"] == "spider-train"]
    rng.shuffle(drafted)
    found = []
    for row in drafted[: OF_DRAFTS // 2]:
        question = asked[int(row["id"])]
        for number, (sql, *_) in enumerate(sorted(row["drafts"], key=lambda draft: -draft[1])[:2]):
            found.append(
                {
                    "id": f"{row['id']}.{number}",
                    "question": question["question"],
                    "database": question["db_id"],
                    "gold": question["query"],
                    "draft": sql,
                }
            )
    return found


def bird_file(bird: Path, file: str) -> Path:
    return bird / ("train_tables.json" if file == "tables.json" else file)


def bird_drafts(bird: Path) -> list[dict[str, Any]]:
    """GPT's drafts of held-out databases, and their gold as drafts."""
    baseline = json.loads((bird / "baseline_sql.json").read_text(encoding="utf-8"))
    found = []
    for number, asked in enumerate(json.loads((bird / "train.json").read_text(encoding="utf-8"))):
        if held_out("bird-train", asked["db_id"]):
            for what, draft in (("gpt", baseline[str(number)]), ("gold", asked["SQL"])):
                found.append(
                    {
                        "id": f"{what}/{number}",
                        "question": asked["question"],
                        "evidence": asked["evidence"],
                        "database": asked["db_id"],
                        "gold": asked["SQL"],
                        "draft": draft,
                    }
                )
    return found


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
