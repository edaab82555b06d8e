"""Spoil right queries as models spoil them, and count how many come back right.

    python runs/fuzz_drafts.py [DATA] [--drafts N] [--seed N] [--show N]

Gold of Spider train (laid out as docs/results.md says; default: $SHARE_DATA, else ../shared/data) is
wrapped in text (fences, JSON, tags, transcripts), given slips of typing, written for another database (by
sqlglot's writers and by hand), or several of these. A draft that gives gold's rows as it is counts for
nothing. Prints by kind: drafts, right after, and of the others how many were kept as they were, lost (SQL
handed back that is neither the draft nor runs) or ended in an internal error.
"""

from __future__ import annotations

import argparse
import html
import json
import logging
import os
import random
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.edits.table import CONVENTIONS

Spoiler = Callable[[str, random.Random], str | None]

PROSE = (
    "Sure! Here is the query you asked for:", "To answer this, I select the columns with the right filter.",
    "Let me think about it step by step. We need to join the tables and group the rows.",
    "The following SQL answers the question.", "I would use this statement:",
)  # fmt: skip
AFTER = (
    "This query returns what was asked for.", "Explanation: it selects the rows and counts them.",
    "Let me know if you need anything else!", "Note that the result may be empty.",
    "It joins the tables with a key, then it selects from both.",
)  # fmt: skip


def _wrappers() -> dict[str, Spoiler]:
    def fence(sql: str, rng: random.Random) -> str:
        word = rng.choice(["sql", "SQL", "sqlite", ""])
        return f"{rng.choice(PROSE)}\n\n```{word}\n{sql}\n```\n{rng.choice(AFTER)}"

    def two_fences(sql: str, rng: random.Random) -> str:
        first = "SELECT name FROM sqlite_master"
        return f"First I look at the tables:\n```sql\n{first}\n```\nThen:\n```sql\n{sql};\n```"

    def think(sql: str, rng: random.Random) -> str:
        opening = rng.choice(["<think>\n", ""])
        return f"{opening}Maybe `SELECT 1`? No, that is wrong. I select with a join.\n</think>\n\n{sql}"

    def as_json(sql: str, rng: random.Random) -> str:
        key = rng.choice(["sql", "query", "sql_query", "answer", "SQL"])
        body = json.dumps({"reasoning": "select with care", key: sql}, indent=rng.choice([None, 2]))
        return f"```json\n{body}\n```" if rng.random() < 0.5 else body

    def tool_call(sql: str, rng: random.Random) -> str:
        inner = json.dumps({"name": "run_sql", "arguments": {"query": sql}})
        return f"I call the tool.\n<tool_call>\n{inner}\n</tool_call>"

    def tag(sql: str, rng: random.Random) -> str:
        name = rng.choice(["sql", "query", "answer", "final_answer", "SQL"])
        return f"<reasoning>join, then select</reasoning>\n<{name}>{sql}</{name}>"

    def transcript(sql: str, rng: random.Random) -> str:
        return f"Question: what is it?\nSQLQuery: {sql}\nSQLResult: [(3,)]\nAnswer: there are 3"

    def python(sql: str, rng: random.Random) -> str:
        quote = '"""' if '"""' not in sql else "'''"
        return f"```python\nquery = {quote}\n{sql}\n{quote}\ncursor.execute(query)\n```"

    def quoted(sql: str, rng: random.Random) -> str:
        return '"' + sql.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return {
        "fence": fence,
        "two fences": two_fences,
        "think": think,
        "json": as_json,
        "tool call": tool_call,
        "tag": tag,
        "transcript": transcript,
        "python": python,
        "quoted": quoted,
        "inline": lambda sql, rng: f"You can use `{sql}` for it." if "`" not in sql else None,
        "label": lambda sql, rng: f"{rng.choice(['SQL:', 'Final SQL:', '**SQL:**', 'Query:'])} {sql}",
        "prose": lambda sql, rng: f"{rng.choice(PROSE)}\n{sql}\n\n{rng.choice(AFTER)}",
        "sentence": lambda sql, rng: f"{sql}. {rng.choice(AFTER)}",
        "semicolons": lambda sql, rng: f"{sql};;",
        "twice": lambda sql, rng: f"{sql};\n{sql};",
        "comments": lambda sql, rng: f"-- the answer; don't worry\n{sql} -- done: it's \"right\"\n/* end */",
    }


