"""A run on Ray: which blocks are to be done, workers that do them, and the files at the end."""

from __future__ import annotations

import json
import logging
import pickle
import platform
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import DatabaseError, RunFolderError, RunStopped, UsageError
from share_sql.models.base import Usage
from share_sql.runfolder.counts import Failed, RunCounts
from share_sql.runfolder.final import FINAL_FILES, RUN, write_final_files
from share_sql.runfolder.folder import JOURNAL, RAY_PLAN, compare_settings, locked
from share_sql.scale.cluster import quiet_data
from share_sql.scale.parts import Mark, Parts
from share_sql.scale.places import is_remote, place_at
from share_sql.scale.recipe import Task
from share_sql.scale.worker import Done, Worker

if TYPE_CHECKING:
    from share_sql.scale.blocks import Block
    from share_sql.scale.recipe import Recipe
    from share_sql.scale.survey import Survey

MOST_IN_FILES = 10_000_000
"""Cases of a run whose parts are put together into the files that a run on one machine writes."""
BLOCKS_A_WORKER = 2
"""Blocks that a worker has under way: where the last cases of one are slow, the next has begun."""

log = logging.getLogger("share_sql")


def run_on_ray(
    ray: Any,
    recipe: Recipe,
    found: Survey,
    *,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RunCounts:
    """Correct every case and write the run folder.

    Args:
        ray: as `cluster.cluster` gives it.
        recipe: how each worker works, and where the run folder is.
        found: the cases.
        resume: go on with the run that the folder holds, if any.
        progress: called with the number of finished cases and of all, at the start and after each block.

    Returns:
        How the cases ended.

    Raises:
        RunFolderError: the folder cannot be used: another run uses it; it holds a run (without `resume`), or
            one of other settings or cases (with it); it cannot be written.
        RunStopped: a model failed alike in case after case, or workers ended; what is done is written.
        UsageError: a worker cannot work as the run's settings say.
    """
    started, began = datetime.now(UTC), time.monotonic()
    parts = Parts(place_at(recipe.out), recipe.form)
    with _opened(parts, recipe, found, resume=resume):
        marks = parts.marks()
        stale = _stale(marks, recipe) if resume else {}
        run = secrets.token_hex(4)
        tasks = [
            _task(found, block, stale.get(block.number, ()), run)
            for block in found.blocks
            if (mark := marks.get(block.number)) is None or not mark.whole or block.number in stale
        ]
        rows = {number: mark.rows for number, mark in marks.items()}
        resumed = sum(rows.values()) - sum(mark.again for mark in marks.values())
        answered: dict[str, set[str]] = {}
        left: list[str] = []

        def show_progress() -> None:
            if progress:
                progress(sum(rows.values()), found.cases)

        show_progress()
        for done in _work(ray, recipe, tasks):
            if done.refused and not done.stopped:
                raise (UsageError if done.is_usage else RunStopped)(done.refused)
            if done.stopped:
                tried = parts.marks()
                raise RunStopped(
                    f"stopped: {done.refused}",
                    sum(mark.rows for mark in tried.values()),
                    [dict(zip(("id", "error", "cause"), each, strict=True)) for mark in tried.values()
                     for each in mark.failed],
                )  # fmt: skip
            if done.left:
                left.append(done.left)
            rows[done.number] = done.rows
            for role, names in (done.answered_as or {}).items():
                answered.setdefault(role, set()).update(names)
            show_progress()
        marks = parts.marks()
        missing = found.cases - sum(mark.rows for mark in marks.values())
        if missing:
            why = left[0] if left else "their workers ended"
            raise RunStopped(f"{missing} of {found.cases} cases are not done: {why}; go on with --resume")
        ended = datetime.now(UTC)
        about = {
            "engine": "ray",
            "settings": recipe.settings.comparable(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "started": started.isoformat(timespec="seconds"),
            "ended": ended.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - began, 3),
            "resumed": resumed,
            "answered_as": {role: sorted(names) for role, names in sorted(answered.items())},
        }
        return _finish(parts, marks, recipe, found, about)


# -- the folder ------------------------------------------------------------------------------------------


@contextmanager
def _opened(parts: Parts, recipe: Recipe, found: Survey, *, resume: bool) -> Iterator[None]:
    """The run's folder, with its plan; locked where it is on this machine."""
    with ExitStack() as stack:
        place = parts.folder
        place.make_folder()
        if not is_remote(recipe.out):
            stack.enter_context(locked(Path(place.path)))
        there = set(place.names())
        if JOURNAL in there:
            raise RunFolderError(
                f"{recipe.out} holds a run of --engine local; go on without --engine ray, or name "
                "another folder"
            )
        held = sorted(there & {RAY_PLAN, *FINAL_FILES})
        if held and not resume:
            raise RunFolderError(
                f"{recipe.out} holds a run already ({held[0]}); go on by --resume, or name another folder"
            )
        plan = {"settings": recipe.settings.comparable(), "cases": found.cases, "blocks": found.said()}
        _compare(recipe.out, (place / RAY_PLAN).read(), plan)
        parts.make_folders()
        (place / RAY_PLAN).write(json.dumps(plan).encode("ascii"))
        yield


def _compare(out: str, before: bytes | None, now: Mapping[str, Any]) -> None:
    """Refuse to go on with a run of other settings or cases."""
    if before is None:
        return
    try:
        old = json.loads(before)
        settings, blocks = old["settings"], old["blocks"]
    except (ValueError, KeyError, TypeError):
        raise RunFolderError(f"{out}: {RAY_PLAN} is damaged; delete the folder, or name another") from None
    compare_settings(Path(out), settings, json.loads(json.dumps(now["settings"])))
    ours = json.loads(json.dumps(now["blocks"]))
    if blocks != ours:
        first = next((a or b for a, b in zip_longest(ours, blocks) if a != b), ["?"])
        raise RunFolderError(
            f"{out} holds a run over other cases: they differ in {first[0]}; name another folder"
        )


def _stale(marks: Mapping[int, Mark], recipe: Recipe) -> dict[int, Sequence[tuple[str, str]]]:
    """By block, databases with fingerprints that they have no more."""
    known = {
        (name, print_)
        for mark in marks.values()
        for name in mark.databases
        for print_ in mark.databases[name]
    }
    gone: set[tuple[str, str]] = set()
    catalog = recipe.catalog()
    for name in sorted({name for name, _ in known}):
        try:
            now = catalog.fingerprint(name)
        except DatabaseError as error:
            log.warning(
                "the database %s cannot be looked at now (%s); its cases stay as they are", name, error
            )
            continue
        gone |= {(name, print_) for known_name, print_ in known if known_name == name and print_ != now}
    stale: dict[int, Sequence[tuple[str, str]]] = {}
    count = 0
    for number, mark in marks.items():
        here = [pair for pair in gone if pair[1] in mark.databases.get(pair[0], {})]
        if here:
            stale[number] = here
            count += sum(mark.databases[name][print_] for name, print_ in here)
    if count:
        names = ", ".join(sorted({name[:80] for name, _ in gone})[:5])
        log.warning("%d cases are done again: their databases have changed since (%s)", count, names)
    return stale


# -- the work --------------------------------------------------------------------------------------------


def _task(found: Survey, block: Block, stale: Sequence[tuple[str, str]], run: str) -> Task:
    look = found.looks[block.number]
    doubles = found.doubles.get(block.number, {})
    return Task(block, found.lines[block.number], look.cases, look.sum, doubles, stale, run)


def _work(ray: Any, recipe: Recipe, tasks: Sequence[Task]) -> Iterator[Done]:
    """Have workers do the blocks; what they say of each, as it ends. Ray replaces a worker that dies, and
    gives its blocks to the next."""
    if not tasks:
        return
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    with quiet_data(ray):
        pool = ray.data.ActorPoolStrategy(
            min_size=min(cores, len(tasks)),
            max_size=len(tasks),  # as far as the cluster grows
            max_tasks_in_flight_per_actor=BLOCKS_A_WORKER,
            max_concurrent_calls_per_actor=BLOCKS_A_WORKER,
            enable_true_multi_threading=True,
        )
        items = [{"task": pickle.dumps(task)} for task in tasks]
        data = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            Worker, batch_size=1, compute=pool, num_cpus=1, fn_constructor_args=(recipe,)
        )
        try:
            for row in data.iter_rows():
                yield pickle.loads(row["done"])  # noqa: S301  # it comes from our own worker
        except ray.exceptions.RayError as error:
            said = " ".join(str(error).split())[:300]
            raise RunStopped(f"Ray ended the run ({said}); go on with --resume") from error


