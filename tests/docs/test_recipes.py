"""The recipes, taken from their page, correct what scripted models write."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docs.check import ROOT
from tests.models.server import RawServer, choice, good

from share_sql.demo.database import write_database

PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
QUESTION = "Which stores are in Koln? Give their names."
DRAFT = "SELECT store_name FROM stores WHERE city = 'Koln'"
RIGHT = "SELECT store_name FROM stores WHERE city = 'Köln'"
DOUBTFUL = "SELECT DISTINCT s.supplier_name FROM suppliers AS s JOIN stores AS t ON s.city = t.city"
Recipe = Callable[[str], dict[str, Any]]


@pytest.fixture
def recipe(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recipe]:
    """What the Python under a heading of the page defines, in a folder with the shop."""
    write_database(tmp_path / "shop.sqlite")
    monkeypatch.chdir(tmp_path)
    made: list[dict[str, Any]] = []

    def run(heading: str) -> dict[str, Any]:
        top, *sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
        (section,) = [each for each in sections if each.startswith(f"{heading}\n")]
        source = "\n".join(re.findall(r"^```python\n(.*?)^```$", top + section, re.MULTILINE | re.DOTALL))
        made.append({})
        exec(compile(source, f"recipes.md: {heading}", "exec"), made[-1])
        return made[-1]

    yield run
    for names in made:
        names["assistant"].close()


def test_a_plain_function(recipe: Recipe) -> None:
    sql_for = recipe("A plain function")["sql_for"]
    said: list[str] = []

    def writes(*drafts: str) -> Callable[[str, str], str]:
        left = iter(drafts)

        def write_sql(question: str, reason: str) -> str:
            said.append(reason)
            return next(left)

        return write_sql

    assert sql_for(QUESTION, writes(DRAFT)).sql == RIGHT
    assert said == [""]
    question = "Which suppliers sit in a city where we also have a store? Give their names."
    assert sql_for(question, writes(DOUBTFUL, RIGHT)).draft == RIGHT
    assert "which is no declared key" in said[2]
    last = sql_for(question, writes(DOUBTFUL, DOUBTFUL, "never asked"))
    assert (last.verdict, last.sql) == ("abstained", DOUBTFUL)


def test_langchain(recipe: Recipe) -> None:
    runnables = pytest.importorskip("langchain_core.runnables", reason="langchain-core is not installed")
    names = recipe("LangChain")
    chain = names["with_share"](runnables.RunnableLambda(lambda inputs: f"```sql\n{DRAFT}\n```"))
    assert chain.invoke({"question": QUESTION}).sql == RIGHT
    assert asyncio.run(chain.ainvoke({"question": QUESTION})).sql == RIGHT
    assert [done.sql for done in chain.batch([{"question": QUESTION}] * 3)] == [RIGHT] * 3


def test_a_tool_of_langchain(recipe: Recipe) -> None:
    pytest.importorskip("langchain_core.tools", reason="langchain-core is not installed")
    tool = recipe("LangChain")["correct_sql"]
    assert tool.args_schema.model_json_schema()["required"] == ["question", "sql"]
    assert "before any SQL is run" in tool.description
    done = tool.invoke({"question": QUESTION, "sql": DRAFT})
    assert (done["sql"], done["verdict"]) == (RIGHT, "corrected")


def test_llamaindex(recipe: Recipe) -> None:
    pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
    from llama_index.core import MockEmbedding, SQLDatabase
    from llama_index.core.llms import CompletionResponse, MockLLM
    from llama_index.core.query_engine import NLSQLTableQueryEngine
    from sqlalchemy import create_engine

    class Writer(MockLLM):
        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
            return CompletionResponse(text=f"SQLQuery: {DRAFT}\nSQLResult: none")

        async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
            return self.complete(prompt)

    with_share = recipe("LlamaIndex")["with_share"]
    engine = create_engine("sqlite:///shop.sqlite")
    try:
        queries = NLSQLTableQueryEngine(
            sql_database=SQLDatabase(engine),
            llm=Writer(),
            embed_model=MockEmbedding(embed_dim=1),
            synthesize_response=False,
        )
        assert queries.query(QUESTION).metadata["sql_query"] == DRAFT
        found = with_share(queries).query(QUESTION)
        assert found.metadata["sql_query"] == RIGHT
        assert found.metadata["result"]
        assert asyncio.run(queries.aquery(QUESTION)).metadata["sql_query"] == RIGHT
    finally:
        engine.dispose()


def _call(number: int, arguments: str, name: str = "correct_sql") -> dict[str, Any]:
    return {"id": f"call-{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def test_an_openai_tool_call(recipe: Recipe) -> None:
    openai = pytest.importorskip("openai", reason="openai is not installed")
    answer = recipe("An OpenAI tool call")["answer"]
    calls = [
        _call(1, json.dumps({"question": QUESTION, "sql": DRAFT})),
        _call(2, '{"sql": "SELECT'),
        _call(3, "[]"),
        _call(4, "{}", "drop_table"),
    ]

    def behave(connection: socket.socket, number: int) -> None:
        asks, ends = choice(None, "tool_calls"), choice(f"Run {RIGHT}")
        asks["message"]["tool_calls"] = calls
        connection.sendall(good(asks if number == 1 else ends))

    with RawServer(behave) as server, openai.OpenAI(base_url=server.url, api_key="key") as client:
        assert answer(client, "served", [{"role": "user", "content": QUESTION}]) == f"Run {RIGHT}"
        first, second = (json.loads(body) for _, _, body in server.requests)
    assert first["tools"][0]["function"]["name"] == "correct_sql"
    told = {each["tool_call_id"]: json.loads(each["content"]) for each in second["messages"][2:]}
    assert told["call-1"]["sql"] == RIGHT
    assert [told[f"call-{at}"]["error"][:4] for at in (2, 3, 4)] == ["give", "give", "no s"]


def test_a_model_that_calls_tools_for_ever_is_told(recipe: Recipe) -> None:
    openai = pytest.importorskip("openai", reason="openai is not installed")
    answer = recipe("An OpenAI tool call")["answer"]

    def behave(connection: socket.socket, number: int) -> None:
        asks = choice(None, "tool_calls")
        asks["message"]["tool_calls"] = [_call(number, '{"question": 1, "sql": null}')]
        connection.sendall(good(asks))

    with (
        RawServer(behave) as server,
        openai.OpenAI(base_url=server.url, api_key="key") as client,
        pytest.raises(RuntimeError, match="5 times"),
    ):
        answer(client, "served", [{"role": "user", "content": QUESTION}])
