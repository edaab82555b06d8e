"""DuckDB's values as those of a result: whole numbers, decimals, bytes, and text for all else."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

from share_sql.database.base import Value


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
