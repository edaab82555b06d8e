"""Columns of the functions that may stand in FROM, by dialect.

A function that is not listed may have any columns: what is read from it is not reported as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_JSON: Final = ("key", "value", "type", "atom", "id", "parent", "fullkey", "path", "json", "root")

TABLE_FUNCTIONS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType({
    # sqlite.org/json1.html, series.c
    "sqlite": {
        **dict.fromkeys(("json_each", "json_tree"), _JSON),
        **dict.fromkeys(("generate_series", "generateseries"), ("value", "start", "stop", "step")),
    },
    # postgresql.org/docs/current/functions-json.html
    "postgres": dict.fromkeys(
        ("json_each", "jsonb_each", "json_each_text", "jsonb_each_text"), ("key", "value")
    ),
    # duckdb.org/docs: json_each and json_tree are as in SQLite, with a row's number
    "duckdb": dict.fromkeys(("json_each", "json_tree"), (*_JSON, "rowid")),
})  # fmt: skip
