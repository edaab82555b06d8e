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
    all_ctes_checked: bool = False
    """Whether a common table expression that nothing reads may not name what is not there."""
    ctes_in_order: bool = True
    """Whether a common table expression sees only those before it, but behind RECURSIVE."""
    comma_parts: bool = False
    """Whether a join's condition cannot name what stands before the last comma of FROM."""
    outputs_named: bool = True
    """Whether ORDER BY finds a plain column of the result by its name, where several sources have one."""
    outputs_unique: bool = False
    """Whether a name that two columns of a result have names neither."""
    any_members_names: bool = False
    """Whether ORDER BY behind a set operation knows the names that any of its members gives."""
    nothing: str = ""
    """The table of one row that stands in FROM where nothing is read."""
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
    roles: bool = False
    """Whether a role is asked for, which may see less than there is."""


_EVERYWHERE = frozenset({"where", "group", "having", "order"})

DIALECTS: Mapping[str, Dialect] = MappingProxyType({
    dialect.name: dialect
    for dialect in (
        Dialect(
            "sqlite", "SQLite", quoted_text=True, before_tables=frozenset({"", "main", "temp"}),
            row_ids=frozenset({"rowid", "oid", "_rowid_"}), like_ignores_case=True, whole_division=True,
            bare_group_columns=True, lenient_types=True, aliases_in=_EVERYWHERE,
            ctes_in_order=False, outputs_named=False, any_members_names=True, namespaces=False,
            joins_need_on=False, operators_as_language=True, members_bracketed=False, derived_named=False,
            outer_keys=False, on_sees_all=True, row_id_is_key=True, in_table=True,
            system_tables=r"(?:sqlite_|pragma_|information_schema\.|pg_catalog\.)|dbstat\Z",
        ),
        Dialect(
            "postgres", "PostgreSQL", name_case="folded", before_tables=frozenset({""}),
            row_ids=frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}), whole_division=True,
            aliases_in=frozenset({"group", "order"}), aliases_whole=True, all_ctes_checked=True,
            comma_parts=True, outputs_unique=True, row_names=True, has=frozenset({"DISTINCT ON", "LATERAL"}),
            system_tables=r"information_schema\.|pg_catalog\.|pg_",
            roles=True,
        ),
        Dialect(
            "mysql", "MySQL", quote="`", name_case="tables", before_tables=frozenset({""}),
            like_ignores_case=True, equals_ignores_case=True, bare_group_columns=True, lenient_types=True,
            aliases_in=frozenset({"group", "having", "order"}),
            all_ctes_checked=True, outputs_unique=True, nulls_placed=False, backslashes=True,
            values_table=False, nothing="dual", has=frozenset({"LATERAL"}),
            system_tables=r"(?:information_schema|mysql|performance_schema|sys)\.|dual\Z",
            roles=True,
        ),
        Dialect(
            "duckdb", "DuckDB", before_tables=frozenset({"", "main"}), row_ids=frozenset({"rowid"}),
            aliases_in=_EVERYWHERE,
            has=frozenset({"DISTINCT ON", "QUALIFY", "LATERAL"}), any_members_names=True,
            aliases_before=True, row_names=True, fields=True, implied_lateral=True,
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
