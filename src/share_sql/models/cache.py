"""An answer cache: what a model answered once is not asked again.

One SQLite file, shared by any number of processes. An answer is found by the SHA-256 of all that determines
it: the model's name, the messages, tokens, temperature, number of samples, grammar, log-probabilities.
Sampled answers are kept too, so that a run that starts again gets what it got before.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import threading
from dataclasses import asdict
from pathlib import Path

from share_sql.errors import SettingsError
from share_sql.models.base import Answer, Model, ModelReply, ModelRequest

_LOG = logging.getLogger(__name__)
_BUSY_SECONDS = 10.0
_FORMAT = 1
"""Part of each key: a change of what is stored starts afresh."""


class CachedModel:
    """A model behind a cache. Its name is the model's own: the answers are."""

    def __init__(self, model: Model, path: str | Path) -> None:
        """Open or create the cache file. Raises SettingsError where its folder cannot be written.

        A file that is not a usable cache is put aside as `<name>.corrupt`, with a warning.
        """
        self.model = model
        self.name = model.name
        # What is asked of a model must not depend on whether there is a cache in front of it.
        self.takes_grammar: bool = getattr(model, "takes_grammar", False)
        self.prompts: str | None = getattr(model, "prompts", None)
        self.path = Path(path)
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = self._open()

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The cached answer, at no usage, or the model's, which is then kept."""
        key = self._key(request)
        found = self._get(key)
        if found is not None:
            return found
        reply = await self.model.ask(request)
        self._put(key, reply)
        return reply

    async def close(self) -> None:
        """Close the file and the model; may be called twice."""
        with self._lock:
            database, self._database = self._database, None
            if database is not None:
                database.close()
        await self.model.close()

    def __repr__(self) -> str:
        return f"CachedModel({self.model!r}, {str(self.path)!r})"

    def _key(self, request: ModelRequest) -> str:
        parts = (
            _FORMAT,
            self.name,
            [(message.role, message.content) for message in request.messages],
            request.max_tokens,
            request.temperature,
            request.samples,
            request.grammar,
            request.logprobs,
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    # A cache that fails costs a call to the model and a warning, never the case.

    def _get(self, key: str) -> ModelReply | None:
        with self._lock:
            if self._database is None:
                return None
            try:
                row = self._database.execute("SELECT reply FROM answers WHERE key = ?", (key,)).fetchone()
            except sqlite3.Error as error:
                self._failed("read", error)
                return None
        if row is None:
            return None
        try:
            stored = json.loads(row[0])
            answers = tuple(Answer(**answer) for answer in stored["answers"])
            columns = stored["columns"]
            reply = ModelReply(
                answers, model=stored["model"], columns=tuple(columns) if columns is not None else None
            )
        except (ValueError, KeyError, TypeError) as error:
            self._failed("read", error)
            return None
        return reply if answers else None

    def _put(self, key: str, reply: ModelReply) -> None:
        stored = json.dumps(
            {
                "answers": [asdict(answer) for answer in reply.answers],
                "model": reply.model,
                "columns": reply.columns,
            }
        )
        with self._lock:
            if self._database is None:
                return
            try:
                self._database.execute(
                    "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, self.name, stored)
                )
            except sqlite3.Error as error:
                self._failed("written", error)

    def _failed(self, deed: str, error: Exception) -> None:
        _LOG.warning("answer cache %s could not be %s: %s", self.path, deed, error)

    # -- the file ------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return self._connect()
        except sqlite3.DatabaseError as error:
            # Errors of the file's content; SQLITE_CANTOPEN and the like are of its place.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (
                sqlite3.SQLITE_CORRUPT,
                sqlite3.SQLITE_NOTADB,
            ):
                raise self._unusable(error) from None
            _LOG.warning("answer cache %s is corrupt (%s); it is put aside and begun again", self.path, error)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            self._put_aside()
            return self._connect()
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
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
            except sqlite3.DatabaseError:
                os.replace(self.path, f"{self.path}.corrupt")
                for side in ("-wal", "-shm"):
                    Path(f"{self.path}{side}").unlink(missing_ok=True)

    def _unusable(self, error: Exception) -> SettingsError:
        reason = getattr(error, "strerror", None) or error
        return SettingsError(f"answer cache {self.path} cannot be used: {reason}; name another file or none")
