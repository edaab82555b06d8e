"""`share.toml`: databases by name, models, policy, cache and service. Every part may be left out.

    [databases.shop]
    url = "postgresql://reader:${SHOP_PASSWORD}@db.example/shop"
    meanings = "column_meaning.json"      # BIRD's column_meaning.json
    tables = "tables.json"                # Spider's and BIRD's tables.json
    namespaces = ["public", "sales"]      # those to see; left out: all that the role may see
    rows = 10000                          # of one result
    seconds = 20                          # of one query

    [databases.club]
    path = "data/student_club.sqlite"

    [models]
    use = "embedded"                      # what --models takes; or a table a role, as in a models file

    [policy]
    policy = "gated"
    conventions = "none"
    min-confidence = 0.6
    without = ["select-drop"]
    only = []

    [cache]
    folder = ".cache"

    [service]
    host = "127.0.0.1"
    port = 8400
    token = "${SHARE_TOKEN}"              # or token-file = "token.txt"
    workers = 4                           # cases of one database at once
    processes = 4                         # that work on cases; left out: one for each core
    hosts = ["share.example"]             # names that callers may use, beside loopback's
    origins = ["https://notes.example"]   # other sites whose pages may call
    requests-per-minute = 600             # of one client

It is `share.toml` in the working folder, or the file that `--config` or SHARE_CONFIG names. Paths in it are
relative to it. `${NAME}` in any text is the environment's variable; a database, or the service, for which
one is not set cannot be used, all else can.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from share_sql.database.address import file_of, is_url
from share_sql.database.base import Limits
from share_sql.errors import SettingsError
from share_sql.toml_file import Unset, filled, line_of, nearest, read_toml

FILE = "share.toml"
"""The settings file's name in the working folder."""
CONFIG = "SHARE_CONFIG"
"""The environment's variable that names another."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DatabaseSettings(_Strict):
    """A database by name."""

    url: str | None = Field(default=None, repr=False)
    """A URL; this or `path`."""
    path: str | None = None
    """A file."""
    meanings: str | None = None
    """A `column_meaning.json`."""
    tables: str | None = None
    """A `tables.json` that completes the schema."""
    namespaces: list[str] | None = Field(default=None, min_length=1)
    """The namespaces to see; None: all that the role may see."""
    rows: int = Field(default=Limits.rows, ge=1)
    """Rows of one result at most."""
    seconds: float = Field(default=Limits.seconds, gt=0, allow_inf_nan=False)
    """What one query may take."""

    @model_validator(mode="after")
    def _one_place(self) -> DatabaseSettings:
        if (self.url is None) == (self.path is None):
            raise ValueError("give either url or path")
        if self.url is not None and not is_url(self.url):
            raise ValueError("url is no URL, such as postgresql://user@host/name; a file goes into path")
        if self.path is not None and is_url(self.path):
            raise ValueError("path is a URL; call it url")
        return self

    @property
    def where(self) -> str:
        """Path or URL."""
        return self.url or self.path or ""

    @property
    def limits(self) -> Limits:
        """Bounds on one query."""
        return Limits(self.seconds, self.rows)


class PolicySettings(_Strict):
    """When a candidate replaces a draft; as the flags of these names."""

    policy: Literal["gated", "always", "errors"] | None = None
    conventions: Literal["none", "benchmark"] | None = None
    min_confidence: float | None = Field(default=None, ge=0, le=1, alias="min-confidence")
    without: list[str] = []
    only: list[str] = []


class CacheSettings(_Strict):
    """What is kept from one call to the next, and where."""

    folder: str | None = None
    """Of value indexes and of results."""
    answers: str | None = None
    """The file of models' answers, for tables of roles."""


