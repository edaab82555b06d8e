"""Which databases are in which fold, by their names alone, so that it is the same everywhere."""

from __future__ import annotations

import hashlib

FOLDS = 4


def fold_of(source: str, database: str) -> int:
    """A database's fold, 0 to FOLDS - 1."""
    return int(hashlib.sha256(f"{source}/{database}".encode()).hexdigest(), 16) % FOLDS


def half_of(source: str, database: str) -> int:
    """A database's half, 0 or 1: who drafts for the one has learnt from the other."""
    return fold_of(source, database) % 2


def held_out(source: str, database: str) -> bool:
    """Databases that no shipped model sees: half of fold 0. The judge is calibrated on them."""
    mark = int(hashlib.sha256(f"{source}/{database}".encode()).hexdigest(), 16)
    return mark % FOLDS == 0 and mark // FOLDS % 2 == 0
