"""Models that fail, behind a real server: exit codes, one line on stderr, counts, and what --resume asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.cli.answers import GOOD, Endpoint, Reply, late, page, said, sent, serving

from share_sql.cli.main import cli
from share_sql.runfolder.final import FINAL_FILES
from share_sql.runfolder.folder import JOURNAL
from share_sql.runfolder.journal import FAILED
from share_sql.runfolder.ledger import CALLS

RIGHT = "SELECT COUNT(*) FROM store WHERE city = 'Bonn'"
WRONG = "SELECT COUNT(*) FROM store WHERE city = 'bonn'"
JSON = {"content-type": "application/json"}
LIMIT = {"error": {"message": "slow down"}}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as told:
        yield told


def models(folder: Path, url: str, *roles: str, **more: object) -> Path:
    """A models file that gives up soon."""
    settings = {"base_url": url, "model": "m", "retries": 1, "first_wait": 0.01, "timeout": 10.0, **more}
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    path = folder / "models.toml"
    path.write_text("\n".join(f"[models.{role}]\n" + "\n".join(lines) for role in roles or ("sam",)))
    return path


def fix(shop: Path, file: Path, *more: str, sql: str = RIGHT) -> Result:
    call = ["fix", "--db", str(shop), "--question", "How many stores are in Bonn?", "--sql", sql]
    return CliRunner().invoke(cli, [*call, "--models", str(file), *more])


def run(folder: Path, file: object, rows: list[dict[str, Any]], *more: object) -> Result:
    path = folder / "cases.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call = ["run", "--cases", path, "--out", folder / "out", "--models", file, *more]
    return CliRunner().invoke(cli, [*map(str, call)])


def cases(count: int, database: str = "shop.sqlite", draft: str = RIGHT) -> list[dict[str, Any]]:
    question = "How many stores are in Bonn?"
    return [
        {"id": f"c{at}", "question": f"{question} ({at})", "database": database, "draft": draft}
        for at in range(count)
    ]


def corrections(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "out" / "corrections.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def requests(folder: Path) -> int:
    """Calls that usage.json counts."""
    total = json.loads((folder / "out" / "usage.json").read_text())["total"]
    return int(total["requests"])


def failed_calls(folder: Path) -> list[dict[str, Any]]:
    """Those that the ledger has."""
    lines = (folder / "out" / CALLS).read_text().splitlines()
    return [row for row in map(json.loads, lines) if "failed" in row]


def told(result: Result) -> list[str]:
    """The lines that tell of failures."""
    return [line for line in result.stderr.splitlines() if line.startswith("share: ")]


FAILURES = [
    pytest.param(lambda: sent({}, 401), "refused", "OPENAI_API_KEY", id="401"),
    pytest.param(lambda: sent({}, 403), "refused", "another key or model", id="403"),
    pytest.param(lambda: sent({}, 404), "refused", "base_url", id="404"),
    pytest.param(lambda: page(404), "refused", "base_url", id="404 page"),
    pytest.param(lambda: sent(LIMIT, 429), "limited", "status 429 (slow down)", id="429"),
    pytest.param(lambda: sent(LIMIT, 429, **{"retry-after": "0.01"}), "limited", "2 tries", id="429 wait"),
    pytest.param(lambda: sent(LIMIT, 429, **{"retry-after": "7200"}), "limited", "7200 s", id="429 hours"),
    pytest.param(lambda: sent({}, 500), "unavailable", "status 500", id="500"),
    pytest.param(lambda: page(502), "unavailable", "status 502", id="502"),
    pytest.param(lambda: sent({}, 503), "unavailable", "status 503", id="503"),
    pytest.param(late, "timeout", "nothing within 0.2 s", id="late"),
    pytest.param(lambda: None, "unreachable", "no connection", id="hangs up"),
    pytest.param(lambda: page(), "unreadable", "did not answer in JSON", id="page"),
    pytest.param(lambda: (200, JSON, b'{"cho'), "unreadable", "cannot be read", id="cut off JSON"),
    pytest.param(lambda: (200, {"content-length": "999"}, b'{"cho'), "unreachable", "", id="cut in the body"),
    pytest.param(lambda: sent({"object": "list"}), "unreadable", "without choices", id="no choices"),
    pytest.param(lambda: sent([1]), "unreadable", "", id="a list"),
    pytest.param(lambda: sent({}, 307, location="http://h.x/"), "refused", "base_url", id="redirect"),
    pytest.param(lambda: said([1]), "unreadable", "a content that is a list", id="content a list"),
    pytest.param(lambda: sent(None), "unreadable", "JSON that is null", id="null"),
    pytest.param(lambda: (200, JSON, b"[" * 99_999), "unreadable", "nested too deeply", id="deep"),
    pytest.param(lambda: (200, JSON, b" " * (9 << 20)), "unreadable", "more than 8 MB", id="too long"),
    pytest.param(lambda: said(""), "empty", "without text", id="empty"),
    pytest.param(lambda: said(None, "length"), "empty", "cut off", id="cut off before it began"),
    pytest.param(lambda: said("I am sorry."), "unusable", "sam", id="prose"),
    pytest.param(lambda: said("Let me see", "length"), "unusable", "cut off", id="cut off later"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "cause", "words"), FAILURES)
def test_fix_says_what_became_of_the_model_and_ends_with_1(
    shop: Path, endpoint: Endpoint, reply: Callable[[], Reply], cause: str, words: str
) -> None:
    endpoint.answer = lambda number, prompt: reply()
    file = models(shop.parent, endpoint.url, timeout=0.2 if cause == "timeout" else 10.0)
    result = fix(shop, file)
    assert result.exit_code == 1
    assert result.stdout == RIGHT + "\n", "the draft is handed back"
    (line,) = told(result)
    assert line.startswith("share: sam")
    assert words in line
    as_json = fix(shop, file, "--json")
    assert as_json.exit_code == 1
    found = json.loads(as_json.stdout)
    assert [(each["role"], each["cause"]) for each in found["failures"]] == [("sam", cause)]
    assert "sam" in found["reason"]
    assert found["runs"] is True
    assert (found["error"] is None) is (cause == "unusable")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://no-such-host.invalid/v1"])
def test_fix_says_where_nobody_listens(shop: Path, endpoint: Endpoint, url: str) -> None:
    result = fix(shop, models(shop.parent, url), sql=WRONG)
    assert result.exit_code == 1
    assert "'Bonn'" in result.stdout, "a proved repair needs no model"
    (line,) = told(result)
    assert f"no connection to {url}" in line


def test_several_models_that_fail_alike_are_one_line(shop: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda number, prompt: sent({}, 401)
    result = fix(shop, models(shop.parent, endpoint.url, "sam", "lom", "generator"))
    (line,) = told(result)
    assert line.endswith("nor did lom and generator")


def test_a_server_that_is_down_is_tried_for_one_model_of_a_case(shop: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda number, prompt: sent({}, 503)
    result = fix(shop, models(shop.parent, endpoint.url, "sam", "lom", "generator"), "--json")
    assert [each["role"] for each in json.loads(result.stdout)["failures"]] == ["sam", "lom", "generator"]
    assert len(endpoint.prompts) == 2, "one retry"


def test_a_model_that_answers_at_last_is_no_failure(shop: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda number, prompt: GOOD if number > 1 else sent({}, 503)
    result = fix(shop, models(shop.parent, endpoint.url))
    assert result.exit_code == 0
    assert not told(result)


# -- many cases ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reply", "cause", "words"), FAILURES)
def test_run_counts_what_failed_and_resume_asks_only_that_again(
    shop: Path, endpoint: Endpoint, reply: Callable[[], Reply], cause: str, words: str
) -> None:
    # Questions 1 and 3 get no answer, the others do.
    endpoint.answer = lambda number, prompt: reply() if "(1)" in prompt or "(3)" in prompt else GOOD
    file = models(shop.parent, endpoint.url, timeout=0.2 if cause == "timeout" else 10.0)
    result = run(shop.parent, file, cases(5), "--json")
    counts = json.loads(result.stdout)
    found = corrections(shop.parent)
    assert [row["id"] for row in found] == [f"c{at}" for at in range(5)]
    failing = ["c1", "c3"]
    assert [row["id"] for row in found if row["failures"]] == failing
    if cause == "unusable":
        assert result.exit_code == 0, "the model answered, and would say the same again"
        assert (counts["failed"], counts["unusable"]) == ([], {"sam": 2})
        assert any("sam gave nothing of use in 2 of 5 cases" in line for line in told(result))
    else:
        assert result.exit_code == 1
        assert [(each["id"], each["cause"]) for each in counts["failed"]] == [
            (name, cause) for name in failing
        ]
        assert [row["id"] for row in found if row["error"]] == failing
        assert any("2 of 5 cases lost a model" in line and words in line for line in told(result))
        assert counts["causes"] == {cause: 2}
    kept = json.loads((shop.parent / "out" / "run.json").read_text())
    assert (kept["failed"], kept["causes"], kept["unusable"]) == (
        counts["failed"],
        counts["causes"],
        counts["unusable"],
    )

    endpoint.answer = lambda number, prompt: GOOD
    endpoint.prompts.clear()
    again = run(shop.parent, file, cases(5), "--resume", "--json")
    assert again.exit_code == 0
    asked = sorted(at for at in range(5) if any(f"({at})" in prompt for prompt in endpoint.prompts))
    if cause == "unusable":
        assert not endpoint.prompts
        return
    assert asked == [1, 3]
    assert json.loads(again.stdout)["failed"] == []
    assert json.loads((shop.parent / "out" / "run.json").read_text())["resumed"] == 3
    # The same as if nothing had failed.
    (shop.parent / "other").mkdir()
    (shop.parent / "other" / "shop.sqlite").write_bytes(shop.read_bytes())
    assert run(shop.parent / "other", file, cases(5)).exit_code == 0
    for name in ("corrections.jsonl", "final_sql.json", "intermediate_traj.jsonl"):
        assert (shop.parent / "out" / name).read_bytes() == (
            shop.parent / "other" / "out" / name
        ).read_bytes()
    # But what the failed calls cost was paid too.
    assert requests(shop.parent) - requests(shop.parent / "other") == sum(
        each["usage"]["requests"] for each in failed_calls(shop.parent)
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "OPENAI_API_KEY"), (403, "another key"), (404, "base_url"), (503, "status 503"), (0, "base_url")],
)
def test_a_run_whose_model_never_answers_stops_early(
    shop: Path, endpoint: Endpoint, status: int, words: str
) -> None:
    endpoint.answer = lambda number, prompt: sent({}, status)
    url = endpoint.url if status else "http://127.0.0.1:9/v1"
    rows = cases(60)
    result = run(shop.parent, models(shop.parent, url), rows, "--json")
    assert result.exit_code == 1
    (line,) = told(result)
    assert "of 60 cases not tried" in line
    assert words in line
    assert url in line
    assert line.endswith("go on with --resume")
    found = json.loads(result.stdout)
    assert found["stopped"] in line
    assert 8 <= found["tried"] == len(found["failed"]) < 20
    assert all(url in each["error"] for each in found["failed"])
    assert not [name for name in FINAL_FILES if (shop.parent / "out" / name).exists()]
    journal = [json.loads(row) for row in (shop.parent / "out" / JOURNAL).read_text().splitlines()[1:]]
    assert 8 <= len(journal) < 20, "nothing is written of what was not tried"
    assert all(row[FAILED] for row in journal)

    endpoint.answer = lambda number, prompt: GOOD
    endpoint.prompts.clear()
    again = run(shop.parent, models(shop.parent, endpoint.url), rows, "--resume")
    if url != endpoint.url:
        assert again.exit_code == 2, "another address is another model"
        return
    assert again.exit_code == 0, again.stderr
    assert len(set(endpoint.prompts)) == 60  # a call that the stopped run gave up may still come in
    assert not [row for row in corrections(shop.parent) if row["error"]]


def test_a_run_whose_model_goes_away_stops_too_and_what_is_done_is_not_asked_twice(
    shop: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("share_sql.runfolder.execute.time.sleep", waits.append)
    endpoint.answer = lambda number, prompt: GOOD if number <= 5 else sent({}, 401)
    file, rows = models(shop.parent, endpoint.url), cases(80)
    result = run(shop.parent, file, rows, "--concurrency", 2)
    assert result.exit_code == 1
    assert waits == [20.0]
    pause, stop = (line for line in result.stderr.splitlines() if "in a row" in line)
    assert "has not answered in 8 cases in a row" in pause
    assert "16 cases in a row" in stop
    endpoint.answer = lambda number, prompt: GOOD
    endpoint.prompts.clear()
    assert run(shop.parent, file, rows, "--resume").exit_code == 0
    assert len(set(endpoint.prompts)) == 75


def test_one_model_of_two_that_never_answers_stops_a_run(shop: Path, endpoint: Endpoint) -> None:
    # lom's prompt holds the trajectory that sam filled.
    endpoint.answer = lambda number, prompt: GOOD if "[MASK]" in prompt else sent({}, 403)
    result = run(shop.parent, models(shop.parent, endpoint.url, "sam", "lom"), cases(40))
    assert result.exit_code == 1
    assert "lom did not answer in 8 cases in a row" in told(result)[0]


def test_mixed_failures_are_told_each_once(shop: Path, endpoint: Endpoint) -> None:
    replies = [sent({}, 401), sent({}, 503), page(), said(""), said("no idea"), None]

    def answer(number: int, prompt: str) -> Reply:
        at = next(at for at in range(30) if f"({at})" in prompt)
        return replies[at // 5] if at % 5 == 0 else GOOD

    endpoint.answer = answer
    result = run(shop.parent, models(shop.parent, endpoint.url), cases(30), "--json")
    assert result.exit_code == 1
    counts = json.loads(result.stdout)
    assert counts["causes"] == {"empty": 1, "refused": 1, "unavailable": 1, "unreachable": 1, "unreadable": 1}
    assert counts["unusable"] == {"sam": 1}
    lines = told(result)
    assert sum("1 of 30 cases lost a model" in line for line in lines) == 5
    assert any("5 cases lost a model in all" in line for line in lines)


def test_a_failed_case_may_fail_again_and_stays_failed(shop: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda number, prompt: sent({}, 503) if "(2)" in prompt else GOOD
    file = models(shop.parent, endpoint.url)
    assert run(shop.parent, file, cases(4)).exit_code == 1
    for _ in range(2):
        endpoint.prompts.clear()
        assert run(shop.parent, file, cases(4), "--resume").exit_code == 1
        assert {prompt for prompt in endpoint.prompts if "(2)" not in prompt} == set()
    assert [row["id"] for row in corrections(shop.parent) if row["error"]] == ["c2"]
    assert len(corrections(shop.parent)) == 4


def test_a_run_in_which_no_answer_is_of_use_ends_with_1(shop: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda number, prompt: said("Hello, how can I help?")
    result = run(shop.parent, models(shop.parent, endpoint.url), cases(12))
    assert result.exit_code == 1
    assert "sam gave nothing of use in 12 of 12 cases" in told(result)[0]


def test_cases_without_sql_ask_no_model_and_lose_none(shop: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda number, prompt: sent({}, 401)
    result = run(shop.parent, models(shop.parent, endpoint.url), cases(12, draft="I cannot tell."), "--json")
    assert (result.exit_code, json.loads(result.stdout)["not_running"]) == (0, 12)


def told_usage(text: str) -> Reply:
    choice = {"finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return sent({"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 2}})


@pytest.mark.parametrize("text", ["", "I am sorry, Dave."])
def test_tokens_of_answers_of_no_use_are_counted(shop: Path, endpoint: Endpoint, text: str) -> None:
    answer = told_usage("```SR\nres = df.where(element = store.city, filter = 'Bonn').count()\n```")
    endpoint.answer = lambda number, prompt: told_usage(text) if "(1)" in prompt else answer
    assert run(shop.parent, models(shop.parent, endpoint.url), cases(3)).exit_code == (0 if text else 1)
    used = json.loads((shop.parent / "out" / "run.json").read_text())["usage"]
    calls = len(endpoint.prompts)
    assert calls == (3 if text else 4), "one retry"
    assert (used["prompt_tokens"], used["completion_tokens"], used["requests"]) == (
        10 * calls,
        2 * calls,
        calls,
    )


def test_tokens_are_counted_once_where_the_next_model_is_not_asked(shop: Path, endpoint: Endpoint) -> None:
    endpoint.answer = lambda number, prompt: told_usage("") if number == 1 else sent({}, 503)
    result = fix(shop, models(shop.parent, endpoint.url, "sam", "lom", "generator"), "--json")
    found = json.loads(result.stdout)
    assert [each["role"] for each in found["failures"]] == ["sam", "lom", "generator"]
    assert sum(used["requests"] for used in found["usage"].values()) == 1


def test_a_key_with_a_line_break_at_its_end_is_sent_clean_and_shown_nowhere(
    shop: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_KEY", "sk-91f3a7\n")
    endpoint.answer = lambda number, prompt: sent({"error": {"message": "no sk-91f3a7"}}, 400)
    result = fix(shop, models(shop.parent, endpoint.url, api_key_env="TEAM_KEY"), "-vv")
    assert len(endpoint.prompts) == 1
    assert "no ***" in result.stderr
    assert "91f3a7" not in result.output + result.stderr
    monkeypatch.setenv("TEAM_KEY", "sk-91\nf3a7")
    result = fix(shop, models(shop.parent, endpoint.url, api_key_env="TEAM_KEY"))
    assert (result.exit_code, len(endpoint.prompts)) == (2, 1)
    assert "the key in TEAM_KEY holds a line break" in result.stderr
    assert "f3a7" not in result.output + result.stderr


# -- databases, and SQL that does not run ----------------------------------------------------------------


def test_a_missing_database_is_told_once_and_done_when_it_is_there(shop: Path) -> None:
    rows = [*cases(200, database="gone.sqlite"), {**cases(1)[0], "id": "there"}]
    result = run(shop.parent, "none", rows, "--json")
    (line,) = told(result)
    assert "200 of 201 cases could not be worked on" in line
    assert "gone.sqlite" in line
    found = corrections(shop.parent)
    assert sum("gone.sqlite" in (row["error"] or "") for row in found) == 200
    assert {row["runs"] for row in found} == {None, True}
    (shop.parent / "gone.sqlite").write_bytes(shop.read_bytes())
    assert json.loads(run(shop.parent, "none", rows, "--resume", "--json").stdout)["failed"] == []


@pytest.mark.parametrize(
    "draft", ["SELECT nothing_like_it FROM nowhere_near", "I do not know.", "", "DELETE FROM store"]
)
def test_what_does_not_run_ends_fix_with_1_and_is_counted_by_run(shop: Path, draft: str) -> None:
    call = ["fix", "--db", str(shop), "--question", "How many?", "--sql", draft]
    plain, as_json = CliRunner().invoke(cli, call), CliRunner().invoke(cli, [*call, "--json"])
    assert (plain.exit_code, as_json.exit_code) == (1, 1)
    assert len(told(plain)) == 1
    found = json.loads(as_json.stdout)
    assert (found["runs"], found["sql"], found["error"]) == (False, draft, None)
    counts = json.loads(run(shop.parent, "none", cases(3, draft=draft), "--json").stdout)
    assert counts["not_running"] == 3
    assert [row["runs"] for row in corrections(shop.parent)] == [False] * 3


def test_where_nothing_could_be_run_nothing_is_said_of_it(tmp_path: Path) -> None:
    call = ["fix", "--db", str(tmp_path / "gone.sqlite"), "--question", "Q", "--sql", "SELECT 1", "--json"]
    result = CliRunner().invoke(cli, call)
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["runs"] is None
    assert "gone.sqlite" in found["error"]


def test_a_replay_misses_only_what_was_not_recorded(shop: Path) -> None:
    assert run(shop.parent, "none", cases(2)).exit_code == 0
    (shop.parent / "out").rename(shop.parent / "first")
    replay = f"recorded:{shop.parent / 'first'}"
    result = run(shop.parent, replay, cases(3), "--json")
    assert [(each["id"], each["cause"]) for each in json.loads(result.stdout)["failed"]] == [
        ("c2", "missing")
    ]
    assert result.exit_code == 1


def test_a_server_that_answers_by_another_model_is_noted(shop: Path, endpoint: Endpoint) -> None:
    assert run(shop.parent, models(shop.parent, endpoint.url), cases(3)).exit_code == 0
    told = json.loads((shop.parent / "out" / "run.json").read_text())
    assert told["answered_as"] == {"sam": ["served"]}
