"""An answer cache: what a model answered once is not asked again.

One SQLite file, shared by any number of processes. An answer is found by the SHA-256 of all that determines
it: the model's name, the messages, tokens, temperature, number of samples, grammar, JSON schema,
log-probabilities.
Sampled answers are kept too, so that a run that starts again gets what it got before.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from share_sql.errors import SettingsError
from share_sql.models.base import Answer, Model, ModelReply, ModelRequest
from share_sql.models.kept import kept_reply, request_key
from share_sql.models.usable import is_usable
from share_sql.models.wire import whole

_LOG = logging.getLogger(__name__)
_BUSY_SECONDS = 2.0
"""For a file that another process has locked."""
_REST_SECONDS = 30.0
"""A cache that failed is let be: each request would wait for it."""
_OTHERS_FAULT = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
"""What passes, or has nothing to do with the name that was given."""

_T = TypeVar("_T")


class CachedModel:
    """A model behind a cache. Its name is the model's own: the answers are.

    A cache that fails (locked for long, a full disk, a file that was taken away) costs calls to the model and
    a warning, never a case; after half a minute it is tried again.
    """

    def __init__(self, model: Model, path: str | Path) -> None:
        """Open or create the cache file. Raises SettingsError where its folder cannot be written.

        A file that is not a usable cache is put aside as `<name>.corrupt`, with a warning.
        """
        self.model = model
        self.name = model.name
        # What is asked of a model must not depend on whether a cache stands before it.
        self.takes_grammar = model.takes_grammar
        self.prompts = model.prompts
        self.samples = model.samples
        self.calibrated = model.calibrated
        self.server: str = getattr(model, "server", "")
        self.price = getattr(model, "price", None)
        self.path = Path(path)
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._closed = False
        self._told_of_damage = False
        self._place: tuple[int, int] | None = None
        """Device and number of the open file."""
        self._rests_until = 0.0
        self._others: list[sqlite3.Connection | None] = []
        """Connections of the process that this one was forked from: neither used nor closed here."""
        self._database: sqlite3.Connection | None = None
        try:
            self._database = self._open()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _OTHERS_FAULT:
                raise self._unusable(error) from None
            self._rest("opened", error)
        except OSError as error:
            raise self._unusable(error) from None

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The cached answer, at no usage, or the model's, which is then kept where it is of use."""
        key = request_key(self.name, request)
        # In a thread: a file that is locked, or on a slow disk, must not hold up other cases.
        found = await asyncio.to_thread(self._get, key)
        if found is not None:
            return found
        reply = await self.model.ask(request)
        await asyncio.to_thread(self._put, key, request, reply)
        return reply

    async def close(self) -> None:
        """Close the file and the model; may be called twice."""
        self._check_owner()
        with self._lock:
            self._closed = True
            database, self._database = self._database, None
            if database is not None:
                database.close()
        await self.model.close()

    def __repr__(self) -> str:
        return f"CachedModel({self.model!r}, {str(self.path)!r})"

    def _get(self, key: str) -> ModelReply | None:
        def find(database: sqlite3.Connection) -> Any:
            return database.execute("SELECT reply FROM answers WHERE key = ?", (key,)).fetchone()

        row = self._use("read", find)
        if row is None:
            return None
        reply = _reply(row[0])
        if reply is None and not self._told_of_damage:
            self._told_of_damage = True
            _LOG.warning(
                "answer cache %s holds answers that cannot be read; they are asked for again", self.path
            )
        return reply

    def _put(self, key: str, request: ModelRequest, reply: ModelReply) -> None:
        if not is_usable(request.role, [answer.text for answer in reply.answers]):
            return  # asked again, it may come out better
        stored = json.dumps(kept_reply(reply))
        row = (key, whole(self.name), stored)
        self._use(
            "written",
            lambda database: (
                database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row) and None
            ),
        )

    def _use(self, deed: str, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        """Work with the file; None where it is closed, rests or fails."""
        self._check_owner()
        with self._lock:
            if self._closed or time.monotonic() < self._rests_until:
                return None
            try:
                if self._database is not None and self._place != self._found():
                    # SQLite would go on with a file that nobody can open any more.
                    raise FileNotFoundError(0, "it was taken away")
                if self._database is None:
                    self._database = self._open()
                return work(self._database)
            except (sqlite3.Error, OSError) as error:
                self._rest(deed, error)
                return None

    def _rest(self, deed: str, error: Exception) -> None:
        _LOG.warning(
            "answer cache %s could not be %s (%s); models are asked without it for %g s",
            self.path, deed, getattr(error, "strerror", None) or error, _REST_SECONDS,
        )  # fmt: skip
        self._rests_until = time.monotonic() + _REST_SECONDS
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _check_owner(self) -> None:
        if self._owner != os.getpid():
            # Forked: SQLite forbids to use, and to close, a connection of another process.
            self._others.append(self._database)
            self._owner, self._lock, self._database = os.getpid(), threading.Lock(), None

    # -- the file ------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        """Open the file, or put it aside and begin another. Raises sqlite3.Error, OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            database = self._connect()
        except sqlite3.DatabaseError as error:
            if not _is_corrupt(error):
                raise
            _LOG.warning("answer cache %s is corrupt (%s); it is put aside and begun again", self.path, error)
            self._put_aside()
            database = self._connect()
        self._place = self._found()
        return database

    def _found(self) -> tuple[int, int] | None:
        """Device and number of the file that is there now."""
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            database.text_factory = bytes  # a row whose text is damaged is a miss, not a failure of the file
            database.execute("PRAGMA journal_mode=WAL")
            # With WAL a crash of the machine may lose the last answers, never the file.
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS answers "
                "(key TEXT PRIMARY KEY, model TEXT NOT NULL, reply TEXT NOT NULL)"
            )
            # Reads the first page of the table too: a file cut short shows here.
            database.execute("SELECT key FROM answers LIMIT 1").fetchone()
        except BaseException:
            database.close()
            raise
        return database

    def _put_aside(self) -> None:
        """Move the corrupt file away, unless another process has done so meanwhile."""
        import fcntl

        with open(f"{self.path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                self._connect().close()
            except sqlite3.DatabaseError as error:
                if not _is_corrupt(error):
                    raise
                os.replace(self.path, f"{self.path}.corrupt")
                for side in ("-wal", "-shm"):
                    Path(f"{self.path}{side}").unlink(missing_ok=True)

    def _unusable(self, error: Exception) -> SettingsError:
        reason = getattr(error, "strerror", None) or error
        return SettingsError(f"answer cache {self.path} cannot be used: {reason}; name another file or none")


def _is_corrupt(error: sqlite3.Error) -> bool:
    """Whether it is of the file's content; SQLITE_CANTOPEN and the like are of its place."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _reply(stored: Any) -> ModelReply | None:
    """A stored reply; None where it is not what is stored here: the file may be anyone's."""
    try:
        told = json.loads(stored)
        answers = tuple(_answer(**each) for each in told["answers"])
        model = told["model"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return ModelReply(answers, model=whole(model)) if answers and isinstance(model, str) else None


def _answer(text: object, logprob: object, tokens: object, finish: Any) -> Answer:
    """An answer of the right types. Raises ValueError."""
    if not isinstance(text, str) or finish not in ("stop", "length", "filter", "unknown"):
        raise ValueError("not an answer")
    if logprob is not None and (not isinstance(logprob, float | int) or not -1e9 <= logprob <= 1):
        raise ValueError("not a log-probability")
    if tokens is not None and (not isinstance(tokens, int) or tokens < 0):
        raise ValueError("not a number of tokens")
    return Answer(whole(text), None if logprob is None else float(logprob), tokens, finish)
