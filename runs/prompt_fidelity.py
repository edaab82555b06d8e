"""Do rendered prompts equal the ones that the published models were given? Byte for byte, case by case.

    python runs/prompt_fidelity.py [DATA]   DATA: the data folder; default $SHARE_DATA or ../shared/data
        [--show N]                               print the first N unequal prompts of each step, as a diff
        [--json FILE]                            write the figures there

For each step of each recorded run (`recorded/<run>/…jsonl`):
1. The template is recovered from a few recorded prompts held apart (five, evenly spread): every variable
   is rendered by `share_sql.prompts.render` and found in the prompt; what is left is the template, and
   all of the held-apart prompts must give the same one.
2. The prompts of all other cases are rendered with it and compared with the recorded ones. The reference
   puts columns in the order of a Python set, which differs from run to run. So the order of a list is
   taken from the recorded prompt where, as sets, the columns are equal; everything else must be equal
   byte for byte, the order of the descriptions included.

Each step's input is the recorded answer of the step before, as in the run itself. Cases of databases whose
tables.json is not in the data are left out and counted.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from share_sql.models.base import Message
from share_sql.prompts.library import PLACEHOLDER, Template
from share_sql.prompts.render import (
    bam_variables,
    fenced_trajectory,
    generator_variables,
    lom_variables,
    mask_variables,
    reference_linked_columns,
    sam_variables,
)
from share_sql.schema.meanings import read_column_meanings, with_meanings
from share_sql.schema.model import ColumnName, Schema
from share_sql.schema.tables_json import read_tables_json

HELD_APART = 5

RUNS: Mapping[str, tuple[str, str]] = {
    # run: questions, drafts
    "bird-gpt-4o": ("bird/dev/dev.json", "bird/dev/drafts/gpt-4o.json"),
    "arcwise-gpt-5.2": (
        "recorded/arcwise-gpt-5.2/dev.json",
        "recorded/arcwise-gpt-5.2/baseline_sql.json",
    ),
}

STEPS: Mapping[str, str] = {
    "bam": "original_traj.jsonl",
    "mask": "masked_traj.jsonl",
    "sam": "intermediate_traj.jsonl",
    "lom": "final_traj.jsonl",
    "generator": "prompts_for_generator.jsonl",
}


@dataclass(frozen=True)
class Recorded:
    """A recorded run, by case id."""

    questions: dict[str, dict[str, str]]
    drafts: dict[str, str]
    prompts: dict[str, dict[str, str]]
    answers: dict[str, dict[str, str]]
    schemas: dict[str, Schema]

    def text(self, step: str, case: str) -> str:
        """The trajectory in a step's recorded answer, as the reference takes it."""
        return fenced_trajectory(self.answers[step][case])


def load(data: Path, run: str, schemas: dict[str, Schema]) -> Recorded:
    questions, drafts = RUNS[run]
    entries = json.loads((data / questions).read_text(encoding="utf-8"))
    by_id = {str(entry.get("idx", entry["question_id"])): entry for entry in entries}
    prompts: dict[str, dict[str, str]] = {}
    answers: dict[str, dict[str, str]] = {}
    for step, name in STEPS.items():
        path = data / "recorded" / run / name
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                rows = [json.loads(line) for line in lines]
            prompts[step] = {str(row["idx"]): row["prompt"] for row in rows}
            answers[step] = {str(row["idx"]): row.get("response") or "" for row in rows}
    return Recorded(by_id, json.loads((data / drafts).read_text(encoding="utf-8")), prompts, answers, schemas)


def columns_of(run: Recorded, step: str, case: str) -> Collection[ColumnName]:
    """The columns that the step is shown."""
    entry, draft = run.questions[case], run.drafts[case]
    schema = run.schemas[entry["db_id"]]
    if step == "bam":
        # Here the reference drops the tag with the database's name and joins the lines first.
        return reference_linked_columns(draft.split("\t")[0].replace("\n", " "), schema)
    linked = reference_linked_columns(draft, schema)
    if step == "sam":
        return linked
    return linked | reference_linked_columns(run.answers["sam"][case], schema)


OF_OURS = frozenset({"tables", "columns", "described_columns"})
"""Variables of the brief prompts, which no recorded prompt holds."""


def variables(run: Recorded, step: str, case: str, columns: Collection[ColumnName]) -> dict[str, str]:
    entry = run.questions[case]
    schema = run.schemas[entry["db_id"]]
    asked = {"question": entry["question"], "evidence": entry["evidence"]}
    if step == "bam":
        return bam_variables(run.drafts[case], columns, schema)
    if step == "mask":
        return mask_variables(run.text("bam", case))
    if step == "sam":
        given = sam_variables(columns, schema, **asked, masked_trajectory=run.text("mask", case))
        return {name: value for name, value in given.items() if name not in OF_OURS}
    if step == "lom":
        given = lom_variables(columns, schema, **asked, trajectory=run.text("sam", case))
        return {name: value for name, value in given.items() if name not in OF_OURS}
    return generator_variables(columns, schema, **asked, trajectory=run.text("lom", case))


