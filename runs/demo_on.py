"""The demo on another database: `python runs/demo_on.py postgres|mysql|duckdb`; more options are the demo's.

A PostgreSQL or MariaDB is started from Debian's package, on loopback, in a temporary folder, and ends with
this script. A DuckDB file lies in the demo's folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers.database import new_database  # noqa: E402
from tests.servers.kinds import KINDS, ServerMissing  # noqa: E402
from tests.servers.start import start, stop  # noqa: E402

OUT = Path("out/demo")


def main() -> int:
    """Run the demo; its exit code."""
    kinds = [*KINDS, "duckdb"]
    if len(sys.argv) < 2 or sys.argv[1] not in kinds:
        print(f"name the database that the demo is to run on: {', '.join(kinds)}", file=sys.stderr)
        return 2
    kind, options = sys.argv[1], sys.argv[2:]
    if kind == "duckdb":
        OUT.mkdir(parents=True, exist_ok=True)
        return demo(str(OUT / "shop.duckdb"), options)
    with tempfile.TemporaryDirectory(prefix="share-demo-") as folder:
        try:
            server = start(kind, Path(folder), os.getpid())
        except ServerMissing as missing:
            print(missing, file=sys.stderr)
            return 1
        try:
            with new_database(kind, server) as database:
                return demo(database.owner, options)
        finally:
            stop(kind, Path(folder))


def demo(database: str, options: list[str]) -> int:
    """`share demo` into a database. No list of processes shows its URL: it is in the environment."""
    command = "import sys; from share_sql.cli.main import main; sys.argv[0] = 'share'; main()"
    settings = "[databases.demo]\n" + ("url" if "://" in database else "path") + ' = "${SHARE_DEMO}"\n'
    with tempfile.TemporaryDirectory(prefix="share-demo-") as folder:
        file = Path(folder) / "share.toml"
        file.write_text(settings)
        environment = {
            **os.environ,
            "SHARE_DEMO": os.path.abspath(database) if "://" not in database else database,
        }
        call = [
            sys.executable,
            "-c",
            command,
            "demo",
            "--config",
            str(file),
            "--into",
            "demo",
            "--out",
            str(OUT),
        ]
        return subprocess.run([*call, *options], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
