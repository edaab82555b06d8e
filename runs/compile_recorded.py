"""Recorded trajectories compiled without a model: how many give the right rows?

    python runs/compile_recorded.py [DATA]    DATA: the data folder; default $SHARE_DATA or ../shared/data
        [--no-hint]                           do not tell the compiler the question and its evidence
        [--guess]                             guess a join path where nothing decides
        [--show]                              print the questions that end wrong

1. final    the final trajectories of the run `recorded/arcwise-gpt-5.2` over its corrected questions,
            compiled and compared with the gold's rows as BIRD does (sets). Taken are the questions with a
            numeric id over the databases that are there. Beside it: the drafts, and the SQL that the
            recorded model wrote from the same trajectories.
2. own      the same run's and `recorded/bird-gpt-4o`'s first trajectories, which a model wrote from a draft:
            how often the compiled SQL gives the draft's rows. No gold is read here.
3. all      every recorded trajectory over every schema: how many compile, and why the others do not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

from share_sql.benchmarks.bird import bird_ex
from share_sql.database.base import Row
from share_sql.errors import ShareError
from share_sql.schema.model import ColumnName, Schema
from share_sql.schema.tables_json import read_tables_json
from share_sql.trajectory.read import read
from share_sql.trajectory.to_sql import to_sql

SECONDS = 30.0
DRAFT = re.compile(r'\nsql = "(.*?)"\n\nNow generate', re.DOTALL)


class Recorded:
    def __init__(self, data: Path, hints: bool, guess: bool) -> None:
        self.data = data
        self.hints = hints
        self.guess = guess
        self.schemas = read_tables_json(data / "bird" / "dev" / "dev_tables.json")
        self.connections: dict[str, sqlite3.Connection] = {}

    def lines(self, run: str, part: str) -> Iterator[dict[str, Any]]:
        path = self.data / "recorded" / run / f"{part}.jsonl"
        for line in path.read_text("utf-8").splitlines():
            yield json.loads(line)

    def questions(self, run: str) -> dict[int, dict[str, Any]]:
        if run == "arcwise-gpt-5.2":
            rows = json.loads((self.data / "recorded" / run / "dev.json").read_text("utf-8"))
            return {row["idx"]: row for row in rows}
        rows = json.loads((self.data / "bird" / "dev" / "dev.json").read_text("utf-8"))
        return {row["question_id"]: row for row in rows}

    def database(self, schema: Schema) -> Path:
        folder = self.data / "bird" / "dev" / "dev_databases" / schema.name
        return folder / f"{schema.name}.sqlite"

    def rows(self, schema: Schema, sql: str) -> list[Row]:
        if schema.name not in self.connections:
            path = self.database(schema)
            self.connections[schema.name] = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        connection = self.connections[schema.name]
        end = monotonic() + SECONDS
        connection.set_progress_handler(lambda: monotonic() > end, 10_000)
        return connection.execute(sql).fetchall()

    def compile(self, answer: str, schema: Schema, question: dict[str, Any]) -> str:
        columns = [ColumnName(table.name, column.name) for table, column in schema.columns()]
        hint = f"{question['question']} {question.get('evidence') or ''}" if self.hints else ""
        return to_sql(read(answer, columns).trajectory, schema, hint=hint, guess=self.guess)

    def right(self, schema: Schema, sql: str, wanted: list[Row]) -> bool:
        try:
            return bird_ex(self.rows(schema, sql.split("\t----- bird -----")[0]), wanted)
        except sqlite3.Error:
            return False


def final(recorded: Recorded, show: bool) -> None:
    run = "arcwise-gpt-5.2"
    questions = recorded.questions(run)
    folder = recorded.data / "recorded" / run
    others = {
        label: json.loads((folder / f"{part}.json").read_text("utf-8"))
        for label, part in (("drafts", "baseline_sql"), ("recorded rewrite", "final_sql"))
    }
    counts: Counter[str] = Counter()
    for line in recorded.lines(run, "final_traj"):
        question = questions[line["idx"]]
        schema = recorded.schemas.get(question["db_id"])
        if schema is None or not str(question["question_id"]).isdigit():
            continue
        if not recorded.database(schema).exists():
            continue
        wanted = recorded.rows(schema, question["SQL"])
        counts["questions"] += 1
        for label, answers in others.items():
            key = line["idx"] if isinstance(answers, list) else str(line["idx"])
            counts[label] += recorded.right(schema, answers[key], wanted)
        try:
            sql = recorded.compile(line["response"], schema, question)
        except ShareError as error:
            sql = f"-- {type(error).__name__}: {error}"
        if recorded.right(schema, sql, wanted):
            counts["compiled"] += 1
        elif show:
            print(f"--- {line['idx']} {question['question']}\n{line['response']}\n{sql}\n{question['SQL']}")
    for label in ("drafts", "recorded rewrite", "compiled"):
        print(f"final  {label:18}{counts[label]:4} of {counts['questions']}")


def own(recorded: Recorded) -> None:
    for run in ("bird-gpt-4o", "arcwise-gpt-5.2"):
        questions = recorded.questions(run)
        total = same = 0
        for line in recorded.lines(run, "original_traj"):
            question = questions.get(line["idx"])
            schema = recorded.schemas.get(question["db_id"]) if question else None
            draft = DRAFT.findall(line["prompt"])
            if question is None or schema is None or not draft or not recorded.database(schema).exists():
                continue
            try:
                wanted = recorded.rows(schema, draft[-1])
            except sqlite3.Error:
                continue
            total += 1
            try:
                same += recorded.right(schema, recorded.compile(line["response"], schema, question), wanted)
            except ShareError:
                continue
        print(f"own    {run:18}{same:4} of {total}")


def everything(recorded: Recorded) -> None:
    causes: Counter[str] = Counter()
    parts = [("bird-gpt-4o", "original_traj")]
    parts += [("arcwise-gpt-5.2", f"{part}_traj") for part in ("original", "intermediate", "final")]
    for run, part in parts:
        questions = recorded.questions(run)
        counts: Counter[str] = Counter()
        for line in recorded.lines(run, part):
            question = questions.get(line["idx"])
            schema = recorded.schemas.get(question["db_id"]) if question else None
            if question is None or schema is None:
                continue
            counts["total"] += 1
            try:
                recorded.compile(line["response"], schema, question)
                counts["compiled"] += 1
            except ShareError as error:
                causes[f"{type(error).__name__}: {str(error)[:44]}"] += 1
        print(f"all    {run} {part}: {counts['compiled']} of {counts['total']} compile")
    for cause, times in causes.most_common(25):
        print(f"    {times:5} {cause}…")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    default = os.environ.get("SHARE_DATA", "../shared/data")
    parser.add_argument("data", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--no-hint", action="store_true")
    parser.add_argument("--guess", action="store_true")
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()
    recorded = Recorded(args.data, not args.no_hint, args.guess)
    final(recorded, args.show)
    own(recorded)
    everything(recorded)


if __name__ == "__main__":
    main()
