"""What the names of a query may stand for: sources, scopes and common table expressions. Part of `resolver`.

A *source* is one item of a FROM clause, a *scope* the sources and result aliases of one SELECT and the
way out to the query around it; a *bound* name is one with what it stands for. What differs between
databases is asked of `dialects`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from share_sql.schema.model import ColumnName, Table

if TYPE_CHECKING:
    from sqlglot import exp

    from share_sql.dialects import Dialect

Origin: TypeAlias = ColumnName | None
"""The schema column that a column is a plain copy of; None for a computed one."""
Output: TypeAlias = tuple[str, Origin]
"""A result column: its name (empty: an unnamed expression) and its origin."""
Status: TypeAlias = Literal["bound", "alias", "text", "unknown", "ambiguous", "unknown-source"]
"""bound: to one source. alias: to a result column of its own SELECT or one around it. text: a name in
double quotes that is no column, where the dialect reads that as a string. unknown: no source has the column.
ambiguous: several have. unknown-source: the name before the dot is none of the sources."""

MISSING: Final = ColumnName("", "")
"""What a look-up gives where there is no such column; None is the origin of a computed one."""
_PLAIN: Final = re.compile(r"[^\W\d]\w*\Z")


@dataclass(eq=False, repr=False, slots=True)
class Source:
    """One item of a FROM clause."""

    name: str
    """What the query calls it: alias, or the table's name; empty for a nameless subquery."""
    node: exp.Expr
    table: Table | None = None
    given: Iterable[Output] | None = None
    """The columns of what is no table; None where they are not known either."""
    cte: Cte | None = None
    """The common table expression that it reads."""
    parts: Sequence[Source] = ()
    """The joined tables of which it is the name: `(a JOIN b) AS name`."""
    merged: frozenset[str] = frozenset()
    """Columns that USING or NATURAL merge with those of an earlier source."""
    leads: frozenset[str] = frozenset()
    """Columns that USING or NATURAL merges with those of a later source."""
    either: frozenset[str] = frozenset()
    """Columns that a RIGHT or FULL join merges with those of a later source: the value of either."""
    exact: bool = False
    """Whether case counts in its name."""
    folded: bool = False
    """Whether case counts in the names of its columns."""
    row_ids: frozenset[str] = frozenset()
    """Names of the row's number, where it has one."""
    key: str = field(init=False)
    """Its name as names before a dot are compared with it: in lower case, but where case counts."""
    open: bool = field(init=False)
    """Its columns are not known, so any name may be one of them."""
    columns: dict[str, Output] = field(init=False, default_factory=dict)
    unnamed: bool = False
    doubled: frozenset[str] = frozenset()
    """Names that several of the columns have."""

    def __post_init__(self) -> None:
        self.key = self.name if self.exact else self.name.lower()
        self.open = self.table is None and self.given is None
        for column, origin in self.given or ():
            self.unnamed |= not column
            key = self.column_key(column)
            if column and key in self.columns:
                self.doubled |= {key}
            self.columns.setdefault(key, (column, origin))

    def column_key(self, name: str) -> str:
        """A column's name as it is compared with others: in lower case, but where case counts."""
        return name if self.folded else name.lower()

    @property
    def title(self) -> str:
        """The schema table's name, or else what the query calls the source."""
        return self.table.name if self.table else self.name

    def find(self, name: str) -> Origin:
        """Origin of the column of this name, as `column_key` gives it; MISSING where there is none."""
        if self.table is not None:
            column = self.table.column(name)
            if self.folded and column is not None and column.name != name:
                column = next((other for other in self.table.columns if other.name == name), None)
            return ColumnName(self.table.name, column.name) if column else MISSING
        found = self.columns.get(name)
        if found is not None:
            return found[1]
        # An unnamed expression is called by its own text, `count(*)`, which the tree does not keep.
        return None if self.unnamed and not _PLAIN.match(name) else MISSING

    def spelled(self, name: str) -> str | None:
        """The column's own spelling; None where it has no such column, or only may have."""
        if self.table is not None:
            column = self.table.column(name)
            return column.name if column else None
        found = self.columns.get(name) or self.columns.get(name.lower())
        return found[0] if found else None

    def has(self, name: str) -> bool:
        """Whether it has, or may have, a column of this name; case does not count."""
        lower = name.lower()
        if self.open or self.find(lower) is not MISSING or (self.table is not None and lower in self.row_ids):
            return True
        return self.folded and any(lower == column.lower() for column, _ in self.outputs())

    def outputs(self) -> Iterator[Output]:
        """The source's columns, as a star gives them."""
        if self.table is not None:
            for column in self.table.columns:
                yield column.name, ColumnName(self.table.name, column.name)
        else:
            yield from self.columns.values()


