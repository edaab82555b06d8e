"""OpenTelemetry: a span for each case, in it one for each stage, in those one for each model call and query.

Nothing is sent, and nothing is spent, unless the program has configured OpenTelemetry's SDK. The names are
those of OpenTelemetry's conventions; `gen_ai.*` is in development there and may change, so all stand here. No
text of a user, a model or a database goes into a span: no question, draft, prompt, answer or value. SQL does
where SHARE_TELEMETRY_SQL asks for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from share_sql.database.address import shown
from share_sql.errors import ModelError
from share_sql.models.base import Usage

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from share_sql.case import Case
    from share_sql.database.base import Database, QueryResult
    from share_sql.models.base import Model, ModelReply, ModelRequest
    from share_sql.stages.state import State

SHOW_SQL = "SHARE_TELEMETRY_SQL"
"""The environment's variable that puts SQL into the spans of queries, values in it included."""

CASE = "share.correct"
CASE_ID = "share.case.id"
DATABASE = "share.database"
VERDICT = "share.verdict"
CONFIDENCE = "share.confidence"
RUNS = "share.runs"
STAGE = "share.stage"
ROLE = "share.role"
TRUNCATED = "share.truncated"
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_CHOICES = "gen_ai.request.choice.count"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CHAT = "chat"
OPENAI = "openai"
"""The provider of each server that speaks OpenAI's API, whoever runs it."""
OWN = "share_sql"
"""The provider of models in this process."""

DB_SYSTEM = "db.system.name"
DB_NAMESPACE = "db.namespace"
DB_OPERATION = "db.operation.name"
DB_TEXT = "db.query.text"
DB_ROWS = "db.response.returned_rows"
SELECT = "SELECT"
SYSTEMS = {"postgres": "postgresql"}
"""OpenTelemetry's names of databases, where sqlglot's are others."""

Told: TypeAlias = Callable[[Any], None]
"""Takes what came of something, for its span."""


class Spans:
    """The spans of one case, where nobody wants any."""

    def stage(self, name: str) -> AbstractContextManager[Told]:
        """Around a stage; takes the exception that ended it, if one did."""
        return _NOTHING

    def query(self, database: Database, sql: str) -> AbstractContextManager[Told]:
        """Around a query; takes its QueryResult."""
        return _NOTHING

    def ask(self, model: Model, request: ModelRequest) -> AbstractContextManager[Told]:
        """Around a model's call; takes its ModelReply."""
        return _NOTHING

    def ended(self, state: State) -> None:
        """The case has ended."""


def _ignore(found: object) -> None:
    pass


_NOTHING: AbstractContextManager[Told] = nullcontext(_ignore)
NO_SPANS = Spans()


@contextmanager
def case_spans(case: Case) -> Iterator[Spans]:
    """The spans of a case, around all of it. The caller's current span is the parent, and the case's is the
    current one inside."""
    tracer = _tracer()
    if tracer is None:
        yield NO_SPANS
        return
    from opentelemetry import trace

    about = {CASE_ID: _text(case.id), DATABASE: _text(shown(case.database))}
    # A case that is given up ends in a CancelledError, which is nobody's fault.
    with tracer.start_as_current_span(CASE, attributes=about, record_exception=False) as span:
        recorded = span is not trace.INVALID_SPAN and span.is_recording()
        yield _Recorded(tracer, span) if recorded else NO_SPANS


