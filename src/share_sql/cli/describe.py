"""`share describe`: column meanings from a database alone."""

from __future__ import annotations

from pathlib import Path

import click

from share_sql.cli.common import FILE, as_json, refuse
from share_sql.cli.configured import check_name, config_option, database_named, db_option
from share_sql.cli.terminal import interruptible, print_json, say

EXAMPLES = """\b
Examples:
  share describe --db shop.sqlite
  share describe --db postgresql://reader@localhost/shop
  share describe --db shop.sqlite --name shop --out column_meaning.json
"""


@click.command("describe", epilog=EXAMPLES)
@db_option
@click.option("--name", help="Name of the database in the result.  [default: the file's]")
@click.option("--out", type=FILE, help="Write a column_meaning.json, as --meanings of other verbs reads it.")
@config_option
@as_json
def command(db: str, name: str | None, out: Path | None, as_json: bool) -> None:
    """Describe every column from the data: type, range, empty share, distinct values, examples, keys."""
    if out is None and not as_json:
        refuse("names the database in --out and --json; give one of them.", "name")
    from share_sql.database.open import open_database
    from share_sql.errors import SchemaError
    from share_sql.schema.describe import describe
    from share_sql.schema.introspect import introspect
    from share_sql.schema.meanings import write_column_meanings

    check_name(db)
    named = database_named(db)
    where = named.where if named is not None else db
    with interruptible(), open_database(where, name=db if named is not None else None) as database:
        schema = introspect(database, named.namespaces if named is not None else None)
        described = describe(database, schema)
    name = name or schema.name
    if out is not None:
        try:
            write_column_meanings(out, {name: described})
        except OSError as error:
            raise SchemaError(f"{out} cannot be written: {error.strerror}") from error
    if as_json:
        print_json({f"{name}|{column.table}|{column.column}": text for column, text in described.items()})
    elif out is not None:
        say(f"{len(described)} columns of {name} described in {out}")
    else:
        for column, text in described.items():
            say(f"{column}: {text}")
