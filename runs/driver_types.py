"""BIRD's EX on PostgreSQL and MySQL, by `share eval` and with the drivers' own types: where do they part?

    python runs/driver_types.py --questions FILE --databases URL DRAFTS …

URL has `{name}` where the database's name is to stand. BIRD's script compares set(rows) as the driver gives
them, Decimal, date, datetime, bool. `share eval` compares what the database modules give, whole numbers,
floats and text. Each query is asked once by either; the drafts' rows are compared with gold's. Prints how
many verdicts agree, and those that do not.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from share_sql.benchmarks.bird import bird_ex
from share_sql.benchmarks.files import BenchmarkFiles, load
from share_sql.database.address import dialect_at
from share_sql.database.open import open_database
from share_sql.errors import QueryError
from share_sql.sql.text import extract_sql


class ByDriver:
    """A database asked as BIRD's script does."""

    def __init__(self, url: str) -> None:
        self.kept: dict[str, list[Any] | None] = {}
        if dialect_at(url).name == "postgres":
            import psycopg

            self.error: type[Exception] = psycopg.Error
            self.connection: Any = psycopg.connect(url, autocommit=True, options="-c statement_timeout=30000")
        else:
            import pymysql

            parts = urlsplit(url)
            self.error = pymysql.MySQLError
            self.connection = pymysql.connect(
                host=parts.hostname, port=parts.port or 3306, user=parts.username,
                password=unquote(parts.password or ""), database=parts.path[1:], autocommit=True,
            )  # fmt: skip

    def rows(self, sql: str) -> list[Any] | None:
        """The rows; None where the query fails."""
        if sql not in self.kept:
            self.kept[sql] = None
            with suppress(self.error), self.connection.cursor() as cursor:
                cursor.execute(sql)
                self.kept[sql] = list(cursor.fetchall())
        return self.kept[sql]

    def right(self, sql: str, gold: str) -> bool:
        """BIRD's verdict; False too where rows cannot be in a set, for which its script ends in an error."""
        found, wanted = self.rows(sql), self.rows(gold)
        with suppress(TypeError):
            return found is not None and wanted is not None and set(found) == set(wanted)
        return False


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--databases", required=True, metavar="URL")
    parser.add_argument("drafts", type=Path, nargs="+")
    given = parser.parse_args()
    drivers: dict[str, ByDriver] = {}
    databases: dict[str, Any] = {}
    agreed = cases = 0
    for path in given.drafts:
        bench = load(BenchmarkFiles("bird", given.questions, given.databases, drafts=path))
        for name, each in bench.databases.items():
            if name not in drivers:
                drivers[name] = ByDriver(str(each.where))
                databases[name] = open_database(str(each.where))
        for labelled in bench.cases:
            name, sql = labelled.case.database, extract_sql(labelled.case.draft)
            official = drivers[name].right(sql, labelled.gold)
            try:
                found, wanted = (databases[name].query(text).rows for text in (sql, labelled.gold))
                ours = bird_ex(found, wanted)
            except QueryError:
                found, wanted, ours = (), (), False
            cases += 1
            agreed += ours == official
            if ours != official:
                print(f"{path.stem} {labelled.case.id}: share {ours}, driver {official}")
                print(f"    {found[:2]!r} beside {wanted[:2]!r}")
                theirs = [(drivers[name].rows(text) or [])[:2] for text in (sql, labelled.gold)]
                print(f"    {theirs[0]!r} beside {theirs[1]!r}")
    print(f"{agreed} of {cases} verdicts agree")


if __name__ == "__main__":
    main()
