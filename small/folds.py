"""Which databases are in which fold, by their names alone, so that it is the same everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

FOLDS = 4


def fold_of(source: str, database: str) -> int:
    """A database's fold, 0 to FOLDS - 1."""
    return _number(source, database) % FOLDS


def half_of(source: str, database: str) -> int:
    """A database's half, 0 or 1: a model drafts for the half that it has not learnt from."""
    return fold_of(source, database) % 2


def held_out(source: str, database: str) -> bool:
    """Whether no shipped model sees the database: half of fold 0. The judge is calibrated on these."""
    return fold_of(source, database) == 0 and _number(source, database) // FOLDS % 2 == 0


def learnable(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The examples whose databases are not held out, by their `source` and `database`."""
    return [row for row in rows if not held_out(row["source"], row["database"])]


def _number(source: str, database: str) -> int:
    # All other sources are drafts of Spider train's databases.
    benchmark = "bird-train" if source.startswith("bird") else "spider-train"
    return int(hashlib.sha256(f"{benchmark}/{database}".encode()).hexdigest(), 16)
