"""Spans of a case, as OpenTelemetry's own exporter sees them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from share_sql.assistant import STAGES, Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.driver import telemetry
from share_sql.errors import ModelUnreachable
from share_sql.models.base import Answer, ModelReply, ModelRequest, Usage
from share_sql.models.scripted import ScriptedModel
from tests.driver.living import for_ever

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import db_attributes, gen_ai_attributes

SECRET = "Zebulon"
"""Stands in the question, the draft and the model's answer."""


class Spans:
    """The spans that were exported."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def parent(self, span: ReadableSpan) -> str | None:
        return next((each.name for each in self.all() if _id(each) == _parent(span)), None)


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def _parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """A configured SDK, for the length of a test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield Spans(exporter)
    provider.shutdown()


class Model(ScriptedModel):
    """As an endpoint names itself, and with what it spent."""

    def __init__(self) -> None:
        super().__init__({})
        self.name = "small-model@https://models.example:8443/v1"
        self.current: list[str] = []

    async def ask(self, request: ModelRequest) -> ModelReply:
        self.current.append(trace.get_current_span().name)  # type: ignore[attr-defined]
        answers = (Answer(f"```SR\nres = df.count()\n```{SECRET}"),)
        return ModelReply(answers, Usage(21, 7, requests=1), "small-model-2")


@pytest.fixture
def case(shop_path: Path) -> Case:
    draft = f"SELECT COUNT(*) FROM stores WHERE city <> '{SECRET}'"
    return Case("7", f"How many stores are not {SECRET}?", str(shop_path), draft)


def test_a_case_its_stages_its_model_calls_and_its_queries(spans: Spans, case: Case, tmp_path: Path) -> None:
    model = Model()
    with Assistant(catalog=Catalog(cache=tmp_path), models={"sam": model}) as assistant:
        done = assistant.correct(case)
    whole = spans.one("share.correct")
    assert whole.attributes == {
        "share.case.id": "7",
        "share.database": case.database,
        "share.verdict": done.verdict,
        "share.confidence": done.confidence,
        "share.runs": True,
    }
    assert whole.parent is None
    for stage in STAGES:
        span = spans.one(f"share.{stage.__name__}")
        assert (spans.parent(span), span.attributes) == ("share.correct", {"share.stage": stage.__name__})

    asked = spans.named("chat small-model")[0]
    assert model.current[0] == "chat small-model"
    assert spans.parent(asked) == "share.sam"
    assert asked.kind == trace.SpanKind.CLIENT
    assert asked.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "small-model",
        "gen_ai.request.max_tokens": 3000,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.response.model": "small-model-2",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 21,
        "gen_ai.usage.output_tokens": 7,
        "server.address": "models.example",
        "server.port": 8443,
        "share.role": "sam",
    }

    first = min(
        (span for span in spans.all() if span.name.startswith("SELECT")), key=lambda s: s.start_time or 0
    )
    assert spans.parent(first) == "share.read"
    assert first.kind == trace.SpanKind.CLIENT
    assert first.attributes == {
        "db.system.name": "sqlite",
        "db.namespace": case.database,
        "db.operation.name": "SELECT",
        "db.response.returned_rows": 1,
    }
    told = " ".join(span.to_json() for span in spans.all())
    assert SECRET not in told
    assert "FROM stores" not in told


