"""What SHARE knows of each SQL dialect that a database may have: one entry a dialect, asked everywhere else.

What sqlglot knows (how a dialect is read and written, where it sorts NULL) is asked of sqlglot; here is what
it does not know: which names bind, what a comparison means, what a database refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from share_sql.errors import UsageError


@dataclass(frozen=True)
class Dialect:
    """The facts of one dialect."""

    name: str
    """sqlglot's name: sqlite, postgres, mysql, duckdb."""
    title: str
    """Its name for people and prompts."""
    quote: str = '"'
    """The sign round a name that needs one; doubled inside."""
    quoted_text: bool = False
    """Whether a name in double quotes that is no column is read as text."""
    name_case: Literal["ignored", "folded", "tables"] = "ignored"
    """ignored: case never counts in names. folded: a name without quotes is taken in lower case, one in
    quotes as it stands. tables: case counts in names of tables and their aliases, not of columns."""
    before_tables: frozenset[str] | None = None
    """What may stand before a table of the database beside its own namespace; None: anything."""
    row_ids: frozenset[str] = frozenset()
    """Names of a row's number, where no column has that name."""
    like_ignores_case: bool = False
    """Whether LIKE takes capitals and small letters (of ASCII at least) as the same."""
    equals_ignores_case: bool = False
    """Whether = takes capitals and small letters of texts as the same, unless the column says otherwise."""
    whole_division: bool = False
    """Whether / of two whole numbers gives a whole number."""
    bare_group_columns: bool = False
    """Whether a column beside an aggregate that is no key of the groups is let pass."""
    lenient_types: bool = False
    """Whether texts and numbers are compared and reckoned with as one kind, without an error."""
    aliases_in: frozenset[str] = frozenset({"order"})
    """Clauses that know the result's aliases: where, group, having, order."""
    value_types: bool = False
    """Whether each value has a type of its own, so that a column may hold texts beside numbers."""
    loose_casts: bool = False
    """Whether CAST knows a few types alone: of a date it leaves the year, a decimal number stays whole."""
    dates_as_numbers: bool = False
    """Whether + and - take dates for numbers: for their years, or for all their digits."""
    long_sums: bool = True
    """Whether the sum of the longest whole numbers is a whole number."""
    bare_extremes: bool = False
    """Whether a column beside MAX or MIN comes from the row that has it."""
    real: str = "DOUBLE"
    """sqlglot's name of the type of numbers with fractions."""
    whole: str = "BIGINT"
    """sqlglot's name of the type of whole numbers."""
    reserved: frozenset[str] = frozenset()
    """Words, in capitals, that are names in quotes alone; empty where all of `sql.keywords` are taken so."""
    pattern_place: str = ""
    """The function that gives the place where a text matches a regular expression; empty where sqlglot's own
    writing of such a test is what every server reads."""
    unread: str = r"syntax error|unterminated"
    """What its errors say where it cannot read a text at all, as a pattern."""
    no_function: str = r"function .{1,200} does not exist"
    """What its errors say where it has no such function, or none for these types, as a pattern."""
    mistyped: str = ""
    """What its errors say where a value is compared with one of another type, as a pattern; empty where it
    compares any two."""
    roles: bool = False
    """Whether a role is asked for, which may see less than there is."""
    aliases_before: bool = False
    """Whether an item of the select list knows the aliases of those before it."""
    aliases_whole: bool = False
    """Whether GROUP BY and ORDER BY know an alias only as a whole term, not within an expression."""
    outer_keys: bool = True
    """Whether GROUP BY and ORDER BY may refer to the query around."""
    on_sees_all: bool = False
    """Whether the condition of a join may name sources that are joined after it."""
    row_names: bool = False
    """Whether a source's name by itself stands for its whole row."""
    fields: bool = False
    """Whether `column.field` reads a field of a structure."""
    implied_lateral: bool = False
    """Whether a query in FROM sees the sources before it without LATERAL."""
    row_id_is_key: bool = False
    """Whether the names of a row's number stand for an INTEGER PRIMARY KEY."""
    in_table: bool = False
    """Whether `x IN t` reads the table t."""
    nulls_placed: bool = True
    """Whether ORDER BY takes NULLS FIRST and NULLS LAST."""
    has: frozenset[str] = frozenset()
    """Clauses that not every dialect has: DISTINCT ON, QUALIFY, LATERAL."""
    namespaces: bool = True
    """Whether tables may lie in namespaces, which are named before them."""
    joins_need_on: bool = True
    """Whether a join that is no CROSS JOIN must have a condition."""
    operators_as_language: bool = False
    """Whether its operators bind in the order of the trajectory language."""
    members_bracketed: bool = True
    """Whether a member of a set operation may stand in parentheses, and INTERSECT binds more tightly."""
    derived_named: bool = True
    """Whether a query in FROM must have a name."""
    backslashes: bool = False
    """Whether a backslash in a text escapes what follows."""
    values_table: bool = True
    """Whether VALUES gives rows by itself, spelled alike in all versions."""
    system_tables: str = r"information_schema\."
    """A pattern of what the names of the database's own tables begin with, in lower case."""


