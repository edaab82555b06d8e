"""sqlglot's dialects, each loaded whole, and sqlglot kept quiet: its warnings are not for users to read."""

from __future__ import annotations

import logging
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.dialects.dialect import Dialect


@lru_cache(maxsize=64)
def sqlglot_dialect(name: str) -> Dialect:
    """A dialect, by sqlglot's name of it; empty for sqlglot's own.

    Whoever reads or writes with one gets it here. sqlglot registers a dialect's class before it is whole, so
    that another thread may read with half of it (names in backquotes are then no names); an import waits for
    the one that is under way.
    """
    from sqlglot.dialects.dialect import Dialect

    _silence()
    if name:
        import_module(f"sqlglot.dialects.{name}")
    return Dialect.get_or_raise(name)


def _silence() -> None:
    """Keep sqlglot's warnings from the terminal.

    Python prints a library's warnings on stderr where no handler takes them. A program that sets up logging
    of its own still gets them.
    """
    logger = logging.getLogger("sqlglot")
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())
