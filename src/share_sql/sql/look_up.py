"""What one name of a query stands for: the source or result column that has it. Part of `resolver`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.schema.model import ColumnName, Schema, Table
from share_sql.sql.scopes import (
    MISSING,
    Bound,
    Origin,
    Result,
    Scope,
    Source,
    column_key,
    rowid_column,
    spelling,
    table_key,
)


class LookUp:
    """Looks names up in scopes; made anew for each query."""

    def __init__(self, schema: Schema, text: str | None) -> None:
        self._schema = schema
        self._facts = dialect_of(schema.dialect)
        self._folds = self._facts.name_case == "folded"
        self._exact = self._facts.name_case != "ignored"
        self._text = text
        self._columns: set[ColumnName] = set()
        """The schema columns that the query reads."""

    def _spell(self, node: exp.Expr) -> str:
        return spelling(node, self._facts)

    def _key(self, node: exp.Expr) -> str:
        return column_key(node, self._facts)

    def _table_key(self, node: exp.Expr) -> str:
        return table_key(node, self._facts)

    def _new_source(self, label: str, node: exp.Expr, table: Table | None = None, **more: Any) -> Source:
        rows = self._facts.row_ids if table is not None and not table.is_view else frozenset()
        return Source(label, node, table, exact=self._exact, folded=self._folds, row_ids=rows, **more)

    def _table(self, name: str, namespace: str) -> Table | None:
        """The schema's table of this name in this namespace; without one, as the search path finds it."""
        for wanted in (f"{namespace}.{name}", name) if namespace else (name,):
            table = self._schema.table(wanted)
            if table is None or (self._exact and wanted not in (table.name, table.own)):
                continue
            if not namespace:
                # `"sales.orders"` in quotes is no table of the namespace sales.
                return table if table.namespace is None or table.name == table.own else None
            if table.namespace is not None:
                same = table.namespace == namespace
                if same or (not self._exact and table.namespace.lower() == namespace.lower()):
                    return table
                continue
            before = self._facts.before_tables
            lower = namespace.lower()
            if before is None or lower in before or (self._exact and lower == self._schema.name.lower()):
                return table
        return None

    def _qualifier(self, node: exp.Column) -> str:
        """What stands before a column, as sources are compared with it."""
        return self._table_key(node.args["table"])

    def _in_namespace(self, node: exp.Column, source: Source) -> bool:
        """Whether `namespace.table.column` may mean a source."""
        place = node.args.get("db")
        if place is None or source.table is None or source.table.namespace is None:
            return True
        return str(place.name).lower() == source.table.namespace.lower()

    def _field(self, bound: Bound) -> Scope | None:
        """Try `column.field.field` and `table.column.field`: fields of a structure."""
        parts = [part for part in bound.node.parts if isinstance(part, exp.Identifier)]
        for at in (1, 0):
            if at + 1 >= len(parts):
                continue
            trial = Bound(bound.node, bound.scope, "unknown")
            qualifier = self._table_key(parts[at - 1]) if at else ""
            owner = self._look_up(trial, self._key(parts[at]), qualifier, placed=False)
            if trial.whole:
                continue
            if trial.status not in ("unknown", "unknown-source", "ambiguous") and not (
                trial.status == "text" or (trial.source is not None and trial.source.open and at == 0)
            ):
                bound.status, bound.source, bound.origin = trial.status, trial.source, trial.origin
                bound.result = trial.result
                bound.path = tuple(part.name for part in parts[at + 1 :])
                bound.name = parts[at].name
                return owner
        return None

    def _look_up(self, bound: Bound, name: str, qualifier: str, placed: bool = True) -> Scope | None:
        """Find what a name stands for; give the scope that has it. `placed`: what stands before the qualifier
        is a namespace."""
        # The sources that may have the name: one whose columns are not known, one the qualifier means.
        guess: tuple[Source, Scope] | None = None
        meant: tuple[Source, Scope] | None = None
        within: Scope | None = bound.scope
        while within is not None:
            sources: list[Source] = []
            hits: list[tuple[Source, Origin]] = []
            for sources in self._parts(within):
                if qualifier:
                    sources = [
                        source
                        for source in sources
                        if source.key == qualifier and (not placed or self._in_namespace(bound.node, source))
                    ]
                    if sources and meant is None:
                        meant = sources[0], within
                for source in sources:
                    found = source.find(name)
                    if found is not MISSING and not (hits and name in source.merged):
                        hits.append((source, found))
                if self._facts.using_first and len(hits) > 1:
                    hits = [hit for hit in hits if name in hit[0].leads] or hits
                if hits:
                    break
            if not hits and name in self._facts.row_ids:
                rows = [(s, self._row_id(s.table)) for s in sources if s.table and not s.table.is_view]
                hits = rows if len(rows) == 1 else []
            if hits:
                bound.source, bound.origin = hits[0]
                bound.status = "bound"
                if len(hits) == 1 and self._facts.outputs_unique and name in hits[0][0].doubled:
                    hits *= 2
                if len(hits) > 1:
                    bound.status, bound.origin = "ambiguous", None
                    bound.choices = tuple(source for source, _ in hits)
                return within
            if guess is None:
                guess = next(((source, within) for source in sources if source.open), None)
            if not qualifier and name in within.shown:
                name_result(bound, within.shown[name])
                return within
            if not qualifier and self._facts.row_names:
                rows_of = [source for source in sources if source.name and source.key == name]
                if len(rows_of) == 1:
                    bound.status, bound.source, bound.whole = "bound", rows_of[0], True
                    self._star(rows_of[0])
                    return within
            within = within.parent
        # SQLite calls a virtual table's hidden column, as in `docs MATCH 'x'`, by the table's name.
        if guess is None and isinstance(bound.node.parent, exp.Match | exp.Anonymous) and not qualifier:
            guess = next(((s, bound.scope) for s in bound.scope.sources if s.key == name), None)
        if not qualifier and self._is_text(bound.node) and not (guess and self._schema.tables_with(name)):
            bound.status = "text"
            return None
        if guess is not None:
            bound.status = "bound"
        elif qualifier and meant is None:
            bound.status = "unknown-source"
        bound.source, owner = guess or meant or (None, None)
        # A bare name that an unknown table around may have is no reference to it.
        return owner if qualifier else None

    def _parts(self, scope: Scope) -> Iterator[list[Source]]:
        """The sources that a name in a scope may mean; those that are looked at first come first."""
        yield scope.visible
        if self._facts.comma_first and scope.window is not None and scope.window.start:
            yield scope.sources[: scope.window.stop]

    def _row_id(self, table: Table) -> Origin:
        return rowid_column(table) if self._facts.row_id_is_key else None

    def _star(self, source: Source) -> None:
        if source.table is not None:
            self._columns.add(ColumnName(source.table.name, "*"))

    def _is_text(self, node: exp.Column) -> bool:
        """Whether the database reads this name, which is no column, as text: it is in double quotes."""
        name = node.this
        if not self._facts.quoted_text or not name.args.get("quoted"):
            return False
        start = name.meta.get("start")
        return self._text is None or start is None or self._text[start : start + 1] not in {"`", "["}


def name_result(bound: Bound, result: Result) -> None:
    """Bind a name to a result column; to a source's where a star brought that in."""
    bound.status = "alias" if result.source is None else "bound"
    bound.source, bound.origin, bound.result = result.source, result.origin, result
