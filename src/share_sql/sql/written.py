"""Trees written as SQL."""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from share_sql.errors import SqlUnreadable
from share_sql.sqlglot_dialects import sqlglot_dialect

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.generator import Generator

UNFORESEEN = (ValueError, TypeError, LookupError, AttributeError, AssertionError, re.error)
"""What sqlglot raises, beside its own errors, on texts and trees that it did not foresee."""


def write_sql(node: exp.Expr, dialect: str, strict: bool = False, *, keep: bool = True) -> str:
    """A tree as SQL.

    Args:
        node: the tree.
        dialect: sqlglot's name of the dialect.
        strict: refuse what the dialect cannot say, instead of leaving it out.
        keep: False where the tree is not used afterwards: to write may change it, so that a copy is written.

    Raises:
        SqlUnreadable: the tree cannot be written.
    """
    from sqlglot.errors import SqlglotError

    try:
        return plain_sql(node, dialect, strict=strict, keep=keep)
    except (SqlglotError, *UNFORESEEN) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise SqlUnreadable(f"the SQL cannot be written for {dialect}: {first}") from error
    except RecursionError as error:
        raise SqlUnreadable("the SQL is nested too deeply to be written") from error


def plain_sql(
    node: exp.Expr, dialect: str = "", *, strict: bool = False, comments: bool = True, keep: bool = True
) -> str:
    """What `node.sql(dialect)` gives, by a generator that is there already: to make one takes longer than to
    write a short text.

    Args:
        node, strict, keep: as `write_sql`.
        dialect: as `write_sql`; empty for sqlglot's own.
        comments: whether comments are written.

    Raises:
        Whatever sqlglot does.
    """
    fresh = True
    try:
        text = _generator(dialect, strict, comments, threading.get_ident()).generate(node, copy=keep)
        fresh = _NUMBERED.search(text) is not None
        return text
    finally:
        if fresh:
            _generator.cache_clear()


_NUMBERED = re.compile(r"\b_t\d")
"""Names that a generator counts up; the next text begins to count afresh."""


@lru_cache(maxsize=64)
def _generator(dialect: str, strict: bool, comments: bool, thread: int) -> Generator:
    """A thread's own generator: it is not safe for two. They are kept because each that is made leaves some
    bytes behind (sqlglotc 30.30, its counter of names), which long runs would feel."""
    from sqlglot.errors import ErrorLevel

    level = ErrorLevel.RAISE if strict else ErrorLevel.IGNORE
    return sqlglot_dialect(dialect).generator(unsupported_level=level, comments=comments)
