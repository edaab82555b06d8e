"""The ledger of a run's model calls, `calls.jsonl`: a line a call as it ends, from which a run that is
resumed answers what it has asked and paid for already.

    {"sum":…,"at":3,"id":…,"role":…,"model":…,"asked":…,"seconds":…,"usage":{…},"cost":…,
     "reply":{"answers":[…],"model":…}}

`at` and `id` are the case's, as in the journal; `asked` is the SHA-256 of all that determines the answer;
`cost` is in USD, null where the model's price is not known. A call that failed has `failed`, its cause, in
place of `reply`, and the usage of its tries. Lines are sealed (lines.py), with the journal's `run` as their
key. Calls that reached no model (answers from the answer cache, a recorded run) are not written down.

On resuming, a case that is not finished gets each answer again that it got before, once for each time that
it was asked for, whatever the answer is worth: so the run ends as it would have without the break. Failed
calls are made again. Only the places of such answers are kept in memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from share_sql.errors import ModelError, RunFolderError
from share_sql.models.base import Answer, ModelReply, ModelRequest, Usage
from share_sql.models.kept import kept_reply, request_key
from share_sql.models.prices import cost_of
from share_sql.runfolder.lines import ClosedByBlock, SealedLines, sealed, unsealed

if TYPE_CHECKING:
    from share_sql.models.base import Model

CALLS = "calls.jsonl"
log = logging.getLogger("share_sql")


@dataclass(frozen=True)
class Paid:
    """What a role's calls took."""

    usage: Usage = field(default_factory=Usage)
    """Tokens and calls."""
    cost: float | None = 0.0
    """USD; None where the price of one of the calls is not known."""

    def __add__(self, other: Paid) -> Paid:
        known = self.cost is not None and other.cost is not None
        return Paid(self.usage + other.usage, (self.cost or 0) + (other.cost or 0) if known else None)


