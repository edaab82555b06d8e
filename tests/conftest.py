"""What all tests share: how hypothesis runs, and fixtures of several folders.

Real servers, started once for all workers, on loopback (`tests/servers`):

- `postgres_url`, `mysql_url` (session): a URL of a user who may do anything there. MySQL's is MariaDB.
- `postgres_database`, `mysql_database` (module): a new, empty database; `.owner` is a URL that may write,
  `.reader` one of a role that may only read, `.run(script)` runs SQL statements as the owner.

Where a server cannot be started, the tests that ask for it skip with the reason; with SHARE_SERVERS=required
in the environment, as `.ci/run` sets it, they fail.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from share_sql.database.sqlite import SqliteDatabase
from share_sql.demo.database import write_database

from .servers.database import ServerDatabase, new_database
from .servers.kinds import ServerMissing
from .servers.start import start

# No property fails because the machine is slow. Under CI the same examples are tried each time.
settings.register_profile(
    "share",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("share")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public benchmarks' data, for tests that need it; they skip where it is absent."""
    project = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("SHARE_DATA", project.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no benchmark data at {folder}; set SHARE_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def shop_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's database."""
    path = tmp_path_factory.mktemp("shop") / "shop.sqlite"
    write_database(path)
    return path


@pytest.fixture
def shop(shop_path: Path) -> Iterator[SqliteDatabase]:
    """The demo's database, opened."""
    with SqliteDatabase(shop_path) as database:
        yield database


def _server(kind: str, factory: pytest.TempPathFactory) -> str:
    """The URL of a server that lives as long as the test run."""
    worker = "PYTEST_XDIST_WORKER" in os.environ
    base = factory.getbasetemp()
    try:
        return start(kind, base.parent if worker else base, os.getppid() if worker else os.getpid())
    except ServerMissing as missing:
        if os.environ.get("SHARE_SERVERS") == "required":
            pytest.fail(f"SHARE_SERVERS=required, but {missing}")
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PostgreSQL server: the URL of its superuser."""
    return _server("postgres", tmp_path_factory)


@pytest.fixture(scope="session")
def mysql_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A MariaDB server: the URL of a user who may do anything."""
    return _server("mysql", tmp_path_factory)


@pytest.fixture(scope="module")
def postgres_database(postgres_url: str) -> Iterator[ServerDatabase]:
    """A new, empty database on PostgreSQL."""
    with new_database("postgres", postgres_url) as database:
        yield database


@pytest.fixture(scope="module")
def mysql_database(mysql_url: str) -> Iterator[ServerDatabase]:
    """A new, empty database on MariaDB."""
    with new_database("mysql", mysql_url) as database:
        yield database


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT and SIGHUP end this process and those it starts, even where the test run ignores them.

    A shell starts its background jobs with SIGINT ignored, nohup with SIGHUP, and child processes inherit it.
    """
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True, scope="session")
def _cache_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Caches of a test run lie in a folder of their own, never in the user's."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture(autouse=True)
def _log_level() -> Iterator[None]:
    """`-v` sets how much the package tells; the next test begins as a new process would."""
    log = logging.getLogger("share_sql")
    level = log.level
    yield
    log.setLevel(level)