class ServiceSettings(_Strict):
    """How `share serve` listens, whom it answers and what it takes (docs/safety.md)."""

    host: str = "127.0.0.1"
    port: int = Field(default=8400, ge=1, le=65535)
    token: str | None = Field(default=None, min_length=1, repr=False)
    """What a caller must send; None: nobody is asked."""
    token_file: str | None = Field(default=None, alias="token-file")
    """The file that holds it; read at the start."""
    workers: int = Field(default=4, ge=1, le=1024)
    """Cases of one database under way at once."""
    processes: int | None = Field(default=None, ge=1, le=1024)
    """Processes that may work on cases; None: one for each core."""
    case_seconds: float = Field(default=120, gt=0, le=3600, alias="case-seconds")
    """What one case may take, models and queries included."""
    hosts: list[str] = []
    """Names by which callers may call the service, beside those of loopback."""
    origins: list[str] = []
    """Other sites whose pages may call, such as `https://notes.example`."""
    proxies: list[str] = []
    """Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    requests_per_minute: int | None = Field(default=None, ge=0, alias="requests-per-minute")
    """Of one client; 0: any number; None: any number on loopback, else 600."""
    max_requests: int = Field(default=128, ge=1, alias="max-requests")
    """Requests under way at once."""
    max_connections: int = Field(default=512, ge=1, alias="max-connections")
    """Connections open at once."""
    max_body: int = Field(default=8_000_000, ge=1, alias="max-body")
    """Bytes of one request."""
    max_batch: int = Field(default=64_000_000, ge=1, alias="max-batch")
    """Bytes of one batch."""
    uploads: bool = False
    """Whether SQLite files may be uploaded to try them."""
    max_upload: int = Field(default=64_000_000, ge=1, alias="max-upload")
    """Bytes of one upload."""
    upload_minutes: float = Field(default=60, gt=0, le=10_080, alias="upload-minutes")
    """When an upload is deleted."""

    @model_validator(mode="after")
    def _one_token(self) -> ServiceSettings:
        if self.token is not None and self.token_file is not None:
            raise ValueError("give either token or token-file")
        return self


class Settings(_Strict):
    """All that a settings file says."""

    file: Path | None = None
    """The file; None where there is none."""
    databases: Mapping[str, DatabaseSettings] = {}
    """By name, without those of `problems`."""
    models: Mapping[str, Any] = Field(default={}, repr=False)
    """`use`, or a table a role; see `models.load`."""
    policy: PolicySettings = PolicySettings()
    cache: CacheSettings = CacheSettings()
    service: ServiceSettings = ServiceSettings()
    problems: Mapping[str, str] = {}
    """Databases by name, and `service` under no name: what keeps each from being used, such as a variable
    that only another machine has. The rest holds."""

    @property
    def names(self) -> tuple[str, ...]:
        """The databases' names, in the file's order but for those with problems, which come last."""
        return (*self.databases, *(name for name in self.problems if name))

    def database(self, name: str) -> DatabaseSettings | None:
        """A database by name; None where the file does not name it. Raises SettingsError for its problem."""
        if name and name in self.problems:
            raise SettingsError(self.problems[name])
        return self.databases.get(name)

    @property
    def models_file(self) -> dict[str, Any]:
        """The tables that a models file would have (`models.load.models_of`)."""
        kept = {"cache": {"path": self.cache.answers}} if self.cache.answers is not None else {}
        return {"models": dict(self.models), **kept}

    @property
    def models_spec(self) -> str | None:
        """What `--models` would be: `use`; this file where it has tables of roles; else None."""
        return self.models.get("use") or (str(self.file) if self.models else None)

    @property
    def flags(self) -> dict[str, Any]:
        """What the file says in place of flags, by their parameters' names."""
        said = {
            "models": self.models_spec,
            "policy": self.policy.policy,
            "conventions": self.policy.conventions,
            "min_confidence": self.policy.min_confidence,
            "without": ",".join(self.policy.without),
            "only": ",".join(self.policy.only),
            "cache": self.cache.folder,
        }
        return {name: value for name, value in said.items() if value not in (None, "")}


_TABLES: Mapping[str, type[BaseModel]] = {
    "databases": DatabaseSettings,
    "policy": PolicySettings,
    "cache": CacheSettings,
    "service": ServiceSettings,
}
_PARTS = (*_TABLES, "models")


