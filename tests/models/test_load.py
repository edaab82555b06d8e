from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from share_sql.errors import RunFolderError, SettingsError
from share_sql.models.base import ModelRequest
from share_sql.models.bases import weights_of
from share_sql.models.cache import CachedModel
from share_sql.models.endpoint import EndpointModel
from share_sql.models.load import (
    CARD,
    load_models,
    shipped_adapters,
)
from share_sql.models.lora import read_adapter
from share_sql.models.recorded import RecordedModel
from share_sql.models.roles import ROLES
from share_sql.models.weights_file import weights_path
from share_sql.prompts.library import SHIPPED_SETS

from .adapters import QWEN2, SHAPES, write_adapter, write_qwen2, write_weights

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


# -- models in this process ---------------------------------------------------------------------------


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of what comes with the package."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setattr("share_sql.models.load.shipped_adapters", lambda: folder)
    return folder


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with a small model in place of the base weights."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = weights_path(weights_of("smollm2-135m"))
    path.parent.mkdir(parents=True)
    return write_weights(path)


def test_embedded_brings_what_is_shipped(shipped: Path, base: Path) -> None:
    roles = "sam/, lom/, scorer/, drafter/, second_drafter/"
    with pytest.raises(SettingsError, match=rf"holds no adapter \({roles}\)"):
        load_models("embedded")
    write_adapter(shipped / "lom", SHAPES, 1)
    assert list(load_models("embedded")) == ["lom"]
    for role in ("bam", "sam", "scorer"):
        write_adapter(shipped / role, SHAPES, 1)
    assert list(load_models("embedded")) == ["sam", "lom", "scorer"], "bam stays symbolic"


def test_a_file_may_name_a_shipped_adapter(shipped: Path, base: Path, file: Callable[[str], str]) -> None:
    told = file('[models.bam]\nkind = "embedded"\nadapter = "shipped"\n')
    with pytest.raises(SettingsError, match=r"models\.bam: no adapter for bam comes with the package"):
        load_models(told)
    write_adapter(shipped / "bam", SHAPES, 1)
    assert load_models(told)["bam"].name.startswith("bam-")


def test_a_name_changes_with_the_weights(base: Path, tmp_path: Path, file: Callable[[str], str]) -> None:
    folder = tmp_path / "sam"
    names = set()
    for seed in (1, 2):
        write_adapter(folder, SHAPES, 1, seed=seed)
        names.add(load_models(file('[models.sam]\nkind = "embedded"\nadapter = "sam"\n'))["sam"].name)
        (tmp_path / "x.gguf").write_bytes(base.read_bytes() + bytes(seed))
        names.add(load_models(file('[models.sam]\nkind = "embedded"\nweights = "x.gguf"\n'))["sam"].name)
    assert len(names) == 4, "the answer cache finds answers by it"


def test_a_cache_stands_before_embedded_models(
    base: Path, tmp_path: Path, file: Callable[[str], str]
) -> None:
    write_adapter(tmp_path / "sam", SHAPES, 1)
    (tmp_path / "sam" / "card.json").write_text('{"prompts": "brief"}')
    text = '[models.sam]\nkind = "embedded"\nadapter = "sam"\n'
    plain = load_models(file(text))["sam"]
    cached = load_models(file(text + '[cache]\npath = "answers.sqlite"\n'))["sam"]
    assert isinstance(cached, CachedModel)
    assert (cached.name, cached.takes_grammar, cached.prompts) == (plain.name, True, "brief")
    asyncio.run(cached.close())


def test_a_card_that_names_no_prompts_is_refused(
    base: Path, tmp_path: Path, file: Callable[[str], str]
) -> None:
    write_adapter(tmp_path / "sam", SHAPES, 1)
    told = file('[models.sam]\nkind = "embedded"\nadapter = "sam"\n')
    assert getattr(load_models(told)["sam"], "prompts", "") is None
    for text in ("{}", "[", '{"prompts": 3}', "[]"):
        (tmp_path / "sam" / "card.json").write_text(text)
        with pytest.raises(SettingsError, match=r"card\.json does not name a prompt set"):
            load_models(told)


