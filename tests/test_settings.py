"""share.toml: what it may hold, where it is found, and what its faults say."""

from __future__ import annotations

from pathlib import Path

import pytest

from share_sql.database.base import Limits
from share_sql.errors import SettingsError
from share_sql.settings import Settings, load_settings

WHOLE = """
[databases.shop]
url = "postgresql://reader:${SHOP_PASSWORD}@db.example/shop"
meanings = "meanings.json"
tables = "/data/tables.json"
namespaces = ["public", "sales"]
rows = 10
seconds = 2

[databases."old club"]
path = "data/club.sqlite"

[models]
use = "embedded"

[policy]
policy = "errors"
conventions = "benchmark"
min-confidence = 0.5
without = ["select-drop", "limit"]

[cache]
folder = "cache"

[service]
host = "0.0.0.0"
port = 80
token = "${TOKEN}"
workers = 2
"""
VARIABLES = {"SHOP_PASSWORD": "s3cr/t@x", "TOKEN": "t0ken"}


def load(folder: Path, text: str, **variables: str) -> Settings:
    path = folder / "share.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, variables)


def fault(folder: Path, text: str, **variables: str) -> str:
    with pytest.raises(SettingsError) as raised:
        load(folder, text, **variables)
    told = str(raised.value)
    assert "\n" not in told
    return told.removeprefix(f"{folder / 'share.toml'}")


def test_all_that_it_may_say(tmp_path: Path) -> None:
    found = load(tmp_path, WHOLE, **VARIABLES)
    shop, club = found.databases.values()
    assert shop.where == "postgresql://reader:s3cr%2Ft%40x@db.example/shop"
    assert (shop.meanings, shop.tables) == (str(tmp_path / "meanings.json"), "/data/tables.json")
    assert shop.namespaces == ["public", "sales"]
    assert shop.limits == Limits(seconds=2, rows=10)
    assert club.where == str(tmp_path / "data/club.sqlite")
    assert club.limits == Limits()
    assert found.flags == {
        "models": "embedded",
        "policy": "errors",
        "conventions": "benchmark",
        "min_confidence": 0.5,
        "without": "select-drop,limit",
        "cache": str(tmp_path / "cache"),
    }
    assert (found.service.port, found.service.token) == (80, "t0ken")


def test_no_secret_is_in_its_text(tmp_path: Path) -> None:
    text = repr(load(tmp_path, WHOLE, **VARIABLES))
    assert "s3cr" not in text
    assert "t0ken" not in text


def test_an_empty_file_and_none_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(tmp_path, "").flags == {}
    (tmp_path / "share.toml").unlink()
    monkeypatch.chdir(tmp_path)
    assert load_settings(environment={}) == Settings()


def test_it_is_found_in_the_working_folder_and_by_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    load(tmp_path, "[cache]\nfolder = 'here'")
    assert load_settings(environment={}).cache.folder == str(tmp_path / "here")
    (tmp_path / "other.toml").write_text("[cache]\nfolder = 'there'")
    assert load_settings(environment={"SHARE_CONFIG": "other.toml"}).cache.folder == str(tmp_path / "there")
    with pytest.raises(SettingsError, match=r"no settings file gone\.toml"):
        load_settings(environment={"SHARE_CONFIG": "gone.toml"})


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("sqlite:///a b.sqlite", "sqlite:////{}/a%20b.sqlite"),
        ("duckdb:///a.duckdb", "duckdb:////{}/a.duckdb"),
        ("sqlite:////a.sqlite", "sqlite:////a.sqlite"),
        ("${WHOLE}", "mysql://u:p%40@h/d"),
        ("mysql://${USER}:${PASSWORD}@${HOST}/d", "mysql://a%3Ab:%24%7Bx%7D@h:1/d"),
        ("mysql://u:$$x@h/d", "mysql://u:$x@h/d"),
    ],
)
def test_urls(tmp_path: Path, url: str, place: str) -> None:
    variables = {"WHOLE": "mysql://u:p%40@h/d", "USER": "a:b", "PASSWORD": "${x}", "HOST": "h:1"}
    found = load(tmp_path, f'[databases.a]\nurl = "{url}"', **variables)
    assert found.databases["a"].where == place.format(str(tmp_path)[1:])


