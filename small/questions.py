"""Questions with the SQL that answers them: what a drafter learns from.

    python -m small.questions DATA OUT

DATA is the folder of the benchmarks. OUT gets a line a question of Spider train and BIRD train: the drafter's
prompt as at work, and gold. Gold that does not run, or finds nothing, is left out where the database is
there: of BIRD train, whose databases are not, nothing is known.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from share_sql.benchmarks.files import BenchmarkFiles, load
from share_sql.catalog import Catalog
from share_sql.errors import ShareError
from share_sql.prompts.library import BRIEF_SET, load_prompts
from share_sql.prompts.render import drafter_variables
from share_sql.schema.model import ValueMatch
from share_sql.schema.spoken import phrases, spoken_values
from share_sql.schema.tables_json import read_tables_json
from share_sql.training.examples import message_texts
from small.examples import write_rows


def rows(source: str, files: BenchmarkFiles, *, prove: bool = True) -> Iterator[dict[str, Any]]:
    """A benchmark's questions as examples.

    Args:
        source: their name, as `folds` knows it.
        files: where they lie.
        prove: leave out gold that gives no row; else questions without a database, whose answers could not
            be run.
    """
    loaded = load(files)
    catalog = Catalog()
    loaded.register(catalog)
    prompts = load_prompts(BRIEF_SET)
    schemas = read_tables_json(files.tables) if files.tables else {}
    for each in loaded.cases:
        case = each.case
        schema = schemas.get(case.database)
        values: tuple[ValueMatch, ...] = ()
        if loaded.databases[case.database].path.exists():
            with catalog.use(case.database) as opened:
                schema = opened.schema
                values = spoken_values(phrases(case.question), opened.values.lookup)
                try:
                    found = opened.database.query(each.gold)
                except ShareError:
                    found = None
                if prove and (found is None or not found.rows):
                    continue
        elif not prove:
            continue
        if schema is None:
            continue
        asked = {"question": case.question, "evidence": case.evidence}
        system, prompt = message_texts(
            prompts.render("drafter", **drafter_variables(schema, values=values, **asked))
        )
        yield {
            "source": source, "id": case.id, "database": case.database, "system": system,
            "instruction": prompt, "output": " ".join(each.gold.split()).rstrip("; "),
        }  # fmt: skip


def files_of(data: Path, which: str) -> BenchmarkFiles:
    """A benchmark's part, e.g. `spider-train`."""
    benchmark, _, part = which.partition("-")
    folder = data / benchmark
    if benchmark == "spider":
        return BenchmarkFiles(
            "spider", folder / f"{part}.json", folder / "database", folder / "tables.json",
            folder / "column_meaning.json",
        )  # fmt: skip
    folder /= part
    databases = folder / f"{part}_databases"
    databases = databases if databases.exists() else folder
    return BenchmarkFiles(
        "bird", folder / f"{part}.json", databases, folder / f"{part}_tables.json",
        folder / "column_meaning.json",
    )  # fmt: skip


def main() -> None:
    """Write the questions of both benchmarks' train parts, or of the parts named."""
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--of", nargs="+", default=["spider-train", "bird-train"], metavar="PART")
    args = parser.parse_args()
    write_rows(
        args.out,
        (
            row
            for part in args.of
            for row in rows(part, files_of(args.data, part), prove=part.endswith("train"))
        ),
    )


if __name__ == "__main__":
    main()