class Ledger(ClosedByBlock):
    """Writes down what models are asked. Made before the assistant, whose models it stands before; opened
    with the run's folder.

    Args:
        models: by role.
    """

    def __init__(self, models: Mapping[str, Model]) -> None:
        self.models: Mapping[str, Model] = {
            role: RecordingModel(role, model, self) for role, model in models.items()
        }
        """The same models, for the assistant."""
        self._asked = dict(models)
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._lines: SealedLines | None = None
        self._key = b""
        self._paid: dict[str, Paid] = {}
        self._known: dict[int, dict[str, deque[int]]] = {}
        """By case that is not finished: by what was asked, the places of its answers."""
        self._under_way: dict[str, int] = {}
        self._failure: RunFolderError | None = None

    # -- the run, in its thread ----------------------------------------------------------------------

    def open(self, path: Path, run: str, unfinished: Callable[[int, str], bool]) -> None:
        """Read what is there, and write from now on.

        Args:
            path: the file; made with the first call.
            run: the run's name in its journal, hexadecimal.
            unfinished: whether the case at a position has this id and is to be done.

        Raises:
            RunFolderError: the file cannot be read or written.
        """
        with self._lock:
            self._path, self._key = path, run.encode()
            self._failure = None
            if not path.exists():
                return
            self._lines = SealedLines(path)
            damaged = 0
            try:
                with path.open("rb") as lines:
                    for place, line in self._lines.whole(lines):
                        row = unsealed(line, self._key)
                        if row is None:
                            damaged += 1
                            continue
                        self._count(row["role"], _paid_by(row, self._asked.get(row["role"])))
                        if row["at"] is not None and "reply" in row and unfinished(row["at"], row["id"]):
                            asked = self._known.setdefault(row["at"], {})
                            asked.setdefault(row["asked"], deque()).append(place)
            except OSError as error:
                self._lines.abandon()
                self._lines = None
                raise RunFolderError(f"{path} cannot be read: {error.strerror}") from error
            if damaged:
                some = (
                    "line is passed over; its call is"
                    if damaged == 1
                    else "lines are passed over; their calls are"
                )
                log.warning("%s: %d damaged %s made again, and not counted", path, damaged, some)

    def begin(self, position: int, name: str) -> None:
        """A case of this id is under way."""
        with self._lock:
            self._under_way[name] = position

    def end(self, position: int, name: str) -> None:
        """A case is written down in the journal. Raises RunFolderError where calls could not be."""
        with self._lock:
            self._under_way.pop(name, None)
            self._known.pop(position, None)
            self._check()
            lines = self._lines
        if lines is not None:
            lines.sync_in_time()  # without the lock, for which the driver would wait

    @property
    def paid(self) -> dict[str, Paid]:
        """By role, what all calls of the run took so far."""
        with self._lock:
            return dict(self._paid)

    def close(self) -> None:
        """Write nothing more. May be called twice. Raises RunFolderError where calls could not be written."""
        with self._lock:
            lines, self._lines, self._path = self._lines, None, None
            if lines is not None:
                lines.close()
            self._check()

    def _check(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    # -- the models, in the driver's -----------------------------------------------------------------

    def answered(self, request: ModelRequest, asked: str) -> ModelReply | None:
        """The answer that the case got before the run was resumed, once; None where there is none."""
        with self._lock:
            known = self._known.get(self._under_way.get(request.case_id, -1), {})
            places = known.get(asked)
            if not places or self._lines is None:
                return None
            place = places.popleft()
            path = self._lines.path
        try:
            with path.open("rb") as lines:
                lines.seek(place)
                row = unsealed(lines.readline(), self._key)
        except OSError:
            row = None
        if row is None:
            log.warning("%s: a line was damaged after it was read; its call is made again", path)
            return None
        answers = tuple(Answer(**each) for each in row["reply"]["answers"])
        return ModelReply(answers, Usage(**row["usage"]), row["reply"]["model"], repeated=True)

    def add(self, request: ModelRequest, asked: str, seconds: float, ended: ModelReply | ModelError) -> None:
        """Write down a call that ended. What cannot be written is raised in the run's thread: the answer is
        there, and its case goes on."""
        if isinstance(ended, ModelReply):
            usage = ended.usage
            outcome: dict[str, Any] = {"reply": kept_reply(ended)}
        else:
            usage, outcome = Usage(**ended.spent), {"failed": ended.cause}
        if not usage.requests:
            return
        model = self._asked[request.role]
        cost = cost_of(model, usage)
        with self._lock:
            if self._path is None or self._failure is not None:
                return
            row = {
                "at": self._under_way.get(request.case_id), "id": request.case_id, "role": request.role,
                "model": model.name, "asked": asked, "seconds": round(seconds, 3), "usage": asdict(usage),
                "cost": cost, **outcome,
            }  # fmt: skip
            try:
                if self._lines is None:
                    self._lines = SealedLines(self._path)
                self._lines.write(sealed(row, self._key))
            except RunFolderError as error:
                self._failure = error
            self._count(request.role, Paid(usage, cost))

    def _count(self, role: str, paid: Paid) -> None:
        self._paid[role] = self._paid.get(role, Paid()) + paid


class RecordingModel:
    """A model whose calls a ledger has. Its name is the model's own: the answers are.

    Args:
        role: what it is asked as.
        model: who answers.
        ledger: the run's.
    """

    def __init__(self, role: str, model: Model, ledger: Ledger) -> None:
        self.model = model
        self.name = model.name
        self.takes_grammar = model.takes_grammar
        self.prompts = model.prompts
        self.samples = model.samples
        self.calibrated = model.calibrated
        self.price = getattr(model, "price", None)
        self.server: str = getattr(model, "server", "")
        self._role = role
        self._ledger = ledger

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The answer that the run has already, or the model's. Raises as the model."""
        asked = request_key(self.name, request)
        found = self._ledger.answered(request, asked)
        if found is not None:
            return found
        started = time.monotonic()
        try:
            reply = await self.model.ask(request)
        except ModelError as error:
            self._ledger.add(request, asked, time.monotonic() - started, error)
            raise
        if _is_reply(reply):
            self._ledger.add(request, asked, time.monotonic() - started, reply)
        return reply

    async def close(self) -> None:
        """Close the model."""
        await self.model.close()

    def __repr__(self) -> str:
        return f"RecordingModel({self.model!r})"


def _is_reply(reply: object) -> bool:
    """Whether it is what a model should return: models are other people's code, and the driver says so."""
    return isinstance(reply, ModelReply) and all(
        isinstance(each, Answer) and isinstance(each.text, str) for each in reply.answers
    )


def _paid_by(row: Mapping[str, Any], model: Model | None) -> Paid:
    """What a call took, by its line. A price that was not known then may be known now."""
    usage = Usage(**row["usage"])
    cost = row["cost"]
    return Paid(usage, cost_of(model, usage) if cost is None and model is not None else cost)