def load_settings(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings.

    Args:
        path: the file; None for the one that SHARE_CONFIG names, else `share.toml` in the working folder,
            where it is there.
        environment: variables; None for the process's.

    Returns:
        What the file says, its paths made absolute; empty settings where there is no file.

    Raises:
        SettingsError: the file cannot be used; the message names key and line.
    """
    environment = os.environ if environment is None else environment
    if path is None:
        named = environment.get(CONFIG)
        path = Path(named) if named else Path(FILE)
        if not named and not path.is_file():
            return Settings()
    tables, text = read_toml(path, "settings file")
    return _checked(path.absolute(), path, tables, text, environment)


def _checked(
    file: Path, shown: Path, tables: dict[str, Any], text: str, environment: Mapping[str, str]
) -> Settings:
    """Settings of tables as they were read; `shown` is the file's name for messages."""

    def fault(key: tuple[str, ...], problem: str) -> SettingsError:
        line = line_of(text, key)
        return SettingsError(f"{shown}{f', line {line}' if line else ''}: {problem}")

    def fault_of(error: Unset) -> SettingsError:
        return fault(error.key, f"{'.'.join(error.key)}: {error}")

    for part, held in tables.items():
        if part not in _PARTS:
            raise fault((part,), f"unknown key {part}{nearest(part, _PARTS)}")
        if not isinstance(held, dict):
            raise fault((part,), f"{part} is no table; write [{part}]")
    for name, held in tables.get("databases", {}).items():
        if not isinstance(held, dict):
            key = ("databases", name)
            raise fault(key, f"databases.{name} is no table; write [databases.{name}] with url or path in it")
    problems: dict[str, str] = {}
    try:
        tables = _filled(
            tables, environment, lambda name, error: problems.update({name: str(fault_of(error))})
        )
    except Unset as error:
        raise fault_of(error) from None
    _check_models(file, tables.get("models", {}), fault)
    try:
        found = Settings.model_validate({**tables, "file": file, "problems": problems})
    except ValidationError as error:
        raise fault(*_told(error)) from None
    if found.cache.answers is not None and not _has_roles(found.models):
        problem = "cache.answers is for tables of roles in [models]; a models file has a cache of its own"
        raise fault(("cache", "answers"), problem)
    return _placed(found, file.parent)


def _has_roles(models: Mapping[str, Any]) -> bool:
    return bool(models) and "use" not in models


def _filled(
    tables: dict[str, Any], environment: Mapping[str, str], spoilt: Callable[[str, Unset], None]
) -> dict[str, Any]:
    """The tables with their variables filled in, without the databases (and the service) that lack one, which
    are told. Raises Unset for any other table."""
    done: dict[str, Any] = {}
    for part, held in tables.items():
        if part == "databases":
            done[part] = {}
            for name, table in held.items():
                try:
                    done[part][name] = filled(table, environment, (part, name))
                except Unset as error:
                    spoilt(name, error)
            continue
        try:
            done[part] = filled(held, environment, (part,))
        except Unset as error:
            if part != "service":
                raise
            spoilt("", error)
    return done


def _check_models(file: Path, models: dict[str, Any], fault: Any) -> None:
    """Raises SettingsError where [models] is neither `use` nor tables of roles."""
    from share_sql.models.settings import parse_models_file

    if "use" in models:
        others = [name for name in models if name != "use"]
        if others:
            raise fault(("models", others[0]), f"models has both use and {others[0]}; keep one")
        if not isinstance(models["use"], str) or not models["use"].strip():
            raise fault(("models", "use"), "models.use is no text; give what --models takes, such as auto")
    elif models:
        parse_models_file(file, {"models": models})


def _told(error: ValidationError) -> tuple[tuple[str, ...], str]:
    """The first fault: its key, and what is wrong in words; an unknown key before one that is missing."""
    first = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")[0]
    key = tuple(str(part) for part in first["loc"])
    name = ".".join(key)
    if first["type"] == "extra_forbidden":
        fields = _TABLES[key[0]].model_fields
        return key, f"unknown key {name}{nearest(key[-1], (each.alias or n for n, each in fields.items()))}"
    if first["type"] == "value_error":
        return key, f"{name}: {first['ctx']['error']}"
    return key, f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _placed(found: Settings, folder: Path) -> Settings:
    """The settings with each path made absolute, from the folder of their file."""

    def path(text: str | None) -> str | None:
        return None if text is None else str(folder / Path(text).expanduser())

    databases = {
        name: each.model_copy(
            update={
                "url": _absolute(each.url, folder),
                "path": path(each.path),
                "meanings": path(each.meanings),
                "tables": path(each.tables),
            }
        )
        for name, each in found.databases.items()
    }
    cache = found.cache.model_copy(
        update={"folder": path(found.cache.folder), "answers": path(found.cache.answers)}
    )
    service = found.service.model_copy(update={"token_file": path(found.service.token_file)})
    models = dict(found.models)
    if "use" in models:
        models["use"] = _placed_models(models["use"], folder)
    return found.model_copy(
        update={"databases": databases, "cache": cache, "models": models, "service": service}
    )


def _placed_models(use: str, folder: Path) -> str:
    """What `--models` takes, with a file or folder in it named from the root."""
    kind, colon, rest = use.partition(":")
    # `embedded:` takes names of bases, too.
    if colon and (kind == "recorded" or (kind == "embedded" and (folder / rest).is_dir())):
        return f"{kind}:{folder / rest}"
    return str(folder / use) if use.endswith(".toml") and not colon else use


def _absolute(url: str | None, folder: Path) -> str | None:
    """A URL whose file, where it is of one, is named from the root."""
    held = file_of(url) if url is not None else None
    if url is None or held is None or not held or os.path.isabs(held):
        return url
    scheme, _, rest = url.partition("://")
    query = rest.partition("?")[2]
    return f"{scheme}:///{quote(str(folder / held))}" + (f"?{query}" if query else "")
