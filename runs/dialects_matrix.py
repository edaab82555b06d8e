"""SQL of one dialect given to databases of the others: does it run and give gold's rows?

    python runs/dialects_matrix.py [--data DATA] [--show N] [--correct]
        [--database NAME=URL ...]

DATA (../shared/data) holds BIRD's dev set with SQLite databases, and its mini-dev with gold and the drafts
of several generators in two more dialects. Each `--database superhero=postgresql://…` is a copy of one of
these databases (`share db copy` makes them); the SQLite files are there always. Sources are gold of SQLite,
of MySQL and of PostgreSQL, and the two sets of drafts. Each text is run as it stands; where it fails it is
read as other dialects' SQL, and the first reading that runs is taken. Prints a line for each source and
dialect: texts, how many run as they stand and after, and how many give the rows of SQLite's gold (as a set;
numbers by value, dates as text). With `--correct` each text is corrected as a draft, without models, instead,
and two columns more say how many were fixed and broken. `--show N` prints N texts of each line that fail or
give other rows.
"""

from __future__ import annotations

import argparse
import datetime
import decimal
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.database.base import Database
from share_sql.database.open import open_database
from share_sql.dialects import dialect_of
from share_sql.edits.foreign import translations
from share_sql.errors import QueryError, SqlError
from share_sql.schema.introspect import introspect
from share_sql.schema.model import Schema
from share_sql.sql.text import extract_sql, parse_select

COLUMNS = ("texts", "run", "run after", "right", "right after", "fixed", "broken")
_NAMES = re.compile(
    r"no such (?:column|table)|(?:relation|column) .* does not exist|Unknown column|Table .* doesn't exist"
    r"|Referenced column|Table with name",
    re.IGNORECASE,
)
"""What errors say where names alone do not bind."""


@dataclass(frozen=True)
class Text:
    """A text of one source."""

    question: str
    database: str
    sql: str


@dataclass(frozen=True)
class Opened:
    """A database with its schema."""

    where: str
    database: Database
    schema: Schema


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--database", action="append", default=[], metavar="NAME=URL")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--correct", action="store_true")
    arguments = parser.parse_args()
    data = arguments.data / "bird"
    gold = {str(item["question_id"]): item for item in _read(data / "dev" / "dev.json")}
    files = {path.stem: path for path in (data / "dev" / "dev_databases").glob("*/*.sqlite")}
    gold = {number: item for number, item in gold.items() if item["db_id"] in files}
    opened = {name: {"sqlite": _open(str(path))} for name, path in files.items()}
    for given in arguments.database:
        name, _, url = given.partition("=")
        found = _open(url)
        opened[name][found.schema.dialect] = found
    right = {
        number: _rows(opened[item["db_id"]]["sqlite"].database, item["SQL"]) for number, item in gold.items()
    }
    dialects = list(dict.fromkeys(dialect for databases in opened.values() for dialect in databases))
    columns = COLUMNS if arguments.correct else COLUMNS[:-2]
    print(" ".join(f"{name:>12}" for name in columns))
    for source, texts in _sources(data, gold):
        for dialect in dialects:
            here = [text for text in texts if dialect in opened[text.database]]
            written = _corrected(here, opened, gold, dialect) if arguments.correct else {}
            counts: Counter[str] = Counter()
            shown = arguments.show
            for at, text in enumerate(here):
                where = opened[text.database][dialect]
                before, after, now = _tried(where, text.sql, written.get(at))
                was, is_right = (
                    rows is not None and _same(rows, right[text.question]) for rows in (before, after)
                )
                counts["texts"] += 1
                counts["run"] += before is not None
                counts["run after"] += after is not None
                counts["right"] += was
                counts["right after"] += is_right
                counts["fixed"] += is_right and not was
                counts["broken"] += was and not is_right
                if not is_right and shown:
                    shown -= 1
                    print(f"    {text.question}: {' '.join(text.sql.split())}\n        {now}")
            title = f"{source} on {dialect_of(dialect).title}"
            print(" ".join(f"{counts[column]:>12,}" for column in columns), title)


def _corrected(
    texts: list[Text], opened: dict[str, dict[str, Opened]], gold: dict[str, Any], dialect: str
) -> dict[int, str]:
    """By place: what each text becomes as a draft, without models."""
    cases = [
        Case(
            str(at),
            gold[text.question]["question"],
            opened[text.database][dialect].where,
            text.sql,
            gold[text.question].get("evidence", ""),
        )
        for at, text in enumerate(texts)
    ]
    with Assistant() as assistant:
        return dict(enumerate(correction.sql for correction in assistant.correct_many(cases)))


def _open(where: str) -> Opened:
    database = open_database(where)
    return Opened(where, database, introspect(database))


def _sources(data: Path, gold: dict[str, Any]) -> Iterator[tuple[str, list[Text]]]:
    yield "SQLite gold", [Text(number, item["db_id"], item["SQL"]) for number, item in gold.items()]
    for name, title in (("mysql", "MySQL"), ("postgresql", "PostgreSQL")):
        items = [item for item in _read(data / f"mini_dev_{name}.json") if str(item["question_id"]) in gold]
        yield f"{title} gold", [Text(str(item["question_id"]), item["db_id"], item["SQL"]) for item in items]
    for name, title in (("mysql", "MySQL"), ("postgresql", "PostgreSQL")):
        drafts = []
        for path in sorted((data / f"mini_dev_drafts_{name}").glob("*.json")):
            for number, answer in _read(path).items():
                try:
                    drafts.append(Text(number, gold[number]["db_id"], extract_sql(answer)))
                except (SqlError, KeyError):
                    continue
        yield f"{title} drafts", drafts


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _tried(
    where: Opened, sql: str, corrected: str | None
) -> tuple[Sequence[Any] | None, Sequence[Any] | None, str]:
    """The rows as it stands and after, with the text that gave them."""
    before, names = None, False
    try:
        before = _rows(where.database, sql)
    except QueryError as error:
        names = _NAMES.search(str(error)) is not None
    if corrected is not None:
        try:
            return before, _rows(where.database, corrected), corrected
        except QueryError:
            return before, None, corrected
    if before is not None:
        return before, before, "as it stands"
    try:
        tree = parse_select(sql, where.schema.dialect)
    except SqlError:
        tree = None
    for translation in translations(sql, where.schema, tree, marked_only=names):
        try:
            return None, _rows(where.database, translation.sql), translation.sql
        except QueryError:
            continue
    return None, None, "nothing runs"


def _rows(database: Database, sql: str) -> Sequence[Any]:
    return database.query(sql).rows


def _same(rows: Sequence[Any], wanted: Sequence[Any]) -> bool:
    one, other = ({tuple(map(_plain, row)) for row in side} for side in (rows, wanted))
    if one == other:
        return True
    pairs = zip(sorted(one, key=_place), sorted(other, key=_place), strict=False)
    return len(one) == len(other) and all(
        len(left) == len(right) and all(map(_equal, left, right)) for left, right in pairs
    )


def _plain(value: object) -> object:
    """Numbers by value, dates as text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.date | datetime.time):
        return str(value).removesuffix(" 00:00:00")
    return value


def _place(row: tuple[object, ...]) -> list[tuple[int, object]]:
    return [
        (0, "")
        if value is None
        else (1, round(value, 3))
        if isinstance(value, int | float)
        else (2, str(value))
        for value in row
    ]


def _equal(one: object, other: object) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        # MySQL keeps four places more than the dividend of a division has.
        return abs(one - other) <= 6e-5 * max(1, abs(one), abs(other))
    return one == other


if __name__ == "__main__":
    main()
