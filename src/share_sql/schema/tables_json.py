"""Schemas from a benchmark's `tables.json` (Spider, BIRD: `dev_tables.json`, `train_tables.json`).

The file is a list of objects, one a database. Used here: `db_id`, `table_names_original` (names),
`column_names_original` (pairs of table number and name; the first is `[-1, "*"]`), `column_types` (one a
column; Spider's are the coarse `text`, `number`, `time`, `boolean`, `others`), `primary_keys` (column
numbers; BIRD nests those of a compound key in a list) and `foreign_keys` (pairs of column numbers).
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, NoReturn

from share_sql.errors import BenchmarkError
from share_sql.schema.model import Column, ForeignKey, Schema, Table

_log = logging.getLogger(__name__)
_KEYS = (
    "db_id",
    "table_names_original",
    "column_names_original",
    "column_types",
    "primary_keys",
    "foreign_keys",
)


def read_tables_json(path: Path) -> dict[str, Schema]:
    """Read the schemas of all databases of a benchmark.

    Args:
        path: the benchmark's tables.json.

    Returns:
        Schemas by `db_id`, in the file's order. A foreign key from a column to itself says nothing and
        is left out, with a line in the log.

    Raises:
        BenchmarkError: the file is missing, is no such file, or contradicts itself (a number that is
            no column's, two entries of one name that differ); says what was expected and found.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise BenchmarkError(
            f"no tables file at {path}; give the path of the benchmark's tables.json"
        ) from error
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path} cannot be read as a tables.json: {error}") from error
    if isinstance(entries, dict) and "db_id" in entries:
        entries = [entries]
    if not isinstance(entries, list):
        raise BenchmarkError(f"{path}: expected a list with one object a database, found {_kind(entries)}")
    schemas: dict[str, Schema] = {}
    for number, entry in enumerate(entries):
        schema = _schema(entry, f"{path}, entry {number}")
        if schemas.setdefault(schema.name, schema) != schema:
            raise BenchmarkError(f"{path}: two entries named {schema.name!r} that differ; keep one of them")
    return schemas


def _schema(entry: Any, where: str) -> Schema:
    if not isinstance(entry, dict):
        _bad(where, "an object", entry)
    missing = [key for key in _KEYS if key not in entry]
    if missing:
        raise BenchmarkError(
            f"{where}: expected the keys of a Spider or BIRD tables.json, but {', '.join(missing)} is missing"
        )
    name = entry["db_id"]
    if not isinstance(name, str) or not name:
        _bad(where, "a name as db_id", name)
    where = f"{where} ({name})"
    tables, types = entry["table_names_original"], entry["column_types"]
    if not isinstance(tables, list) or not all(isinstance(table, str) for table in tables):
        _bad(where, "a list of names as table_names_original", tables)
    columns = _columns(entry["column_names_original"], len(tables), where)
    if not isinstance(types, list) or not all(isinstance(kind, str) for kind in types):
        _bad(where, "a list of type names as column_types", types)
    # Spider gives the star a type too, BIRD does not.
    if len(types) == len(columns) - 1 and columns and columns[0][0] == -1:
        types = ["", *types]
    if len(types) != len(columns):
        raise BenchmarkError(
            f"{where}: {len(columns)} columns but {len(types)} column_types; expected one each"
        )

    keys: dict[int, list[int]] = {}
    for item in _list(entry["primary_keys"], "primary_keys", where):
        for at in item if isinstance(item, list) else [item]:
            table, _ = _column(at, columns, "primary_keys", where)
            if at not in keys.setdefault(table, []):
                keys[table].append(at)
    links = []
    for pair in _list(entry["foreign_keys"], "foreign_keys", where):
        if not isinstance(pair, list) or len(pair) != 2:
            _bad(where, "pairs of column numbers as foreign_keys", pair)
        (table, column), (to_table, to_column) = (_column(at, columns, "foreign_keys", where) for at in pair)
        link = ForeignKey(tables[table], column, tables[to_table], to_column)
        if pair[0] == pair[1]:
            _log.info("%s: foreign key of %s.%s to itself left out", name, link.table, link.column)
        elif link not in links:
            links.append(link)
    return Schema(
        name=name,
        tables=tuple(
            Table(
                name=table_name,
                columns=tuple(
                    Column(column, types[at], primary_key=at in keys.get(number, ()))
                    for at, (table, column) in enumerate(columns)
                    if table == number
                ),
                primary_key=tuple(columns[at][1] for at in keys.get(number, ())),
            )
            for number, table_name in enumerate(tables)
        ),
        foreign_keys=tuple(links),
    )


def _columns(raw: Any, tables: int, where: str) -> list[tuple[int, str]]:
    columns = []
    for item in _list(raw, "column_names_original", where):
        if (
            not isinstance(item, list)
            or len(item) != 2
            or not isinstance(item[0], int)
            or not isinstance(item[1], str)
            or not -1 <= item[0] < tables
        ):
            _bad(where, "pairs of a table number and a name as column_names_original", item)
        columns.append((item[0], item[1]))
    return columns


def _column(at: Any, columns: list[tuple[int, str]], key: str, where: str) -> tuple[int, str]:
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < len(columns) or columns[at][0] < 0:
        _bad(where, f"numbers of columns in {key}", at)
    return columns[at]


def _list(value: Any, key: str, where: str) -> list[Any]:
    if not isinstance(value, list):
        _bad(where, f"a list as {key}", value)
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}
    return names.get(type(value), "null" if value is None else str(value))


def _bad(where: str, expected: str, found: Any) -> NoReturn:
    shown = json.dumps(found, ensure_ascii=False)
    shown = f"{_kind(found)} {shown[:60]}…" if len(shown) > 60 else shown
    raise BenchmarkError(f"{where}: expected {expected}, found {shown}")
