"""`python -m tests.servers start|stop postgres|mysql`; see the package's docstring."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from .kinds import KINDS, ServerMissing
from .start import start, stop
from .watch import watch


def main() -> int:
    """Run one command; 1 where the server cannot be started."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("command", choices=["start", "stop", "watch"])
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("state", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("owner", nargs="?", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.command == "watch":
        return watch(KINDS[given.kind], Path(given.state), given.owner)
    folder = Path(tempfile.gettempdir()) / f"share-servers-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        print(f"{folder} belongs to someone else", file=sys.stderr)
        return 1
    if given.command == "stop":
        stop(given.kind, folder)
        return 0
    try:
        print(start(given.kind, folder, None))
    except ServerMissing as missing:
        print(missing, file=sys.stderr)
        (folder / f"{given.kind}.json").unlink(missing_ok=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
