"""Single values from the front of a GGUF file, without reading its vocabulary.

The `gguf` package reads all metadata, which takes seconds where the vocabulary is large. Layout:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from share_sql.errors import SettingsError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 24
"""Longer texts and counts are taken for damage."""

Value = int | float | bool | str


def header_value(path: Path, key: str) -> Value | None:
    """The value of a metadata key; `{arch}` in it is replaced by the architecture's name.

    Args:
        path: a GGUF file, version 2 or later.
        key: e.g. `{arch}.context_length`. Arrays are skipped.

    Returns:
        The value; None where the file has no such key.

    Raises:
        SettingsError: the file cannot be read, or is no GGUF file.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise ValueError("it does not begin with GGUF")
            version, _, count = struct.unpack("<IQQ", file.read(20))
            if version < 2:
                raise ValueError(f"version {version} is not supported")
            arch = ""
            for _ in range(count):
                name = _text(file)
                value = _value(file, _number(file, "I"))
                if name == "general.architecture":
                    arch = str(value)
                if name == key.replace("{arch}", arch):
                    return value
    except FileNotFoundError:
        raise SettingsError(f"there are no weights {path}; `share models pull` fetches the base's") from None
    except (OSError, ValueError, struct.error) as error:
        raise SettingsError(f"{path} is no GGUF file that can be read: {error}") from None
    return None


def _value(file: IO[bytes], kind: int) -> Value | None:
    """One value; None for an array, which is skipped."""
    if kind == _STRING:
        return _text(file)
    if kind != _ARRAY:
        if kind not in _SCALARS:
            raise ValueError(f"unknown kind of value {kind}")
        return _number(file, _SCALARS[kind])
    inner, count = _number(file, "I"), _number(file, "Q")
    if inner in _SCALARS:
        file.seek(int(count) * struct.calcsize(_SCALARS[int(inner)]), 1)
        return None
    if count > _LONGEST:
        raise ValueError("an array is longer than the file can hold")
    for _ in range(int(count)):
        _value(file, int(inner))
    return None


def _number(file: IO[bytes], form: str) -> int:
    size = struct.calcsize(form)
    return struct.unpack(f"<{form}", file.read(size))[0]  # type: ignore[no-any-return]


def _text(file: IO[bytes]) -> str:
    length = _number(file, "Q")
    if length > _LONGEST:
        raise ValueError("a text is longer than the file can hold")
    return file.read(length).decode("utf-8", "replace")
