"""`share fix`: one question, one database, one draft."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import (
    FILE,
    as_json,
    cache_option,
    kinds_of,
    models_for,
    models_option,
    policy_options,
    prompts_of,
    read_stdin,
    refuse,
    use_database,
    verbose_option,
)
from share_sql.cli.configured import config_option, db_option
from share_sql.cli.terminal import complain, interruptible, print_json, say

if TYPE_CHECKING:
    from share_sql.case import Correction

EXAMPLES = """\b
Examples:
  share fix --db shop.sqlite --question "How many open stores?"
    --sql "SELECT COUNT(*) FROM store WHERE closed IS NULL"
  share fix --db postgresql://reader@localhost/shop --question "How many open stores?" --sql - < draft.sql
"""


@click.command("fix", epilog=EXAMPLES)
@db_option
@click.option("--question", required=True, help="What the SQL should answer.")
@click.option("--evidence", default="", help="What else must be known: units, codes, definitions.")
@click.option("--sql", "draft", required=True, help="The draft; - reads it from standard input.")
@click.option("--tables", type=FILE, help="tables.json that completes the database's schema.")
@click.option("--meanings", type=FILE, help="column_meaning.json with the columns' meanings.")
@models_option("none")
@policy_options
@cache_option
@config_option
@verbose_option
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
    conventions: str | None,
    without: str | None,
    only: str | None,
    min_confidence: float,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Correct one draft, or hand it back.

    The SQL goes to standard output, the verdict and its reason to standard error. Exit code 1 where the
    database cannot be used, a model gave no answer or none of use, or the SQL handed back does not run or is
    no query; what is handed back is the best there is all the same. Without --models no model is asked, so
    that the answer is there at once.
    """
    from share_sql.assistant import Assistant
    from share_sql.case import Case, failures_in_words
    from share_sql.catalog import Catalog
    from share_sql.runfolder.record import case_error, correction_row, inspection_row

    if draft == "-":
        draft = read_stdin()
    catalog = Catalog(cache=cache)
    db = use_database(catalog, db, tables, meanings)
    asked = models_for(models)
    prompt_set = prompts_of(prompts, asked)
    if not asked:
        refuse("is for models; name some by --models.", "prompts")
    with (
        Assistant(
            catalog=catalog,
            models=asked,
            policy=policy,
            prompts=prompt_set,
            conventions=conventions or "none",
            without=kinds_of(without),
            only=kinds_of(only),
            min_confidence=min_confidence,
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
    if error := case_error(correction) or failures_in_words(correction.failures):
        complain(" ".join(error.split()))
    elif correction.runs is False:
        complain(f"what is handed back does not run, or is no query: {' '.join(correction.reason.split())}")
    else:
        return
    raise SystemExit(1)


def _print(correction: Correction) -> None:
    from share_sql.case import failures_in_words

    say(correction.sql)
    reason = correction.reason
    if failed := failures_in_words(correction.failures):
        reason = reason.removesuffix(failed).removesuffix("; ")  # told in a line of its own
    say(f"{correction.verdict}: {reason}", err=True)
    sure = "unknown" if correction.confidence is None else f"{correction.confidence:.2f}"
    say(f"confidence {sure}", err=True)
    for line in correction.changes:
        say(f"  {line}", err=True)
    for warning in correction.inspection.warnings if correction.inspection is not None else ():
        say(f"warning: {warning.kind}: {warning.message}", err=True)
