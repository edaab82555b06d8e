"""Drafts made to take long: each must end soon and in little memory.

    python runs/hostile_drafts.py [--drafts N] [--seed N] [--only KIND] [--processes N] [--seconds S]
                                  [--megabytes M] [--keep DIR]

Makes a small database and N texts of up to 1 MB with one seed: pieces of SQL repeated, nesting, unions,
lists, long texts, comments, white space, fences, JSON, thoughts, prose, queries cut and put together, long
queries that run. Each is corrected without a model, in a process that does nothing else meanwhile.
Printed: verdicts, the ten that took longest and the ten that took most memory. Time is wall-clock time less
that of the database's queries, which have deadlines of their own; memory is the largest resident size of the
process in the course of the case. Ends with 1 where a case took more than S seconds (5) or M MB (300), ended
in an internal error, changed a draft that it kept, or did not end. `--keep` writes those drafts to files.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 200_000, 500_000, 1_000_000)
DEPTHS = (5, 20, 60, 100, 200, 500, 1_000, 3_000, 10_000, 100_000)
LONGEST = 60.0
"""Seconds after which a case has not ended."""
TOKENS = (
    "SELECT", "FROM", "WHERE", "WITH", "AS", "a", "name", "singer", "concert", "JOIN", "ON", "AND", "OR",
    "NOT",
    "IN", "(", ")", ",", ";", ".", "*", "=", "<", ">", "+", "-", "||", "'", '"', "`", "[", "]", "'a'", '"a"',
    "1", "9999999999", "1.5e3", "CASE", "WHEN", "THEN", "ELSE", "END", "UNION", "ALL", "EXCEPT", "GROUP BY",
    "ORDER BY", "LIMIT", "HAVING", "BETWEEN", "LIKE", "IS", "NULL", "EXISTS", "CAST(", "COUNT(", "OVER (",
    "VALUES (", "--", "/*", "*/", "#", "//", "\\", "\\'", "{", "}", "```", "~~~", ":", "::", "@", "$1", "?",
    "&lt;", "é", "“", "’", "\u00a0", "\ufeff", "%", "INTERVAL", "TOP 3", "ILIKE", "DATEDIFF(", "<think>",
    "</think>", "<sql>", "\\n", "=>", "! =", "SELCT", "FRM", "WHEREname", "city = New York",
)  # fmt: skip
"""Tokens that are repeated."""
QUERIES = (
    "SELECT name FROM singer WHERE age > 30 ORDER BY age DESC LIMIT 3",
    "SELECT c.title, COUNT(*) FROM concert AS c JOIN singer AS s ON c.singer_id = s.id GROUP BY c.title",
    "SELECT town FROM singer WHERE town LIKE 'O%' EXCEPT SELECT place FROM concert WHERE year = 2014",
    "WITH old AS (SELECT * FROM singer WHERE age > 50) SELECT AVG(age) FROM old WHERE town = 'Oslo'",
    "SELECT CASE WHEN age > 40 THEN 'old' ELSE 'young' END AS kind, SUM(age) FROM singer GROUP BY 1",
    "SELECT s.nam FROM singer s WHERE s.id IN (SELECT singer_id FROM concert WHERE title = 'Spring')",
    "SELECT ROW_NUMBER() OVER (PARTITION BY town ORDER BY age) AS place, name FROM singer",
    "SELECT TOP 3 name FROM dbo.singer WHERE ISNULL(town, 'x') <> 'y'",
)  # fmt: skip
"""Queries that are cut, repeated and wrapped."""
SENTENCES = (
    "First, I look at the tables. ", "We select from singer where the age is right. ",
    "Let's join them, then. ",
    "So the SELECT must have a FROM. ", "Wait: with the second table it isn't so. ",
    "The answer, as asked, is: ",
)  # fmt: skip

Maker = Callable[[random.Random], str]


def repeated(rng: random.Random) -> str:
    piece = rng.choice((" ", "", "\n")).join(rng.choice(TOKENS) for _ in range(rng.randint(1, 4)))
    piece += rng.choice((" ", "", " ", "\n"))
    first = rng.choice(
        ("", "", "SELECT 1 ", "SELECT name FROM singer WHERE ", "SELECT name, ", "WITH a AS (")
    )
    return (
        first
        + piece * (rng.choice(SIZES) // max(1, len(piece)))
        + rng.choice(("", "", " 1", " FROM singer", ")"))
    )


def nested(rng: random.Random) -> str:
    opening, inside, closing = rng.choice((
        ("(", "1", ")"), ("(SELECT ", "1", ")"), ("SELECT * FROM (", "SELECT 1", ")"), ("[", "1", "]"),
        ("CASE WHEN ", "1", " THEN 1 END"), ("ABS(", "1", ")"), ("NOT ", "1", ""), ("- ", "1", ""),
        ("COALESCE(1, ", "1", ")"), ("id IN (SELECT id FROM singer WHERE ", "1", ")"), ("(1 + ", "1", ")"),
        ("CAST(", "1", " AS TEXT)"), ("EXISTS (SELECT 1 FROM singer WHERE ", "1", ")"), ("{", "", "}"),
        ("WITH a AS (", "SELECT 1", ") SELECT * FROM a"), ("((1, ", "1", "))"), ("'", "a", "'"), ("/*",
        "a", "*/"),
        ("((a)", "1", "(b))"), ("1 = (", "1", ")"), ("CASE 1 WHEN 1 THEN ", "1", " END"), ("<a>",
        "SELECT 1", "</a>"),
    ))  # fmt: skip
    depth = rng.choice(DEPTHS)
    depth = min(depth, 1_000_000 // (len(opening) + len(closing)))
    closings = rng.choice((depth, depth, depth, 0, depth - 1, depth + 1))
    first = rng.choice(("SELECT ", "SELECT ", "SELECT name FROM singer WHERE ", ""))
    last = rng.choice(("", "", " FROM singer", " x"))
    return first + opening * depth + inside + closing * closings + last


def unions(rng: random.Random) -> str:
    word = rng.choice((" UNION ALL ", " UNION ", " INTERSECT ", " EXCEPT ", "\nUNION ALL\n"))
    query = rng.choice(
        ("SELECT 1", "SELECT name FROM singer", "SELECT name, age FROM singer WHERE age > 3", *QUERIES)
    )
    return word.join([query] * max(1, rng.choice(SIZES) // (len(query) + len(word))))


def lists(rng: random.Random) -> str:
    item = rng.choice(("1", "'Oslo'", "'a b''c'", "?", "age + 1", "(1, 2)", "NULL", "Oslo", '"Oslo"'))
    items = ", ".join([item] * (rng.choice(SIZES) // (len(item) + 2) + 1))
    around = rng.choice((
        "SELECT name FROM singer WHERE town IN ({})", "SELECT {} FROM singer", "VALUES ({})",
        "SELECT COALESCE({})",
        "SELECT name FROM singer ORDER BY {}", "SELECT name FROM singer WHERE town NOT IN ({}",
        "SELECT * FROM ({})",
    ))  # fmt: skip
    return around.replace("{}", items)


def chains(rng: random.Random) -> str:
    part, word = rng.choice((
        ("age = 3", " OR "), ("town = 'Oslo'", " AND "), ("name", " || "), ("1", " + "), ("age", " * "),
        ("age", " - "),
        ("age > 3", ") AND ("), ("name LIKE '%a%'", " OR "), ("age BETWEEN 1 AND 2", " AND "),
        ("town = New York", " OR "),
        ("nam = 'a'", " OR "), ("name", " COLLATE NOCASE || "), ("1", " = "), ("1", " << "), ("a", "."),
        ("a", "::"),
        ("name", " IS NOT "), ("name", " LIKE "),
    ))  # fmt: skip
    count = max(1, rng.choice(SIZES) // (len(part) + len(word)))
    around = rng.choice(("SELECT name FROM singer WHERE ({})", "SELECT {} FROM singer", "SELECT {}"))
    return around.replace("{}", word.join([part] * count))


def literal(rng: random.Random) -> str:
    text = rng.choice(
        ("a", "''", "a b ", "\\", '"', "SELECT 1 FROM a ", "é", "\n", "- ", "%", "it''s ", "`", "it's ", "1")
    )
    size = rng.choice(SIZES)
    quote = rng.choice(("'", "'", '"', "`"))
    text = text * (size // len(text))
    return f"SELECT name FROM singer WHERE town = {quote}{text}{rng.choice((quote, quote, ''))}"


def comments(rng: random.Random) -> str:
    comment = rng.choice(
        ("-- a\n", "/* a */ ", "--\n", "/* ", "*/ ", "# a\n", "/**/", "-- it's\n", "// a\n", "/*/*")
    )
    comment *= rng.choice(SIZES) // len(comment)
    query = rng.choice(QUERIES)
    at = rng.choice([0, len(query), *(index for index, char in enumerate(query) if char == " ")])
    return query[:at] + comment + query[at:]


def blanks(rng: random.Random) -> str:
    blank = "".join(
        rng.choice((" ", "\n", "\t", "\r\n", "\u00a0", "\f", "\u2028", "\u3000"))
        for _ in range(rng.randint(1, 3))
    )
    blank *= rng.choice(SIZES) // len(blank)
    query = rng.choice(QUERIES)
    at = rng.choice([0, len(query), len(query), *(index for index, char in enumerate(query) if char == " ")])
    return query[:at] + blank + query[at:] + rng.choice(("", ";", "x", "."))


def fenced(rng: random.Random) -> str:
    mark = rng.choice(("```", "~~~", "'''", "````"))
    query = rng.choice((*QUERIES, unions(rng), blanks(rng)))
    block = f"{mark}{rng.choice(('sql', '', 'json', 'python'))}\n{query}\n{rng.choice((mark, mark, ''))}\n"
    text = rng.choice(SENTENCES) * rng.choice((0, 1, 20)) + block
    return text * max(1, rng.choice(SIZES) // len(text))


def as_json(rng: random.Random) -> str:
    query = rng.choice((*QUERIES, unions(rng)))
    depth = rng.choice(DEPTHS)
    match rng.randrange(6):
        case 0:
            return '{"a": ' * depth + json.dumps({"sql": query}) + "}" * rng.choice((depth, 0))
        case 1:
            return "[" * depth + json.dumps(query) + "]" * rng.choice((depth, 0))
        case 2:
            return json.dumps(
                [{"thought": rng.choice(SENTENCES), "sql": query}] * max(1, rng.choice(SIZES) // 300)
            )
        case 3:
            return json.dumps({"sql": query}) * max(1, rng.choice(SIZES) // (len(query) + 9))
        case 4:
            text = query
            for _ in range(rng.randint(1, 8)):
                text = json.dumps({"sql": text})
            return text
        case _:
            return '{"sql": "' + query + "\\" * rng.choice(SIZES) + rng.choice(('"}', "", '"'))


def thoughts(rng: random.Random) -> str:
    tag = rng.choice(("think", "reasoning", "thought", "analysis"))
    text = "".join(rng.choice((*SENTENCES, *QUERIES)) for _ in range(20))
    text *= max(1, rng.choice(SIZES) // len(text))
    query = rng.choice(QUERIES)
    match rng.randrange(5):
        case 0:
            return f"<{tag}>{text}</{tag}>\n{query}"
        case 1:
            return f"{text}</{tag}>\n{query}"
        case 2:
            return f"<{tag}>{text}"
        case 3:
            return f"<{tag}>" * (rng.choice(SIZES) // 10) + query
        case _:
            return f"</{tag}>" * (rng.choice(SIZES) // 10) + query


def prose(rng: random.Random) -> str:
    text = ""
    size = rng.choice(SIZES)
    while len(text) < size:
        part = "".join(rng.choice((*SENTENCES, *SENTENCES, *QUERIES)) for _ in range(8)) + rng.choice(
            ("", "\n", "\n\n")
        )
        text += part * rng.choice((1, 1, 40))
    return text[:1_000_000] + rng.choice(("", "\n\n", "\nSQL: ")) + rng.choice(QUERIES)


def spliced(rng: random.Random) -> str:
    text = ""
    size = rng.choice(SIZES)
    while len(text) < size:
        query = rng.choice(QUERIES)
        one, two = sorted(rng.randrange(len(query)) for _ in range(2))
        text += query[one:two] + rng.choice((" ", "\n", "", ";", "(", ")", "'"))
        if rng.random() < 0.05:
            text *= 2
    return rng.choice(("", "SELECT ")) + text[:1_000_000]


def long_queries(rng: random.Random) -> str:
    count = max(2, rng.choice(SIZES) // 60)
    match rng.randrange(7):
        case 0:
            items = ", ".join(f"age + {at} AS a{at}" for at in range(count))
            return f"SELECT {items} FROM singer"
        case 1:
            return "SELECT name FROM singer WHERE " + " OR ".join(
                f"(age = {at} AND town <> 'T{at}')" for at in range(count)
            )
        case 2:
            branches = " ".join(f"WHEN age = {at} THEN 'number {at}'" for at in range(count))
            return f"SELECT CASE {branches} END FROM singer"
        case 3:
            tables = ", ".join(f"t{at} AS (SELECT name FROM singer WHERE age > {at})" for at in range(count))
            return f"WITH {tables} SELECT * FROM t0"
        case 4:
            joins = " ".join(f"JOIN concert c{at} ON c{at}.singer_id = s.id" for at in range(count))
            return f"SELECT s.name FROM singer s {joins}"
        case 5:
            return " UNION ALL ".join(f"SELECT name, {at} FROM singer" for at in range(count))
        case _:
            return "SELECT " + " || ".join(f"'{at}' || name" for at in range(count)) + " FROM singer"


KINDS: dict[str, Maker] = {
    each.__name__: each
    for each in (
        repeated, repeated, nested, unions, lists, chains, literal, comments, blanks, fenced, as_json,
        thoughts,
        prose, spliced, long_queries,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One draft and what became of it."""

    kind: str
    draft: str
    verdict: str
    reason: str
    seconds: float
    """Wall-clock time less that of queries."""
    megabytes: float
    """The largest resident size of the process."""
    wrong: str
    """What must not be; empty where all is well."""

    def __str__(self) -> str:
        shown = self.draft if len(self.draft) < 70 else f"{self.draft[:45]}…{self.draft[-20:]}"
        return (
            f"{self.seconds:6.2f} s {self.megabytes:5.0f} MB {self.kind:12} {len(self.draft):9,} characters "
            f"{self.verdict:9} {shown!r} {self.wrong or self.reason[:80]}"
        )