def _outside(pattern: str, new: str, sql: str) -> str | None:
    """Replace outside quoted texts; None where nothing is replaced."""
    parts = re.split(r"('(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`)", sql)
    changed = [
        part if at % 2 else re.sub(pattern, new, part, flags=re.IGNORECASE) for at, part in enumerate(parts)
    ]
    return "".join(changed) if changed != parts else None


def _slips() -> dict[str, Spoiler]:
    def curly(sql: str, rng: random.Random) -> str | None:
        return re.sub(r"'([^']*)'", "\N{LEFT SINGLE QUOTATION MARK}\\1\N{RIGHT SINGLE QUOTATION MARK}", sql)

    def full_width(sql: str, rng: random.Random) -> str | None:
        return _outside(",", "\N{FULLWIDTH COMMA}", sql)

    return {
        "curly quotes": curly,
        "full-width commas": full_width,
        "entities": lambda sql, rng: html.escape(sql) if html.escape(sql) != sql else None,
        "markdown": lambda sql, rng: _outside(r"(?<=\w)_(?=\w)", r"\\_", sql),
        "trailing comma": lambda sql, rng: (
            _outside(r"\s+FROM\b", ", FROM", sql) if sql.upper().count("FROM") == 1 else None
        ),
        "glued": lambda sql, rng: _outside(r"\bLIMIT\s+(?=\d)", "LIMIT", sql),
        "double equals": lambda sql, rng: _outside(r"(?<![<>=!])\s*=\s*(?!=)", " == ", sql),
        "open parenthesis": lambda sql, rng: sql[:-1] if sql.endswith(")") else None,
        "backslash": lambda sql, rng: sql.replace("''", "\\'") if re.search(r"\w''\w", sql) else None,
        "no-break spaces": lambda sql, rng: _outside(" ", "\N{NO-BREAK SPACE}", sql),
    }


def _written(dialect: str, sql: str, rng: random.Random) -> str | None:
    try:
        return sqlglot.transpile(
            sql, read="sqlite", write=dialect, unsupported_level=sqlglot.ErrorLevel.RAISE
        )[0]
    except SqlglotError:
        return None


def _by_hand() -> dict[str, Spoiler]:
    def prefix(sql: str, rng: random.Random) -> str | None:
        name = rng.choice(["public", "dbo", "main_db.dbo", "sales"])
        tree = sqlglot.parse_one(sql, read="sqlite")
        for table in tree.find_all(exp.Table):
            table.set("db", exp.to_identifier(name.split(".")[-1]))
            if "." in name:
                table.set("catalog", exp.to_identifier(name.split(".")[0]))
        return tree.sql("sqlite")

    def members(sql: str, rng: random.Random) -> str | None:
        parts = re.split(r"\s+(UNION ALL|UNION|INTERSECT|EXCEPT)\s+", sql, flags=re.IGNORECASE)
        if len(parts) != 3 or "(" in sql:
            return None
        return f"({parts[0]}) {parts[1]} ({parts[2].rstrip(';')})"

    def cast(sql: str, rng: random.Random) -> str | None:
        return (
            re.sub(r"\bAVG\(([^()]+)\)", r"AVG(\1::numeric)", sql, flags=re.IGNORECASE)
            if "AVG(" in sql.upper()
            else None
        )

    return {
        "TOP": lambda sql, rng: (
            re.sub(r"(?is)^SELECT\s+(.*)\s+LIMIT\s+(\d+)\s*$", r"SELECT TOP \2 \1", sql)
            if re.match(r"(?is)^SELECT\s+(?!DISTINCT)", sql) and sql.upper().count("SELECT") == 1
            else None
        ),
        "FETCH FIRST": lambda sql, rng: _outside(r"\bLIMIT\s+(\d+)\s*$", r"FETCH FIRST \1 ROWS ONLY", sql),
        "ILIKE": lambda sql, rng: _outside(r"\bLIKE\b", "ILIKE", sql),
        "N literals": lambda sql, rng: (
            re.sub(r"(?<![\w'])'", "N'", re.sub(r"'([^']*)'", r"'\1'", sql), count=1) if "'" in sql else None
        ),
        "FOR UPDATE": lambda sql, rng: f"{sql} FOR UPDATE",
        "schema prefix": prefix,
        "parenthesised members": members,
        "cast": cast,
    }


