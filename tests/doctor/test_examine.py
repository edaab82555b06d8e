"""What doctor says of installation, settings, cache and models."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest

from share_sql.doctor.check import Check
from share_sql.doctor.configuration import check_settings
from share_sql.doctor.examine import examine
from share_sql.doctor.installation import check_installation
from share_sql.doctor.models import check_models, check_weights
from share_sql.doctor.storage import check_cache
from share_sql.errors import SettingsError
from share_sql.models.endpoint import EndpointModel
from share_sql.settings import Settings, load_settings


def named(checks: Iterable[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def installed(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> None:
    real = metadata.version

    def version(package: str) -> str:
        if versions.get(package) == "":
            raise metadata.PackageNotFoundError(package)
        return versions.get(package) or real(package)

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(
        metadata, "requires", lambda _: ["sqlglot<31,>=30.20", "rich>=14", "x>=1; extra == 'y'"]
    )


def test_packages_that_fit_are_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, {"sqlglot": "30.20", "rich": "14.0.0"})
    checks = list(check_installation())
    assert {check.status for check in checks} == {"ok"}
    assert named(checks, "sqlglot").text == "30.20"
    assert not [check for check in checks if check.name == "x"]


@pytest.mark.parametrize(
    ("version", "told"),
    [("30.3", "30.3, which is too old"), ("31.0.0", "31.0.0, which is too new"), ("", "is not installed")],
)
def test_packages_that_do_not_fit_name_the_mend(
    monkeypatch: pytest.MonkeyPatch, version: str, told: str
) -> None:
    installed(monkeypatch, {"sqlglot": version})
    check = named(check_installation(), "sqlglot")
    assert (check.status, check.text) == ("failed", told)
    assert check.mend == "pip install 'sqlglot<31,>=30.20'"


def test_an_extra_that_is_not_there_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, {"psycopg": ""})
    check = named(check_installation(), "extra postgres")
    assert check.status == "ok"
    assert "pip install 'share-sql[postgres]'" in check.text


def test_settings_tell_files_that_are_not_there_and_what_cannot_be_used(tmp_path: Path) -> None:
    assert [check.status for check in check_settings(Settings())] == ["ok"]
    (tmp_path / "share.toml").write_text(
        "[databases.here]\npath = 'share.toml'\nmeanings = 'gone.json'\n"
        "[databases.gone]\npath = 'gone.sqlite'\n[databases.far]\nurl = 'postgresql://u:pw@h/d'\n"
        "[databases.unset]\nurl = '${NOT_SET}'\n"
    )
    checks = list(check_settings(load_settings(tmp_path / "share.toml", {})))
    assert [(check.name, check.status) for check in checks] == [
        ("file", "ok"),
        ("unset", "warning"),
        ("here", "ok"),
        ("here", "failed"),
        ("gone", "failed"),
        ("far", "ok"),
    ]
    assert named(checks, "far").text == "postgresql://u@h/d"
    assert "NOT_SET" in named(checks, "unset").mend
    (fault,) = check_settings(Settings(), "share.toml, line 1: wrong")
    assert (fault.status, fault.text) == ("failed", "share.toml, line 1: wrong")


def test_the_cache_folder_is_made_measured_and_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cache"
    assert named(check_cache(folder), "folder").status == "ok"
    (folder / "file").write_bytes(b"x" * 2_000_000)
    check = named(check_cache(folder), "folder")
    assert check.text == f"{folder}, 1 files, 2.0 MB"
    assert [path.name for path in folder.iterdir()] == ["file"]
    (tmp_path / "file").touch()
    check = named(check_cache(tmp_path / "file"), "folder")
    assert check.status == "failed"
    assert "--cache" in check.mend


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write")
def test_a_folder_that_is_there_and_cannot_be_written() -> None:
    assert named(check_cache(Path("/proc/self")), "folder").status == "failed"


def test_weights_that_are_not_here_are_a_warning_for_the_default_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    checks = list(check_weights())
    assert [check.status for check in checks].count("warning") == 1
    assert all("share models pull" in f"{check.text} {check.mend}" for check in checks)
    damaged = tmp_path / "share-sql" / "models" / "base" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no weights")
    assert named(check_weights(), "smollm2-135m").status == "failed"


def test_a_server_that_listens_and_one_that_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        url = f"http://user:s3cret-{port}@127.0.0.1:{port}/v1"
        models = {role: EndpointModel("m", url) for role in ("sam", "lom")}
        checks = list(check_models(lambda: models))
    assert [check.status for check in checks] == ["ok", "ok"]
    assert checks[1].name == "server of sam, lom"
    (_, check) = check_models(lambda: {"sam": EndpointModel("m", url)})
    assert check.status == "failed"
    assert "base_url" in check.mend
    assert "s3cret" not in repr((checks, check))


def test_models_that_cannot_be_loaded_are_told() -> None:
    def load() -> dict[str, EndpointModel]:
        raise SettingsError("no key")

    (check,) = check_models(load)
    assert (check.status, check.text) == ("failed", "no key")


def test_all_groups_come_in_order(tmp_path: Path) -> None:
    checks = examine(Settings(), "", tmp_path, dict)
    assert list(dict.fromkeys(check.group for check in checks)) == [
        "installation",
        "settings",
        "cache",
        "models",
    ]
