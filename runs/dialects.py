"""What correcting without a model does on each kind of database, beside what it does on SQLite.

    python runs/dialects.py --data ../shared/data/bird --out out/dialects.jsonl \
        --on superhero=postgresql://user@host/superhero --on superhero=duckdb:///copies/superhero.duckdb

The databases are copies of BIRD's, or with Spider's folder as DATA of its dev databases (`share db copy`);
`--on 'postgresql://user@host/{}'` names all at once. Two sets of drafts are tried. `same`: drafts written for
SQLite, given to SQLite and to each copy, as they are and (`written`) as sqlglot writes them in the copy's
dialect; a query is right where it gives the rows of SQLite's gold on SQLite. `native`: mini-dev's drafts that
were written for the copy's dialect; right is what gives the rows of mini-dev's gold on the copy itself.

Prints for each dialect how many drafts are right before and after, fixed and broken, and how often the
verdict is SQLite's. Every case that is broken, or ends otherwise than on SQLite, is a line of the output.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.database.base import Limits
from share_sql.errors import QueryError, SqlError

REFERENCE = "sqlite"
_LIMITS = Limits(seconds=20.0)


class Draft(NamedTuple):
    """A draft with its question, and what is right."""

    id: str
    database: str
    question: str
    evidence: str
    sql: str
    gold: str


class Ended(NamedTuple):
    """How one case ended."""

    verdict: str
    before: bool
    after: bool
    sql: str
    reason: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="BIRD's folder, or Spider's")
    parser.add_argument(
        "--on", action="append", default=[], metavar="NAME=URL", help="a copy; or URL with {}"
    )
    parser.add_argument("--sets", nargs="+", default=["same", "written", "native"])
    parser.add_argument("--every", type=int, default=1, help="of the drafts take each Nth")
    parser.add_argument("--drafts", nargs="*", default=[], help="only these files of drafts, by stem")
    parser.add_argument("--conventions", default="benchmark")
    parser.add_argument("--out", type=Path, required=True, help="differences, a line each")
    options = parser.parse_args()
    trial = Trial(options.data, options.on, options.conventions)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", encoding="utf-8") as out:
        if {"same", "written"} & set(options.sets):
            drafts = same_drafts(options.data, options.drafts)[:: options.every]
            reference = trial.run(REFERENCE, drafts, REFERENCE)
            report("same", REFERENCE, drafts, reference, {}, out)
            for dialect in trial.dialects:
                if "same" in options.sets:
                    ended = trial.run(dialect, drafts, REFERENCE)
                    report("same", dialect, drafts, ended, reference, out)
                if "written" in options.sets:
                    written = [each._replace(sql=in_dialect(each.sql, dialect)) for each in drafts]
                    ended = trial.run(dialect, written, REFERENCE)
                    report("written", dialect, written, ended, reference, out)
        if "native" in options.sets:
            for dialect in trial.dialects:
                drafts = native_drafts(options.data, dialect, options.drafts)[:: options.every]
                if drafts:
                    report("native", dialect, drafts, trial.run(dialect, drafts, dialect), {}, out)
    trial.close()
    return 0


def is_spider(data: Path) -> bool:
    """Whether a folder is Spider's, else it is BIRD's."""
    return (data / "database").is_dir()


def names_of(data: Path) -> list[str]:
    """The databases whose questions are tried."""
    if not is_spider(data):
        return ["superhero", "student_club"]
    questions = json.loads((data / "dev.json").read_text(encoding="utf-8"))
    return sorted({each["db_id"] for each in questions})


def same_drafts(data: Path, only: Sequence[str]) -> list[Draft]:
    """Drafts written for SQLite."""
    if is_spider(data):
        return list(_spider_drafts(data, only))
    questions = json.loads((data / "dev/dev.json").read_text(encoding="utf-8"))
    return list(_drafts(data / "dev/drafts", questions, only))


def _spider_drafts(data: Path, only: Sequence[str]) -> Iterator[Draft]:
    questions = json.loads((data / "dev.json").read_text(encoding="utf-8"))
    for file in sorted((data / "drafts").glob("*.json")):
        if only and file.stem not in only:
            continue
        drafts = json.loads(file.read_text(encoding="utf-8"))
        for at, (each, sql) in enumerate(zip(questions, drafts, strict=True)):
            if sql:
                yield Draft(f"{file.stem}/{at}", each["db_id"], each["question"], "", sql, each["query"])


def native_drafts(data: Path, dialect: str, only: Sequence[str]) -> list[Draft]:
    """Drafts written for a dialect, where mini-dev has some."""
    name = {"postgres": "postgresql"}.get(dialect, dialect)
    file = data / f"mini_dev_{name}.json"
    if not file.exists():
        return []
    questions = json.loads(file.read_text(encoding="utf-8"))
    return list(_drafts(data / f"mini_dev_drafts_{name}", questions, only))


def _drafts(folder: Path, questions: list[dict[str, Any]], only: Sequence[str]) -> Iterator[Draft]:
    for file in sorted(folder.glob("*.json")):
        if only and file.stem not in only:
            continue
        drafts = json.loads(file.read_text(encoding="utf-8"))
        for each in questions:
            sql = drafts.get(str(each["question_id"]))
            if each["db_id"] in ("superhero", "student_club") and sql:
                where = each["question"], each["evidence"]
                yield Draft(f"{file.stem}/{each['question_id']}", each["db_id"], *where, sql, each["SQL"])


def in_dialect(sql: str, dialect: str) -> str:
    """A draft for SQLite as sqlglot writes it for another dialect; itself where it cannot be read."""
    from share_sql.sql.text import extract_sql, parse_select
    from share_sql.sql.written import write_sql

    try:
        return write_sql(parse_select(extract_sql(sql), REFERENCE), dialect)
    except SqlError:
        return sql


def extracted(text: str) -> str:
    """The SQL in a draft."""
    from share_sql.sql.text import extract_sql

    try:
        return extract_sql(text)
    except SqlError:
        return text


class Trial:
    """The copies, by dialect, and what gold gives."""

    def __init__(self, data: Path, copies: Sequence[str], conventions: str) -> None:
        self._catalog = Catalog()
        self._conventions = conventions
        self._gold: dict[tuple[str, str, str], frozenset[object] | None] = {}
        self.dialects: list[str] = []
        """The copies' dialects, in the order in which they were given."""
        names = names_of(data)
        folder = data / ("database" if is_spider(data) else "dev/dev_databases")
        for name in names:
            self._catalog.add(f"{REFERENCE}/{name}", folder / name / f"{name}.sqlite")
        each = [(name, copy.replace("{}", name)) for copy in copies if "{}" in copy for name in names]
        one = [tuple(copy.split("=", 1)) for copy in copies if "{}" not in copy]
        for name, url in [*each, *one]:
            with self._catalog.use(url) as opened:
                dialect = opened.schema.dialect
            self._catalog.add(f"{dialect}/{name}", url)
            if dialect not in self.dialects:
                self.dialects.append(dialect)

    def run(self, dialect: str, drafts: Sequence[Draft], gold_from: str) -> dict[str, Ended]:
        """Correct drafts on the databases of one dialect."""
        cases = [
            Case(each.id, each.question, f"{dialect}/{each.database}", each.sql, each.evidence)
            for each in drafts
        ]
        ended = {}
        with Assistant(catalog=self._catalog, conventions=self._conventions, concurrency=2) as assistant:
            for draft, state in zip(drafts, assistant.correct_many(cases), strict=True):
                gold = self.rows(f"{gold_from}/{draft.database}", draft.gold)
                where = f"{dialect}/{draft.database}"
                before = gold is not None and self.rows(where, extracted(draft.sql)) == gold
                after = gold is not None and self.rows(where, state.sql) == gold
                ended[draft.id] = Ended(state.verdict, before, after, state.sql, state.reason)
                done = len(ended)
                if done % 100 == 0:
                    print(f"  {dialect}: {done} of {len(drafts)}", file=sys.stderr, end="\r")
        return ended

    def rows(self, where: str, sql: str) -> frozenset[object] | None:
        """What a query gives, as a set; None where it does not run."""
        key = (where, sql, "")
        if key not in self._gold:
            with self._catalog.use(where) as opened:
                try:
                    found = opened.database.query(sql, _LIMITS).rows
                    self._gold[key] = frozenset(tuple(map(plain, row)) for row in found)
                except QueryError:
                    self._gold[key] = None
        return self._gold[key]

    def close(self) -> None:
        """Close the databases."""
        self._catalog.close()


