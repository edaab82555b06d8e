"""The demo's shop, to serve: its database in a folder that goes with the service, its drafts as examples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.demo.cases import load_cases, load_meanings
from share_sql.demo.database import NAME, write_database

if TYPE_CHECKING:
    from share_sql.case import Case
    from share_sql.catalog import Catalog


@contextmanager
def demo_shop(catalog: Catalog) -> Iterator[tuple[Case, ...]]:
    """Make the demo's database and register it under its name; the drafts to try are given.

    The file is removed at the end of the block.
    """
    with tempfile.TemporaryDirectory(prefix="share-demo-") as folder:
        file = Path(folder) / f"{NAME}.sqlite"
        write_database(file)
        catalog.add(NAME, file, meanings=load_meanings())
        yield tuple(case.case() for case in load_cases())
