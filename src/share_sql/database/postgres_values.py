"""PostgreSQL's texts as values: whole numbers, decimals, bytes, and text for all else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from share_sql.database.base import Value

Reader = Callable[[bytes], Value]


def number(raw: bytes) -> int | float:
    """A numeric: int where it is written as a whole number, else float."""
    return int(raw) if raw.lstrip(b"-").isdigit() else float(raw)


def text(raw: bytes) -> str | bytes:
    """Text as text where it is UTF-8, else the bytes that are stored (databases of encoding SQL_ASCII)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def boolean(raw: bytes) -> int:
    """1 or 0, as SQLite has it."""
    return int(raw == b"t")


def binary(raw: bytes) -> bytes:
    """bytea in its hex form."""
    return bytes.fromhex(raw[2:].decode())


READERS: Mapping[int, Reader] = MappingProxyType(
    {
        16: boolean,
        17: binary,
        20: int,  # int8
        21: int,  # int2
        23: int,  # int4
        26: int,  # oid
        700: float,  # float4
        701: float,  # float8
        1700: number,
    }
)
"""By a type's oid, of pg_type.dat: how its text is read. Every other type's is text: dates and times in ISO
form, intervals, arrays, JSON, UUIDs and enums as PostgreSQL writes them."""
