"""Names as the database takes them: texts in double quotes, spelling of tables, columns and aliases."""

from __future__ import annotations

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.foreign.kinds import Owners, query_of, sources_of, table_of
from share_sql.edits.foreign.nodes import Reading, text
from share_sql.schema.model import Table
from share_sql.sql.keywords import quoted_name

NAMES = "names"
"""The word for names that are spelled as the database has them."""
_QUOTED_TEXTS = frozenset({"sqlite"})
"""Readers that give a text in double quotes as a name; the others tell it from one."""


def quoted_texts(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """`WHERE name = "Rome"`: a name in double quotes that is none is a text."""
    if reading.reader not in _QUOTED_TEXTS:
        return tree, ""
    aliases = {node.alias.lower() for node in tree.find_all(exp.Alias, exp.TableAlias)}
    aliases |= {
        name.name.lower() for node in tree.find_all(exp.TableAlias) for name in node.args.get("columns") or ()
    }
    found = ""
    owners = Owners(reading.schema)
    for column in list(tree.find_all(exp.Column)):
        name = column.this
        is_quoted = isinstance(name, exp.Identifier) and name.args.get("quoted")
        if not is_quoted or column.table or column.name.lower() in aliases:
            continue
        if owners.of(column) is None and not _is_close(column, reading):
            column.replace(text(column.name))
            found = "texts in double quotes"
    return tree, found


def _is_close(column: exp.Column, reading: Reading) -> bool:
    """Whether the schema has the column, if not in a table that is read here."""
    select = column.find_ancestor(exp.Select)
    reads_unknown = select is not None and any(
        isinstance(source, exp.Table)
        and table_of(source, reading.schema) is None
        and query_of(source) is None
        for source in sources_of(select)
    )
    return reads_unknown and bool(reading.schema.tables_with(column.name))


def spelled(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Names by the schema's spelling, in quotes where they need them; aliases as they were declared."""
    dialect = dialect_of(reading.schema.dialect)
    folded = dialect.name_case == "folded"
    found = ""
    owners = Owners(reading.schema)
    declared: dict[str, exp.Identifier] = {}
    for alias in [*tree.find_all(exp.TableAlias), *tree.find_all(exp.Alias)]:
        name = alias.this if isinstance(alias, exp.TableAlias) else alias.args.get("alias")
        if isinstance(name, exp.Identifier):
            declared.setdefault(name.name.lower(), name)
    for column in list(tree.find_all(exp.Column)):
        if not isinstance(column.this, exp.Identifier):
            continue
        owner = owners.of(column)
        if owner is not None and isinstance(owner[1], Table):
            item = owner[1].column(column.name)
            if item is not None:
                found = _respell(column.this, item.name, folded, dialect.name) or found
        elif owner is not None or not column.table:
            given = declared.get(column.name.lower())
            if given is not None:
                found = _as_declared(column.this, given, folded) or found
            else:
                spellings = {
                    item.name
                    for table in reading.schema.tables_with(column.name)
                    if (item := table.column(column.name)) is not None
                }
                if len(spellings) == 1:
                    found = _respell(column.this, spellings.pop(), folded, dialect.name) or found
        qualifier = column.args.get("table")
        if isinstance(qualifier, exp.Identifier):
            given = declared.get(qualifier.name.lower())
            if given is not None:
                found = _as_declared(qualifier, given, folded) or found
            else:
                table = reading.schema.table(qualifier.name)
                if table is not None:
                    found = _respell(qualifier, table.own, folded, dialect.name) or found
    for source in tree.find_all(exp.Table):
        table = table_of(source, reading.schema)
        if table is not None and isinstance(source.this, exp.Identifier):
            if table.namespace is not None and table.name != table.own and not source.args.get("db"):
                source.set("db", exp.to_identifier(table.namespace))
            found = _respell(source.this, table.own, folded, dialect.name) or found
        elif isinstance(source.this, exp.Identifier):
            given = declared.get(source.name.lower())
            if given is not None:
                found = _as_declared(source.this, given, folded) or found
    return tree, found


def _respell(name: exp.Identifier, wanted: str, folded: bool, dialect: str) -> str:
    """Give a name the schema's spelling. Tells what was rewritten where it mattered."""
    needs = quoted_name(wanted, dialect) != wanted
    was = name.name
    quoted = bool(name.args.get("quoted"))
    if not folded:
        if was == wanted:
            return ""
        name.set("this", wanted)
        return ""
    if needs:
        name.set("this", wanted)
        name.set("quoted", True)
        return NAMES if was != wanted or not quoted else ""
    if was != wanted and quoted:
        name.set("this", wanted)
        return NAMES
    return ""


def _as_declared(name: exp.Identifier, declared: exp.Identifier, folded: bool) -> str:
    if name is declared:
        return ""
    if folded:
        quoted = bool(declared.args.get("quoted"))
        same = name.name == declared.name if quoted else True
        if same and bool(name.args.get("quoted")) == quoted:
            return ""
        name.set("this", declared.name)
        name.set("quoted", quoted)
        return NAMES
    name.set("this", declared.name)
    return ""
