"""The assistant end to end, on the demo's database, with scripted models where one is asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from share_sql.assistant import STAGES, Assistant, prompts_for
from share_sql.case import Case, StepNote
from share_sql.catalog import Catalog
from share_sql.database.base import Limits
from share_sql.errors import (
    AnswerSkipped,
    AssistantClosed,
    ModelError,
    ModelUnavailable,
    ModelUnreachable,
    SettingsError,
    UsageError,
)
from share_sql.models.base import Message, Model, ModelReply, ModelRequest
from share_sql.models.scripted import ScriptedModel
from share_sql.prompts.library import load_prompts
from share_sql.requests import Steps, ask_all
from share_sql.stages.judge import judge
from share_sql.stages.read import read
from share_sql.stages.state import State

RIGHT = "SELECT COUNT(*) FROM stores WHERE closed_on IS NULL"


@pytest.fixture
def catalog(shop_path: Path, tmp_path: Path) -> Catalog:
    catalog = Catalog(cache=tmp_path)
    catalog.add("shop", shop_path)
    return catalog


@pytest.fixture
def assistant(catalog: Catalog) -> Iterator[Assistant]:
    with Assistant(catalog=catalog) as assistant:
        yield assistant


def case(draft: str, question: str = "How many stores are still open?", **more: str) -> Case:
    return Case(more.pop("id", "1"), question, more.pop("database", "shop"), draft, **more)


def test_the_story() -> None:
    names = "read bam mask sam lom regenerate redraft repair confirm propose score warn judge"
    assert [stage.__name__ for stage in STAGES] == names.split()


def test_a_right_draft_is_kept_to_the_letter(assistant: Assistant) -> None:
    done = assistant.correct(case("select  count(*) from stores where closed_on is null;\n"))
    assert (done.verdict, done.sql) == ("kept", "select  count(*) from stores where closed_on is null;\n")
    assert done.reason


def test_a_wrong_draft_is_corrected_with_a_reason_and_the_actions_that_changed(assistant: Assistant) -> None:
    done = assistant.correct(
        case("SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'", "How many enterprise customers?")
    )
    assert done.verdict == "corrected"
    assert done.sql == "SELECT COUNT(*) FROM customers WHERE segment = 'enterprise'"
    assert "'enterprise'" in done.reason
    assert len(done.changes) == 1
    assert 0 < done.confidence <= 1


def test_each_stage_is_timed_though_it_leaves_no_note(assistant: Assistant) -> None:
    (state,) = assistant.correct_states([case(RIGHT)])
    assert set(state.seconds) == {"database", *(stage.__name__ for stage in STAGES)}
    noted = {step.stage for step in state.steps}
    assert noted < {stage.__name__ for stage in STAGES}
    assert state.correction is not None
    assert {step.stage: step.seconds for step in state.correction.steps} == {
        name: state.seconds[name] for name in noted
    }


def test_prose_around_the_sql_is_stripped(assistant: Assistant) -> None:
    done = assistant.correct(case(f"Sure! Here it is:\n```sql\n{RIGHT};\n```\nIt counts open stores."))
    assert (done.verdict, done.sql) == ("corrected", RIGHT)
    assert "text around the SQL" in done.reason


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        ("", "no SELECT"),
        ("I cannot answer this from the database.", "no SELECT"),
        ("DROP TABLE stores", "no SELECT"),
        ("SELECT 1; DROP TABLE stores", "2 statements"),
        ("SELECT " + "1+" * 600_000 + "1", "characters long"),
        ("SELECT " + "(" * 5_000 + "1" + ")" * 5_000, "nested 5,001 deep"),
    ],
)
def test_what_is_no_query_is_kept_and_named(assistant: Assistant, draft: str, said: str) -> None:
    done = assistant.correct(case(draft))
    assert done.verdict in ("kept", "abstained")
    assert said in " ".join([done.reason, *(step.error or "" for step in done.steps)])


def test_a_database_that_is_not_there_is_named(assistant: Assistant) -> None:
    done = assistant.correct(case(RIGHT, database="nowhere.sqlite"))
    assert (done.verdict, done.sql) == ("kept", RIGHT)
    assert "nowhere.sqlite" in done.reason


def test_a_bad_case_does_not_end_a_batch_and_order_is_kept(assistant: Assistant) -> None:
    drafts = [RIGHT, "", "SELECT nope FROM nowhere", RIGHT, "prose"]
    cases = [
        case(draft, id=str(at), database="missing" if at == 3 else "shop") for at, draft in enumerate(drafts)
    ]
    done = list(assistant.correct_many(cases))
    assert [correction.id for correction in done] == ["0", "1", "2", "3", "4"]
    assert all(correction.reason for correction in done)


def test_the_same_input_gives_the_same_output(catalog: Catalog) -> None:
    drafts = ["SELECT COUNT(*) FROM order_lines", "SELECT wieght_kg FROM products", RIGHT]

    def once() -> list[tuple[str, str, str, float]]:
        with Assistant(catalog=catalog) as assistant:
            done = assistant.correct_many([case(draft, id=str(at)) for at, draft in enumerate(drafts)])
            return [(c.sql, c.verdict, c.reason, c.confidence) for c in done]

    assert once() == once()


# ------------------------------------------------------------------ with models


def _answers(request: ModelRequest) -> str:
    return {
        "sam": "```SR\nres = df.where(element = stores.closed_on, filter = 'is null').count()\n```",
        "lom": "```SR\nres = df.where(element = stores.closed_on, filter = 'is not null').count()\n```",
        "generator": "```sqlite\nSELECT COUNT(*) FROM stores WHERE NOT closed_on IS NULL\n```",
    }[request.role]


def _with_models(catalog: Catalog, policy: str, model: ScriptedModel) -> Assistant:
    return Assistant(catalog=catalog, models=dict.fromkeys(("sam", "lom", "generator"), model), policy=policy)


def test_each_role_is_asked_once_in_order_and_the_paper_takes_the_last(catalog: Catalog) -> None:
    model = ScriptedModel(_answers)
    with _with_models(catalog, "always", model) as assistant:
        done = assistant.correct(case(RIGHT, "How many stores were closed?"))
    assert [request.role for request in model.requests] == ["sam", "lom", "generator"]
    assert (done.verdict, done.sql) == (
        "corrected",
        "SELECT COUNT(*) FROM stores WHERE NOT closed_on IS NULL",
    )
    assert set(done.usage) == {"sam", "lom", "generator"}


def test_prompts_hold_the_question_and_the_trajectory(catalog: Catalog) -> None:
    model = ScriptedModel(_answers)
    with _with_models(catalog, "always", model) as assistant:
        assistant.correct(
            case(RIGHT, "How many stores were closed?", evidence="closed means closed_on is set")
        )
    sam, lom, _ = (request.messages[-1].content for request in model.requests)
    assert "How many stores were closed?" in sam
    assert "closed means closed_on is set" in sam
    assert "[MASK]" in sam
    assert "stores.closed_on" in lom
    assert "[MASK]" not in lom


def test_who_waits_says_how_patient_models_may_be(catalog: Catalog) -> None:
    model = ScriptedModel(_answers)
    with Assistant(catalog=catalog, models={"sam": model}, model_patience=2.5) as assistant:
        assistant.correct(case(RIGHT, "How many stores were closed?"))
    assert [request.patience for request in model.requests] == [2.5]
    with pytest.raises(UsageError, match="model_patience"):
        Assistant(catalog=catalog, model_patience=0.0)


def test_errors_policy_leaves_a_draft_that_runs(catalog: Catalog) -> None:
    with _with_models(catalog, "errors", ScriptedModel(_answers)) as assistant:
        done = assistant.correct(case(RIGHT))
    assert (done.verdict, done.sql) == ("kept", RIGHT)


def test_a_draft_that_fails_gives_way_to_a_candidate_that_runs(catalog: Catalog) -> None:
    with _with_models(catalog, "gated", ScriptedModel(_answers)) as assistant:
        done = assistant.correct(case("SELECT COUNT(*) FROM nothing_like_it", "How many stores were closed?"))
    assert done.verdict == "corrected"
    assert "does not run" in done.reason


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I am sorry, I cannot do that.",
        "```SR\n```",
        "\x00\x01",
        "```sql\nDROP TABLE stores;\n```",
        "res = " * 9_000,
    ],
)
def test_nonsense_from_models_leaves_the_draft(catalog: Catalog, answer: str) -> None:
    with _with_models(catalog, "gated", ScriptedModel(lambda request: answer)) as assistant:
        done = assistant.correct(case(RIGHT))
    assert (done.verdict, done.sql) == ("kept", RIGHT)


def test_models_that_are_down_leave_the_draft_and_are_named(catalog: Catalog) -> None:
    def down(request: ModelRequest) -> str:
        raise ModelUnavailable("no answer from http://localhost:1/v1 after 3 tries")

    with _with_models(catalog, "gated", ScriptedModel(down)) as assistant:
        done = assistant.correct(case(RIGHT))
    assert (done.verdict, done.sql) == ("kept", RIGHT)
    assert any("after 3 tries" in (step.error or "") for step in done.steps)


# -- several questions at once, and models that were trained on prompts of their own -------------------

TWO = tuple(ModelRequest("scorer", "1", (Message("user", text),)) for text in ("slow", "quick"))


def asking(state: State) -> Steps[State]:
    """A stage that asks two questions at once and notes what it received."""
    try:
        replies = yield from ask_all(TWO)
    except ModelError as error:
        return replace(state, steps=(StepNote("bam", str(error)),))
    return replace(state, steps=(StepNote("bam", " ".join(reply.text for reply in replies)),))


class _Slow(ScriptedModel):
    """Lets the second question overtake the first."""

    async def ask(self, request: ModelRequest) -> ModelReply:
        turns = 100 if request.messages[0].content == "slow" else 0
        while turns and not self.requests:
            turns -= 1
            await asyncio.sleep(0)
        return await super().ask(request)


def _told(catalog: Catalog, monkeypatch: pytest.MonkeyPatch, models: Mapping[str, Model]) -> str:
    monkeypatch.setattr("share_sql.assistant.STAGES", (read, asking, judge))
    with Assistant(catalog=catalog, models=models) as assistant:
        first, *_ = assistant.correct(case(RIGHT)).steps
    return first.text


def test_prompts_that_are_asked_at_once_are_answered_in_their_order(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _Slow(lambda request: f"<{request.messages[0].content}>")
    assert _told(catalog, monkeypatch, {"scorer": model}) == "<slow> <quick>"
    assert [request.messages[0].content for request in model.requests] == ["quick", "slow"]


def test_an_error_among_several_answers_reaches_the_stage(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel({"scorer": ["yes", ModelUnavailable("it is down")]})
    assert _told(catalog, monkeypatch, {"scorer": model}) == "it is down"
    assert "no model is set for the role scorer" in _told(catalog, monkeypatch, {})


def test_each_model_is_asked_with_the_prompts_it_was_trained_on() -> None:
    trained, other = ScriptedModel({}, prompts="brief"), ScriptedModel({})
    brief, default = load_prompts("brief"), load_prompts()
    mixed = prompts_for({"sam": trained, "generator": other})
    assert mixed.name == "brief+default"
    assert mixed.template("sam") == brief.template("sam")
    assert mixed.template("lom") == default.template("lom")
    assert mixed.template("generator") == default.template("generator")
    assert prompts_for({"sam": trained}).name == "brief"
    assert prompts_for({"sam": other}) == prompts_for({}) == default


# -- models that fail are data, and an assistant that is closed -----------------------------------------


def test_a_failure_of_a_model_is_told_as_data_and_in_the_reason(catalog: Catalog) -> None:
    def answer(request: ModelRequest) -> str:
        if request.role == "lom":
            raise ModelUnreachable("nobody listens at http://localhost:1/v1")
        return _answers(request) if request.role == "sam" else "I cannot."

    with _with_models(catalog, "gated", ScriptedModel(answer)) as assistant:
        done = assistant.correct(case(RIGHT))
    assert [(each.role, each.cause, each.loses) for each in done.failures] == [
        ("lom", "unreachable", True),
        ("generator", "unusable", False),
    ]
    assert [each.role for each in done.lost] == ["lom"]
    assert "lom did not answer (nobody listens" in done.reason
    assert "generator gave nothing of use" in done.reason


def test_sql_that_runs_is_said_to_run_and_other_is_not(assistant: Assistant) -> None:
    assert assistant.correct(case(RIGHT)).runs is True
    assert assistant.correct(case("SELECT nothing_like_it FROM nowhere_near")).runs is False
    assert assistant.correct(case("I cannot tell.")).runs is False
    assert assistant.correct(case(RIGHT, database="nowhere.sqlite")).runs is None


def test_models_may_be_named_as_on_the_command_line(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(
        '[models.sam]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "m"\nretries = 0\n'
        '[cache]\npath = "answers.sqlite"\n'
    )
    with Assistant(catalog=catalog, models="none") as assistant:
        assert assistant.correct(case(RIGHT)).failures == ()
    with Assistant(catalog=catalog, models=str(file)) as assistant:
        assert [each.role for each in assistant.correct(case(RIGHT)).failures] == ["sam"]
    with pytest.raises(SettingsError, match="names no models"):
        Assistant(models="gpt")


def test_closing_twice_is_fine_and_what_was_opened_is_closed(catalog: Catalog) -> None:
    class Closing(ScriptedModel):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    model = Closing({"sam": "res = df.count()"})
    assistant = Assistant(catalog=catalog, models={"sam": model})
    assistant.close()
    assistant.close()
    assert model.closed == 1


def test_a_closed_assistant_says_so(catalog: Catalog) -> None:
    assistant = Assistant(catalog=catalog)
    assistant.correct(case(RIGHT))
    assistant.close()
    with pytest.raises(AssistantClosed, match="make another"):
        assistant.correct(case(RIGHT))
    with pytest.raises(AssistantClosed):
        list(assistant.correct_many([case(RIGHT)]))
    with pytest.raises(AssistantClosed), assistant:
        pass


def test_closed_under_a_case_it_does_not_hang(catalog: Catalog) -> None:
    asked = threading.Event()

    class Endless(ScriptedModel):
        async def ask(self, request: ModelRequest) -> ModelReply:
            asked.set()
            return await asyncio.Future()

    assistant = Assistant(catalog=catalog, models={"sam": Endless({})})
    found: list[BaseException] = []

    def work() -> None:
        try:
            assistant.correct(case(RIGHT))
        except AssistantClosed as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert asked.wait(60)
    assistant.close()
    thread.join(60)
    assert len(found) == 1


def test_whoever_goes_away_early_leaves_no_case_under_way(catalog: Catalog) -> None:
    asked, cancelled = threading.Event(), threading.Event()

    class Endless(ScriptedModel):
        async def ask(self, request: ModelRequest) -> ModelReply:
            if request.case_id == "0":
                return await super().ask(request)
            asked.set()
            try:
                return await asyncio.Future()
            except asyncio.CancelledError:
                cancelled.set()
                raise

    model = Endless({"sam": "res = df.count()"})
    with Assistant(catalog=catalog, models={"sam": model}, concurrency=2) as assistant:
        states = assistant.correct_states([case(RIGHT, id=str(at)) for at in range(2)])
        assert next(states).case.id == "0"
        assert asked.wait(60)
        states.close()
        assert cancelled.wait(60)


def test_no_case_at_once_is_a_wrong_call() -> None:
    with pytest.raises(UsageError, match="concurrency is 0"):
        Assistant(concurrency=0)


def test_what_is_mostly_used_can_be_imported_from_the_package() -> None:
    import share_sql

    assert (share_sql.Assistant, share_sql.Case, share_sql.Catalog) == (Assistant, Case, Catalog)
    assert set(share_sql.__all__) <= set(dir(share_sql))
    assert all(getattr(share_sql, name) is not None for name in share_sql.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Assistent'"):
        _ = share_sql.Assistent


def test_a_case_needs_no_id(assistant: Assistant, shop_path: Path) -> None:
    done = assistant.correct(Case(question="How many stores?", database=str(shop_path), draft=RIGHT))
    assert (done.id, done.sql) == ("", RIGHT)


def test_a_case_that_lacks_its_database_or_draft_is_told_so(assistant: Assistant) -> None:
    assert "names no database" in assistant.correct(Case(draft=RIGHT)).reason
    assert "give the SQL to correct" in assistant.correct(Case(database="shop")).reason


def test_a_replay_lacks_nothing_where_the_recorded_run_had_no_answer(catalog: Catalog) -> None:
    model = ScriptedModel({"sam": AnswerSkipped("it was not there when it was recorded")})
    with Assistant(catalog=catalog, models={"sam": model}) as assistant:
        done = assistant.correct(case(RIGHT))
    assert done.failures == ()
    assert "recorded" not in done.reason
    assert any("recorded" in (step.error or "") for step in done.steps)


@pytest.mark.parametrize("policy", ["gated", "errors"])
def test_a_draft_that_was_not_run_to_its_end_is_not_taken_for_wrong(shop_path: Path, policy: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
    catalog = Catalog()
    catalog.add("shop", shop_path, limits=Limits(seconds=0.2))
    writes = ScriptedModel({"generator": "SELECT COUNT(*) FROM stores"})
    with Assistant(catalog=catalog, models={"generator": writes}, policy=policy) as assistant:
        kept = assistant.correct(Case("1", "How many?", "shop", endless))
        bare = assistant.correct(Case("2", "How many?", "shop", f"Here:\n```sql\n{endless}\n```"))
    assert (kept.verdict, kept.sql, kept.runs, kept.confidence) == ("kept", endless, None, None)
    assert "says nothing against it" in kept.reason or policy == "errors"
    assert (bare.verdict, bare.sql) == ("corrected", endless)
