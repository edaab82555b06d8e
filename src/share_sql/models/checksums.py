"""Checksums of weights and adapters."""

from __future__ import annotations

import hashlib
from pathlib import Path

from share_sql.errors import SettingsError


def checksum(path: Path) -> str:
    """A file's SHA-256. Raises SettingsError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from None