@dataclass(eq=False, repr=False, slots=True)
class Cte:
    """A common table expression; resolved where it is first used."""

    name: str
    node: exp.Expr
    names: list[str]
    """Its column list."""
    scope: dict[str, Cte] = field(default_factory=dict)
    """The common table expressions that its query sees."""
    parent: Scope | None = None
    """What its query may refer to, where it stands."""
    around: Scope | None = None
    """The query around it, where it stands."""
    outputs: list[Output] | None = None
    busy: bool = False


class Result(NamedTuple):
    """A result column, as the clauses after the select list may name it."""

    name: str
    """As the result spells it."""
    origin: Origin
    item: exp.Expr | None = None
    """The select list's item; None where a star brought it in, and for a set operation."""
    source: Source | None = None
    """The source that a star brought it in from."""


@dataclass(eq=False, repr=False, slots=True)
class Scope:
    """What the names of one SELECT may stand for."""

    select: exp.Expr
    """The SELECT; VALUES and tables in parentheses have scopes of their own too."""
    parent: Scope | None
    """Where to look further. For a query in FROM that is not the SELECT around it, but the next one."""
    ctes: dict[str, Cte]
    around: Scope | None
    sources: list[Source] = field(default_factory=list)
    aliases: dict[str, Result] = field(default_factory=dict)
    """Result columns by name: in lower case, but where case counts."""
    shown: dict[str, Result] = field(default_factory=dict)
    """Those of them that the clause which is resolved just now may name."""
    window: slice | None = None
    """The sources that the condition of a join, or a source beside others, may name; None: all."""
    correlated: bool = False
    """Whether something in it, or in a query inside it, refers to a query around it."""

    def refers_to(self, owner: Scope) -> None:
        """Note that something here refers to `owner`: this scope and those between are correlated."""
        scope: Scope | None = self
        while scope is not None and scope is not owner:
            scope.correlated = True
            scope = scope.around

    @property
    def tables(self) -> tuple[Table, ...]:
        """Schema tables among the sources, each once."""
        return tuple(dict.fromkeys(source.table for source in self.sources if source.table is not None))

    @property
    def visible(self) -> list[Source]:
        """The sources that what is resolved just now may name."""
        return self.sources if self.window is None else self.sources[self.window]

    def reach(self) -> list[Source]:
        """All sources that a name here may mean, the innermost query's first."""
        return [*self.sources, *(self.parent.reach() if self.parent is not None else ())]


@dataclass(eq=False, slots=True)
class Bound:
    """One column reference and what it stands for."""

    node: exp.Column
    """Its place in the tree; for a name in USING a node that is in no tree."""
    scope: Scope
    """Where it is looked up."""
    status: Status
    """Whether it is found, and as what."""
    source: Source | None = None
    """The source where it is bound; the first that has it where it is ambiguous; the one meant by the
    qualifier where that has no such column."""
    origin: Origin = None
    """The schema column it is a plain copy of, through aliases and derived tables."""
    choices: tuple[Source, ...] = ()
    """All sources that have it, where it is ambiguous."""
    result: Result | None = None
    """The result column that it is another name of, where it is one."""
    whole: bool = False
    """Whether it stands for its source's whole row."""
    path: tuple[str, ...] = ()
    """Fields of a structure that are read, where the name before them is the column."""

    name: str = ""
    """The column's name where it is not the last one written: the one before the fields in `path`."""

    @property
    def column(self) -> str:
        """The name as written, without qualifier and quotes."""
        return self.name or self.node.name

    @property
    def table(self) -> Table | None:
        """The schema table that its source is."""
        return self.source.table if self.source is not None and self.status != "ambiguous" else None

    @property
    def key(self) -> tuple[str, str] | None:
        """(table, column) in the schema's spelling; None where its source is no schema table."""
        table = self.table
        column = table.column(self.column) if table is not None and not self.path else None
        return (table.name, column.name) if table is not None and column is not None else None