def test_a_card_says_how_many_answers_are_asked_for(
    base: Path, tmp_path: Path, file: Callable[[str], str]
) -> None:
    write_adapter(tmp_path / "drafter", SHAPES, 1)
    told = file('[models.drafter]\nkind = "embedded"\nadapter = "drafter"\n')
    card = tmp_path / "drafter" / "card.json"
    for text, samples in (('{"prompts": "brief"}', 1), ('{"prompts": "brief", "samples": 8}', 8)):
        card.write_text(text)
        model = load_models(told)["drafter"]
        assert (model.samples, model.calibrated) == (samples, True)
    for wrong in ("0", "33", '"8"', "true", "1.5", "null"):
        card.write_text(f'{{"prompts": "brief", "samples": {wrong}}}')
        with pytest.raises(SettingsError, match="samples must be a whole number from 1 to 32"):
            load_models(told)


def test_a_card_alone_names_a_base_that_answers_as_it_is(shipped: Path, base: Path) -> None:
    write_adapter(shipped / "drafter", SHAPES, 1)
    folder = shipped / "second_drafter"
    folder.mkdir()
    (folder / "card.json").write_text('{"prompts": "default", "base": "smollm2-135m"}')
    models = load_models("embedded")
    assert list(models) == ["drafter", "second_drafter"]
    second = models["second_drafter"]
    assert (second.prompts, second.samples, second.calibrated) == ("default", 1, True)
    assert second.name.startswith("SmolLM2-135M"), "the base's own weights answer"
    for wrong in ('"llama-3"', '"7b"', "3", '["smollm2-135m"]'):
        (folder / "card.json").write_text(f'{{"prompts": "default", "base": {wrong}}}')
        with pytest.raises(SettingsError, match="base must be one of smollm2-135m"):
            load_models("embedded")


def test_a_folder_of_adapters_stands_under_its_roles(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for role in ("scorer", "bam", "other"):
        write_adapter(folder / role, SHAPES, 1)
    assert list(load_models(f"embedded:{folder}")) == ["bam", "scorer"]


def test_a_file_may_name_a_scorer_alone(
    base: Path, shipped: Path, tmp_path: Path, file: Callable[[str], str]
) -> None:
    told = '[models.scorer]\nkind = "embedded"\nadapter = "{}"\n'
    with pytest.raises(SettingsError, match=r"models\.scorer: no adapter for scorer comes with the package"):
        load_models(file(told.format("shipped")))
    for folder, named in ((shipped / "scorer", "shipped"), (tmp_path / "weigher", "weigher")):
        write_adapter(folder, SHAPES, 1)
        assert list(load_models(file(told.format(named)))) == ["scorer"]


@pytest.mark.parametrize("role", [role.name for role in ROLES.values() if role.adapter])
def test_shipped_adapters_say_their_prompts(role: str) -> None:
    folder = shipped_adapters() / role
    assert read_adapter(folder).pairs
    assert json.loads((folder / CARD).read_text(encoding="utf-8"))["prompts"] in SHIPPED_SETS


def test_a_base_untuned_is_a_drafter_and_a_folder_of_its_name_wins(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert list(load_models("embedded:smollm2-135m")) == ["drafter"]
    assert list(load_models("embedded:135m")) == ["drafter"]
    with pytest.raises(SettingsError, match=r"qwen2\.5-coder-0\.5b are not here yet.*pull qwen2"):
        load_models("embedded:0.5b")
    with pytest.raises(SettingsError, match=r"no 7b: .*folder of adapters.*name of a base \(smollm2-135m"):
        load_models("embedded:7b")
    write_adapter(tmp_path / "135m" / "sam", SHAPES, 1)
    assert list(load_models("embedded:135m")) == ["sam"]


def test_roles_with_the_same_weights_are_one_model(
    base: Path, tmp_path: Path, file: Callable[[str], str]
) -> None:
    write_adapter(tmp_path / "one", SHAPES, 1)
    write_adapter(tmp_path / "two", SHAPES, 1, seed=2)
    text = "".join(
        f'[models.{role}]\nkind = "embedded"\nadapter = "{folder}"\n'
        for role, folder in (("sam", "one"), ("lom", "one"), ("scorer", "two"))
    )
    models = load_models(file(text))
    assert models["sam"] is models["lom"]
    assert models["sam"] is not models["scorer"]


def test_an_adapter_finds_its_own_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = weights_path(weights_of("qwen2.5-coder-0.5b"))
    path.parent.mkdir(parents=True)
    write_qwen2(path)
    named = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
    for at, role in enumerate(("sam", "lom")):
        write_adapter(tmp_path / "mine" / role, QWEN2, 2, seed=at, base_model_name_or_path=named)
    models = load_models(f"embedded:{tmp_path / 'mine'}")
    assert len({model.name for model in models.values()}) == 2
    assert {repr(model) for model in models.values()} == {f"EmbeddedModel({str(path)!r})"}
