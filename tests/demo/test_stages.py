"""What each stage made, as the demo shows it: golden blocks, with scripted models and without any."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.golden import titled_pairs

from share_sql.assistant import Assistant
from share_sql.catalog import Catalog
from share_sql.demo.cases import load_cases, load_meanings
from share_sql.demo.database import NAME
from share_sql.demo.stages import SHOWN, asked_models, stage_lines, stages_shown
from share_sql.models.base import Model
from share_sql.models.scripted import Script, ScriptedModel
from share_sql.stages.state import State

GOLDEN = dict(titled_pairs(Path(__file__).parent / "golden" / "stages.txt"))
GROUPED = (
    "```SR\nres = df.groupby(products.category).select(products.category, avg(products.list_price))\n```"
)
SCRIPTS: Mapping[str, Script] = {
    "none": {},
    "whole": {
        "sam": GROUPED,
        "lom": GROUPED.replace("avg", "max").replace("price))", "price)).limit(3)"),
        "scorer": ["yes", "no", "no"],
    },
    "sam fails": {"sam": "I cannot say.", "scorer": "no"},
}


def unsure(block: str) -> str:
    """A block without its confidences, which follow the weights."""
    return re.sub(r"confidence \d\.\d\d", "confidence 0.00", block)


def state(shop_path: Path, case_id: str, script: Script) -> State:
    """The end of one of the demo's cases, with models that answer what the script has for them."""
    case = next(case for case in load_cases() if case.id == case_id)
    catalog = Catalog()
    catalog.add(NAME, shop_path, meanings=load_meanings())
    roles = script.keys() if isinstance(script, Mapping) else ()
    models: dict[str, Model] = dict.fromkeys(roles, ScriptedModel(script))
    with Assistant(catalog=catalog, models=models, conventions="benchmark") as assistant:
        return next(iter(assistant.correct_states([case.case()])))


@pytest.mark.parametrize("title", GOLDEN)
def test_blocks(shop_path: Path, title: str) -> None:
    pair = GOLDEN[title]
    shown = stages_shown(state(shop_path, pair["case"], SCRIPTS[pair["script"]]))
    block = "\n".join(f"{label}{text}" for label, text in stage_lines(shown, int(pair["width"])))
    assert unsure(block) == unsure(pair["block"].removeprefix("\n")), f"\n{block}"
    assert asked_models(shown) == (pair["script"] != "none")


def test_lines_keep_to_the_width_and_none_is_lost(shop_path: Path) -> None:
    shown = stages_shown(state(shop_path, "shop-40", {}))
    lines = [label + text for label, text in stage_lines(shown, 60)]
    assert max(map(len, lines)) <= 60
    words = " ".join(line for each in shown for line in each.lines).split()
    assert all(word in "".join(lines).replace(" ", "") for word in words if len(word) < 40)


def test_a_draft_without_sql_still_ends_with_a_verdict(shop_path: Path) -> None:
    case = load_cases()[0].case()
    catalog = Catalog()
    catalog.add(NAME, shop_path)
    with Assistant(catalog=catalog) as assistant:
        (ended,) = assistant.correct_states([type(case)("x", "How many?", NAME, "I do not know.")])
    shown = stages_shown(ended)
    assert [each.name for each in shown] == ["draft", "judge"]
    assert shown[0].lines == ("I do not know.",)


def test_the_cases_shown_are_the_demos() -> None:
    assert set(SHOWN) <= {case.id for case in load_cases()}
