"""A case's database, as its stages see it: answers are kept, faults that pass are waited out.

A database may be moved, locked or replaced while a run goes on. What passes within some seconds is waited
for; what does not is told, and `--resume` does the case again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from share_sql.database.address import shown
from share_sql.driver.telemetry import NO_SPANS, Spans
from share_sql.errors import DatabaseError, DatabaseMissing, DatabaseUnreadable, QueryError, WorkExceeded
from share_sql.requests import Lookup, Query

if TYPE_CHECKING:
    from share_sql.catalog import Catalog, OpenDatabase
    from share_sql.database.base import Limits, QueryResult
    from share_sql.schema.model import Schema, ValueMatch

_LOOK_SECONDS = 0.2
"""Seconds between looks at whether a case that waits for its turn was given up, and tries to stop it."""
_STOP_SECONDS = 5.0
"""How long a query is tried to be stopped."""
_WAITS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
"""Seconds between tries of a database that is away or locked; a locked one takes a second more each."""

_T = TypeVar("_T")


class Source:
    """One case's database.

    Answers are kept for the length of the case: stages ask alike, a query that ran into its deadline
    once is not run again, and a large query names the same values again and again.

    Args:
        catalog: opens it.
        name: its name, path or URL.
        deadline: when the case's time is used up, of time.monotonic().
        patient: whether the database is waited for that was there before and is away now.
        spans: its queries are told there.
    """

    def __init__(
        self, catalog: Catalog, name: str, deadline: float, patient: bool = True, spans: Spans = NO_SPANS
    ) -> None:
        self._catalog = catalog
        self._name = name
        self._deadline = deadline
        self._patient = patient
        self._spans = spans
        self._opened: OpenDatabase | None = None
        self._given_up = threading.Event()
        self._lock = threading.Lock()
        self._asking: int | None = None
        """The thread in which a query runs."""
        self._answering = threading.Event()
        """Set when it has ended."""
        self._answered: dict[Query, QueryResult | QueryError] = {}
        self._found: dict[Lookup, tuple[ValueMatch, ...]] = {}
        self.began = ""
        """The state that the database was in when it was opened for the case (`OpenDatabase.state`)."""
        self.content = ""
        """The database's own fingerprint then."""
        self.failure: DatabaseError | None = None
        """What is wrong with the database, once waiting has not helped; it is not tried again."""

    def open(self) -> Schema:
        """Open it, afresh where it has changed since it was opened. Raises DatabaseError, SchemaError."""
        # What was never there is mostly a wrong name, which no waiting mends.
        seen = self._catalog.seen(self._name)
        self._opened = self._patiently(lambda: self._catalog.acquire(self._name), seen)
        now = self.fingerprint()
        if now != self._opened.fingerprint and self._catalog.outdated(self._name):
            self._catalog.release(self._opened, broken=True)
            self._opened = None
            self._opened = self._patiently(lambda: self._catalog.acquire(self._name))
            now = self.fingerprint()
        live = self._opened.database.live
        self._opened.moved = live and now != self._opened.fingerprint
        self.began, self.content = (self._opened.state if live else now), now
        return self._opened.schema

    @property
    def changed(self) -> bool:
        """Whether it is another than when it was opened for the case; never said of one that is live, where
        each case would be done twice for nothing. Raises DatabaseError."""
        return self.failure is None and not self._use.database.live and self.fingerprint() != self.began

    @property
    def restless(self) -> bool:
        """Whether it last changed under a case however often that was done: some files are written to all the
        time, and to do each case twice there would cost twice the models' work for nothing."""
        return self._name in self._catalog.restless

    @restless.setter
    def restless(self, changed: bool) -> None:
        (self._catalog.restless.add if changed else self._catalog.restless.discard)(self._name)

    def close(self) -> None:
        """Give it back; what failed is opened afresh by whoever asks next."""
        opened, self._opened = self._opened, None
        self._answered.clear()
        self._found.clear()
        if opened is not None:
            self._catalog.release(opened, broken=self.failure is not None)

    def give_up(self) -> None:
        """Wait for nothing any more, and begin no query. Called by another thread; `stop` follows."""
        with self._lock:
            self._given_up.set()

    def stop(self) -> None:
        """Once it is given up, end the query under way, if any. Called by another thread; it may take some
        seconds."""
        late = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < late:
            with self._lock:  # the thread cannot go on to another case's query meanwhile
                if self._asking is None or self._opened is None:
                    return
                self._opened.database.stop(self._asking)
            self._answering.wait(_LOOK_SECONDS)  # where it had not begun yet, once more

    def fingerprint(self) -> str:
        """The database's fingerprint. Raises DatabaseError."""
        return self._asked(lambda: self._use.database.fingerprint())

    def query(self, request: Query) -> QueryResult | QueryError:
        """Run SQL; what the database says against it is an answer too.

        Raises:
            DatabaseError: it cannot be asked.
            WorkExceeded: the time of the case is used up; that is no answer of the database.
        """
        if request in self._answered:
            return self._answered[request]
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise WorkExceeded("the time that a case may take is used up (--case-seconds)")
        limits = request.limits
        if left < limits.seconds:
            limits = replace(limits, seconds=left)
        if self._use.limits is not None:
            limits = limits.within(self._use.limits)
        answer: QueryResult | QueryError
        try:
            answer = self._asked(lambda: self._run(request.sql, limits))
        except QueryError as error:
            answer = error
        self._answered[request] = answer
        return answer

    def _run(self, sql: str, limits: Limits) -> QueryResult:
        """Run SQL, until `stop`. Other questions are short, or what comes of them serves other cases too."""
        database = self._use.database
        with self._lock:
            if self._given_up.is_set():
                raise WorkExceeded("the case was given up")
            self._asking = threading.get_ident()
            self._answering.clear()
        try:
            with self._spans.query(database, sql) as told:
                result = database.query(sql, limits)
                told(result)
                return result
        finally:
            with self._lock:
                self._asking = None
                self._answering.set()

    def look_up(self, request: Lookup) -> tuple[ValueMatch, ...]:
        """The stored values nearest to a text. Raises DatabaseError."""
        if request not in self._found:
            self._found[request] = self._asked(
                lambda: self._use.look_up(request.text, request.columns, request.limit), of_values=True
            )
        return self._found[request]

    @property
    def _use(self) -> OpenDatabase:
        assert self._opened is not None, "it is opened first"
        return self._opened

    def _asked(self, work: Callable[[], _T], of_values: bool = False) -> _T:
        """What the database says, once its turn has come, and again where it is away or locked."""
        return self._patiently(lambda: self._in_turn(work, of_values))

    def _in_turn(self, work: Callable[[], _T], of_values: bool) -> _T:
        """Do it when the database's turn has come: it answers some cases at a time."""
        use = self._use
        with ExitStack() as held:
            for turn in (use.indexing, use.turn) if of_values and not use.indexed else (use.turn,):
                self._take(turn)
                held.callback(turn.release)
            return work()

    def _take(self, turn: threading.Semaphore) -> None:
        while not turn.acquire(timeout=_LOOK_SECONDS):
            if self._given_up.is_set() or time.monotonic() > self._deadline:
                raise DatabaseUnreadable(
                    f"{shown(self._name)}: other cases used it until the time of this was over"
                )

    def _patiently(self, work: Callable[[], _T], wait: bool = True) -> _T:
        """Do it again, for some seconds, where the database is away or locked."""
        if self.failure is not None:
            raise self.failure
        waits = iter(_WAITS if wait and self._patient else ())
        while True:
            try:
                return work()
            except (DatabaseMissing, DatabaseUnreadable) as error:
                pause = next(waits, None)
                left = self._deadline - time.monotonic()
                if pause is None or left <= pause or self._given_up.wait(pause):
                    self.failure = error
                    raise
