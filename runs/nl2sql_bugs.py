"""Precision and recall of `share check` on NL2SQL-BUGs (HKUSTDial, KDD 2025): SQL that experts call wrong.

    runs/nl2sql_bugs.py [DATA] [DATABASES] [--models SPEC | --answers FILE [--samples N]]

DATABASES: what `share run --databases` takes, a folder or a URL with `{name}`; left out, DATA's own. --models
says whose drafter answers too, as for `share check`; --answers takes its answers to BIRD dev's questions from
a file that runs/agreement.py takes as well.

A query is said wrong where its calibrated probability of being wrong is 0.5 or more. Nothing is fitted
to this set. The figures are of the part whose two databases are at hand: 317 cases, of which 24% are
wrong. The published ones are of the full set, of which half are; beside them stands what the same
recalls and false alarms would give at 24%.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from agreement import Given

from share_sql.assistant import Assistant
from share_sql.benchmarks.places import place_of, read_places
from share_sql.case import Case
from share_sql.check import check
from share_sql.models.base import Model
from share_sql.models.load import load_models

LIMITS = (0.5, 0.6, 0.7)
"""Probabilities of being wrong from which on a query is said to be; the first is the calibrated one."""
PUBLISHED = """\
published      full set              at 24% wrong
GPT-4o            72.6 / 85.3, 76.8     46 / 85, 72.5
Claude-3.5        71.8 / 86.2, 76.4     45 / 86, 71.4
Gemini-2.0-Flash  82.7 / 67.3, 76.8     60 / 67, 81.6"""


def main() -> None:
    """Check every case and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("databases", nargs="?")
    parser.add_argument("--models", default="none")
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--samples", type=int, default=1)
    args = parser.parse_args()
    if args.answers is not None and not args.answers.is_file():
        parser.error(f"there is no {args.answers}")
    data: Path = args.data
    own = data / "bird" / "dev" / "dev_databases"
    places = read_places(args.databases) if args.databases is not None else own
    models: dict[str, Model] = {}
    if args.answers is not None:
        models["drafter"] = Given(args.answers, "bird", args.samples)
    elif args.models != "none":
        found = load_models(args.models)
        if "drafter" not in found:
            parser.error(f"--models {args.models} has no drafter")
        models["drafter"] = found["drafter"]
    dev = json.loads((data / "bird" / "dev" / "dev.json").read_text(encoding="utf-8"))
    numbers = {(row["db_id"], row["question"]): str(row["question_id"]) for row in dev}
    cases = json.loads((data / "nl2sql-bugs" / "cases.json").read_text(encoding="utf-8"))
    scored: list[tuple[float, bool]] = []
    of_type: Counter[tuple[str, bool]] = Counter()
    with Assistant(models=models, inspect=True) as assistant:
        for case in cases:
            database = place_of(places, case["db_id"])
            number = numbers[case["db_id"], case["question"]]
            asked = Case(number, case["question"], str(database), case["sql"], case["evidence"])
            checked = check(assistant, asked)
            if checked.incomplete or checked.unusable:
                sys.exit(f"question {number}: {checked.incomplete or checked.unusable}; no figure is told")
            chance = checked.wrong
            said = chance >= LIMITS[0]
            scored.append((chance, not case["label"]))
            of_type.update((name, said) for name in {each["error_type"] for each in case["error_types"]})
    wrong = sum(is_wrong for _, is_wrong in scored)
    print(f"{len(cases)} cases, {wrong} wrong")
    for limit in LIMITS:
        said_wrong = [is_wrong for chance, is_wrong in scored if chance >= limit]
        hits, count = sum(said_wrong), len(said_wrong)
        print(
            f"wrong >= {limit}: {hits} rightly, {count - hits} falsely; "
            f"precision {100 * hits / max(count, 1):.1f} / recall {100 * hits / wrong:.1f}, "
            f"accuracy {100 * (len(cases) - wrong - count + 2 * hits) / len(cases):.1f}"
        )
    lowest = sorted((chance for chance, is_wrong in scored if is_wrong), reverse=True)[-(-wrong * 3 // 5) - 1]
    said_wrong = [is_wrong for chance, is_wrong in scored if chance >= lowest]
    precision, recall = (100 * sum(said_wrong) / count for count in (len(said_wrong), wrong))
    print(f"read off the curve (wrong >= {lowest:.3f}): precision {precision:.1f} / recall {recall:.1f}")
    for name in sorted({name for name, _ in of_type}):
        print(f"  {name}: {of_type[name, True]} of {of_type[name, True] + of_type[name, False]}")
    print(PUBLISHED)


if __name__ == "__main__":
    main()