DIALECTS = (
    "postgres",
    "mysql",
    "tsql",
    "bigquery",
    "snowflake",
    "oracle",
    "duckdb",
    "spark",
    "redshift",
    "trino",
)
FAMILIES: dict[str, dict[str, Spoiler]] = {
    "wrapper": _wrappers(),
    "slip": _slips(),
    "dialect": {**{name: partial(_written, name) for name in DIALECTS}, **_by_hand()},
}


def spoiled(sql: str, rng: random.Random) -> tuple[str, str] | None:
    """One draft: the name of what was done, and its text."""
    families = rng.choices(
        [("wrapper",), ("slip",), ("dialect",), ("slip", "wrapper"), ("dialect", "wrapper")], [6, 6, 6, 1, 1]
    )[0]
    names = []
    for family in families:
        name = rng.choice(list(FAMILIES[family]))
        try:
            text = FAMILIES[family][name](sql, rng)
        except (SqlglotError, RecursionError):
            return None
        if text is None or text == sql:
            return None
        sql, names = text, [*names, f"{family}: {name}"]
    return (names[0] if len(names) == 1 else "several: " + " + ".join(families)), sql


def rows(connection: sqlite3.Connection, sql: str) -> Counter[tuple[object, ...]] | None:
    """A query's rows, in any order; None where it does not run."""
    try:
        found = connection.execute(sql).fetchmany(20_000)
    except (sqlite3.Error, sqlite3.Warning):
        return None
    return Counter(tuple(round(v, 6) if isinstance(v, float) else v for v in row) for row in found)


def drafts(data: Path, count: int, seed: int) -> Iterator[tuple[Case, Counter[tuple[object, ...]], str]]:
    """Cases with gold's rows and the name of what was done."""
    rng = random.Random(seed)
    train = json.loads((data / "spider" / "train.json").read_text("utf-8"))
    rng.shuffle(train)
    made = 0
    while made < count:
        for entry in train:
            path = data / "spider" / "database" / entry["db_id"] / f"{entry['db_id']}.sqlite"
            gold = entry["query"].strip().rstrip(";").strip()
            done = spoiled(gold, rng) if path.is_file() else None
            if done is None:
                continue
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                connection.text_factory = lambda data: data.decode(errors="replace")
                wanted = rows(connection, gold)
                if not wanted or rows(connection, done[1]) == wanted:
                    continue
            yield Case(str(made), entry["question"], str(path), done[1]), wanted, done[0]
            made += 1
            if made == count:
                return


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "data", nargs="?", type=Path, default=Path(os.environ.get("SHARE_DATA", "../shared/data"))
    )
    parser.add_argument("--drafts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    made = {case.id: (case, wanted, name) for case, wanted, name in drafts(args.data, args.drafts, args.seed)}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    shown: Counter[str] = Counter()
    with Assistant(catalog=Catalog(), conventions=CONVENTIONS[0]) as assistant:
        for correction in assistant.correct_many(case for case, _, _ in made.values()):
            case, wanted, name = made[correction.id]
            with closing(sqlite3.connect(f"file:{case.database}?mode=ro", uri=True)) as connection:
                connection.text_factory = lambda data: data.decode(errors="replace")
                found = rows(connection, correction.sql)
            right = found == wanted
            kept = correction.sql == case.draft
            outcome = "right" if right else "kept" if kept else "lost" if found is None else "wrong"
            errors = [
                step.error for step in correction.steps if step.error and "internal" in step.error.lower()
            ]
            for key in (name, "all"):
                counts[key].update({"drafts": 1, outcome: 1, "internal": len(errors)})
            if not right and shown[name] < args.show:
                shown[name] += 1
                came = f"{correction.verdict} {correction.reason}\n{correction.sql}"
                print(f"-- {name}\n{case.draft}\n=> {came}\n")
    columns = ("drafts", "right", "kept", "wrong", "lost", "internal")
    print("| kind | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for name in sorted(counts, key=lambda name: (name == "all", name)):
        print(f"| {name} | " + " | ".join(str(counts[name][column]) for column in columns) + " |")


if __name__ == "__main__":
    main()
