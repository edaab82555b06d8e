"""Column meanings: descriptions of columns in words, from and to files.

Two kinds of file hold them: `column_meaning.json`, an object with a key `database|table|column` for each
column, and BIRD's folders `database_description`, with one CSV file a table.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from share_sql.errors import BenchmarkError
from share_sql.schema.model import ColumnName, Schema

_log = logging.getLogger(__name__)
_FIELDS: Final = (
    "original_column_name",
    "column_name",
    "column_description",
    "data_format",
    "value_description",
)
_QUOTES: Final = "'\"`"
# Windows-1252's quotes, dashes and bullets as they come out when a file was decoded as Latin-1, and NUL.
_CONTROL: Final = re.compile(r"[\x00\x80-\x9f]")


def read_column_meanings(path: Path, *, verbatim: bool = False) -> dict[str, dict[ColumnName, str]]:
    """Read a column_meaning.json.

    What generators of such files leave around a text (`#`, quotes, runs of space) is stripped. A key
    with an empty text is left out.

    Args:
        path: the file.
        verbatim: True: texts as the file has them, `#` and all. Prompts want them so, since published
            checkpoints were trained on them.

    Returns:
        Meanings by database, in the file's order. Names are spelled as in the file.

    Raises:
        BenchmarkError: the file is missing or is no such file; says what was expected and found.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise BenchmarkError(
            f"no column meanings at {path}; give the path of a column_meaning.json"
        ) from error
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path} cannot be read as a column_meaning.json: {error}") from error
    if not isinstance(content, dict):
        raise BenchmarkError(
            f'{path}: expected an object with keys "database|table|column", found something else'
        )
    meanings: dict[str, dict[ColumnName, str]] = {}
    for key, text in content.items():
        names = key.split("|", 2)
        if len(names) != 3:
            raise BenchmarkError(f'{path}: expected keys "database|table|column", found {key[:80]!r}')
        if text is not None and not isinstance(text, str):
            raise BenchmarkError(f"{path}: expected a text for {key!r}, found {str(text)[:60]!r}")
        meaning = (text or "") if verbatim else _clean(text or "")
        if meaning:
            meanings.setdefault(names[0], {})[ColumnName(names[1], names[2])] = meaning
    return meanings


def write_column_meanings(path: Path, meanings: Mapping[str, Mapping[ColumnName, str]]) -> None:
    """Write a column_meaning.json, sorted by nothing: databases and columns keep their order.

    Args:
        path: the file; replaced where it exists.
        meanings: meanings by database.
    """
    content = {
        f"{database}|{name.table}|{name.column}": text
        for database, columns in meanings.items()
        for name, text in columns.items()
    }
    Path(path).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_descriptions(folder: Path, schema: Schema) -> dict[ColumnName, str]:
    """Read a BIRD `database_description` folder.

    The files are taken as they are found in the wild: UTF-8 with or without a BOM, UTF-16, Windows-1252
    or Latin-1, with blank lines and odd headers. Tables and columns are matched whatever their case and
    space; what matches nothing is left out, with a warning in the log.

    Args:
        folder: the folder with a CSV file for each table.
        schema: the schema to match names with.

    Returns:
        Meanings by column, spelled as in the schema: the description, and after it what BIRD says of
        the values; the full column name where there is no description.

    Raises:
        BenchmarkError: the folder is missing, or a file in it is no CSV.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BenchmarkError(f"no description folder at {folder}; give BIRD's database_description folder")
    tables = {_loose(table.name): table for table in schema.tables}
    meanings: dict[ColumnName, str] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() != ".csv":
            continue
        table = tables.get(_loose(path.stem))
        if table is None:
            _log.warning("%s describes no table of %s and is left out", path, schema.name)
            continue
        columns = {_loose(column.name): column.name for column in table.columns}
        for row in _rows(path):
            found = columns.get(_loose(row["original_column_name"]))
            if found is None:
                _log.warning("%s: no column %r in table %s", path, row["original_column_name"], table.name)
                continue
            text = _meaning(found, row)
            if text:
                meanings[ColumnName(table.name, found)] = text
    return meanings


def with_meanings(schema: Schema, meanings: Mapping[ColumnName, str]) -> Schema:
    """The schema with these meanings; columns without one keep theirs. Names match whatever their case."""
    lower = {(name.table.lower(), name.column.lower()): text for name, text in meanings.items()}
    return replace(
        schema,
        tables=tuple(
            replace(
                table,
                columns=tuple(
                    replace(
                        column, meaning=lower.get((table.name.lower(), column.name.lower()), column.meaning)
                    )
                    for column in table.columns
                ),
            )
            for table in schema.tables
        ),
    )


def _clean(text: str) -> str:
    marked = text.lstrip().startswith("#")
    text = " ".join(text.strip().lstrip("#").split())
    # Quotes around the whole are stripped; those of a text that begins and ends with a quoted word are not.
    if len(text) > 1 and text[0] in _QUOTES and text[0] == text[-1] and (marked or text[0] not in text[1:-1]):
        text = text[1:-1].strip()
    return text


def _loose(name: str) -> str:
    return "".join(name.lower().replace("\ufeff", "").split())


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """The file's rows as dictionaries with all of _FIELDS."""
    places = {field: at for at, field in enumerate(_FIELDS)}
    first = True
    try:
        for cells in csv.reader(io.StringIO(_decoded(path.read_bytes()), newline="")):
            if not any(cell.strip() for cell in cells):
                continue
            if first:
                first = False
                header = [_loose(cell) for cell in cells]
                if "original_column_name" in header or header[0].endswith("column_name"):
                    # A misspelt header keeps its place; the order is the same in all files.
                    places |= {field: header.index(field) for field in _FIELDS if field in header}
                    continue
            yield {field: cells[at].strip() if at < len(cells) else "" for field, at in places.items()}
    except (OSError, csv.Error) as error:
        raise BenchmarkError(f"{path} cannot be read as a description of a table: {error}") from error


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Gives every byte a character; those of Windows-1252 that it makes control characters follow.
        text = content.decode("latin-1")
    return _CONTROL.sub(lambda match: match[0].encode("latin-1").decode("cp1252", "ignore").strip("\0"), text)


def _meaning(column: str, row: Mapping[str, str]) -> str:
    """One line from a row's fields."""
    described = " ".join(row["column_description"].split())
    full_name = " ".join(row["column_name"].split())
    if not described and _loose(full_name) != _loose(column):
        described = full_name
    values = " ".join(row["value_description"].split())
    if described and values:
        return f"{described.rstrip('.')}. Values: {values}"
    return described or (f"Values: {values}" if values else "")