# -- the end ---------------------------------------------------------------------------------------------


def _finish(
    parts: Parts, marks: Mapping[int, Mark], recipe: Recipe, found: Survey, about: Mapping[str, Any]
) -> RunCounts:
    """The final files, from the parts; or the counts alone, where they are too many or lie elsewhere."""
    parts.remove_others(marks)
    databases, changed = _databases(marks)
    about = {**about, "databases": databases}
    if not is_remote(recipe.out) and found.cases <= MOST_IN_FILES:
        return write_final_files(Path(parts.folder.path), parts.all_rows(marks), about, changed)
    counts = _counts(marks, changed)
    told = {**about, "cases": counts.cases, "verdicts": counts.verdicts, **counts.told()}
    used = {stage: vars(spent) for stage, spent in counts.usage.items()}
    (parts.folder / RUN).write(json.dumps({**told, "usage": used}, indent=4).encode("ascii") + b"\n")
    return counts


def _databases(marks: Mapping[int, Mark]) -> tuple[dict[str, str], dict[str, int]]:
    """By database its fingerprint when its last case began, and how many finished on another."""
    last: dict[str, str] = {}
    for mark in sorted(marks.values(), key=lambda mark: mark.ended):
        for name, prints in mark.databases.items():
            last[name] = list(prints)[-1]
    changed: dict[str, int] = {}
    for mark in marks.values():
        for name, prints in mark.databases.items():
            before = sum(count for print_, count in prints.items() if print_ != last[name])
            if before:
                changed[name] = changed.get(name, 0) + before
    return dict(sorted(last.items())), changed


def _counts(marks: Mapping[int, Mark], changed: Mapping[str, int]) -> RunCounts:
    verdicts: dict[str, int] = {}
    unusable: dict[str, int] = {}
    answered: dict[str, int] = {}
    usage: dict[str, Usage] = {}
    failed: list[Failed] = []
    for _, mark in sorted(marks.items()):
        for total, of_mark in (
            (verdicts, mark.verdicts),
            (unusable, mark.unusable),
            (answered, mark.answered),
        ):
            for what, count in of_mark.items():
                total[what] = total.get(what, 0) + count
        for stage, tokens in mark.usage.items():
            usage[stage] = usage.get(stage, Usage()) + Usage(**tokens)
        failed += [Failed(*each) for each in mark.failed]
    return RunCounts(
        sum(verdicts.values()),
        dict(sorted(verdicts.items())),
        tuple(failed),
        dict(sorted(usage.items())),
        dict(sorted(unusable.items())),
        dict(sorted(answered.items())),
        sum(mark.not_running for mark in marks.values()),
        changed,
    )
