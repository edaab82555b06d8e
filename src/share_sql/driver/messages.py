"""What the assistant's process and its worker processes say to each other, and how it goes over a socket.

Each message is one object, pickled, behind its length. Both ends are SHARE's own: nothing that a model, a
database or a user wrote is ever unpickled, it only stands in the objects as text.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from share_sql.case import Case
    from share_sql.catalog import Registration
    from share_sql.driver.budget import Budget
    from share_sql.errors import ModelError
    from share_sql.models.base import Model, ModelReply, ModelRequest
    from share_sql.models.prices import Pricing
    from share_sql.stages.state import Plan, Stage, State

_LENGTH = 4
"""Bytes of the length before each message."""


@dataclass(frozen=True)
class ModelFacts:
    """What stages and the driver look at of a model, without asking it."""

    name: str
    takes_grammar: bool
    prompts: str | None
    samples: int
    calibrated: bool
    server: str
    """Where it is asked; empty for one that is in the assistant's process."""
    price: Pricing | None
    """What its tokens cost, where that is known."""

    @staticmethod
    def of(model: Model) -> ModelFacts:
        """Those of a model."""
        return ModelFacts(
            model.name, model.takes_grammar, model.prompts, model.samples, model.calibrated,
            getattr(model, "server", ""), getattr(model, "price", None),
        )  # fmt: skip


@dataclass(frozen=True)
class Setup:
    """The first message to a worker: what its driver is made of."""

    plan: Plan
    models: Mapping[str, ModelFacts]
    """By role."""
    concurrency: int
    case_seconds: float
    work_seconds: float
    patience: float
    budget: Budget
    """What one case may take."""
    cache: Path | None
    """The catalog's folder for value indexes."""
    max_open: int
    """Databases that the catalog keeps open."""
    log_level: int
    """From which level on its log is sent back."""
    parent: int
    """The process that it ends with."""


@dataclass(frozen=True)
class How:
    """What is done with cases."""

    stages: Sequence[Stage]
    make: Callable[[State], Any]
    """Makes of a final state what is sent back."""

    def packed(self) -> bytes:
        """As `Work` has it. Raises whatever pickling raises."""
        return pickle.dumps(self, pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def unpacked(data: bytes) -> How | None:
        """From `Work`; None where it cannot be found here."""
        try:
            how = pickle.loads(data)  # noqa: S301  # our own process wrote it
        except Exception:
            return None
        return how if isinstance(how, How) else None


@dataclass(frozen=True)
class Work:
    """To a worker: a way to work on cases, which they name by its number."""

    number: int
    how: bytes
    """`How`, pickled by itself: it may be of a module that is not to be found there."""


@dataclass(frozen=True)
class Known:
    """To a worker: where a database is, which the next cases name."""

    name: str
    registration: Registration


@dataclass(frozen=True)
class Forgotten:
    """To a worker: a database that no case will name any more."""

    name: str


@dataclass(frozen=True)
class Begin:
    """To a worker: work on a case."""

    number: int
    case: Case
    work: int


@dataclass(frozen=True)
class GiveUp:
    """To a worker: nobody waits for a case any more."""

    number: int


@dataclass(frozen=True)
class Reply:
    """To a worker: what a model said."""

    number: int
    found: ModelReply | ModelError


@dataclass(frozen=True)
class Ready:
    """From a worker: it has begun."""


@dataclass(frozen=True)
class Ended:
    """From a worker: a case's end."""

    number: int
    made: Any
    """What `Work.make` made of it."""


@dataclass(frozen=True)
class Broken:
    """From a worker: what a case is to end as could not be made."""

    number: int
    why: str


@dataclass(frozen=True)
class Unable:
    """From a worker: how to work on a case is not to be found there."""

    number: int


@dataclass(frozen=True)
class Asked:
    """From a worker: a case asks a model."""

    number: int
    """Of the question."""
    request: ModelRequest


@dataclass(frozen=True)
class TakenBack:
    """From a worker: nobody waits for a model's reply any more."""

    number: int


@dataclass(frozen=True)
class Logged:
    """From a worker: a line of its log."""

    logger: str
    level: int
    text: str


def packed(message: object) -> bytes:
    """A message as it is sent. Raises whatever pickling raises where part of it cannot be sent."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(_LENGTH, "little") + body


class Unpacker:
    """Takes bytes as they come and gives messages."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """Take some more bytes; the messages that are whole now."""
        self._held += data
        at, held = 0, len(self._held)
        try:
            while held - at >= _LENGTH:
                end = at + _LENGTH + int.from_bytes(self._held[at : at + _LENGTH], "little")
                if end > held:
                    return
                body = bytes(self._held[at + _LENGTH : end])
                at = end
                yield pickle.loads(body)  # noqa: S301  # our own process wrote it
        finally:
            del self._held[:at]
