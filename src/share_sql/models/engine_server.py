"""The process that holds one embedded model: started by `embedded.py`, asked through a socket, killable.

openvino-genai keeps Python's lock while it computes, so in the caller's process each of its steps would hold
up all else: queries, other models, the event loop.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, TypeAlias

from share_sql.errors import ModelRefused, ModelUnavailable, PromptTooLong, ShareError
from share_sql.models.base import ModelReply, ModelRequest
from share_sql.models.bases import CHATS, Chat
from share_sql.models.engine import Engine, Form, Running, one_line

Asked: TypeAlias = "tuple[int, ModelRequest | None, int | None]"
"""A request with its number, and which adapter is to answer it; None in the request's place takes the
number's request back."""
Failed: TypeAlias = "tuple[Literal['refused', 'too-long', 'unavailable'], str]"
"""What went wrong with a request."""
Sign: TypeAlias = Literal["loading", "working"]
"""A sign of life: what it does now."""
Sent: TypeAlias = "tuple[int, ModelReply | Failed] | tuple[None, Sign]"
"""The answer to a number's request, or what went wrong; or a sign of life."""
_SIGN_SECONDS = 0.5
"""Between signs of life, at least."""


_Later: TypeAlias = "tuple[int, ModelRequest, int | None]"


class Server:
    """Takes requests from a connection and answers them; one a process."""

    def __init__(
        self,
        connection: Connection,
        weights: Path,
        context: int,
        name: str,
        chat: Chat,
        form: Form | None = None,
    ) -> None:
        self.connection = connection
        self.weights = weights
        self.context = context
        self.name = name
        self.chat = chat
        self.form = form
        self.engine: Engine | None = None
        self.running: dict[int, Running] = {}
        self.later: deque[_Later] = deque()
        """What waits for what runs, which another adapter answers; the oldest's adapter is next."""
        self.following: deque[_Later] = deque()
        """What waits for the prompt of one that runs to be computed, since its own begins alike."""
        self.alone: deque[_Later] = deque()
        """What ran when the engine broke: tried once more, one by one."""
        self._told = 0.0
        """When it last gave a sign of life."""

    def serve(self) -> None:
        """Work until the other side closes the connection."""
        try:
            while True:
                for number, request, adapter in self._next():
                    self._take(number, request, adapter)
                if self.engine is not None and self.running:
                    self._step(self.engine)
        except (EOFError, ConnectionError):
            return  # whoever asked has gone

    def _take(self, number: int, request: ModelRequest | None, adapter: int | None) -> None:
        if request is None:
            self.later = deque(each for each in self.later if each[0] != number)
            self.following = deque(each for each in self.following if each[0] != number)
            for handle in self.running.pop(number).handles if number in self.running else ():
                handle.cancel()
            return
        try:
            if self.engine is None:
                self._sign("loading")
                self.engine = Engine(self.weights, self.context, self.chat, self.form)
                self._sign("working")
            if not self.running:
                self.engine.turn(request, adapter)
            elif not self.engine.takes(request, adapter):
                self.later.append((number, request, adapter))
                return
            if self.engine.follows(request, self.running.values()):
                self.following.append((number, request, adapter))
                return
            self.running[number] = self.engine.start(request)
            self._sign()
        except ShareError as error:
            self._tell(number, error)
        except (EOFError, ConnectionError):
            raise
        except Exception as error:
            self._tell(number, ModelUnavailable(f"{self.name}: the engine failed: {one_line(error)}"))

    def _step(self, engine: Engine) -> None:
        try:
            engine.step()
            self._sign()
            for number, one in list(self.running.items()):
                reply = engine.reply(one, self.name)
                if reply is not None:
                    del self.running[number]
                    self._tell(number, reply)
        except Exception as error:
            # Whatever broke it, the engine is not trusted again; the next request loads another. A
            # request that breaks it alone is at fault itself: mostly its grammar, which is read late.
            if isinstance(error, EOFError | ConnectionError):
                raise
            broken, self.running, self.engine = self.running, {}, None
            if len(broken) > 1:
                self.alone.extend((number, one.request, one.adapter) for number, one in broken.items())
            else:
                for number, one in broken.items():
                    self._tell(number, self._failure(one.request, error))

    def _failure(self, request: ModelRequest, error: Exception) -> ShareError:
        """The error for a request that broke the engine."""
        if request.grammar is not None:
            return ModelRefused(f"{self.name}: the request's grammar cannot be used: {one_line(error)}")
        return ModelUnavailable(f"{self.name}: the engine failed: {one_line(error)}")

    def _next(self) -> Iterator[Asked]:
        """What to start now: one of `alone` at a time, else what waited for its adapter, else what has come,
        waited for if need be."""
        if self.alone:
            if not self.running:
                yield self.alone.popleft()
            return
        if self.following:
            waited, self.following = self.following, deque()
            yield from waited
        if not self.running:
            if self.later:
                waited, self.later = self.later, deque()
                yield from waited
            else:
                yield self.connection.recv()
        while self.connection.poll():
            number, request, adapter = self.connection.recv()
            if request is not None and self.later:
                # Else those who wait would be overtaken for ever.
                self.later.append((number, request, adapter))
            else:
                yield number, request, adapter

    def _sign(self, what: Sign | None = None) -> None:
        """Give a sign of life: at once where `what` is done changes, else now and then."""
        now = time.monotonic()
        if what is not None or now - self._told >= _SIGN_SECONDS:
            self._told = now
            self.connection.send((None, what or "working"))

    def _tell(self, number: int, outcome: ModelReply | ShareError) -> None:
        message: Sent
        if isinstance(outcome, ModelReply):
            message = (number, outcome)
        else:
            kind = "refused" if isinstance(outcome, ModelRefused) else "unavailable"
            kind = "too-long" if isinstance(outcome, PromptTooLong) else kind
            message = (number, (kind, str(outcome)))  # type: ignore[assignment]
        self.connection.send(message)


def main() -> None:
    """Serve on a socket: its number, then weights, context, name and chat template are the arguments; where
    it is kept also the folder of the engine's form, and those of adapters."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller decides what an interruption means
    socket, weights, context, name, template, *more = sys.argv[1:]
    form = Form(Path(more[0]), tuple(map(Path, more[1:]))) if more else None
    chat = CHATS[template]
    Server(Connection(int(socket)), Path(weights), int(context), name, chat, form).serve()


if __name__ == "__main__":
    main()
