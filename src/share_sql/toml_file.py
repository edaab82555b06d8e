"""A TOML file of the user's: read, its `${NAME}` filled from the environment, its keys found by line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from share_sql.errors import SettingsError

_VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)(\}?))")
_LONGEST_NAME = 1_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"\s*\[\[?(.+?)\]\]?\s*(?:#.*)?")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)


def read_toml(path: Path, what: str) -> tuple[dict[str, Any], str]:
    """A file's tables, and its text.

    Args:
        path: the file.
        what: what it is, for messages: "settings file".

    Raises:
        SettingsError: it is not there, cannot be read, or is no TOML.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text), text
    except FileNotFoundError:
        raise SettingsError(f"there is no {what} {path}") from None
    except OSError as error:
        raise SettingsError(f"the {what} {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    except RecursionError:
        raise SettingsError(f"{path} is nested too deeply") from None


class Unset(Exception):
    """A variable that a text names is not set; whoever knows the file makes a SettingsError of it.

    Args:
        key: where the text stands: names of tables, then the key.
        problem: what is wrong with it.
    """

    def __init__(self, key: Sequence[str], problem: str) -> None:
        super().__init__(problem)
        self.key = tuple(key)


def filled(value: Any, environment: Mapping[str, str], key: tuple[str, ...] = ()) -> Any:
    """A value with each `${NAME}` in its texts replaced by the environment's variable, and `$$` by `$`.

    Between `://` and `@`, where a URL has user and password, what a variable holds is percent-escaped, so
    that a password may hold any sign.

    Raises:
        Unset: a variable is not set, or `${…}` holds no name of one. What a variable holds is never shown.
    """
    if isinstance(value, str):
        return _filled_text(value, environment, key)
    if isinstance(value, dict):
        return {name: filled(each, environment, (*key, str(name))) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, environment, key) for each in value]
    return value


def _filled_text(text: str, environment: Mapping[str, str], key: tuple[str, ...]) -> str:
    begins, ends = text.find("://"), text.rfind("@")

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "$"
        if not _NAME.fullmatch(name) or not found[2]:
            raise Unset(key, "${…} takes the name of a variable; $$ stands for one $")
        if name not in environment:
            raise Unset(key, f"the environment has no {name}; set it")
        held = environment[name]
        return quote(held, safe="") if 0 <= begins < found.start() < ends else held

    return _VARIABLE.sub(value, text)


def line_of(text: str, key: Sequence[str]) -> int | None:
    """The line of a file on which a key stands, from 1; that of the table or key around it where it has no
    line of its own; None where neither is found."""
    table: tuple[str, ...] = ()
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            found = table = _path(header[1])
        elif begun := _KEY.match(line):
            found = (*table, *_path(begun[1]))
        else:
            continue
        alike = min(len(found), len(key))
        if found[:alike] == tuple(key[:alike]) and alike > (best[0] if best else 0):
            best = (alike, number)
    return best[1] if best else None


def _path(text: str) -> tuple[str, ...]:
    """The names of a dotted key; none where it is no key."""
    try:
        value: Any = tomllib.loads(f"{text} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    names = []
    while isinstance(value, dict):
        (name,) = value
        names.append(name)
        value = value[name]
    return tuple(names)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the known one most like it, or all of them."""
    among = list(known)
    # Nothing known is like a text of megabytes, and to compare it takes long.
    near = difflib.get_close_matches(name, among, 1, 0.5) if len(name) <= _LONGEST_NAME else ()
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(among)}"
