"""Drafts to correct, as files that `share run` takes: Spider's, by all generators, or the demo's."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import SideFailed

from share_sql.demo.cases import load_cases
from share_sql.demo.database import write_database


@dataclass(frozen=True)
class Drafts:
    """A file of cases and where their databases lie."""

    path: Path
    """JSON Lines with id, question, database, draft and gold."""
    cases: int
    places: tuple[str, ...]
    """Flags of `share run --cases` that say what else there is: databases, tables, meanings."""
    databases: Path | None = None
    """The folder of databases; None where each case has its path."""


def data_option(parser: ArgumentParser) -> None:
    """Where the benchmarks' data lies."""
    default = os.environ.get("SHARE_DATA", "../shared/data")
    parser.add_argument(
        "--data", type=Path, default=Path(default), help="data folder; $SHARE_DATA, else %(default)s"
    )


def spider_drafts(data: Path, path: Path, generators: int | None = None) -> Drafts:
    """Write a file with the drafts of Spider dev's questions.

    Args:
        data: a folder with `spider/`, laid out as docs/results.md says.
        path: the file to write.
        generators: of so many generators; None for all.

    Raises:
        SideFailed: the data is not there.
    """
    spider = data / "spider"
    files = sorted((spider / "drafts").glob("*.json"))[:generators]
    if not files:
        raise SideFailed(f"{spider} holds no Spider; name the folder by --data, or try the demo by --small")
    dev = _read(spider / "dev.json")
    count = 0
    with path.open("w", encoding="utf-8") as out:
        for file in files:
            for at, (asked, draft) in enumerate(zip(dev, _read(file), strict=True)):
                case = {
                    "id": f"{file.stem}/{at}",
                    "question": asked["question"],
                    "database": asked["db_id"],
                    "draft": draft,
                    "gold": asked["query"],
                }
                out.write(json.dumps(case) + "\n")
                count += 1
    places = ("--databases", str(spider / "database"), "--tables", str(spider / "tables.json"))
    meanings = ("--meanings", str(spider / "column_meaning.json"))
    return Drafts(path, count, places + meanings, spider / "database")


def demo_drafts(path: Path, count: int) -> Drafts:
    """Write a file with the demo's drafts, again and again up to `count`, and its database beside it."""
    database = path.with_name("shop.sqlite")
    write_database(database)
    told = load_cases()
    with path.open("w", encoding="utf-8") as out:
        for at in range(count):
            each = told[at % len(told)]
            case = {
                "id": f"{each.id}/{at}",
                "question": each.question,
                "evidence": each.evidence,
                "database": str(database),
                "draft": each.draft,
                "gold": each.gold,
            }
            out.write(json.dumps(case) + "\n")
    return Drafts(path, count, ())


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
