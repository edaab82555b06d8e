"""DuckDB's values as those of a result: whole numbers, decimals, bytes, and text for all else.

Like `duckdb_worker.py`, which alone imports it, this imports nothing of the package.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from share_sql.database.base import Row, Value

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_PLAIN = frozenset({*_WHOLE, *("U" + each for each in _WHOLE), "FLOAT", "DOUBLE", "VARCHAR", "BLOB"})
"""Types whose Python values are those of a result."""


def values_of(types: Iterable[str]) -> Callable[[list[tuple[Any, ...]]], list[Row]] | None:
    """What makes the driver's rows rows of a result, for columns of these types; None where they are."""
    others = [at for at, each in enumerate(types) if each not in _PLAIN]
    if not others:
        return None

    def made(rows: list[tuple[Any, ...]]) -> list[Row]:
        found = []
        for row in rows:
            values = list(row)
            for at in others:
                values[at] = value_of(values[at])
            found.append(tuple(values))
        return found

    return made


def value_of(found: Any) -> Value:
    """A value that DuckDB's driver gave: bool as 1 or 0, dates and times in ISO form, the rest as text."""
    if found is None or isinstance(found, str | float | bytes):
        return found
    if isinstance(found, int):  # bool too
        return int(found)
    if isinstance(found, decimal.Decimal):
        exponent = found.as_tuple().exponent
        return int(found) if exponent == 0 else float(found)
    return _text(found)


def _text(found: Any) -> str:
    """What DuckDB prints, as far as it can be told from Python's value."""
    if found is None:
        return "NULL"
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, datetime.datetime):
        return found.isoformat(" ")
    if isinstance(found, datetime.date | datetime.time):
        return found.isoformat()
    if isinstance(found, datetime.timedelta):
        return _interval(found)
    if isinstance(found, dict):
        return "{" + ", ".join(f"{_text(key)}: {_text(value)}" for key, value in found.items()) + "}"
    if isinstance(found, list | tuple):
        return "[" + ", ".join(map(_text, found)) + "]"
    return str(found)


def _interval(found: datetime.timedelta) -> str:
    """Days, then hours, minutes and seconds, each where it is not nothing."""
    minutes, seconds = divmod(found.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{found.days} day{'' if found.days == 1 else 's'}"] if found.days else []
    if found.seconds or found.microseconds or not parts:
        rest = f".{found.microseconds:06}".rstrip("0") if found.microseconds else ""
        parts.append(f"{hours:02}:{minutes:02}:{seconds:02}{rest}")
    return " ".join(parts)
