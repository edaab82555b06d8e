"""Label queries right or wrong by running them beside gold."""

from __future__ import annotations

from share_sql.benchmarks.registry import BENCHMARKS
from share_sql.catalog import Catalog
from share_sql.database.base import Limits, QueryResult
from share_sql.errors import QueryError, SqlError
from share_sql.sql.text import extract_sql

_LIMITS = Limits(seconds=20.0, rows=50_000)


class Labeller:
    """Says whether SQL gives gold's rows. Gold's results are kept while one database is in use."""

    def __init__(self, catalog: Catalog, rule: str) -> None:
        """`rule` names the benchmark whose execution match decides."""
        self.catalog = catalog
        self._match = BENCHMARKS[rule].match
        self._gold: dict[tuple[str, str], QueryResult | None] = {}

    def gold_runs(self, database: str, gold: str) -> bool:
        """Whether gold itself runs; a case without that teaches nothing."""
        return self._of_gold(database, gold) is not None

    def right(self, database: str, sql: str, gold: str) -> bool:
        """Whether the SQL gives gold's rows. SQL that fails is wrong."""
        expected = self._of_gold(database, gold)
        found = self.result(database, sql)
        if expected is None or found is None:
            return False
        return self._match(found.rows, expected.rows, gold)

    def result(self, database: str, sql: str) -> QueryResult | None:
        """The SQL's result; None where it fails or holds no SQL."""
        try:
            text = extract_sql(sql)
            with self.catalog.use(database) as opened:
                return opened.database.query(text, _LIMITS)
        except (QueryError, SqlError):
            return None

    def _of_gold(self, database: str, gold: str) -> QueryResult | None:
        key = (database, gold)
        if key not in self._gold:
            if len(self._gold) > 2_000:
                self._gold.clear()
            self._gold[key] = self.result(database, gold)
        return self._gold[key]