def _tracer() -> Tracer | None:
    """Who makes spans; None where none is configured. Whoever configures one has imported OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    tracer: Tracer = provider.get_tracer("share_sql", version("share-sql"))
    return tracer


class _Recorded(Spans):
    """Spans that are recorded. Stages follow each other; what one asks becomes its child."""

    def __init__(self, tracer: Tracer, case: Span) -> None:
        self._tracer = tracer
        self._case = case
        self._parent = case
        self._show_sql = os.environ.get(SHOW_SQL, "") not in ("", "0")

    def ended(self, state: State) -> None:
        done = state.correction
        if done is not None:
            self._case.set_attribute(VERDICT, done.verdict)
            if done.confidence is not None:
                self._case.set_attribute(CONFIDENCE, done.confidence)
            if done.runs is not None:
                self._case.set_attribute(RUNS, done.runs)
        failed = next((step for step in state.steps if step.cause), None)
        if failed is not None and failed.cause is not None:
            _failed(self._case, failed.cause)

    @contextmanager
    def stage(self, name: str) -> Iterator[Told]:
        # Not the thread's current span: a stage that waits for models goes on in another thread.
        with self._span(f"share.{name}", {STAGE: name}) as span:
            self._parent = span
            try:
                yield lambda error: _failed(span, _type(error))
            finally:
                self._parent = self._case

    @contextmanager
    def query(self, database: Database, sql: str) -> Iterator[Told]:
        name = _text(database.name)
        about: dict[str, Any] = {
            DB_SYSTEM: SYSTEMS.get(database.dialect, database.dialect),
            DB_NAMESPACE: name,
            DB_OPERATION: SELECT,
        }
        if self._show_sql:
            about[DB_TEXT] = _text(sql)

        def told(found: QueryResult) -> None:
            span.set_attribute(DB_ROWS, len(found.rows))
            if found.truncated:
                span.set_attribute(TRUNCATED, True)

        with self._current(f"{SELECT} {name}", about, client=True) as span:
            yield told

    @contextmanager
    def ask(self, model: Model, request: ModelRequest) -> Iterator[Told]:
        name, _, server = model.name.partition("@")
        about: dict[str, Any] = {
            OPERATION: CHAT,
            PROVIDER: OPENAI if server else OWN,
            REQUEST_MODEL: _text(name),
            REQUEST_MAX_TOKENS: request.max_tokens,
            REQUEST_TEMPERATURE: request.temperature,
            ROLE: request.role,
        }
        if request.samples != 1:
            about[REQUEST_CHOICES] = request.samples
        if server:
            about |= _where(server)

        def told(reply: ModelReply) -> None:
            span.set_attribute(RESPONSE_FINISH, [answer.finish for answer in reply.answers])
            if reply.model:
                span.set_attribute(RESPONSE_MODEL, _text(reply.model))
            _usage(span, reply.usage)

        with self._current(f"{CHAT} {_text(name)}", about, client=bool(server)) as span:
            yield told

    @contextmanager
    def _span(self, name: str, about: dict[str, Any], client: bool = False) -> Iterator[Span]:
        """A span of what the stage under way does; what ends it with an exception is told by its type alone:
        messages have names and values in them."""
        from opentelemetry import trace

        kind = trace.SpanKind.CLIENT if client else trace.SpanKind.INTERNAL
        parent = trace.set_span_in_context(self._parent)
        span = self._tracer.start_span(name, parent, kind, about)
        try:
            yield span
        except BaseException as error:
            _failed(span, _type(error))
            if isinstance(error, ModelError) and error.spent:
                _usage(span, Usage(**error.spent))
            raise
        finally:
            span.end()

    @contextmanager
    def _current(self, name: str, about: dict[str, Any], client: bool) -> Iterator[Span]:
        """The same as the current span: spans of drivers and HTTP clients become its children."""
        from opentelemetry import trace

        with (
            self._span(name, about, client) as span,
            trace.use_span(span, record_exception=False, set_status_on_exception=False),
        ):
            yield span


def _usage(span: Span, usage: Usage) -> None:
    span.set_attribute(INPUT_TOKENS, usage.prompt_tokens)
    span.set_attribute(OUTPUT_TOKENS, usage.completion_tokens)


def _failed(span: Span, kind: str) -> None:
    from opentelemetry.trace import StatusCode

    span.set_attribute(ERROR_TYPE, kind)
    span.set_status(StatusCode.ERROR)


def _type(error: BaseException) -> str:
    return error.cause if isinstance(error, ModelError) else type(error).__name__.lstrip("_")


def _where(server: str) -> dict[str, Any]:
    """Host and port of a server's address, which is shown without its secrets."""
    try:
        parts = urlsplit(server)
        found = {SERVER_ADDRESS: parts.hostname, SERVER_PORT: parts.port}
    except ValueError:
        return {}
    return {name: value for name, value in found.items() if value is not None}


def _text(text: str) -> str:
    """A text that exporters can write: without lone surrogates."""
    return text.encode("utf-8", "replace").decode()
