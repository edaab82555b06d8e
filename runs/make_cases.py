"""Write the case files that the other scripts here read, from the public benchmarks' own files.

    python runs/make_cases.py [DATA] OUT

DATA is a folder with `spider/` and `bird/` laid out as docs/results.md says (default: $SHARE_DATA, else
../shared/data). Written to OUT:

    gold.jsonl                 Spider train and the demo's questions, gold only
    shop.sqlite                the demo's database
    bird_train_text.jsonl      BIRD train, a GPT draft and gold each; no databases
    spider_dev_drafts.jsonl    Spider dev, the drafts of all published generators there
    dev_drafts.jsonl           the same of Spider dev and BIRD dev
    spider_dev_<model>.jsonl   Spider dev, one generator's drafts
    bird_dev.json              BIRD dev's questions on the databases that are there
    bird_arcwise.json          the same of the corrected BIRD mini-dev that the recorded arcwise run is over
    bird_dev_<model>.jsonl     BIRD dev on the databases that are there, one generator's drafts
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from share_sql.demo.cases import load_cases
from share_sql.demo.database import write_database


def main(data: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    spider, bird = data / "spider", data / "bird"
    train = read(spider / "train.json")
    gold = [
        {"id": str(at), "question": q["question"], "database": q["db_id"], "gold": q["query"]}
        for at, q in enumerate(train)
    ]
    # Spider's gold has hardly a date, NULL or percentage; the demo's has.
    shop = (out / "shop.sqlite").resolve()
    write_database(shop)
    gold += [
        {"id": c.id, "question": c.question, "evidence": c.evidence, "database": str(shop), "gold": c.gold}
        for c in load_cases()
    ]
    with closing(sqlite3.connect(f"file:{shop}?mode=ro", uri=True)) as connection:
        days = [
            day for (day,) in connection.execute("SELECT DISTINCT ordered_on FROM orders ORDER BY 1 LIMIT 40")
        ]
    gold += [
        {
            "id": f"day-{day}",
            "question": f"How many orders were placed on {day}?",
            "database": str(shop),
            "gold": f"SELECT COUNT(*) FROM orders WHERE ordered_on = '{day}'",
        }
        for day in days
    ]
    write(out / "gold.jsonl", gold)
    baseline = read(bird / "train" / "baseline_sql.json")
    write(
        out / "bird_train_text.jsonl",
        (
            {
                "id": str(at),
                "question": q["question"],
                "evidence": q["evidence"],
                "database": q["db_id"],
                "draft": baseline[str(at)],
                "gold": q["SQL"],
            }
            for at, q in enumerate(read(bird / "train" / "train.json"))
        ),
    )
    dev = read(spider / "dev.json")
    everything: list[dict[str, Any]] = []
    for path in sorted((spider / "drafts").glob("*.json")):
        cases = [
            {
                "id": str(at),
                "question": q["question"],
                "database": q["db_id"],
                "gold": q["query"],
                "draft": draft,
            }
            for at, (q, draft) in enumerate(zip(dev, read(path), strict=True))
        ]
        write(out / f"spider_dev_{path.stem}.jsonl", cases)
        everything += [{**case, "id": f"{path.stem}/{case['id']}"} for case in cases]
    write(out / "spider_dev_drafts.jsonl", everything)
    there = {path.name for path in (bird / "dev" / "dev_databases").iterdir()}
    questions = [q for q in read(bird / "dev" / "dev.json") if q["db_id"] in there]
    (out / "bird_dev.json").write_text(json.dumps(questions, indent=1), encoding="utf-8")
    for path in sorted((bird / "dev" / "drafts").glob("*.json")):
        cases = list(bird_cases(questions, "question_id", read(path)))
        write(out / f"bird_dev_{path.stem}.jsonl", cases)
        for case in cases:
            name = case["database"]
            where = (bird / "dev" / "dev_databases" / name / f"{name}.sqlite").resolve()
            everything.append({**case, "id": f"{path.stem}/{case['id']}", "database": str(where)})
    write(out / "dev_drafts.jsonl", everything)
    recorded = data / "recorded" / "arcwise-gpt-5.2"
    corrected = [q for q in read(recorded / "dev.json") if q["db_id"] in there]
    (out / "bird_arcwise.json").write_text(json.dumps(corrected, indent=1), encoding="utf-8")
    write(
        out / "bird_dev_arcwise-gpt-5.2.jsonl",
        bird_cases(corrected, "idx", read(recorded / "baseline_sql.json")),
    )


def bird_cases(questions: list[dict[str, Any]], key: str, drafts: dict[str, str]) -> Iterable[dict[str, Any]]:
    for q in questions:
        yield {
            "id": str(q[key]),
            "question": q["question"],
            "evidence": q["evidence"],
            "database": q["db_id"],
            "gold": q["SQL"],
            "difficulty": q.get("difficulty", ""),
            "draft": drafts[str(q[key])].partition("\t----- bird -----\t")[0],
        }


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, cases: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(case, ensure_ascii=False) + "\n" for case in cases)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = Path(sys.argv[1]) if len(sys.argv) == 3 else Path(os.environ.get("SHARE_DATA", "../shared/data"))
    main(folder, Path(sys.argv[-1]))
