"""What docs/deploy.md hands out fits the code: Dockerfile, compose.yaml, the role's SQL, settings and unit.

No engine for containers is needed: files are read, what they call is called, and the SQL runs on a server.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from docs.check import ROOT
from tests.serve.conftest import serving, shop_desk
from tests.servers.database import ServerDatabase

from share_sql.cli.main import cli
from share_sql.doctor.database import check_database
from share_sql.models.bases import BASES
from share_sql.schema.introspect import introspect
from share_sql.serve.app import create_app
from share_sql.settings import load_settings

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
IMAGE_FOLDER = "/etc/share"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, lines put together."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    return found[max(at for at, (word, _) in enumerate(found) if word == "FROM") :]


def argument(word: str) -> str:
    """What the last stage says with an instruction that it has once."""
    (found,) = [rest for each, rest in last_stage() if each == word]
    return found


def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


def takes(call: list[str]) -> None:
    """Fails where `share` does not know the verb or its flags."""
    assert call[0] == "share"
    done = CliRunner().invoke(cli, [*call[1:], "--help"])
    assert done.exit_code == 0, done.output


# ------------------------------------------------------------------------- image


def test_what_is_copied_is_there_and_not_ignored() -> None:
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = [rest.split() for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    sources = {source for *given, _ in copied for source in given}
    assert sources
    assert sources == kept
    for source in sources:
        assert (ROOT / source).exists()
    assert "*" in rules
    assert any(fnmatch("src/share_sql/__pycache__", rule) for rule in rules if not rule.startswith("!"))


def test_extras_that_are_installed_exist() -> None:
    (extras,) = re.findall(r"'\.\[(.*?)\]'", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {"serve", "mcp", "postgres", "mysql", "duckdb"}
    assert set(extras.split(",")) == wanted
    assert wanted <= declared["optional-dependencies"].keys()


def test_the_image_runs_share_as_no_root() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", argument("USER"))
    takes([*json.loads(argument("ENTRYPOINT")), *json.loads(argument("CMD"))])
    assert argument("WORKDIR") == IMAGE_FOLDER
    assert not any("apt-get" in rest or "pip" in rest for word, rest in last_stage() if word == "RUN")


def test_weights_that_the_page_names_exist() -> None:
    (name,) = re.findall(r"WEIGHTS=(\S+?)`", PAGE)
    weights = BASES[name].weights
    assert weights is not None


def test_the_health_check_tells_a_service_that_lives_from_one_that_does_not(tmp_path: Path) -> None:
    check = argument("HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    port = json.loads(argument("CMD"))[-1]
    assert (command[0], port) == ("python", argument("EXPOSE"))

    def healthy(url: str) -> bool:
        asked = [each.replace(f"http://127.0.0.1:{port}", url) for each in command[1:]]
        assert asked != command[1:]
        return subprocess.run([sys.executable, *asked], capture_output=True, timeout=60).returncode == 0

    with shop_desk(tmp_path) as desk, serving(create_app(desk)) as url:
        assert healthy(url)
    assert not healthy(url)


# ----------------------------------------------------------------------- compose


def test_no_password_is_in_the_compose_file() -> None:
    services = compose()["services"]
    secret = re.compile("TOKEN|PASSWORD")
    for service in services.values():
        for name, value in service["environment"].items():
            assert not secret.search(name) or re.fullmatch(rf"\$\{{{name}:\?.+\}}", value), name
    asked = {name for each in services.values() for name in each["environment"] if secret.search(name)}
    (told,) = re.findall(r"for name in (.*?);", PAGE)
    assert set(told.split()) == asked
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_only_share_is_reached_and_only_from_this_machine() -> None:
    held = compose()
    services = held["services"]
    port = argument("EXPOSE")
    assert services["share"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert "ports" not in services["postgres"]
    assert services["postgres"]["networks"] == ["back"]
    assert held["networks"]["back"]["internal"] is True


def test_files_that_are_mounted_are_there_and_read_only() -> None:
    held = compose()
    for service in held["services"].values():
        for source, _, *mode in (volume.split(":") for volume in service["volumes"]):
            if source.startswith("."):
                assert (ROOT / source).exists(), source
                assert mode == ["ro"]
            else:
                assert source in held["volumes"]


def test_the_settings_fit_the_compose_file() -> None:
    services = compose()["services"]
    assert f"./deploy/share.toml:{IMAGE_FOLDER}/share.toml:ro" in services["share"]["volumes"]
    given = dict.fromkeys(services["share"]["environment"], "s:ecret/")
    settings = load_settings(ROOT / "deploy" / "share.toml", given)
    assert not settings.problems
    database = settings.database("shop")
    assert database is not None
    url = urlsplit(database.where)
    assert (url.hostname, url.path) == ("postgres", f"/{services['postgres']['environment']['POSTGRES_DB']}")
    assert (url.username, url.password) == ("shop_reader", "s%3Aecret%2F")
    assert "postgres" in services
    assert "SHOP_PASSWORD" in load_settings(ROOT / "deploy" / "share.toml", {}).problems["shop"]


@pytest.fixture
def reader(postgres_database: ServerDatabase) -> Iterator[str]:
    """The URL of the role that the image's script makes, in a database with a table from before and after."""
    psql = shutil.which("psql") or pytest.skip("psql is not installed")
    owner = urlsplit(postgres_database.owner)
    folder = ROOT / "deploy" / "postgres"

    def run(*arguments: str) -> None:
        # As the image's entry point calls it.
        environment = {"PATH": os.environ["PATH"], "SHOP_PASSWORD": "it's a secret"}
        call = [psql, "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet", "--dbname", postgres_database.owner]
        done = subprocess.run(
            [*call, *arguments], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr

    run("--command", "CREATE TABLE before (a int)")
    for script in sorted(folder.glob("*.sql")):
        run("--file", str(script))
    run("--command", "CREATE TABLE after (a int)")
    place = owner.netloc.rpartition("@")[2]
    try:
        yield owner._replace(netloc=f"shop_reader:it%27s%20a%20secret@{place}").geturl()
    finally:
        run("--command", "DROP OWNED BY shop_reader; DROP ROLE shop_reader")


def test_the_role_reads_all_tables_and_can_do_nothing_else(reader: str) -> None:
    looked = check_database(reader, "shop", introspect)
    told = "\n".join(f"{each.status} {each.name}: {each.text}" for each in looked.checks)
    assert {each.status for each in looked.checks} == {"ok"}, told
    assert "can read, and nothing else" in told
    assert "2 tables" in told


# ----------------------------------------------------------------------- systemd


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_units_settings_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "share.toml").write_text(block("toml"), encoding="utf-8")
    environment = {"CREDENTIALS_DIRECTORY": "/run/credentials/share.service", "SALES_PASSWORD": "p"}
    settings = load_settings(tmp_path / "share.toml", environment)
    assert not settings.problems
    (credential,) = re.findall(r"^LoadCredential=(\w+):", block("ini"), re.MULTILINE)
    assert settings.service.token_file == f"/run/credentials/share.service/{credential}"


def test_the_unit_calls_share_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "share.toml").touch()
    (call,) = re.findall(r"^ExecStart=\S+/(share .*)$", block("ini"), re.MULTILINE)
    assert "/etc/share/share.toml" in call
    takes(call.replace("/etc/share", str(tmp_path)).split())


def test_the_unit_is_one(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze") or pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "share.service"
    there = re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", block("ini"), flags=re.MULTILINE)
    unit.write_text(there, encoding="utf-8")
    done = subprocess.run([tool, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    unit.write_text(there.replace("ProtectSystem", "ProtectSystems"), encoding="utf-8")
    done = subprocess.run([tool, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60)
    assert "ProtectSystems" in done.stderr
