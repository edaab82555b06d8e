"""Trees written as SQL, and sqlglot kept quiet: what it warns of is not for users to read."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from share_sql.errors import SqlUnreadable

if TYPE_CHECKING:
    from sqlglot import exp

UNFORESEEN = (ValueError, TypeError, LookupError, AttributeError, AssertionError, re.error)
"""What sqlglot raises, beside its own errors, on texts and trees that it did not foresee."""


def silence() -> None:
    """Keep sqlglot's warnings from the terminal.

    Python prints a library's warnings on stderr where no handler takes them. A program that sets up logging
    of its own still gets them.
    """
    logger = logging.getLogger("sqlglot")
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())


def write_sql(node: exp.Expr, dialect: str, strict: bool = False) -> str:
    """A tree as SQL.

    Args:
        node: the tree.
        dialect: sqlglot's name of the dialect.
        strict: refuse what the dialect cannot say, instead of leaving it out.

    Raises:
        SqlUnreadable: the tree cannot be written.
    """
    from sqlglot.errors import ErrorLevel, SqlglotError

    level = ErrorLevel.RAISE if strict else ErrorLevel.IGNORE
    try:
        return node.sql(dialect=dialect, unsupported_level=level)
    except (SqlglotError, *UNFORESEEN) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise SqlUnreadable(f"the SQL cannot be written for {dialect}: {first}") from error
    except RecursionError as error:
        raise SqlUnreadable("the SQL is nested too deeply to be written") from error