Key: TypeAlias = "Callable[[exp.Expr], str]"
"""A name's node to the name as it is compared with others."""


def spelling(node: exp.Expr, facts: Dialect) -> str:
    """A name as the database takes it: in lower case where the dialect folds names without quotes."""
    name = node.name
    return name.lower() if facts.name_case == "folded" and not node.args.get("quoted") else name


def column_key(node: exp.Expr, facts: Dialect) -> str:
    """A column's name as it is compared with others."""
    return spelling(node, facts) if facts.name_case == "folded" else node.name.lower()


def table_key(node: exp.Expr, facts: Dialect) -> str:
    """A table's or an alias's name as it is compared with others."""
    return spelling(node, facts) if facts.name_case != "ignored" else node.name.lower()


def expanded(star: exp.Expr, sources: list[Source], facts: Dialect) -> Iterator[tuple[Source, str, Origin]]:
    """The columns that `*` or `t.*` stands for, without those that EXCLUDE names; what USING or NATURAL
    merged comes once."""
    table = star.args.get("table")
    named = table_key(table, facts) if table is not None else None
    changes = star.this if table is not None else star
    left_out = {column_key(getattr(part, "this", part), facts) for part in changes.args.get("except_") or ()}
    for at, source in enumerate(sources):
        if named is not None and source.key != named:
            continue
        for name, origin in source.outputs():
            key = source.column_key(name)
            merged = named is None and key in source.merged
            if key not in left_out and (
                not merged or all(other.find(key) is MISSING for other in sources[:at])
            ):
                yield source, name, origin


def own_ctes(
    node: exp.Expr, ctes: dict[str, Cte], spell: Key, key: Key, in_order: bool
) -> tuple[list[Cte], dict[str, Cte]]:
    """The CTEs of a node's WITH clause; they see those around it and those before them, or each other in any
    order: where `in_order` is false, and behind RECURSIVE. `spell` gives a name as the database takes it,
    `key` as it is compared."""
    own: list[Cte] = []
    scope = dict(ctes)
    earlier = in_order and not node.args["with_"].args.get("recursive")
    for cte in node.args["with_"].expressions:
        alias = cte.args["alias"]
        columns = [spell(column) for column in alias.args.get("columns") or ()]
        own.append(Cte(spell(alias.this), cte.this, columns, dict(scope) if earlier else {}))
        scope[key(alias.this)] = own[-1]
    for cte in own if not earlier else ():
        cte.scope = scope
    return own, scope


def read_ctes(query: exp.Expr, own: list[Cte], scope: dict[str, Cte], key: Key) -> list[Cte]:
    """Those of a WITH clause's common table expressions that its query reads, or one that it reads does; in
    the order in which they stand."""
    places = {id(cte): at for at, cte in enumerate(own)}
    by_name = {name: places[id(cte)] for name, cte in scope.items() if id(cte) in places}
    reads = [{by_name[name] for name in _tables_named(cte.node, (), key) if name in by_name} for cte in own]
    bodies = {id(cte.node) for cte in own}
    found = {by_name[name] for name in _tables_named(query, bodies, key) if name in by_name}
    waiting = list(found)
    while waiting:
        new = reads[waiting.pop()] - found
        found |= new
        waiting += new
    return [own[at] for at in sorted(found)]


def _tables_named(root: exp.Expr, without: Container[int], key: Key) -> set[str]:
    """The names of tables that a query reads anywhere; nodes of these ids are left out."""
    from sqlglot import exp

    names: set[str] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            names.add(key(node.this))
        elif isinstance(node, exp.In) and isinstance(field := node.args.get("field"), exp.Column):
            names.add(key(field.this))
        stack += [child for child in node.iter_expressions() if id(child) not in without]
    return names


def renamed(outputs: list[Output], names: list[str]) -> list[Output]:
    """The outputs under the names of a column list, as far as it goes."""
    return (
        [(names[at] if at < len(names) else name, origin) for at, (name, origin) in enumerate(outputs)]
        if names
        else outputs
    )


def rowid_column(table: Table) -> Origin:
    """The column that rowid is another name of: an INTEGER PRIMARY KEY (sqlite.org/rowidtable.html)."""
    if len(table.primary_key) == 1:
        column = table.column(table.primary_key[0])
        if column is not None and column.type.upper() == "INTEGER":
            return ColumnName(table.name, column.name)
    return None
