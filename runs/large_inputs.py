"""What large queries and large schemas cost: processor seconds and memory of one case, input by input.

Makes its own SQLite files. Each input is corrected without a model in a process of its own, after a small
case has warmed it up; the figures are that process's own (the database's process is not in them).

    python runs/large_inputs.py
    python runs/large_inputs.py --only 'unions*' --seconds 300
"""

# ruff: noqa: E501
from __future__ import annotations

import argparse
import json
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path

MEGABYTE = 1024 * 1024


def chain(item: str, between: str, count: int) -> str:
    """`item` many times, its `#` numbered."""
    return between.join(item.replace("#", str(number)) for number in range(count))


def around(before: str, core: str, after: str, depth: int) -> str:
    """`core` inside so many pairs of `before` and `after`."""
    return before * depth + core + after * depth


QUERIES: dict[str, Callable[[], str]] = {
    "select of 200 columns": lambda: f"SELECT {chain('c# AS x#', ', ', 200)} FROM wide",
    "select of 1,900 columns": lambda: f"SELECT {chain('c# AS x#', ', ', 1900)} FROM wide",
    "select of 1,900 qualified columns": lambda: f"SELECT {chain('w.c#', ', ', 1900)} FROM wide AS w",
    "IN of 2,000 numbers": lambda: f"SELECT c1 FROM t0 WHERE c2 IN ({chain('#', ', ', 2000)})",
    "IN of 5,000 numbers": lambda: f"SELECT c1 FROM t0 WHERE c2 IN ({chain('#', ', ', 5000)})",
    "IN of 3,000 texts": lambda: f"SELECT c1 FROM t0 WHERE c3 IN ({chain(chr(39) + 'v#' + chr(39), ',', 3000)})",
    "OR of 900": lambda: f"SELECT c1 FROM t0 WHERE {chain('c2 = #', ' OR ', 900)}",
    "AND of 900": lambda: f"SELECT c1 FROM t0 WHERE {chain('c2 <> #', ' AND ', 900)}",
    "AND of 3,000": lambda: f"SELECT c1 FROM t0 WHERE {chain('c2 <> #', ' AND ', 3000)}",
    "AND of 400 texts": lambda: f"SELECT c1 FROM t0 WHERE {chain(chr(99) + '3 <> ' + chr(39) + 'v#' + chr(39), ' AND ', 400)}",
    "unions: 100": lambda: chain("SELECT c1, # AS n FROM t0 WHERE c2 = #", " UNION ALL ", 100),
    "unions: 400": lambda: chain("SELECT c1, # AS n FROM t0 WHERE c2 = #", " UNION ALL ", 400),
    "unions: 450, simple": lambda: chain("SELECT c1 FROM t0 WHERE c2 = #", " UNION ALL ", 450),
    "unions: 600, simple": lambda: chain("SELECT c1 FROM t0 WHERE c2 = #", " UNION ALL ", 600),
    "IN subqueries, 30 deep": lambda: "SELECT c1 FROM t0 WHERE " + around("id IN (SELECT id FROM t0 WHERE ", "id = 1", ")", 30),
    "IN subqueries, 60 deep": lambda: "SELECT c1 FROM t0 WHERE " + around("id IN (SELECT id FROM t0 WHERE ", "id = 1", ")", 60),
    "IN subqueries, 500 deep": lambda: "SELECT c1 FROM t0 WHERE " + around("id IN (SELECT id FROM t0 WHERE ", "id = 1", ")", 500),
    "FROM subqueries, 60 deep": lambda: "SELECT * FROM " + around("(SELECT * FROM ", "t0", ") AS s", 60),
    "CTEs: 200 in a chain": lambda: ctes(),
    "joins: 60 tables": lambda: "SELECT a0.c1 FROM t0 AS a0 " + " ".join(f"JOIN t{n} AS a{n} ON a{n}.id = a{n - 1}.id" for n in range(1, 60)),
    "joins: 64 without alias": lambda: "SELECT t0.c1 FROM t0 " + " ".join(f"JOIN t{n} ON t{n}.id = t{n - 1}.id" for n in range(1, 64)),
    "joins: 20 without ON": lambda: "SELECT t0.c1 FROM t0 " + " ".join(f"JOIN t{n}" for n in range(1, 20)) + " WHERE t0.c2 = 1",
    "joins: 64 commas": lambda: "SELECT t0.c1 FROM t0, " + ", ".join(f"t{n}" for n in range(1, 64)) + " WHERE " + " AND ".join(f"t{n}.id = t{n - 1}.id" for n in range(1, 64)),
    "CASE of 1,000 branches": lambda: f"SELECT CASE {chain('WHEN c2 = # THEN ' + chr(39) + 'v#' + chr(39), ' ', 1000)} END FROM t0",
    "concatenations: 400": lambda: f"SELECT {chain('c3', ' || ', 400)} FROM t0",
    "concatenations: 900": lambda: f"SELECT {chain('c3', ' || ', 900)} FROM t0",
    "additions: 900": lambda: f"SELECT {chain('c2', ' + ', 900)} FROM t0",
    "functions, 40 deep": lambda: "SELECT " + around("replace(", "c3", ", 'a', 'b')", 40) + " FROM t0",
    "functions, 100 deep": lambda: "SELECT " + around("abs(", "c2", ")", 100) + " FROM t0",
    "parentheses, 100 deep": lambda: "SELECT " + around("(", "c2", ")", 100) + " FROM t0",
    "CASE, 60 deep": lambda: "SELECT " + around("CASE WHEN c2 = 1 THEN 2 ELSE ", "c2", " END", 60) + " FROM t0",
    "windows: 200": lambda: f"SELECT {chain('sum(c2) OVER (PARTITION BY c3 ORDER BY id) AS w#', ', ', 200)} FROM t0",
    "a text of 50 KB": lambda: f"SELECT c1 FROM t0 WHERE c3 = '{'lorem ipsum ' * 4200}'",
    "a text of 900 KB": lambda: f"SELECT c1 FROM t0 WHERE c3 = '{'lorem ipsum ' * 75000}'",
    "a name of 20 KB": lambda: f'SELECT "{"lorem ipsum " * 1700}" FROM t0',
    "scalar subqueries: 300": lambda: f"SELECT {chain('(SELECT max(c2) FROM t# WHERE id = #) AS s#', ', ', 60)} , {chain('(SELECT max(c2) FROM t1 WHERE id = #)', ', ', 240)}",
    "unknown columns: 300": lambda: f"SELECT {chain('nosuch#', ', ', 300)} FROM t0",
    "unknown tables: 60": lambda: f"SELECT * FROM {chain('nosuch#', ', ', 60)}",
    "wrong texts: 300": lambda: f"SELECT c1 FROM t0 WHERE {chain('c3 = ' + chr(39) + 'Vv#' + chr(39), ' OR ', 300)}",
    "wrong texts: 3,000 in IN": lambda: f"SELECT c1 FROM t0 WHERE c3 IN ({chain(chr(39) + 'V#' + chr(39), ',', 3000)})",
    "unions: 400, one wrong text": lambda: chain("SELECT c1, # AS n FROM t0 WHERE c2 = #", " UNION ALL ", 400) + " UNION ALL SELECT c1, 0 FROM t0 WHERE c3 = 'V3'",
    "unions: 400, all wrong texts": lambda: chain("SELECT c1 FROM t0 WHERE c3 = 'V#'", " UNION ALL ", 400),
    "unions: 450 with joins": lambda: chain("SELECT t0.c1 FROM t0 JOIN t1 ON t0.id = t1.id WHERE t1.c2 = # AND t0.c3 = 'V1'", " UNION ALL ", 450),
    "unions: 450, one misspelt name": lambda: chain("SELECT c1 FROM t0 WHERE c2 = #", " UNION ALL ", 450) + " UNION ALL SELECT cc1 FROM t0",
    "unions: 450, all misspelt names": lambda: chain("SELECT cc1 FROM t0 WHERE c2 = #", " UNION ALL ", 450),
    "select of 1,900 columns, one misspelt": lambda: f"SELECT {chain('c# AS x#', ', ', 1900)}, cc77x FROM wide",
    "AND of 900, one wrong text": lambda: f"SELECT c1 FROM t0 WHERE {chain('c2 <> #', ' AND ', 900)} AND c3 = 'V3'",
    "AND of 900, one misspelt name": lambda: f"SELECT c1 FROM t0 WHERE {chain('c2 <> #', ' AND ', 900)} AND cc3 = 'v3'",
    "concatenations: 900, one wrong text": lambda: f"SELECT {chain('c3', ' || ', 900)} FROM t0 WHERE c3 = 'V3'",
    "IN of 5,000 numbers, one wrong text": lambda: f"SELECT c1 FROM t0 WHERE c3 = 'V3' AND c2 IN ({chain('#', ', ', 5000)})",
    "CASE of 1,000 branches, one wrong text": lambda: f"SELECT CASE {chain('WHEN c2 = # THEN ' + chr(39) + 'v#' + chr(39), ' ', 1000)} END FROM t0 WHERE c3 = 'V3'",
    "CTEs: 200, one wrong text": lambda: ctes() + " WHERE c3 = 'V3'",
    "CTEs: 100 side by side, one wrong text": lambda: f"WITH {chain('a# AS (SELECT * FROM t0 WHERE c2 = #)', ', ', 100)} SELECT count(*) FROM {chain('a#', ' JOIN ', 10)} WHERE a0.c3 = 'V3'",
    "joins: 60 tables, one wrong text": lambda: "SELECT a0.c1 FROM t0 AS a0 " + " ".join(f"JOIN t{n} AS a{n} ON a{n}.id = a{n - 1}.id" for n in range(1, 60)) + " WHERE a5.c3 = 'V3'",
    "joins: 60 tables, bare names": lambda: "SELECT c1 FROM t0 " + " ".join(f"JOIN t{n} ON t{n}.id = t{n - 1}.id" for n in range(1, 60)) + " WHERE c2 = 1 AND c3 = 'V3'",
    "functions, 20 deep, 50 times": lambda: f"SELECT {chain(around('replace(', 'c3', ', ' + chr(39) + 'a' + chr(39) + ', c1)', 20) + ' AS x#', ', ', 50)} FROM t0 WHERE c3 = 'V3'",
    "windows: 200, one wrong text": lambda: f"SELECT {chain('sum(c2) OVER (PARTITION BY c3 ORDER BY id) AS w#', ', ', 200)} FROM t0 WHERE c3 = 'V3'",
    "scalar subqueries: 60, wrong texts": lambda: f"SELECT {chain('(SELECT max(c2) FROM t# WHERE c3 = ' + chr(39) + 'V#' + chr(39) + ') AS s#', ', ', 60)}",
    "scalar subqueries: 20, nested": lambda: "SELECT " + around("(SELECT max(c2) + ", "1", " FROM t0 WHERE c3 = 'V3')", 20),
    "VALUES of 3,000 rows": lambda: f"SELECT * FROM (VALUES {chain('(#, #)', ', ', 3000)})",
    "GROUP BY of 200": lambda: f"SELECT count(*) FROM wide GROUP BY {chain('c#', ', ', 200)}",
    "another dialect, 500 columns": lambda: f"SELECT TOP 5 {chain('[c#]', ', ', 500)} FROM wide WHERE ISNULL(c1, 0) = 1",
    "unclosed parentheses: 50": lambda: "SELECT c1 FROM t0 WHERE " + "(" * 50 + "c2 = 1",
    "typing slips in 20 KB": lambda: f"SELECT c1 FROM t0 WHER {chain('c2 = #', ' OR ', 1500)} ORDR BY c1",
    "1 MB of ORs": lambda: f"SELECT c1 FROM t0 WHERE {chain('c2 = #', ' OR ', 75000)}",
}  # fmt: skip
SCHEMAS: dict[str, tuple[Callable[[], Iterable[str]], str, str]] = {
    "schema: 2,000 tables of 20 columns": (
        lambda: (f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, {chain(f'c{n}_#', ', ', 19)})" for n in range(2000)),
        "SELECT t1.c1_1 FROM t1 JOIN t2 ON t1.c1_2 = t2.c2_2 WHERE t1.nosuch = 'x'",
        "compile t1.c1_1, t2.c2_2, t3.c3_3",
    ),
    "schema: 2,000 tables, the same columns": (
        lambda: (f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, {chain('c#', ', ', 19)})" for n in range(2000)),
        "SELECT t1.c1, c2 FROM t1 JOIN t2 ON t1.c2 = t2.c2 WHERE t1.nosuch = 'x'",
        "",
    ),
    "schema: 2,000 tables, the same key": (
        lambda: (f"CREATE TABLE t{n} (uid INTEGER PRIMARY KEY, {chain('c#', ', ', 19)})" for n in range(2000)),
        "SELECT t1.c1 FROM t1 JOIN t2 ON t1.uid = t2.uid JOIN t3 WHERE t1.nosuch = 'x'",
        "",
    ),
    "schema: a ring of 500 keys": (
        lambda: (f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, next_id REFERENCES t{(n + 1) % 500}(id), c{n})" for n in range(500)),
        "SELECT t1.c1 FROM t1 JOIN t200 ON t1.c1 = t200.c200 WHERE t1.c5 = 2 AND c250 = 1",
        "",
    ),
    "schema: a ring, two tables near": (
        lambda: (f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, next_id REFERENCES t{(n + 1) % 500}(id), c{n})" for n in range(500)),
        "SELECT c1, c5 FROM t1",
        "",
    ),
    "schema: a clique of 33 tables": (
        lambda: (f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, c{n}, {chain('r# REFERENCES t#(id)', ', ', 33)})" for n in range(33)),
        "SELECT t1.c1 FROM t1 JOIN t2 ON t2.r1 = t1.id JOIN t3 ON t3.r2 = t2.id JOIN t4 ON t4.r3 = t3.id JOIN t5 ON t5.r4 = t4.id JOIN t6 ON t6.r5 = t5.id WHERE c9 = 1 AND c12 = 5",
        "",
    ),
    "schema: a star of 500 keys": (
        lambda: ("CREATE TABLE hub (id INTEGER PRIMARY KEY, name)", *(f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, hub_id REFERENCES hub(id), c{n})" for n in range(500))),
        "SELECT t1.c1 FROM t1 WHERE c300 = 1 AND c301 = 2",
        "",
    ),
    "schema: one table of 2,000 columns": (
        lambda: (f"CREATE TABLE t0 ({chain('c#', ', ', 2000)})",),
        "SELECT nosuch1, c77x, c1 FROM t0 WHERE c2 = 'x' AND col3 = 5",
        "",
    ),
    "schema: names of 200 characters": (
        lambda: (f"CREATE TABLE {'table_' * 33}{n} (id INTEGER PRIMARY KEY, {chain('column_' * 28 + '#', ', ', 50)})" for n in range(100)),
        f"SELECT {'column_' * 28}7x, {'column_' * 27}8 FROM {'table_' * 33}x",
        "",
    ),
}  # fmt: skip
QUESTION = "How many of the t0 have the value 5, and what are their names?"


def plain_tables(connection: sqlite3.Connection) -> None:
    for number in range(64):
        connection.execute(f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY, c1, c2 INTEGER, c3 TEXT)")
        rows = ((row, f"n{row}", row % 7, f"v{row}") for row in range(20))
        connection.executemany(f"INSERT INTO t{number} VALUES (?, ?, ?, ?)", rows)
    connection.execute(f"CREATE TABLE wide ({chain('c#', ', ', 1950)})")


def ctes() -> str:
    """200 common table expressions, each reading the one before."""
    parts = ["a0 AS (SELECT * FROM t0)"]
    parts += [f"a{number} AS (SELECT * FROM a{number - 1} WHERE c2 <> {number})" for number in range(1, 200)]
    return f"WITH {', '.join(parts)} SELECT count(*) FROM a199"


def peak() -> float:
    """The most memory that this process has held, in megabytes."""
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / MEGABYTE


def measure(name: str, folder: Path) -> dict[str, object]:
    """Correct one input in this process."""
    from share_sql.assistant import Assistant
    from share_sql.case import Case

    path, small = folder / "large.sqlite", folder / "small.sqlite"
    for file, wanted in ((small, False), (path, True)):
        with sqlite3.connect(file) as connection:
            if wanted and name in SCHEMAS:
                for statement in SCHEMAS[name][0]():
                    connection.execute(statement)
            else:
                plain_tables(connection)
    draft = SCHEMAS[name][1] if name in SCHEMAS else QUERIES[name]()
    with Assistant(concurrency=1, inspect=True) as assistant:
        assistant.correct(Case("0", QUESTION, str(small), "SELECT c1 FROM t0 WHERE c3 = 'V1' AND nosuch = 1"))
        before, started, wall = peak(), time.process_time(), time.perf_counter()
        state = next(iter(assistant.correct_states([Case("1", QUESTION, str(path), draft)])))
        seconds, wall = time.process_time() - started, time.perf_counter() - wall
    correction = state.correction
    assert correction is not None
    notes = "; ".join(f"{step.stage}: {step.error}" for step in correction.steps if step.error)
    return {
        "kb": len(draft) / 1000, "seconds": seconds, "wall": wall, "mb": peak() - before,
        "verdict": correction.verdict, "runs": correction.runs, "reason": correction.reason, "notes": notes,
        "stages": {stage: round(spent, 2) for stage, spent in state.seconds.items() if spent > 0.1},
    }  # fmt: skip


def limited(name: str, seconds: int, megabytes: int) -> dict[str, object]:
    """Measure one input in a process of its own, which is stopped when it takes too much."""

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * MEGABYTE, megabytes * MEGABYTE))

    with tempfile.TemporaryDirectory() as folder:
        call = [sys.executable, __file__, "--measure", name, "--folder", folder]
        ran = subprocess.run(call, capture_output=True, text=True, preexec_fn=limits, check=False)
    try:
        answer: dict[str, object] = json.loads(ran.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        last = (ran.stderr.strip().splitlines() or [""])[-1]
        return {"failed": f"ended with {ran.returncode} {last[:200]}"}
    return answer


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="*", help="names of the inputs, as a shell pattern")
    parser.add_argument("--seconds", type=int, default=60, help="processor seconds that an input may take")
    parser.add_argument("--megabytes", type=int, default=6000, help="memory that an input may take")
    parser.add_argument("--verbose", action="store_true", help="show stages and notes too")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.measure, asked.folder)))
        return 0
    failed = 0
    print("| input | KB | seconds | MB | verdict | runs | reason |\n|---|--:|--:|--:|---|---|---|")
    for name in (*QUERIES, *SCHEMAS):
        if not fnmatch(name, asked.only):
            continue
        found = limited(name, asked.seconds, asked.megabytes)
        if "failed" in found:
            failed += 1
            print(f"| {name} | | | | {found['failed']} |", flush=True)
            continue
        reason = re.sub(r"\s+", " ", str(found["reason"]))[:70]
        print(
            f"| {name} | {found['kb']:.1f} | {found['seconds']:.2f} | {found['mb']:.0f} | {found['verdict']} "
            f"| {found['runs']} | {reason} |",
            flush=True,
        )
        if asked.verbose:
            print("    ", f"wall {found['wall']:.1f}", found["stages"], str(found["notes"])[:300], flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
