"""Models whose answers are hostile: proved repairs of the draft stand, and no stage fails by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.models.base import ModelRequest
from share_sql.models.scripted import ScriptedModel

WRONG = "SELECT COUNT(*) FROM customers WHERE segment = 'Enterprise'"
QUESTION = "How many enterprise customers are there?"
GOOD = "res = df.where(element = customers.segment, filter = 'enterprise').count()"
ROLES = ("bam", "mask", "sam", "lom", "generator", "scorer")
_IN = "df.where(element = customers.id, filter = 'in', value = "
ANSWERS = {
    "repeated actions": "res = df" + ".where(element = customers.segment, filter = 'x')" * 20_000,
    "repeated fences": "```sr\nres = df.count()\n```\n" * 40_000,
    "repeated words": "the answer is " * 70_000,
    "repeated thoughts": "<think>" * 140_000,
    "brackets": "res = df.where(element = " + "(" * 10_000 + "customers.id" + ")" * 10_000 + ", filter = 5)",
    "calls": "res = df.select(" + "abs(" * 10_000 + "customers.id" + ")" * 10_000 + ")",
    "frames in frames": "res = " + _IN * 60 + "df.select(customers.id)" + ")" * 60,
    "steps used twice": "s0 = df.select(customers.id)\n"
    + "\n".join(
        f"s{at} = df.where(customers.id in s{at - 1}).where(customers.id in s{at - 1})" for at in range(1, 40)
    ),
    "a list": json.dumps([f"customers.c{at}" for at in range(100_000)]),
    "a list in lists": "[" * 900 + "]" * 900,
    "an open list": "[" * 100_000,
    "an object": '{"steps": [1, null, {"a": NaN}]}',
    "half characters": "res = df.where(element = customers.segment, filter = '\ud800').select(t.\udfff)",
    "half characters in SQL": "SELECT '\ud800' FROM customers",
    "control characters": "\0\x1b[2J\x07" * 10_000,
    "a table dropped": "```sql\nDROP TABLE customers;\n```",
    "a table dropped after": "SELECT 1; DROP TABLE customers",
    "a setting": "PRAGMA writable_schema = 1",
    "subqueries": "SELECT " + "(SELECT " * 500 + "1" + ")" * 500,
    "concatenations": "SELECT " + " || ".join(["segment"] * 900) + " FROM customers",
    "a chain": "res = df.select(" + " || ".join(["customers.segment"] * 900) + ")",
    "nothing": "",
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return Catalog(cache=tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize("role", [*ROLES, "all"])
def test_hostile_answers_cost_no_repair(shop_path: Path, catalog: Catalog, role: str) -> None:
    before = shop_path.read_bytes()
    for title, text in ANSWERS.items():

        def answer(request: ModelRequest, text: str = text) -> str:
            return text if role in (request.role, "all") else GOOD

        roles = {"all": ROLES, "mask": ("mask", "sam")}.get(role, (role,))
        model = ScriptedModel(answer)
        with Assistant(catalog=catalog, models=dict.fromkeys(roles, model)) as assistant:
            done = assistant.correct(Case("1", QUESTION, str(shop_path), WRONG))
        assert (done.verdict, done.sql) == ("corrected", WRONG.replace("Enterprise", "enterprise")), ascii(
            (title, done.reason, done.steps)
        )
        assert not [step for step in done.steps if step.cause], ascii((title, done.steps))
    assert shop_path.read_bytes() == before