_SQLITE_WORDS = frozenset((
    "ADD", "ALL", "ALTER", "AND", "AS", "AUTOINCREMENT", "BETWEEN", "CASE", "CHECK", "COLLATE", "COMMIT",
    "CONSTRAINT", "CREATE", "DEFAULT", "DEFERRABLE", "DELETE", "DISTINCT", "DROP", "ELSE", "ESCAPE", "EXCEPT",
    "EXISTS", "FOREIGN", "FROM", "GROUP", "HAVING", "IN", "INDEX", "INSERT", "INTERSECT", "INTO", "IS",
    "ISNULL", "JOIN", "LIMIT", "NOT", "NOTHING", "NOTNULL", "NULL", "ON", "OR", "ORDER", "PRIMARY",
    "REFERENCES", "RETURNING", "SELECT", "SET", "TABLE", "THEN", "TO", "TRANSACTION", "UNION", "UNIQUE",
    "UPDATE", "USING", "VALUES", "WHEN", "WHERE",
))  # fmt: skip
"""SQLite's keywords that cannot be names unless quoted (sqlite.org/lang_keywords.html; tokenize.c falls back
to a name for the others)."""

_EVERYWHERE = frozenset({"where", "group", "having", "order"})

DIALECTS: Mapping[str, Dialect] = MappingProxyType({
    dialect.name: dialect
    for dialect in (
        Dialect(
            "sqlite", "SQLite", quoted_text=True, before_tables=frozenset({"", "main", "temp"}),
            row_ids=frozenset({"rowid", "oid", "_rowid_"}), like_ignores_case=True, whole_division=True,
            value_types=True, loose_casts=True, dates_as_numbers=True, bare_extremes=True, real="REAL",
            whole="INTEGER", reserved=_SQLITE_WORDS,
            unread=r"syntax error|unrecognized token|incomplete input", no_function=r"no such function",
            bare_group_columns=True, lenient_types=True, aliases_in=_EVERYWHERE, namespaces=False,
            joins_need_on=False, operators_as_language=True, members_bracketed=False, derived_named=False,
            outer_keys=False, on_sees_all=True, row_id_is_key=True, in_table=True,
            system_tables=r"(?:sqlite_|pragma_|information_schema\.|pg_catalog\.)|dbstat\Z",
        ),
        Dialect(
            "postgres", "PostgreSQL", name_case="folded", before_tables=frozenset({""}),
            row_ids=frozenset({"ctid"}), whole_division=True, aliases_in=frozenset({"group", "order"}),
            long_sums=False,
            mistyped=r"invalid input (?:syntax|value)|operator does not exist",
            no_function=r"(?:function|operator|procedure) .{0,200}does not exist", aliases_whole=True,
            row_names=True, has=frozenset({"DISTINCT ON", "LATERAL"}),
            system_tables=r"information_schema\.|pg_catalog\.|pg_", roles=True,
        ),
        Dialect(
            "mysql", "MySQL", quote="`", name_case="tables", before_tables=frozenset({""}),
            like_ignores_case=True, equals_ignores_case=True, bare_group_columns=True, lenient_types=True,
            aliases_in=frozenset({"group", "having", "order"}), dates_as_numbers=True,
            pattern_place="REGEXP_INSTR", unread=r"error in your SQL syntax",
            no_function=r"(?i)(?:function|routine) .{0,200}(?:does not exist|denied)|denied .{0,200}routine",
            roles=True, nulls_placed=False, backslashes=True, values_table=False,
            has=frozenset({"LATERAL"}),
            system_tables=r"(?:information_schema|mysql|performance_schema|sys)\.",
        ),
        Dialect(
            "duckdb", "DuckDB", before_tables=frozenset({"", "main"}), row_ids=frozenset({"rowid"}),
            aliases_in=_EVERYWHERE, has=frozenset({"DISTINCT ON", "QUALIFY", "LATERAL"}),
            aliases_before=True, row_names=True, fields=True, implied_lateral=True,
            unread=r"Parser Error|syntax error|unterminated",
            no_function=r"Function with name .{0,200}does not exist|No function matches",
            mistyped=r"Conversion Error|Cannot compare values|explicit cast is required",
            system_tables=r"information_schema\.|pg_catalog\.|duckdb_|pragma_|sqlite_|pg_",
        ),
    )
})  # fmt: skip
"""By sqlglot's name: the dialects of databases that SHARE can ask."""


def dialect_of(name: str) -> Dialect:
    """The facts of a dialect.

    Raises:
        UsageError: it is none of those that SHARE can ask; the message names them.
    """
    try:
        return DIALECTS[name]
    except KeyError:
        raise UsageError(f"there is no SQL dialect {name!r}; give one of {', '.join(DIALECTS)}") from None
