"""Prices: one's own, the provider's, or none, which is not 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.errors import SettingsError
from share_sql.models.base import Usage
from share_sql.models.load import load_models
from share_sql.models.prices import FREE, ListPrice, Price, cost_of, has_price
from share_sql.models.scripted import ScriptedModel

SPENT = Usage(prompt_tokens=1_000_000, completion_tokens=100_000, cached_tokens=400_000, requests=1)


@pytest.mark.parametrize(
    ("price", "cost"),
    [(Price(2, 10), 3.0), (Price(2, 10, cached=0.5), 2.4), (Price(0, 10), 1.0), (FREE, 0.0)],
)
def test_tokens_cost_what_is_said_of_their_kind(price: Price, cost: float) -> None:
    assert price.cost(SPENT) == pytest.approx(cost)


def test_a_provider_has_a_list_price_and_a_server_of_ones_own_has_none() -> None:
    official = ListPrice("gpt-4o", "https://api.openai.com/v1")
    cost = official.cost(Usage(prompt_tokens=1_000_000, requests=1))
    assert cost is not None
    assert cost > 0
    assert official.cost(SPENT) < official.cost(Usage(1_000_000, 100_000, requests=1))  # type: ignore[operator]
    assert ListPrice("gpt-4o", "http://localhost:8000/v1").cost(SPENT) is None
    assert ListPrice("no-such-model", "https://api.openai.com/v1").cost(SPENT) is None


def test_a_price_that_is_not_known_is_none_and_no_call_costs_nothing() -> None:
    model = ScriptedModel({})
    assert cost_of(model, SPENT) is None
    assert not has_price(model)
    assert cost_of(model, Usage()) == 0
    assert has_price(ScriptedModel({}, price=Price(0.1, 0.1)))


def models_file(folder: Path, price: str) -> str:
    path = folder / "models.toml"
    table = f'[models.sam]\nbase_url = "http://h/v1"\nmodel = "m"\nprice = {price}\n'
    path.write_text(f'{table}[cache]\npath = "answers.sqlite"\n')
    return str(path)


def test_a_models_file_names_a_price_and_a_cache_keeps_it(tmp_path: Path) -> None:
    model = load_models(models_file(tmp_path, "{input = 2, output = 10.0, cached = 0.5}"))["sam"]
    assert cost_of(model, SPENT) == pytest.approx(2.4)


@pytest.mark.parametrize(
    ("price", "told"),
    [
        ("{input = 1}", "models.sam.price.output is missing"),
        ("{input = -1, output = 1}", "models.sam.price.input: "),
        ("{input = 1, outputs = 1}", "unknown key models.sam.price.outputs; did you mean output?"),
    ],
)
def test_a_price_that_is_none_is_refused_by_its_key(tmp_path: Path, price: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told.replace(".", r"\.").replace("?", r"\?")):
        load_models(models_file(tmp_path, price))
