"""Drafts: the SQL that some generator wrote for a benchmark's questions, in the formats in use.

    BIRD         {"0": "SELECT …\\t----- bird -----\\tdb", …}       by id (the tag may be absent)
    JSON list    ["SELECT …", …]                                   by position
    Spider       one query a line, `SELECT …` or `SELECT …\\tdb`     by position
    JSON Lines   {"id": "0", "sql": "SELECT …"}                    by id; `draft` or `prediction` for `sql`

A keyed file is never matched by position.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from share_sql.benchmarks.cases import read_bytes, read_rows
from share_sql.errors import BenchmarkError
from share_sql.sql.tag import BIRD_TAG, split_tag

_SQL_KEYS = ("draft", "sql", "SQL", "prediction", "pred", "response")
_ID_KEYS = ("id", "idx", "question_id")
_NAME = re.compile(r"\w+")


@dataclass(frozen=True)
class Draft:
    """One draft, without its tag."""

    sql: str
    database: str = ""
    """The database that the file says it is for; empty where it does not say."""
    problem: str | None = None
    """Why there is no draft, where the file has something else in its place."""


@dataclass(frozen=True)
class Drafts:
    """All drafts of a file. Exactly one of the two is set."""

    source: str
    """The file's name, for messages."""
    by_id: Mapping[str, Draft] | None = None
    by_position: tuple[Draft, ...] | None = None

    def __len__(self) -> int:
        return len(self.by_id if self.by_id is not None else self.by_position or ())

    def get(self, name: str, position: int) -> Draft | None:
        """The draft of a question; None where the file has none.

        Args:
            name: the question's id.
            position: its place in the questions file, from 0.
        """
        if self.by_id is not None:
            return self.by_id.get(name)
        assert self.by_position is not None
        return self.by_position[position] if position < len(self.by_position) else None


def read_drafts(path: Path, *, keep_bad: bool = False) -> Drafts:
    """Read a file of drafts, by id or by position; its format is found by its content.

    Args:
        path: the file.
        keep_bad: True: what is no SQL (a number, a list) becomes an empty draft with `problem` set, unless
            there is nothing else in the file. False: it raises.

    Raises:
        BenchmarkError: the file is missing, of none of the formats, or has an id twice.
    """
    found = _read(path)
    drafts = found.by_position if found.by_id is None else found.by_id.values()
    problems = [draft.problem for draft in drafts or () if draft.problem]
    if problems and not (keep_bad and len(problems) < len(found)):
        raise BenchmarkError(problems[0])
    return found


def _read(path: Path) -> Drafts:
    data = read_bytes(path, "drafts (JSON object, JSON list, JSON Lines, or a query a line)")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BenchmarkError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from error
    first = text.lstrip()[:1]
    if first in ("{", "["):
        try:
            whole = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, path))
        except (ValueError, RecursionError) as error:
            return _json_lines(path, error)
        if isinstance(whole, list):
            return _list(whole, path)
        is_row = _row_sql(whole) is not None and _row_id(whole) is not None
        return _list([whole], path) if is_row else _keyed(whole, path)
    if not text.strip():
        raise BenchmarkError(f"{path} is empty; expected drafts")
    # A blank line is a question without an answer; only those at the end are no lines at all.
    return Drafts(path.name, by_position=_spider_lines(text.rstrip("\r\n\t ").split("\n")))


def _unique(pairs: list[tuple[Any, Any]], path: Path) -> dict[Any, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for at, key in enumerate(keys) if key in keys[:at])
        raise BenchmarkError(f"{path}: the id {twice!r} is there twice; keep one draft a question")
    return found


def _json_lines(path: Path, whole: Exception) -> Drafts:
    rows: list[Any] = []
    for number, row in read_rows(path):
        if isinstance(row, Exception):
            if not rows:
                raise BenchmarkError(f"{path} is neither JSON nor JSON Lines: {whole}") from row
            raise BenchmarkError(f"{path}, line {number} is not JSON: {row}") from row
        rows.append(row)
    return _list(rows, path)


def _list(rows: list[Any], path: Path) -> Drafts:
    names = [_row_id(row) if isinstance(row, dict) else None for row in rows]
    if rows and None not in names:
        return _keyed(_unique(list(zip(names, rows, strict=True)), path), path)
    if any(name is not None for name in names):
        raise BenchmarkError(f"{path}, position {names.index(None)}: no id, where others have one")
    return Drafts(
        path.name, by_position=tuple(_draft(row, f"{path}, position {at}") for at, row in enumerate(rows))
    )


def _keyed(found: Mapping[Any, Any], path: Path) -> Drafts:
    return Drafts(
        path.name, by_id={name: _draft(each, f"{path}, id {name[:80]}") for name, each in found.items()}
    )


def _row_id(row: Mapping[str, Any]) -> str | None:
    for key in _ID_KEYS:
        value = row.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return None


def _row_sql(row: Mapping[str, Any]) -> str | None:
    return next((row[key] for key in _SQL_KEYS if isinstance(row.get(key), str)), None)


def _draft(value: Any, where: str) -> Draft:
    if isinstance(value, dict):
        sql = _row_sql(value)
        if sql is None and any(key in value for key in _SQL_KEYS):
            sql = ""  # null: the generator gave no answer
        if sql is None:
            keys = ", ".join(sorted(value)[:10])[:200]
            expected = f"expected SQL under one of {', '.join(_SQL_KEYS)}"
            return Draft("", problem=f"{where}: {expected}, found {keys}")
        value = sql
    if value is None:
        value = ""
    if not isinstance(value, str):
        return Draft("", problem=f"{where}: expected SQL as text, found {type(value).__name__}")
    return Draft(*split_tag(value))


def _spider_tag(line: str) -> Draft | None:
    """SQL and database of a line that ends with a tab and a name; None for any other."""
    before, tab, name = line.rstrip().rpartition("\t")
    name = name.strip()
    if not tab or _NAME.fullmatch(name) is None:
        return None
    # Of several tabs in a row the first ends the SQL.
    blank = len(before.rstrip())
    first = line.find("\t", blank)
    return Draft(line[:first], name)


def _spider_lines(lines: list[str]) -> tuple[Draft, ...]:
    lines = [line.rstrip("\r") for line in lines]
    # A tab may stand inside a query too: `\tdb` is a tag only where every line has one.
    tagged = all(BIRD_TAG in line or _spider_tag(line) for line in lines if line.strip())
    drafts = []
    for line in lines:
        tag = _spider_tag(line) if tagged and BIRD_TAG not in line else None
        drafts.append(tag or _draft(line, ""))
    return tuple(drafts)
