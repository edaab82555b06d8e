"""`share fix`: one question, one database, one draft."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import (
    FILE,
    as_json,
    assistant_options,
    cache_option,
    fill_catalog,
    interruptible,
    models_for,
    plain,
    print_json,
    prompts_of,
    read_stdin,
)

if TYPE_CHECKING:
    from share_sql.case import Correction

EXAMPLES = """\b
Example:
  share fix --db shop.sqlite --question "How many open stores?"
    --sql "SELECT COUNT(*) FROM store WHERE closed IS NULL"
"""


@click.command("fix", epilog=EXAMPLES)
@click.option("--db", required=True, metavar="PATH|URL", help="The database, opened read-only.")
@click.option("--question", required=True, help="What the SQL should answer.")
@click.option("--evidence", default="", help="What else must be known: units, codes, definitions.")
@click.option("--sql", "draft", required=True, help="The draft; - reads it from standard input.")
@click.option("--tables", type=FILE, help="tables.json that completes the database's schema.")
@click.option("--meanings", type=FILE, help="column_meaning.json with the columns' meanings.")
@assistant_options
@cache_option
@as_json
def command(
    db: str,
    question: str,
    evidence: str,
    draft: str,
    tables: Path | None,
    meanings: Path | None,
    models: str,
    policy: str,
    prompts: str | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Correct one draft, or hand it back.

    The SQL goes to standard output, the verdict and its reason to standard error. Exit code 1 where the
    database cannot be used; the draft is handed back all the same.
    """
    from share_sql.assistant import Assistant
    from share_sql.case import Case
    from share_sql.catalog import Catalog
    from share_sql.runfolder.record import case_error, correction_row, inspection_row

    if draft == "-":
        draft = read_stdin()
    catalog = Catalog(cache=cache)
    fill_catalog(catalog, [db], tables=tables, meanings=meanings)
    asked = models_for(models)
    with (
        Assistant(
            catalog=catalog,
            models=asked,
            policy=policy,
            prompts=prompts_of(prompts, asked),
            inspect=True,
        ) as assistant,
        interruptible(),
    ):
        correction = assistant.correct(Case("1", question, db, draft, evidence))
    if as_json:
        row = correction_row(correction) | inspection_row(correction)
        steps = [{"stage": step.stage, "text": step.text, "error": step.error} for step in correction.steps]
        print_json({key: value for key, value in row.items() if key != "id"} | {"steps": steps})
    else:
        _print(correction)
    if error := case_error(correction):
        if not as_json:
            click.echo(f"share: {error}", err=True)
        raise SystemExit(1)


def _print(correction: Correction) -> None:
    click.echo(plain(correction.sql))
    click.echo(f"{correction.verdict}: {plain(correction.reason)}", err=True)
    click.echo(f"confidence {correction.confidence:.2f}", err=True)
    for line in correction.changes:
        click.echo(f"  {plain(line)}", err=True)
    for warning in correction.inspection.warnings if correction.inspection is not None else ():
        click.echo(f"warning: {warning.kind}: {plain(warning.message)}", err=True)