NO_NAME = "cache.folder: ${…} takes the name of a variable; $$ stands for one $"
NO_URL = "url is no URL, such as postgresql://user@host/name; a file goes into path"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[database.a]\npath = 'x'", ", line 1: unknown key database; did you mean databases?"),
        ("\n[databases.a]\npath = 'x'\nrow = 1", ", line 4: unknown key databases.a.row; did you mean rows?"),
        (
            "[policy]\nmin_confidence = 1",
            ", line 2: unknown key policy.min_confidence; did you mean min-confidence?",
        ),
        (
            '[cache]\n"x=y" = 1',
            ", line 2: unknown key cache.x=y; known are folder, answers",
        ),
        ("databases.a = {path='x', rowz=1}", ", line 1: unknown key databases.a.rowz; did you mean rows?"),
        ("cache = 'x'", ", line 1: cache is no table; write [cache]"),
        (
            "[databases]\na = 'x'",
            ", line 2: databases.a is no table; write [databases.a] with url or path in it",
        ),
        ("[databases.a]\nrows = 1", ", line 1: databases.a: give either url or path"),
        ("[databases.a]\npath = 'a'\nurl = 'b'", ", line 1: databases.a: give either url or path"),
        (
            "[databases.a]\nurl = 'a.sqlite'",
            f", line 1: databases.a: {NO_URL}",
        ),
        ("[databases.a]\npath = 'mysql://h/d'", ", line 1: databases.a: path is a URL; call it url"),
        (
            "[databases.a]\npath = 'x'\nrows = 0",
            ", line 3: databases.a.rows: input should be greater than or equal to 1",
        ),
        ("[policy]\npolicy = 'x'", ", line 2: policy.policy: input should be 'gated', 'always' or 'errors'"),
        ("[cache]\nfolder = 1\nb = 1", ", line 3: unknown key cache.b; known are folder, answers"),
        ("[cache]\nfolder = '${A'", f", line 2: {NO_NAME}"),
        ("[cache]\nfolder = '${A B}'", f", line 2: {NO_NAME}"),
        ("[cache]\nfolder = '${A_B}'", ", line 2: cache.folder: the environment has no A_B; set it"),
        (
            "[cache]\nanswers = 'x'",
            ", line 2: cache.answers is for tables of roles in [models]; a models file has a cache of its "
            "own",
        ),
        ("[models]\nuse = 1", ", line 2: models.use is no text; give what --models takes, such as auto"),
        ("[models]\nuse = 'auto'\n[models.sam]\nbase = 1", ", line 3: models has both use and sam; keep one"),
        (
            "[models.sem]\nmodel = 'x'",
            ": unknown role models.sem; did you mean sam?; roles are bam, mask, sam, lom, generator, scorer, "
            "teacher, judge, drafter, second_drafter",
        ),
    ],
)  # fmt: skip
def test_faults_are_one_line_that_names_key_and_line(tmp_path: Path, text: str, told: str) -> None:
    assert fault(tmp_path, text) == told


@pytest.mark.parametrize("text", ["[", "a = ", "[databases.a]\npath = 'x'\npath = 'y'"])
def test_what_is_no_toml_says_where(tmp_path: Path, text: str) -> None:
    assert "is not TOML" in fault(tmp_path, text)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "share.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(tmp_path / "share.toml", {})


def test_a_variable_that_is_not_set_costs_only_what_needs_it(tmp_path: Path) -> None:
    found = load(tmp_path, WHOLE)
    assert found.names == ("old club", "shop")
    assert found.database("old club") is not None
    assert found.database("nothing") is None
    with pytest.raises(
        SettingsError, match=r"line 3: databases\.shop\.url: the environment has no SHOP_PASSWORD"
    ):
        found.database("shop")
    assert "the environment has no TOKEN" in found.problems[""]


@pytest.mark.parametrize(
    ("use", "taken"),
    [
        ("auto", "auto"),
        ("models.toml", "{}/models.toml"),
        ("/models.toml", "/models.toml"),
        ("recorded:runs/first", "recorded:{}/runs/first"),
        ("embedded:0.5b", "embedded:0.5b"),
        ("embedded:adapters", "embedded:{}/adapters"),
        ("http://h/v1#m.toml", "http://h/v1#m.toml"),
    ],
)
def test_files_of_models_are_looked_for_beside_it(tmp_path: Path, use: str, taken: str) -> None:
    (tmp_path / "adapters").mkdir()
    assert load(tmp_path, f"[models]\nuse = '{use}'").flags["models"] == taken.format(tmp_path)


def test_tables_of_roles_stand_in_for_a_models_file(tmp_path: Path) -> None:
    found = load(tmp_path, "[models.sam]\nmodel = 'x'\nbase_url = 'http://${HOST}/v1'", HOST="h")
    assert found.models_file == {"models": {"sam": {"model": "x", "base_url": "http://h/v1"}}}
    assert found.flags["models"] == str(tmp_path / "share.toml")


def test_a_service_has_bounds_and_one_token(tmp_path: Path) -> None:
    service = load(
        tmp_path, '[service]\ntoken-file = "token"\nhosts = ["a.example"]\nmax-body = 1_000\nuploads = true'
    ).service
    assert service.token_file == str(tmp_path / "token")
    assert (service.hosts, service.max_body, service.uploads) == (["a.example"], 1000, True)
    told = fault(tmp_path, '[service]\ntoken = "a"\ntoken-file = "b"')
    assert told == ", line 1: service: give either token or token-file"
    assert "did you mean max-body?" in fault(tmp_path, "[service]\nmax-bodi = 1")
