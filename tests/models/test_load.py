from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from share_sql.errors import RunFolderError, SettingsError
from share_sql.models.base import ModelRequest
from share_sql.models.cache import CachedModel
from share_sql.models.endpoint import EndpointModel
from share_sql.models.load import load_models
from share_sql.models.recorded import RecordedModel

Ask = Callable[..., ModelRequest]
ENDPOINT = '[models.sam]\nbase_url = "http://localhost:8000/v1"\nmodel = "sam"\n'


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "models.toml"
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "final_traj.jsonl").write_text(
        json.dumps({"idx": 1, "prompt": "p", "response": "final"}) + "\n"
    )
    return folder


def test_none_is_no_model() -> None:
    assert load_models("none") == {}


def test_a_recorded_run_stands_under_its_roles(run_folder: Path, request_of: Ask) -> None:
    models = load_models(f"recorded:{run_folder}")
    assert list(models) == ["lom"]
    assert asyncio.run(models["lom"].ask(request_of(role="lom"))).text == "final"


def test_a_missing_run_folder_is_named() -> None:
    with pytest.raises(RunFolderError, match="no/such"):
        load_models("recorded:no/such")


@pytest.mark.parametrize("spec", ["", "gpt-4o", "record:x", "models.yaml", "recorded:"])
def test_a_spec_that_names_nothing_is_refused(spec: str) -> None:
    with pytest.raises(SettingsError):
        load_models(spec)


def test_an_endpoint_is_the_default_kind(file: Callable[[str], str]) -> None:
    assert isinstance(load_models(file(ENDPOINT))["sam"], EndpointModel)


def test_every_setting_of_an_endpoint_is_taken(
    file: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-mine-alone")
    text = (
        '[models.sam]\nkind = "endpoint"\nbase_url = "http://h/v1"\nmodel = "m"\napi_key_env = "MY_KEY"\n'
        'headers = { "X-Team" = "data" }\ntemperature = 0.5\nsend_temperature = true\n'
        'tokens_field = "max_completion_tokens"\ngrammar_field = "structured_outputs"\n'
        "extra_body = { top_k = 1 }\ntimeout = 5.0\nretries = 2\nfirst_wait = 0.1\nconcurrency = 3\n"
    )
    assert load_models(file(text))["sam"].name.startswith("m@http://h/v1#")


def test_the_key_shows_nowhere(file: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-mine-alone")
    model = load_models(file(ENDPOINT + 'api_key_env = "MY_KEY"\n'))["sam"]
    assert "sk-mine-alone" not in repr(model) + model.name


def test_a_missing_key_variable_is_named(file: Callable[[str], str]) -> None:
    with pytest.raises(SettingsError, match="MY_KEY"):
        load_models(file(ENDPOINT + 'api_key_env = "MY_KEY"\n'))


def test_a_cache_stands_before_endpoints(file: Callable[[str], str], tmp_path: Path) -> None:
    model = load_models(file(ENDPOINT + '[cache]\npath = "answers.sqlite"\n'))["sam"]
    assert isinstance(model, CachedModel)
    assert model.path == tmp_path / "answers.sqlite"


def test_a_recorded_role_is_found_beside_the_file(file: Callable[[str], str], run_folder: Path) -> None:
    models = load_models(file('[models.lom]\nkind = "recorded"\nfolder = "run"\n'))
    assert isinstance(models["lom"], RecordedModel)


def test_a_recorded_role_without_answers_is_named(file: Callable[[str], str], run_folder: Path) -> None:
    with pytest.raises(SettingsError, match="holds no answers of bam"):
        load_models(file('[models.bam]\nkind = "recorded"\nfolder = "run"\n'))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[models.sam]\nmodle = 'x'\n", "unknown key models.sam.modle; did you mean model?"),
        ("[models.sam]\napi_key = 'x'\n", "unknown key models.sam.api_key; did you mean api_key_env?"),
        ("[models.san]\nmodel = 'x'\n", "unknown role models.san; did you mean sam?"),
        ("[model.sam]\nmodel = 'x'\n", "unknown key model; did you mean models?"),
        ("[models.sam]\nmodel = 5\n", "models.sam.model: input should be a valid string"),
        ("[models.sam]\nmodel = 'x'\nretries = '5'\n", "models.sam.retries: input should be a valid integer"),
        ("[models.sam]\nmodel = 'x'\ntemperature = 9.0\n", "models.sam.temperature: "),
        ("[models.sam]\nkind = 'local'\n", "models.sam: "),
        ("[models.lom]\nkind = 'recorded'\n", "models.lom.folder is missing"),
        (
            "[models.lom]\nkind = 'recorded'\nfoldr = 'x'\n",
            "unknown key models.lom.foldr; did you mean folder?",
        ),
        ("[models.sam]\nmodel = 'x'\n[cache]\nfile = 'x'\n", "unknown key cache.file"),
        ("[models]\nsam = 'gpt'\n", "models.sam: "),
        ("", "models is missing"),
        ("[models]\n", "models: "),
        ("[models.sam\n", "is not TOML"),
        ("[models.sam]\nbase_url = 'http://h/v1'\n", "models.sam: no model is named"),
        ("[models.sam]\nmodel = 'm'\n", "models.sam: .* needs a key"),
        (
            "[models.sam]\nmodel = 'm'\nbase_url = 'localhost:8000'\n",
            "models.sam: a base_url starts with http",
        ),
    ],
)
def test_a_bad_file_is_told_in_one_line(file: Callable[[str], str], text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=rf"^[^\n]*models\.toml.*{told.replace('?', '.')}[^\n]*$"):
        load_models(file(text))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SettingsError, match=r"no models file nothing\.toml"):
        load_models("nothing.toml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_models(str(tmp_path / "models.toml"))