def recorded_orders(prompt: str, schema: Schema) -> list[list[ColumnName]]:
    """Every list of columns that stands at the end of a line of the prompt, in its order."""
    known = {str(name): name for name in _names(schema)}
    found = []
    for match in re.finditer(r"^.*?(\[.*\])$", prompt, re.MULTILINE):
        try:
            value = ast.literal_eval(match[1])
        except (SyntaxError, ValueError):
            continue
        texts = [".".join(item) if isinstance(item, list) else str(item) for item in value]
        names = [known.get(text) or known.get(text.replace("`", "")) for text in texts]
        if all(names):
            found.append([name for name in names if name])
    return found


def _names(schema: Schema) -> list[ColumnName]:
    return [ColumnName(table.name, column.name) for table, column in schema.columns()]


def render(run: Recorded, step: str, case: str) -> tuple[dict[str, str], bool]:
    """The step's variables, columns in the recorded order; and whether the columns are equal as sets."""
    if step == "mask":
        return variables(run, step, case, ()), True
    columns = columns_of(run, step, case)
    schema = run.schemas[run.questions[case]["db_id"]]
    # The last one first: a table of sam's schema may hold just the highlighted columns, and stands above.
    for order in reversed(recorded_orders(run.prompts[step][case], schema)):
        if set(order) == set(columns) and len(order) == len(set(order)):
            return variables(run, step, case, order), True
    return variables(run, step, case, columns), False


def recover(run: Recorded, step: str, cases: Collection[str]) -> Template:
    """The template that all of these recorded prompts were made from."""
    found: Counter[str] = Counter()
    for case in cases:
        values, _ = render(run, step, case)
        prompt, tail = run.prompts[step][case], ""
        # From the end backwards: the variables stand in their order, after the template's long opening.
        for name in reversed(values):
            at = prompt.rfind(values[name])
            if at < 0:
                sys.exit(f"{step}: the value of {name} is not in the recorded prompt of case {case}")
            tail = f"{{{{{name}}}}}{prompt[at + len(values[name]) :]}{tail}"
            prompt = prompt[:at]
        found[prompt + tail] += 1
    if len(found) != 1:
        sys.exit(f"{step}: the prompts held apart give {len(found)} different templates")
    (text,) = found
    return Template(step, tuple(PLACEHOLDER.findall(text)), (Message("user", text),))


def usable(run: Recorded, step: str, case: str) -> bool:
    """Fit to be held apart: each value is there, in one place only."""
    values, same = render(run, step, case)
    prompt = run.prompts[step][case]
    return same and all(len(value) > 2 and prompt.count(value) == 1 for value in values.values())


def cause(run: Recorded, step: str, case: str, same_columns: bool, rendered: str) -> str:
    """Why a prompt differs, in words."""
    draft = run.drafts[case]
    if not same_columns:
        return "the recorded list of columns is another set"
    if step == "bam" and "\t" in draft.partition("\t----- bird -----\t")[0]:
        return "a tab inside the SQL, at which the reference cuts it"
    recorded = run.prompts[step][case]
    for a, b in zip(recorded.split("\n"), rendered.split("\n"), strict=False):
        if a != b:
            head = (a if len(a) > len(b) else b).partition("=")[0].partition(":")[0]
            return f"a line differs: {head.strip()[:50]!r}"
    return "a line is missing or too many"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = os.environ.get("SHARE_DATA") or Path(__file__).resolve().parent / "../../shared/data"
    parser.add_argument("data", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    data: Path = options.data

    schemas = read_tables_json(data / "bird/dev/dev_tables.json")
    meanings = read_column_meanings(data / "bird/dev/column_meaning.json", verbatim=True)
    schemas = {name: with_meanings(schema, meanings.get(name, {})) for name, schema in schemas.items()}

    figures = []
    print(f"{'run':18}{'step':11}{'cases':>7}{'left out':>10}{'equal':>7}{'share':>9}")
    for name in RUNS:
        run = load(data, name, schemas)
        for step, prompts in run.prompts.items():
            cases = [
                case
                for case in prompts
                if case in run.questions and run.questions[case]["db_id"] in schemas and case in run.drafts
            ]
            fit = [case for case in cases if usable(run, step, case)]
            apart = fit[:: max(1, len(fit) // HELD_APART)][:HELD_APART]
            template = recover(run, step, apart)
            equal, causes = 0, Counter[str]()
            rest = [case for case in cases if case not in apart]
            for case in rest:
                values, same_columns = render(run, step, case)
                (message,) = template.render(values)
                if message.content == prompts[case]:
                    equal += 1
                    continue
                why = cause(run, step, case, same_columns, message.content)
                causes[why] += 1
                if sum(causes.values()) <= options.show:
                    _show(case, prompts[case], message.content, print)
            share = equal / len(rest)
            left_out = len(prompts) - len(cases)
            print(f"{name:18}{step:11}{len(rest):7}{left_out:10}{equal:7}{share:9.2%}")
            for why, count in causes.most_common():
                print(f"{'':18}  {count} unequal: {why}")
            figures.append(
                {"run": name, "step": step, "cases": len(rest), "equal": equal, "causes": dict(causes)}
            )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _show(case: str, recorded: str, rendered: str, out: Callable[[str], None]) -> None:
    out(f"--- case {case}")
    for line in difflib.unified_diff(recorded.split("\n"), rendered.split("\n"), "recorded", "rendered", n=0):
        out(line[:400])


if __name__ == "__main__":
    main()