def test_sql_is_shown_where_it_is_asked_for(
    spans: Spans, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(telemetry.SHOW_SQL, "1")
    with Assistant(catalog=Catalog(cache=tmp_path)) as assistant:
        assistant.correct(case)
    texts = [(span.attributes or {}).get("db.query.text") for span in spans.all()]
    assert case.draft in texts


def test_the_callers_span_is_the_parent_in_threads_and_loops(
    spans: Spans, case: Case, tmp_path: Path
) -> None:
    tracer = trace.get_tracer_provider().get_tracer("the caller")
    with Assistant(catalog=Catalog(cache=tmp_path)) as assistant:
        with tracer.start_as_current_span("sync"):
            assistant.correct(case)

        async def main() -> None:
            with tracer.start_as_current_span("async"):
                await assistant.acorrect(case)
            with tracer.start_as_current_span("many"):
                assert [each async for each in assistant.acorrect_many([case])]

        asyncio.run(main())
    parents = [spans.parent(span) for span in spans.named("share.correct")]
    assert parents == ["sync", "async", "many"]
    assert len({span.context.trace_id for span in spans.all() if span.context is not None}) == 3


def test_what_fails_is_told_by_its_kind(spans: Spans, shop_path: Path, tmp_path: Path) -> None:
    model = ScriptedModel({"sam": ModelUnreachable(f"no connection to {SECRET}")})
    with Assistant(catalog=Catalog(cache=tmp_path), models={"sam": model}) as assistant:
        assistant.correct(Case("1", "How many?", str(shop_path), f"SELECT {SECRET} FROM stores"))
        assistant.correct(Case("2", "How many?", str(tmp_path / "none.sqlite"), "SELECT 1"))
    asked = next(span for span in spans.all() if span.name.startswith("chat"))
    assert (asked.attributes or {})["error.type"] == "unreachable"
    assert asked.status.status_code == trace.StatusCode.ERROR
    assert asked.kind == trace.SpanKind.INTERNAL
    failed = [span for span in spans.all() if span.name.startswith("SELECT") and not span.status.is_ok]
    assert {(span.attributes or {})["error.type"] for span in failed} == {"QueryError"}
    missing = next(s for s in spans.named("share.correct") if (s.attributes or {})["share.case.id"] == "2")
    assert (missing.attributes or {})["error.type"] == "database"
    assert SECRET not in " ".join(span.to_json() for span in spans.all())


def test_a_case_that_is_given_up_ends_its_spans(spans: Spans, case: Case, tmp_path: Path) -> None:
    class Endless(Model):
        async def ask(self, request: ModelRequest) -> ModelReply:
            asked.set_result(None)
            await for_ever()
            raise AssertionError

    async def main() -> None:
        async with Assistant(catalog=Catalog(cache=tmp_path), models={"sam": Endless()}) as assistant:
            task = asyncio.ensure_future(assistant.acorrect(case))
            await asyncio.wrap_future(asked)
            task.cancel()
            await asyncio.wait({task})

    from concurrent.futures import Future

    asked: Future[None] = Future()
    asyncio.run(main())
    for name in ("share.correct", "share.sam", "chat small-model"):
        assert spans.one(name).end_time is not None
    assert not any(span.events for span in spans.all())  # no stack traces


def test_the_names_are_those_of_the_conventions() -> None:
    known = {
        value
        for module in (gen_ai_attributes, db_attributes)
        for name, value in vars(module).items()
        if name.startswith(("GEN_AI_", "DB_")) and isinstance(value, str)
    }
    used = {
        value
        for name, value in vars(telemetry).items()
        if name.isupper() and isinstance(value, str) and value.startswith(("gen_ai.", "db."))
    }
    assert len(used) > 10
    assert used <= known


def test_nothing_is_imported_or_made_where_nothing_is_configured(case: Case, tmp_path: Path) -> None:
    script = """
import json, sys
from share_sql import Assistant, Case, Catalog
from pathlib import Path
if sys.argv[3] == "api":
    from opentelemetry import trace
with Assistant(catalog=Catalog(cache=Path(sys.argv[2]))) as assistant:
    assistant.correct(Case("1", "How many?", sys.argv[1], "SELECT 1"))
sdk = any(name.startswith("opentelemetry.sdk") for name in sys.modules)
print(json.dumps(["opentelemetry" in sys.modules, sdk]))
"""
    for given, expected in (("nothing", [False, False]), ("api", [True, False])):
        out = subprocess.run(
            [sys.executable, "-c", script, case.database, str(tmp_path), given],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert json.loads(out.stdout) == expected
