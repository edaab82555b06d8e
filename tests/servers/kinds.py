"""How each kind of server is made and started: one entry a kind."""

from __future__ import annotations

import glob
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType


class ServerMissing(Exception):
    """The server cannot be started here; the message says why and what to do."""


@dataclass(frozen=True)
class Account:
    """Whom the server runs as. Empty where this process is no root: as whoever calls."""

    name: str = ""

    def keywords(self) -> dict[str, object]:
        """Arguments of Popen and run that make a program run as this user."""
        if not self.name:
            return {}
        found = pwd.getpwnam(self.name)
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Give a folder to this user."""
        if self.name:
            found = pwd.getpwnam(self.name)
            os.chown(folder, found.pw_uid, found.pw_gid)


@dataclass(frozen=True)
class Kind:
    """One kind of server."""

    name: str
    package: str
    """Debian's package."""
    user: str
    """The user that the package makes."""
    url: str
    """With {port} and {password}: may do anything."""
    make: Callable[[Path, int, str, Account], list[str]]
    """Fills the folder and returns the command that starts the server."""

    def account(self) -> Account:
        """Whom to run it as. Raises ServerMissing where that is root."""
        if os.geteuid() != 0:
            return Account()
        for name in (self.user, "nobody"):
            try:
                pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(name)
        raise ServerMissing(f"{self.name}: there is no user but root to run it as")


def program(kind: str, package: str, *names: str) -> str:
    """The path of a server's program: on PATH, or where Debian puts it."""
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return found
        places = [f"/usr/sbin/{name}", *sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)]
        for place in places:
            if os.access(place, os.X_OK):
                return place
    raise ServerMissing(f"{kind} is not installed here: apt-get install {package}")


def run(command: list[str], account: Account, folder: Path) -> None:
    """Run a program to its end. Raises ServerMissing with what it said where it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        **account.keywords(),  # type: ignore[call-overload]
    )
    if done.returncode:
        raise ServerMissing(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _postgres(folder: Path, port: int, password: str, account: Account) -> list[str]:
    server = program("PostgreSQL", "postgresql", "postgres")
    initdb = program("PostgreSQL", "postgresql", "initdb")
    secret = folder / "password"
    secret.write_text(password + "\n")
    account.own(secret)
    run(
        [initdb, "-D", str(folder / "data"), "-U", "admin", "-A", "scram-sha-256", "--pwfile", str(secret),
         "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        account,
        folder,
    )  # fmt: skip
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "max_connections": "60",
        "shared_buffers": "64MB",
        "log_min_messages": "fatal",
    }
    return [server, "-D", str(folder / "data"), *(f"--{name}={value}" for name, value in settings.items())]


def _mysql(folder: Path, port: int, password: str, account: Account) -> list[str]:
    server = program("MariaDB", "mariadb-server", "mariadbd", "mysqld")
    install = program("MariaDB", "mariadb-server", "mariadb-install-db", "mysql_install_db")
    common = ["--no-defaults", f"--datadir={folder / 'data'}"]
    run(
        [
            install,
            *common,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ],
        account,
        folder,
    )
    first = folder / "first.sql"
    first.write_text(
        f"CREATE USER 'admin'@'%' IDENTIFIED BY '{password}';\n"
        "GRANT ALL PRIVILEGES ON *.* TO 'admin'@'%' WITH GRANT OPTION;\n"
    )
    account.own(first)
    return [
        server,
        *common,
        f"--init-file={first}",
        f"--socket={folder / 'socket'}",
        f"--pid-file={folder / 'pid'}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-buffer-pool-size=64M",
        "--performance-schema=off",
        "--max-connections=60",
        "--secure-file-priv=",
    ]


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "postgres": Kind(
            "postgres",
            "postgresql",
            "postgres",
            "postgresql://admin:{password}@127.0.0.1:{port}/postgres",
            _postgres,
        ),
        "mysql": Kind(
            "mysql", "mariadb-server", "mysql", "mysql://admin:{password}@127.0.0.1:{port}/mysql", _mysql
        ),
    }
)
"""By sqlglot's name of the dialect."""


def new_password() -> str:
    """A password of letters and digits."""
    return secrets.token_hex(12)
