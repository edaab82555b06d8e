"""A run's final files, made from its rows.

    original_traj.jsonl           bam's prompts and trajectories, as the reference writes them
    masked_traj.jsonl             mask's
    intermediate_traj.jsonl       sam's
    final_traj.jsonl              lom's
    augmented_schema.json         columns by case
    prompts_for_generator.jsonl   the generator's prompts
    final_sql.json                the SQL by case, with BIRD's tag
    corrections.jsonl             id, sql, verdict, reason, confidence, usage, findings, changes, runs,
                                  failures, errors, error
    usage.json                    tokens and USD by stage, of all calls that were made
    timings.jsonl                 id, seconds by stage, and their total
    run.json                      settings, versions, models, databases, counts and times

All but the last two hold nothing that differs from one run to the next; all are in the input's order. They
are written beside their final place and moved there, so that a file is either whole or not there.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from share_sql.errors import RunFolderError
from share_sql.models.base import Usage
from share_sql.models.run_files import (
    AUGMENTED,
    CORRECTIONS,
    FINAL_SQL,
    GENERATOR_PROMPTS,
    STEP_FILES,
    TIMINGS,
)
from share_sql.runfolder.counts import COST_DIGITS, OF_NO_USE, Failed, RunCounts
from share_sql.runfolder.ledger import Paid
from share_sql.sql.tag import with_tag

USAGE = "usage.json"
RUN = "run.json"
FINAL_FILES = (
    *STEP_FILES.values(),
    GENERATOR_PROMPTS,
    AUGMENTED,
    FINAL_SQL,
    CORRECTIONS,
    USAGE,
    TIMINGS,
    RUN,
)
VARYING_FILES = frozenset({TIMINGS, RUN})
"""Those of FINAL_FILES that hold times, so that no two runs write the same."""


def write_final_files(
    path: Path,
    rows: Iterable[Mapping[str, Any]],
    run: Mapping[str, Any],
    changed: Mapping[str, int],
    paid: Mapping[str, Paid] | None = None,
) -> RunCounts:
    """Make all final files.

    Args:
        path: the run folder.
        rows: each case's row (`record.state_row`, `record.failed_row`), in the order of the input; read one
        by one. run: what goes into run.json beside the counts.
        changed: see `RunCounts.changed`.
        paid: by role, what the ledger has of the run's calls.

    Returns:
        How the cases ended.

    Raises:
        RunFolderError: a file cannot be written; none has changed then.
    """
    verdicts: Counter[str] = Counter()
    failed: list[Failed] = []
    unusable: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    not_running = 0
    usage: dict[str, Usage] = {}
    with _replacing(path) as files:
        augmented, final_sql = _Keyed(files[AUGMENTED]), _Keyed(files[FINAL_SQL])
        for row in rows:
            correction = row["correction"]
            verdicts[correction["verdict"]] += 1
            for stage, tokens in correction["usage"].items():
                usage[stage] = usage.get(stage, Usage()) + Usage(**tokens)
            if correction["error"]:
                failed.append(Failed(correction["id"], correction["error"], row["cause"]))
            failures = {each["role"]: each["cause"] for each in correction["failures"]}
            unusable.update(role for role, cause in failures.items() if cause in OF_NO_USE)
            answered.update(role for role in correction["usage"] if role not in failures)
            not_running += correction["runs"] is False
            _line(files[CORRECTIONS], correction)
            spent = row["seconds"]
            total = round(sum(spent.values()), 6)
            _line(files[TIMINGS], {"id": correction["id"], "seconds": spent, "total": total})
            if row.get("duplicate"):
                continue  # the keyed files have room for one case an id: the first
            for stage, name in STEP_FILES.items():
                prompt, response = row["steps"].get(stage, ("", None))
                _line(files[name], {"idx": _idx(row["id"]), "prompt": prompt, "response": response})
            _line(files[GENERATOR_PROMPTS], {"idx": _idx(row["id"]), "prompt": row["generator_prompt"]})
            augmented.add(row["id"], row["augmented"])
            final_sql.add(row["id"], with_tag(correction["sql"], row["database"]))
        augmented.end()
        final_sql.end()
        usage, cost = _spent(usage, paid or {})
        counts = RunCounts(
            verdicts.total(),
            dict(sorted(verdicts.items())),
            tuple(failed),
            dict(sorted(usage.items())),
            dict(sorted(unusable.items())),
            dict(sorted(answered.items())),
            not_running,
            cost,
            changed,
        )
        used = {**asdict(sum(usage.values(), Usage())), "cost": counts.total_cost}
        about_run = {
            **run,
            "cases": counts.cases,
            "verdicts": counts.verdicts,
            **counts.told(),
            "usage": used,
        }
        for name, value in ((USAGE, {"stages": counts.spending, "total": used}), (RUN, about_run)):
            files[name].write(json.dumps(value, indent=4) + "\n")
    return counts


def _spent(
    usage: Mapping[str, Usage], paid: Mapping[str, Paid]
) -> tuple[dict[str, Usage], dict[str, float | None]]:
    """Tokens and USD by stage, in order: what the ledger says, which also has the calls of tries that were
    done again; what the cases say where that is more, as when the ledger was deleted, at a cost unknown."""
    spent: dict[str, Usage] = {}
    cost: dict[str, float | None] = {}
    for stage in sorted(usage.keys() | paid.keys()):
        told, written = usage.get(stage, Usage()), paid.get(stage, Paid())
        if told.requests > written.usage.requests:
            written = Paid(told, None)
        spent[stage] = written.usage
        cost[stage] = None if written.cost is None else round(written.cost, COST_DIGITS)
    return spent, cost


class _Keyed:
    """A JSON object, written entry by entry as json.dumps(…, indent=4) would write it whole."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._begun = False

    def add(self, key: str, value: str | Sequence[str]) -> None:
        """Write one entry."""
        # With an indent json writes in Python, ten times as slowly.
        text = json.dumps(value)
        if value and not isinstance(value, str):
            text = "[\n        " + ",\n        ".join(map(json.dumps, value)) + "\n    ]"
        self._file.write(f"{',' if self._begun else '{'}\n    {json.dumps(key)}: {text}")
        self._begun = True

    def end(self) -> None:
        """Close the object."""
        self._file.write("\n}\n" if self._begun else "{}\n")


@contextmanager
def _replacing(path: Path) -> Iterator[Mapping[str, IO[str]]]:
    """The final files to write; moved to their places together, once all are whole and on the disk."""
    drafts = {name: path / f".{name}.part" for name in FINAL_FILES}
    try:
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(draft.open("w", encoding="ascii", newline="\n"))
                for name, draft in drafts.items()
            }
            yield files
            for file in files.values():
                file.flush()
                os.fsync(file.fileno())
        for name, draft in drafts.items():
            draft.replace(path / name)
    except OSError as error:
        raise RunFolderError(
            f"{path} cannot be written ({error.strerror}); mend that and go on with --resume"
        ) from error
    finally:
        for draft in drafts.values():
            with suppress(OSError):  # what could not be written is told already
                draft.unlink()


def _line(file: IO[str], row: Mapping[str, Any]) -> None:
    file.write(json.dumps(row) + "\n")


def _idx(name: str) -> int | str:
    """The reference's idx is a number; ids that are none stay text."""
    return int(name) if name.isascii() and name.isdecimal() and str(int(name)) == name else name