def plain(value: object) -> object:
    """A value as every database gives it: numbers to seven digits."""
    if isinstance(value, bool | int | float):
        return float(f"{float(value):.7g}")
    return value


def report(
    what: str,
    dialect: str,
    drafts: Sequence[Draft],
    ended: dict[str, Ended],
    beside: dict[str, Ended],
    out: Any,
) -> None:
    """Print the counts of one set on one dialect; write down what is broken or differs."""
    counts: Counter[str] = Counter()
    for draft in drafts:
        end = ended[draft.id]
        other = beside.get(draft.id)
        counts["right before"] += end.before
        counts["right after"] += end.after
        counts["fixed"] += end.after and not end.before
        counts["broken"] += end.before and not end.after
        counts["same verdict"] += other is not None and other.verdict == end.verdict
        counts["same right"] += other is not None and other.after == end.after
        differs = other is not None and (other.verdict != end.verdict or other.after != end.after)
        if differs or (end.before and not end.after) or (what == "native" and end.verdict != "kept"):
            row = {"set": what, "dialect": dialect, **draft._asdict(), "ended": end._asdict()}
            out.write(json.dumps({**row, "reference": other._asdict() if other else None}) + "\n")
    shown = "".join(f"  {name} {counts[name]}" for name in ("right before", "right after", "fixed", "broken"))
    agree = (
        f"  verdict as on SQLite {counts['same verdict']}  as right {counts['same right']}" if beside else ""
    )
    print(f"{what:8} {dialect:9} {len(drafts)} drafts{shown}{agree}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