def make_database(path: Path) -> None:
    """A small database, with a key and names that need quotes."""
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, town TEXT);"
            "CREATE TABLE concert (id INTEGER PRIMARY KEY, title TEXT, year INTEGER, place TEXT,"
            " singer_id INTEGER REFERENCES singer(id));"
            'CREATE TABLE "ticket sale" (id INTEGER PRIMARY KEY, "unit price" REAL, concert_id INTEGER'
            " REFERENCES concert(id));"
        )
        towns = ("Oslo", "Rome", "New York", "St. John's")
        connection.executemany(
            "INSERT INTO singer VALUES (?, ?, ?, ?)",
            [(at, f"Singer {at}", 20 + at, towns[at % 4]) for at in range(40)],
        )
        connection.executemany(
            "INSERT INTO concert VALUES (?, ?, ?, ?, ?)",
            [(at, ("Spring", "Autumn")[at % 2], 2010 + at % 9, towns[at % 4], at % 40) for at in range(60)],
        )
        connection.executemany(
            'INSERT INTO "ticket sale" VALUES (?, ?, ?)', [(at, 9.5, at % 60) for at in range(99)]
        )
    connection.close()


def largest() -> float:
    """The process's largest resident size since it was last forgotten, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def forget_largest() -> None:
    """Begin to look for the largest size anew (Linux: proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def serve(database: str, pipe: Connection) -> None:
    """Correct the drafts that come through a pipe, one by one."""
    import gc

    from share_sql.assistant import Assistant
    from share_sql.case import Case as Asked
    from share_sql.catalog import Catalog
    from share_sql.database.sqlite import SqliteDatabase

    logging.getLogger("share_sql").addHandler(logging.NullHandler())
    queried = 0.0
    own = SqliteDatabase.query

    def timed(self: SqliteDatabase, *args: Any, **more: Any) -> Any:
        nonlocal queried
        started = time.perf_counter()
        try:
            return own(self, *args, **more)
        finally:
            queried += time.perf_counter() - started

    SqliteDatabase.query = timed  # type: ignore[method-assign]
    with Assistant(catalog=Catalog()) as assistant:
        assistant.correct(
            Asked("first", "How many singers are there?", database, "SELECT COUNT(*) FROM singer")
        )
        while (draft := pipe.recv()) is not None:
            gc.collect()
            forget_largest()
            queried, started = 0.0, time.perf_counter()
            made = assistant.correct(Asked("case", "Which singers are from Oslo?", database, draft))
            seconds = time.perf_counter() - started - queried
            wrong = "" if made.verdict == "corrected" or made.sql == draft else "kept, and changed"
            internal = [step.error for step in made.steps if "internal" in (step.error or "")]
            wrong = next(iter(internal), wrong) or wrong
            pipe.send((made.verdict, made.reason, seconds, largest(), wrong))


class Worker:
    """A process that corrects drafts; a new one where it does not end."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.begin()

    def begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(self.database, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def correct(self, kind: str, draft: str) -> Case:
        self.pipe.send(draft)
        try:
            if self.pipe.poll(LONGEST):
                return Case(kind, draft, *self.pipe.recv())
            wrong = f"it did not end in {LONGEST:g} s"
        except EOFError:
            wrong = "the process died"
        self.process.kill()
        self.process.join()
        self.begin()
        return Case(kind, draft, "none", "", LONGEST, 0.0, wrong)

    def close(self) -> None:
        self.pipe.send(None)
        self.process.join(30)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--drafts", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=sorted(KINDS))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--megabytes", type=float, default=300.0)
    parser.add_argument("--keep", type=Path, help="a folder for the drafts that went beyond the bounds")
    args = parser.parse_args()

    def is_bad(case: Case) -> bool:
        return bool(case.wrong) or case.seconds > args.seconds or case.megabytes > args.megabytes

    rng = random.Random(args.seed)
    kinds = [args.only] if args.only else sorted(KINDS)
    made = []
    for at in range(args.drafts):
        kind = kinds[at % len(kinds)]
        made.append((kind, KINDS[kind](random.Random(rng.random()))[:1_000_000]))
    from concurrent.futures import ThreadPoolExecutor

    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "music.sqlite"
        make_database(database)
        workers = [Worker(str(database)) for _ in range(args.processes)]

        def share(number: int) -> list[Case]:
            done = []
            for kind, draft in made[number :: args.processes]:
                case = workers[number].correct(kind, draft)
                done.append(case)
                if is_bad(case):
                    print(f"beyond the bounds: {case}", flush=True)
                    if args.keep:
                        args.keep.mkdir(parents=True, exist_ok=True)
                        (args.keep / f"{len(done):04}-{number}-{kind}.txt").write_text(draft, "utf-8")
            return done

        with ThreadPoolExecutor(args.processes) as pool:
            cases = [case for part in pool.map(share, range(args.processes)) for case in part]
        for worker in workers:
            worker.close()
    for name, key in (("time", lambda case: case.seconds), ("memory", lambda case: case.megabytes)):
        print(f"most {name}:")
        for case in sorted(cases, key=key, reverse=True)[:10]:
            print(f"  {case}")
    bad = [case for case in cases if is_bad(case)]
    verdicts = Counter(case.verdict for case in cases)
    times = sorted(case.seconds for case in cases)
    print(
        f"{len(cases)} drafts: {', '.join(f'{count} {name}' for name, count in sorted(verdicts.items()))}; "
        f"median {times[len(times) // 2]:.3f} s, 99% {times[len(times) * 99 // 100]:.2f} s, "
        f"most {times[-1]:.2f} s, {max(case.megabytes for case in cases):.0f} MB; "
        f"{len(bad)} beyond the bounds"
    )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
