"""`share calibrate`: fit the judge's weights on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from share_sql.cli.common import (
    BENCHMARK,
    DATABASES,
    DATABASES_HELP,
    FILE,
    as_json,
    cache_option,
    fill_catalog,
    models_for,
    refuse,
)
from share_sql.cli.terminal import interruptible, print_json, say

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase
    from share_sql.benchmarks.places import Places

AT_ONCE = 32
"""Cases under way at once: models in this process answer more when they are asked more at a time."""

EXAMPLES = """\b
Example:
  share calibrate --gold train.jsonl --drafts drafts.jsonl --databases database
    --rule spider --out weights.json
"""


def _labelled(path: Path | None, *labels: str) -> list[LabelledCase]:
    from share_sql.benchmarks.cases import read_cases_jsonl

    need = ("question", "database", *(labels or ("draft", "gold")))
    return read_cases_jsonl(path, need=need) if path else []


@click.command("calibrate", epilog=EXAMPLES)
@click.option("--gold", type=FILE, required=True, help="Cases whose gold runs; drafts are made from gold.")
@click.option("--text", type=FILE, help="Real drafts with gold, without databases; needs --tables.")
@click.option("--tables", type=FILE, help="tables.json with the schemas of --text and --scored.")
@click.option("--drafts", type=FILE, help="Real drafts with gold and databases, several a question.")
@click.option(
    "--rewrites", type=FILE, help="The same, for the comparison of candidates alone.  [default: --drafts]"
)
@click.option("--confidence", type=FILE, help="The same, for the confidence alone.  [default: --drafts]")
@click.option(
    "--scored",
    type=FILE,
    help="Real drafts with gold and databases that no model of --models has seen, one or more a question.",
)
@click.option("--models", default="none", metavar="embedded|FILE.toml", help="Who answers for --scored.")
@click.option(
    "--edits",
    multiple=True,
    metavar="KIND",
    help="A kind of single edit to ask the scorer about; may be given several times.",
)
@click.option("--meanings", type=FILE, help="column_meaning.json, for --scored.")
@click.option("--databases", type=DATABASES, help=DATABASES_HELP)
@click.option(
    "--rule",
    type=BENCHMARK,
    default="spider",
    show_default=True,
    help="Whose execution match says what is right.",
)
@click.option("--out", type=FILE, required=True, help="The weights file to write.")
@cache_option
@as_json
def command(
    gold: Path,
    text: Path | None,
    tables: Path | None,
    drafts: Path | None,
    rewrites: Path | None,
    confidence: Path | None,
    scored: Path | None,
    models: str,
    edits: tuple[str, ...],
    meanings: Path | None,
    databases: Places | None,
    rule: str,
    out: Path,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Fit the judge's weights and write them.

    Never fit on what you report on: give drafts of databases that the report leaves out. Fitting needs
    scikit-learn (the extra `calibrate`).
    """
    import json

    from share_sql.assistant import Assistant
    from share_sql.calibration.calibrate import calibrate
    from share_sql.calibration.label import Labeller
    from share_sql.calibration.scored import unscored, with_scored
    from share_sql.catalog import Catalog
    from share_sql.edits.guesses import EDIT_KINDS
    from share_sql.errors import UsageError
    from share_sql.judgement.weights import load_weights
    from share_sql.schema.tables_json import read_tables_json

    unknown = sorted(set(edits) - set(EDIT_KINDS))
    if unknown:
        raise UsageError(f"{unknown[0]} is no kind of single edit; there are {', '.join(EDIT_KINDS)}")
    if edits and scored is None:
        raise UsageError("--edits says what to ask about the cases of --scored; give those too")
    if text is not None and tables is None:
        raise UsageError("--text needs the schemas of its databases; give them with --tables")
    if scored is None:
        refuse("is for the cases of --scored; give those too.", "models", "meanings")
        if text is None:
            refuse("has the schemas of --text and --scored; give one of them.", "tables")
    asked = models_for(models) if scored is not None else {}
    if scored is not None and "scorer" not in asked:
        raise UsageError("--scored needs a scorer; give --models embedded, or a file with [models.scorer]")
    schemas = read_tables_json(tables) if tables is not None else {}
    with_gold = _labelled(gold, "gold")
    on_text, paired, compared, handed, weighed = map(_labelled, (text, drafts, rewrites, confidence, scored))
    catalog = Catalog(cache=cache)
    given = [case.case.database for case in (*with_gold, *paired, *compared, *handed, *weighed)]
    fill_catalog(catalog, given, databases=databases, tables=tables, meanings=meanings, others_too=True)
    labeller = Labeller(catalog, rule)
    with interruptible():
        done = calibrate(labeller, with_gold, on_text, schemas, paired, load_weights(), compared, handed)
        if weighed:
            # The weights of a model that shipped ones do not hold for hold for that model alone.
            scorer = "" if asked["scorer"].calibrated else asked["scorer"].name
            assistant = Assistant(
                catalog=catalog,
                models=asked,
                weights=unscored(done.weights, frozenset(edits), scorer),
                concurrency=AT_ONCE,
                conventions="benchmark",
            )
            done = with_scored(done, weighed, assistant, labeller, frozenset(edits), scorer)
            assistant.close()
        catalog.close()
    out.write_text(json.dumps(done.weights.to_json(), indent=1) + "\n", encoding="utf-8")
    if as_json:
        print_json(done.figures)
        return
    say(f"wrote {out}; enabled repairs: {', '.join(sorted(done.weights.enabled))}")
    for name, figures in done.figures.items():
        say(f"{name}:")
        for key, value in figures.items():
            say(f"  {key}: {value}")
