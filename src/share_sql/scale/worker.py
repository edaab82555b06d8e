"""One worker: an assistant of its own, which does block after block and writes their parts.

A block that was begun before is gone on with: what its part holds is not done again. Once a minute a part
is written as far as it is, so that a worker that dies costs no more than a minute's work. Nothing but counts
goes back to where the run was started.
"""

from __future__ import annotations

import json
import logging
import pickle
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from share_sql.benchmarks.cases import as_double
from share_sql.errors import RunStopped, ShareError, UsageError
from share_sql.models.base import other_names
from share_sql.runfolder.execute import Outage
from share_sql.runfolder.journal import FAILED, FINGERPRINT
from share_sql.runfolder.record import failed_row, state_row
from share_sql.scale.blocks import Seen
from share_sql.scale.parts import NOTHING, Mark, Parts
from share_sql.scale.places import place_at

if TYPE_CHECKING:
    from share_sql.case import Case
    from share_sql.scale.recipe import Recipe, Task
    from share_sql.stages.state import State

log = logging.getLogger("share_sql")

PART_SECONDS = 60.0
"""After so many seconds a part is written as far as it is."""
TRIES = 2
"""Workers that begin a block as usual; where they ended, the next does its cases one after another."""


@dataclass(frozen=True)
class Done:
    """What a worker says of a block."""

    number: int
    rows: int = 0
    """Cases that have a row now."""
    refused: str = ""
    """Why the run cannot go on, in one line; empty where it can."""
    is_usage: bool = False
    """Whether the caller can mend that."""
    stopped: bool = False
    """Whether it ends because a model did not answer in case after case."""
    left: str = ""
    """Why the block could not be done to its end, while others can."""
    answered_as: Mapping[str, tuple[str, ...]] | None = None
    """By role, other names under which a server answered."""


class Worker:
    """Ray makes one for each place that it has; `__call__` gets blocks.

    Args:
        recipe: how to work.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._parts = Parts(place_at(recipe.out), recipe.form)
        self._outage = Outage(recipe.concurrency)
        self._refused: Done | None = None
        try:
            self._models = recipe.load()
            self._assistant = recipe.assistant(self._models)
        except ShareError as error:
            # Raised here, it would be told as a worker that died, with a page of traceback.
            self._refused = Done(-1, refused=str(error), is_usage=isinstance(error, UsageError))

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[bytes]]:
        """Do the blocks of a batch: pickled tasks in, pickled `Done` out."""
        # Both ends are ours; Ray itself pickles what is no plain value.
        return {"done": [pickle.dumps(self.work(pickle.loads(task))) for task in batch["task"]]}  # noqa: S301

    def work(self, task: Task) -> Done:
        """Do one block.

        Returns:
            What is to be said of it. Errors are said too: Ray would begin the block again.
        """
        number = task.block.number
        if self._refused is not None:
            return replace(self._refused, number=number)
        try:
            done = self._block(task)
        except RunStopped as error:
            return Done(number, refused=str(error), stopped=True)
        except ShareError as error:
            self._refused = Done(number, refused=str(error), is_usage=isinstance(error, UsageError))
            return self._refused
        except Exception as error:
            # A fault of ours must not end the run; it is logged whole and named.
            log.error("block %d: unexpected error", number, exc_info=error)
            said = " ".join(str(error).split())[:300]
            return Done(number, left=f"internal error ({type(error).__name__}: {said}); please report it")
        names = {role: other_names(model) for role, model in self._models.items()}
        return replace(done, answered_as={role: each for role, each in names.items() if each})

    def _block(self, task: Task) -> Done:
        number = task.block.number
        before = self._parts.mark(number) or Mark("", "", task.cases, 0, ended=time.time(), **NOTHING)
        rows = self._rows_before(task, before)
        again = before.run == task.run
        mark = replace(before, run=task.run, tries=before.tries + 1 if again else 1, ended=time.time())
        seen = Seen.of(task.block, task.line)
        if seen.sum != task.sum:
            raise UsageError(f"{task.block.name} changed while it was read; run again")
        todo = []
        for at, labelled in enumerate(seen.cases):
            if at in rows:
                continue
            if at in task.doubles:
                labelled = as_double(labelled, task.doubles[at])
            if labelled.problem:
                rows[at] = failed_row(labelled.case, labelled.problem, duplicate=labelled.duplicate)
            elif again and before.alone == at:
                rows[at] = _lost_row(labelled.case)
            else:
                todo.append((at, labelled.case))
        mark = replace(mark, alone=None)
        self._parts.begin(number, mark)
        states = self._alone(number, mark, todo) if mark.tries > TRIES else self._together(todo)
        written, has_new = time.monotonic(), len(rows) != before.rows
        failure = None
        with closing(states):
            for at, state in states:
                # What stands in the part is what a reader of it gets: lists, where the row has tuples.
                rows[at] = json.loads(json.dumps(state_row(state, self._recipe.settings.prompts)))
                has_new = True
                if failure := self._outage.seen(state):
                    break
                if time.monotonic() - written > PART_SECONDS:
                    mark = self._parts.write(number, rows, replace(mark, ended=time.time()))
                    written, has_new = time.monotonic(), False
        if has_new:
            mark = self._parts.write(number, rows, replace(mark, ended=time.time()))
        if failure and len(rows) < task.cases:
            raise RunStopped(
                f"{failure.role} did not answer in {self._outage.length} cases in a row "
                f"({failure.message}); mend that and go on with --resume"
            )
        return Done(number, len(rows))

    def _together(self, todo: Sequence[tuple[int, Case]]) -> Generator[tuple[int, State], None, None]:
        """Correct cases, many under way at once."""
        places = {id(case): at for at, case in todo}
        with closing(self._assistant.correct_states(case for _, case in todo)) as states:
            for state in states:
                yield places[id(state.case)], state

    def _alone(
        self, number: int, mark: Mark, todo: Sequence[tuple[int, Case]]
    ) -> Generator[tuple[int, State], None, None]:
        """Correct cases one after another, and note which: one of them may be what ends workers."""
        for at, case in todo:
            self._parts.begin(number, replace(self._parts.mark(number) or mark, alone=at))
            yield from self._together([(at, case)])

    def _rows_before(self, task: Task, mark: Mark) -> dict[int, dict[str, Any]]:
        """The rows of the block that need not be done again: in this start of the run, those that failed are
        not tried twice."""
        rows = self._parts.rows(mark) or {}
        stale, same_run = set(task.stale), mark.run == task.run
        return {
            at: row
            for at, row in rows.items()
            if (same_run or not row.get(FAILED)) and (row["database"], row.get(FINGERPRINT, "")) not in stale
        }


def _lost_row(case: Case) -> dict[str, Any]:
    """The row of a case that was alone under way when its worker ended. `--resume` tries it again."""
    why = "the worker's process ended each time while this case was under way (out of memory?)"
    return {**failed_row(case, why), "cause": "internal", FAILED: True}
