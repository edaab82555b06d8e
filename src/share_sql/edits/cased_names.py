"""Names in other capitals than the schema's, where a dialect counts them; only in drafts that do not run.

PostgreSQL takes a name without quotes in small letters, so that a column CustomerID is found in quotes alone,
and customerid is not found as "CustomerID". MySQL counts capitals in names of tables and their aliases.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit, with_columns
from share_sql.query.examined import Examined
from share_sql.query.named import called, identifier
from share_sql.schema.model import Table
from share_sql.sql.scopes import Bound, Source


def cased_names(draft: Examined) -> Iterator[Edit]:
    """Propose the schema's own spelling of every name that has its letters, all at once."""
    case = dialect_of(draft.schema.dialect).name_case
    if draft.runs or case == "ignored":
        return
    tree, columns = with_columns(draft.tree)
    dialect = draft.schema.dialect
    changed: dict[str, None] = {}
    tables = _tables(draft)
    items = zip(list(draft.tree.find_all(exp.Table)), list(tree.find_all(exp.Table)), strict=True)
    for written, item in items:
        table = tables.get(id(written))
        if table is None:
            continue
        name = identifier(table.own, dialect)
        if not _same(written.this, name, dialect, of_table=True):
            item.set("this", name)
            changed[table.own] = None
    for own, copy in columns:
        bound = draft.binding.names.get(id(own))
        if bound is None or isinstance(own.this, exp.Star):
            continue
        source = _source(bound)
        if own.table and source is not None:
            table = tables.get(id(source.node))
            bare = table is not None and not source.node.args.get("alias")
            name = identifier(table.own, dialect) if table is not None and bare else called(source, dialect)
            if not _same(own.args["table"], name, dialect, of_table=True):
                copy.set("table", name)
                changed[name.name] = None
        spelled = _spelled(bound, tables, source) if case == "folded" else None
        if spelled is not None and not _same(own.this, new := identifier(spelled, dialect), dialect):
            copy.set("this", new)
            changed[spelled] = None
    if changed:
        shown = ", ".join(changed)
        yield Edit("name-case", f"capitals count in names here: {shown}", tree)


def _tables(draft: Examined) -> dict[int, Table]:
    """By node: the table that is read or, but for its capitals, would be."""
    found = {}
    for scope in draft.binding.scopes:
        for source in scope.sources:
            is_table = isinstance(source.node, exp.Table) and source.cte is None
            table = source.table or (draft.schema.table(source.node.name) if is_table else None)
            if table is not None and is_table:
                found[id(source.node)] = table
    return found


def _source(bound: Bound) -> Source | None:
    """The source that a qualifier means, capitals aside."""
    wanted = bound.node.table.lower()
    in_reach = [source for source in bound.scope.reach() if source.name.lower() == wanted]
    return bound.source if bound.source in in_reach else in_reach[0] if in_reach else None


def _spelled(bound: Bound, tables: dict[int, Table], source: Source | None) -> str | None:
    """The schema's spelling of a column; None where no source has it, or several spell it differently."""
    if bound.status == "alias":
        return None
    sources = [source] if source is not None and bound.node.table else bound.scope.reach()
    found = {
        column.name
        for each in sources
        if (table := tables.get(id(each.node))) is not None
        and (column := table.column(bound.node.name)) is not None
    }
    return found.pop() if len(found) == 1 else None


def _same(written: exp.Expr, other: exp.Identifier, dialect: str, *, of_table: bool = False) -> bool:
    """Whether two identifiers are one name."""
    if dialect_of(dialect).name_case == "folded":
        return _folded(written) == _folded(other)
    return written.name == other.name if of_table else written.name.lower() == other.name.lower()


def _folded(name: exp.Expr) -> str:
    return name.name if name.args.get("quoted") else name.name.lower()
