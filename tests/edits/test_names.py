"""Names that do not bind."""

from __future__ import annotations

from dataclasses import replace

from share_sql.database.base import QueryResult
from share_sql.edits.names import names
from share_sql.query.examined import Context, unrun
from share_sql.schema.model import Column, Schema, Table

SCHEMA = Schema("shop", (Table("stores", (Column("city", "text"), Column("region", "text"))),))


def test_only_queries_that_do_not_run_have_wrong_names() -> None:
    # Where the database takes a name that the schema lacks, it is a hidden column.
    query = unrun("SELECT citty FROM stores", Context(SCHEMA, "Which?"))
    assert {edit.kind for edit in names(query)} == {"unknown-column"}
    assert list(names(replace(query, outcome=QueryResult(("citty",), (("x",),))))) == []
