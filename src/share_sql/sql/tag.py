"""BIRD's tag: in its files of SQL it stands between a query and the name of the query's database."""

from __future__ import annotations

BIRD_TAG = "\t----- bird -----\t"


def split_tag(text: str) -> tuple[str, str]:
    """The SQL before the tag, and the database's name after it; the name is empty where there is no tag."""
    sql, _, database = text.partition(BIRD_TAG)
    return sql, database.strip()


def with_tag(sql: str, database: str) -> str:
    """The SQL as BIRD's files hold it."""
    return f"{sql}{BIRD_TAG}{database}"
