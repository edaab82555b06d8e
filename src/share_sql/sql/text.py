"""From what a model wrote to one SELECT: strip prose and fences, parse, and say what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from share_sql.errors import SqlEmpty, SqlError, SqlNotSelect, SqlTooLarge, SqlUnreadable
from share_sql.sql.size import check_depth, check_length, check_tokens
from share_sql.sql.written import UNFORESEEN
from share_sql.sqlglot_dialects import sqlglot_dialect

if TYPE_CHECKING:
    from sqlglot import exp


def extract_sql(text: str) -> str:
    """Take the SQL out of a model's answer: the likeliest of its readings (`sql.readings`).

    Drops BIRD's database tag, fences, tags, quotes, prose before and after. A text that is SQL already comes
    back unchanged but for surrounding space and the final semicolon.

    Args:
        text: what the model wrote.

    Returns:
        One statement's text, not parsed yet.

    Raises:
        SqlEmpty: there is no SELECT, WITH or VALUES in the text.
        SqlTooLarge: the text is too long to be read.
        SqlNotSelect: a statement in it changes data.
    """
    from share_sql.sql.readings import readings

    found = readings(text)
    if not found:
        raise no_sql(text)
    return found[0].texts[0]


def no_sql(text: str) -> SqlError:
    """Why a text has no reading as SQL, as an error to raise or to tell."""
    from share_sql.sql.answer import cleaned, without_thoughts
    from share_sql.sql.readings import MAX_TEXT
    from share_sql.sql.statements import creates, writes

    if len(text) > MAX_TEXT:
        return SqlTooLarge(f"the draft is {len(text):,} characters long; at most {MAX_TEXT:,} are read")
    answer, _ = without_thoughts(cleaned(text))
    if writes(answer) or creates(answer):
        return SqlNotSelect("no SELECT is taken from beside a statement that changes data")
    return SqlEmpty("the draft holds no SELECT statement; give the SQL to correct")


def parse_select(sql: str, dialect: str) -> exp.Query:
    """Parse one SELECT (or VALUES, set operation, WITH … SELECT).

    Args:
        sql: one statement, as `extract_sql` gives it.
        dialect: sqlglot's name of the dialect.

    Returns:
        sqlglot's tree, unqualified.

    Raises:
        SqlEmpty: nothing in it.
        SqlTooLarge: it is larger than `sql.size` lets pass.
        SqlUnreadable: it cannot be parsed.
        SqlNotSelect: several statements, or something other than a query.
    """
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    check_length(sql)
    reader = sqlglot_dialect(dialect)
    try:
        tokens = reader.tokenize(sql)
        check_tokens(tokens)
        trees = [tree for tree in reader.parser().parse(tokens, sql) if tree is not None]
    except SqlglotError as error:
        first = (getattr(error, "errors", None) or [{}])[0]
        where = f" near line {first['line']}, column {first['col']}" if first.get("line") else ""
        what = first.get("description") or str(error).splitlines()[0]
        raise SqlUnreadable(f"the SQL cannot be parsed{where}: {what}") from error
    except RecursionError as error:
        raise SqlTooLarge("the SQL is nested too deeply to be parsed") from error
    except UNFORESEEN as error:
        raise SqlUnreadable(f"the SQL cannot be parsed: {str(error) or type(error).__name__}") from error
    if not trees:
        raise SqlEmpty("the draft holds no SQL statement")
    if len(trees) > 1:
        raise SqlNotSelect(f"the text holds {len(trees)} statements; give exactly one SELECT")
    tree = trees[0]
    while isinstance(tree, exp.Paren | exp.Subquery) and not tree.args.get("joins"):
        tree = tree.this
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)
    if not isinstance(tree, exp.Query):
        raise SqlNotSelect(f"the statement is {tree.key.upper()}, not SELECT; only reading is supported")
    check_depth(tree, len(tokens))
    return tree
