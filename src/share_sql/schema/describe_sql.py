"""How facts are asked for where the database types its columns: one entry a dialect. Part of `describe`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from share_sql.schema.model import Column
from share_sql.schema.value_sql import TEXT_SQL

Kind: TypeAlias = Literal["whole", "number", "text", "date", "moment", "truth", "other"]


@dataclass(frozen=True)
class FactSql:
    """How one dialect is asked."""

    as_text: str
    """What makes a text of `{0}`."""
    is_date: str
    """Whether the text `{0}` begins with a date."""

    def value(self, kind: Kind, name: str) -> str:
        """What stands for a column's value: something that can be counted, compared and shown."""
        if kind in ("whole", "number"):
            return name
        if kind == "other":
            return f"CASE WHEN {name} IS NULL THEN NULL ELSE 1 END"
        return self.as_text.format(name)


FACT_SQL: Mapping[str, FactSql] = MappingProxyType({
    "postgres": FactSql("{0}::text", "{0} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}'"),
    # Spellings that the column takes as the same are told apart.
    "mysql": FactSql(
        "CONVERT({0} USING utf8mb4) COLLATE utf8mb4_bin", "{0} REGEXP '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}'"
    ),
    "duckdb": FactSql("{0}::VARCHAR", "regexp_matches({0}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"),
})  # fmt: skip
"""By dialect; one that is not here does not type its columns."""

_TYPES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("truth", re.compile(r"(?i)bool(ean)?$")),
    ("whole", re.compile(r"(?i)(u?(tiny|small|medium|big|huge)?int(eger)?|year)\b")),
    ("number", re.compile(r"(?i)(numeric|decimal|real|double|float)\b")),
    ("moment", re.compile(r"(?i)(timestamp|datetime)")),
    ("date", re.compile(r"(?i)date$")),
)


_BINARY = re.compile(r"(?i)(bytea|((tiny|medium|long)?blob|(var)?binary)\b)")


def title_of(kind: Kind, column: Column) -> str:
    """What a type says more than the values do; empty where that is nothing."""
    if kind == "other":
        return "Binary data" if _BINARY.match(column.type) else column.type
    return _TITLES.get(kind, "")


_TITLES: Mapping[Kind, str] = MappingProxyType(
    {"date": "Date", "moment": "Date and time", "truth": "True or false"}
)


def kind_of(column: Column, dialect: str) -> Kind:
    """What a column holds, by its type."""
    if TEXT_SQL[dialect].is_text(column):
        return "text"
    if column.type.endswith("]"):
        return "other"
    return next((kind for kind, types in _TYPES if types.match(column.type)), "other")
