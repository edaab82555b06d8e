"""The facts of a dialect: one field each, in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Dialect:
    """The facts of one dialect. A field says what sqlglot does not know."""

    name: str
    """sqlglot's name: sqlite, postgres, mysql, duckdb."""
    title: str
    """Its name for people and prompts."""

    # Names

    quote: str = '"'
    """The sign round a name that needs one; doubled inside."""
    quoted_text: bool = False
    """Whether a name in double quotes that is no column is read as text."""
    name_case: Literal["ignored", "folded", "tables"] = "ignored"
    """ignored: case never counts in names. folded: a name without quotes is taken in lower case, one in
    quotes as it stands. tables: case counts in names of tables and their aliases, not of columns."""
    reserved: frozenset[str] = frozenset()
    """Words, in capitals, that are names in quotes alone; empty where all of `sql.keywords` are taken so."""
    row_ids: frozenset[str] = frozenset()
    """Names of a row's number, where no column has that name."""
    row_id_is_key: bool = False
    """Whether the names of a row's number stand for an INTEGER PRIMARY KEY."""
    row_names: bool = False
    """Whether a source's name by itself stands for its whole row."""
    fields: bool = False
    """Whether `column.field` reads a field of a structure."""
    before_tables: frozenset[str] | None = None
    """What may stand before a table of the database beside its own namespace; None: anything."""
    namespaces: bool = True
    """Whether tables may lie in namespaces, which are named before them."""
    system_tables: str = "information_schema\\."
    """A pattern of what the names of the database's own tables begin with, in lower case."""
    in_table: bool = False
    """Whether `x IN t` reads the table t."""
    nothing: str = ""
    """The table of one row that stands in FROM where nothing is read."""

    # Which names a clause sees

    aliases_in: frozenset[str] = frozenset({"order"})
    """Clauses that know the result's aliases: where, group, having, order."""
    aliases_before: bool = False
    """Whether an item of the select list knows the aliases of those before it."""
    aliases_whole: bool = False
    """Whether GROUP BY and ORDER BY know an alias only as a whole term, not within an expression."""
    outer_keys: bool = True
    """Whether GROUP BY and ORDER BY may refer to the query around."""
    on_sees_all: bool = False
    """Whether the condition of a join may name sources that are joined after it."""
    implied_lateral: bool = False
    """Whether a query in FROM sees the sources before it without LATERAL."""
    all_ctes_checked: bool = False
    """Whether a common table expression that nothing reads may not name what is not there."""
    ctes_where_read: bool = False
    """Whether a common table expression may refer to what is around the place where it is read."""
    ctes_in_order: bool = True
    """Whether a common table expression sees only those before it, but behind RECURSIVE."""
    any_members_names: bool = False
    """Whether ORDER BY behind a set operation knows the names that any of its members gives."""

    # Clauses

    has: frozenset[str] = frozenset()
    """Clauses that not every dialect has: DISTINCT ON, QUALIFY, LATERAL."""
    joins_need_on: bool = True
    """Whether a join that is no CROSS JOIN must have a condition."""
    derived_named: bool = True
    """Whether a query in FROM must have a name."""
    outputs_named: bool = True
    """Whether ORDER BY finds a plain column of the result by its name, where several sources have one."""
    outputs_unique: bool = False
    """Whether a name that two columns of a result have names neither."""
    members_bracketed: bool = True
    """Whether a member of a set operation may stand in parentheses, and INTERSECT binds more tightly."""
    values_table: bool = True
    """Whether VALUES gives rows by itself, spelled alike in all versions."""
    nulls_placed: bool = True
    """Whether ORDER BY takes NULLS FIRST and NULLS LAST."""
    comma_parts: bool = False
    """Whether a join's condition cannot name what stands before the last comma of FROM."""
    comma_first: bool = False
    """Whether it looks for a name behind that comma first, and before it where it is not there."""
    using_first: bool = False
    """Whether a name that USING merges is no other source's, though others have it too."""
    bare_group_columns: bool = False
    """Whether a column beside an aggregate that is no key of the groups is let pass."""
    bare_extremes: bool = False
    """Whether a column beside MAX or MIN comes from the row that has it."""

    # Values

    lenient_types: bool = False
    """Whether texts and numbers are compared and reckoned with as one kind, without an error."""
    value_types: bool = False
    """Whether each value has a type of its own, so that a column may hold texts beside numbers."""
    loose_casts: bool = False
    """Whether CAST knows a few types alone: of a date it leaves the year, a decimal number stays whole."""
    dates_as_numbers: bool = False
    """Whether + and - take dates for numbers: for their years, or for all their digits."""
    like_ignores_case: bool = False
    """Whether LIKE takes capitals and small letters (of ASCII at least) as the same."""
    equals_ignores_case: bool = False
    """Whether = takes capitals and small letters of texts as the same, unless the column says otherwise."""
    whole_division: bool = False
    """Whether / of two whole numbers gives a whole number."""
    long_sums: bool = True
    """Whether the sum of the longest whole numbers is a whole number."""
    operators_as_language: bool = False
    """Whether its operators bind in the order of the trajectory language."""
    backslashes: bool = False
    """Whether a backslash in a text escapes what follows."""
    pipes_or: bool = False
    """Whether || is OR, and puts no texts together."""
    real: str = "DOUBLE"
    """sqlglot's name of the type of numbers with fractions."""
    whole: str = "BIGINT"
    """sqlglot's name of the type of whole numbers."""
    pattern_place: str = ""
    """The function that gives the place where a text matches a regular expression; empty where sqlglot's own
    writing of such a test is what every server reads."""

    # Errors, as patterns

    unread: str = "syntax error|unterminated"
    """What its errors say where it cannot read a text at all, as a pattern."""
    no_function: str = "function .{1,200} does not exist"
    """What its errors say where it has no such function, or none for these types, as a pattern."""
    mistyped: str = ""
    """What its errors say where a value is compared with one of another type, as a pattern; empty where it
    compares any two."""

    # Databases and prompts

    roles: bool = False
    """Whether a role is asked for, which may see less than there is."""
    endings: tuple[str, ...] = ()
    """What the names of files that hold such a database end in, the usual one first."""
    suite: str = ""
    """What the files of a test suite are called that lie beside a database's own; empty: there are none."""
    prompt_quote: str = '"'
    """What prompts put round a name with a space."""
    prompt_quotes: str = "double quotes"
    """The same in words."""
    prompt_language: str = ""
    """What prompts that ask for SQL alone call it; empty for the title. SQLite is SQL there: models were
    trained so."""
